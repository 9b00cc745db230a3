/* SPDX-License-Identifier: Apache-2.0 */
#include <outflow/topic.h>

#include <outflow/json.h>
#include <outflow/util.h>

#include <stdlib.h>

#define SHOWN_MAX 80u

static int is_kafka_topic(outflow_str name)
{
	if (name.len == 0 || name.len > 249 || outflow_equal(name, ".") || outflow_equal(name, ".."))
		return 0;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '_' || c == '-'))
			return 0;
	}
	return 1;
}

static int is_mqtt_topic(outflow_str name)
{
	return name.len > 0 && name.len <= 65535 && outflow_utf8_check(outflow_text_bytes(name)) == name.len &&
	       memchr(name.ptr, '\0', name.len) == NULL && memchr(name.ptr, '+', name.len) == NULL &&
	       memchr(name.ptr, '#', name.len) == NULL;
}

outflow_status outflow_topic_check(uint32_t rule, outflow_str name, outflow_error *err)
{
	size_t n = name.len < SHOWN_MAX ? name.len : SHOWN_MAX;
	char shown[SHOWN_MAX + 1];

	if (rule == OUTFLOW_TOPIC_MQTT ? is_mqtt_topic(name) : is_kafka_topic(name))
		return OUTFLOW_OK;
	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7f ? '?' : name.ptr[i];
	shown[n] = '\0';
	return outflow_fail(err, OUTFLOW_E_RECORD, "'%s' is not the name of a topic: %s", shown,
	                    rule == OUTFLOW_TOPIC_MQTT
	                            ? "1 to 65,535 bytes of UTF-8 without NUL, + and #"
	                            : "1 to 249 letters, digits, '.', '_' and '-', but neither . nor ..");
}

char *outflow_topic_constant(const outflow_host *h, const outflow_config *c)
{
	outflow_str topic, form, made;

	if (h->config->str(c, "topic", &topic) != OUTFLOW_OK || topic.len == 0)
		return NULL;
	if (h->config->str(c, "topic.template", &made) == OUTFLOW_OK)
		return NULL;
	if (h->config->str(c, "topic.form", &form) == OUTFLOW_OK ? !outflow_equal(form, "CONSTANT")
	                                                         : topic.ptr[0] == '$')
		return NULL;
	return strndup(topic.ptr, topic.len);
}

outflow_status outflow_topic_check_constant(const outflow_host *h, const outflow_config *c, uint32_t rule)
{
	outflow_error err = { .size = sizeof err };
	char *topic = outflow_topic_constant(h, c);
	outflow_status status = topic ? outflow_topic_check(rule, outflow_text(topic), &err) : OUTFLOW_OK;

	free(topic);
	if (status == OUTFLOW_OK)
		return OUTFLOW_OK;
	h->problem(h, "topic", err.msg);
	return OUTFLOW_E_CONFIG;
}
