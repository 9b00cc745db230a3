/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/trial_ends.h"

#include "host/base/clock.h"
#include "host/config/schema.h"

#include <outflow/topic.h>
#include <outflow/util.h>

#include <stdlib.h>

#define MQTT "outflow.mqtt."
#define EVENT_TYPE "application/cloudevents+json"
/* qos, packet.id and content.type */
#define OWN_HEADERS 3u

static int is_of(const struct stage_model *stage, const char *plugin)
{
	return stage != NULL && stage->component.what != NULL &&
	       strcmp(stage->component.module->plugin->id, plugin) == 0;
}

outflow_status message_add_header(struct message *m, outflow_str name, outflow_str value)
{
	struct message_header *list = realloc(m->headers, (m->n_headers + 1) * sizeof *list);

	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	m->headers = list;
	list += m->n_headers;
	*list = (struct message_header){ strndup(name.ptr, name.len), strndup(value.ptr, value.len) };
	if (list->name == NULL || list->value == NULL) {
		free(list->name);
		free(list->value);
		return OUTFLOW_E_NOMEM;
	}
	m->n_headers++;
	return OUTFLOW_OK;
}

/* Unless the message brings one of that name. */
static void add_default(struct message *m, outflow_record *r, const char *name, const char *value)
{
	for (size_t i = 0; i < m->n_headers; i++)
		if (strcmp(m->headers[i].name, name) == 0)
			return;
	m->all[r->n_headers++] = (outflow_header){ outflow_text(name), outflow_text_bytes(outflow_text(value)) };
}

/* As connectors/mqtt makes them: what MQTT says of the message comes first. */
static void add_headers(struct message *m, int is_mqtt, outflow_record *r)
{
	if (is_mqtt) {
		add_default(m, r, MQTT "qos", "1");
		add_default(m, r, MQTT "packet.id", "1");
	}
	if (m->is_event)
		add_default(m, r, is_mqtt ? MQTT "content.type" : "content-type", EVENT_TYPE);
	for (size_t i = 0; i < m->n_headers; i++)
		m->all[r->n_headers++] = (outflow_header){ outflow_text(m->headers[i].name),
			                                   outflow_text_bytes(outflow_text(m->headers[i].value)) };
}

outflow_status message_record(struct message *m, const struct stage_model *source, outflow_record *r)
{
	int is_mqtt = is_of(source, "mqtt");

	free(m->all);
	m->all = calloc(m->n_headers + OWN_HEADERS, sizeof *m->all);
	if (m->all == NULL)
		return OUTFLOW_E_NOMEM;
	*r = (outflow_record){ .topic = outflow_text(m->topic),
		               .key = outflow_text_bytes(outflow_text(m->key)),
		               .headers = m->all,
		               .partition = -1,
		               .timestamp_ms = m->timestamp_ms >= 0 ? m->timestamp_ms : clock_wall_ms(),
		               .pos = m->position };
	if (m->has_payload)
		r->value = (outflow_bytes){ m->payload.ptr ? m->payload.ptr : "", m->payload.n };
	if (is_mqtt && m->key == NULL)
		r->key = outflow_text_bytes(r->topic);
	add_headers(m, is_mqtt, r);
	return OUTFLOW_OK;
}

/* The first of a source's topics that is one and no pattern; ptr NULL: none is. *first: the first of all. */
static outflow_str concrete_topic(const outflow_config *c, outflow_str *first)
{
	outflow_str topic, none = { NULL, 0 };

	for (size_t i = instance_config_api.list(c, "topics", SIZE_MAX, NULL); i-- > 0;)
		instance_config_api.list(c, "topics", i, first);
	for (size_t i = 0; i < instance_config_api.list(c, "topics", i, &topic); i++)
		if (topic.len > 0 && memchr(topic.ptr, '+', topic.len) == NULL &&
		    memchr(topic.ptr, '#', topic.len) == NULL && memchr("$^", topic.ptr[0], 2) == NULL)
			return topic;
	return none;
}

outflow_status message_default_topic(struct message *m, const struct stage_model *source, outflow_error *err)
{
	outflow_str topic = { NULL, 0 }, first = { NULL, 0 };

	if (m->topic != NULL)
		return OUTFLOW_OK;
	if (is_of(source, "gen"))
		(void)instance_config_api.str(source->config, "topic", &topic);
	else if (is_of(source, "file"))
		(void)instance_config_api.str(source->config, "path", &topic);
	else
		topic = concrete_topic(source->config, &first);
	if (topic.ptr == NULL && first.ptr != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG,
		                    "on which topic did the message come? The source takes several, such as %.*s",
		                    (int)(first.len > 200 ? 200 : first.len), first.ptr);
	if (topic.ptr == NULL)
		return OUTFLOW_OK;
	free(m->own_topic);
	m->topic = m->own_topic = strndup(topic.ptr, topic.len);
	return m->topic ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a topic");
}

int message_format_is_known(const char *name)
{
	return strcmp(name, "json") == 0 || strcmp(name, "text") == 0 || strcmp(name, "binary") == 0;
}

void message_clear(struct message *m)
{
	free(m->own_topic);
	for (size_t i = 0; i < m->n_headers; i++) {
		free(m->headers[i].name);
		free(m->headers[i].value);
	}
	free(m->headers);
	free(m->all);
	text_clear(&m->payload);
	*m = (struct message){ .timestamp_ms = -1 };
}

int trial_sink_takes(const struct stage_model *sink, const outflow_record *r, outflow_error *err)
{
	if (is_of(sink, "kafka"))
		return outflow_topic_check(OUTFLOW_TOPIC_KAFKA, r->topic, err) == OUTFLOW_OK;
	return !is_of(sink, "mqtt") || outflow_topic_check(OUTFLOW_TOPIC_MQTT, r->topic, err) == OUTFLOW_OK;
}
