/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/mqtt/mqtt.h"

#include <stdio.h>
#include <stdlib.h>

static const outflow_cfg_key keys[] = {
	MQTT_ENDPOINT_KEYS("outflow-PIPELINE-TASK."),
	{ MQTT_KEY(
		"topics", LIST, OUTFLOW_K_REQUIRED, HIGH, "MQTT",
		"Topic filters, with + and #, or $share/GROUP/FILTER. With several tasks plain ones are shared among "
		"them.") },
	{ MQTT_KEY("group", STRING, 0, LOW, "MQTT",
	           "With tasks.max above 1: the group of the shared subscription. Unset: the pipeline's name.") },
	{ MQTT_KEY(
		  "qos", INT, 0, MEDIUM, "MQTT",
		  "QoS of the subscription. 0 promises nothing; 2 is not offered, since the client library loses messages "
		  "with it when a process is killed."),
	  .dflt = "1", .min = 0, .max = 1 },
	{ MQTT_KEY("session.expiry", DURATION_MS, 0, LOW, "MQTT",
	           "MQTT 5: how long the broker keeps messages for this client while it is away."),
	  .dflt = "7d", .min = 0, .max = INT64_C(4294967295000) },
	{ MQTT_KEY("clean.start", BOOL, 0, LOW, "MQTT",
	           "true: at each start of the pipeline, throw away what the broker has kept for this client."),
	  .dflt = "false" },
	{ MQTT_KEY("receive.maximum", INT, 0, LOW, "MQTT",
	           "MQTT 5: how many messages the broker may send before the first is acknowledged."),
	  .dflt = "1000", .min = 1, .max = 65535 },
	{ MQTT_KEY("dup.filter", BOOL, 0, LOW, "MQTT",
	           "true: leave out a message that the broker sends again although it is in the journal: same packet "
	           "identifier, topic and payload as one of the last two windows of this connection's session."),
	  .dflt = "false" },
};

/* ---- topic filters ---- */

static const char *level_problem(const char *level, size_t n, int last)
{
	if (memchr(level, '#', n) != NULL && (n > 1 || !last))
		return "# stands alone, as the last level";
	if (memchr(level, '+', n) != NULL && n > 1)
		return "+ stands alone in its level";
	return NULL;
}

static const char *levels_problem(const char *text, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i <= n; i++) {
		const char *problem;

		if (i < n && text[i] != '/')
			continue;
		problem = level_problem(text + from, i - from, i == n);
		if (problem != NULL)
			return problem;
		from = i + 1;
	}
	return NULL;
}

const char *mqtt_filter_problem(outflow_str text)
{
	static const char share[] = "$share/";
	const char *slash;

	if (text.len == 0)
		return "a topic filter has at least one character";
	if (text.len > 65535)
		return "a topic filter has at most 65,535 bytes";
	if (text.len < sizeof share - 1 || memcmp(text.ptr, share, sizeof share - 1) != 0)
		return levels_problem(text.ptr, text.len);
	text.ptr += sizeof share - 1;
	text.len -= sizeof share - 1;
	slash = memchr(text.ptr, '/', text.len);
	if (slash == NULL || slash == text.ptr || slash == text.ptr + text.len - 1)
		return "a shared subscription is $share/GROUP/FILTER";
	if (memchr(text.ptr, '+', (size_t)(slash - text.ptr)) || memchr(text.ptr, '#', (size_t)(slash - text.ptr)))
		return "the group of a shared subscription has no + and no #";
	return levels_problem(slash + 1, text.len - (size_t)(slash + 1 - text.ptr));
}

/* ---- the whole ---- */

static int is_group(outflow_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (strchr("/+#", name.ptr[i]) != NULL)
			return 0;
	return name.len > 0;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	size_t n = h->config->list(c, "topics", SIZE_MAX, NULL);
	int problems = mqtt_endpoint_check(h, c);
	char message[400];
	outflow_str group;

	(void)err;
	if (n == 0 || n > MQTT_TOPICS_MAX) {
		h->problem(h, "topics", "needs one topic filter at least, and takes 256 at most");
		problems++;
	}
	for (size_t i = 0; i < n; i++) {
		outflow_str topic;
		const char *why;

		h->config->list(c, "topics", i, &topic);
		why = mqtt_filter_problem(topic);
		if (why == NULL)
			continue;
		snprintf(message, sizeof message, "'%.200s' is not a topic filter: %s", topic.ptr, why);
		h->problem(h, "topics", message);
		problems++;
	}
	if (h->config->str(c, "group", &group) == OUTFLOW_OK && !is_group(group)) {
		h->problem(h, "group", "the name of a group has at least one character, and no /, + or #");
		problems++;
	}
	return problems ? OUTFLOW_E_CONFIG : OUTFLOW_OK;
}

/* Several tasks take their parts of one subscription; MQTT 5.0, section 4.8.2. */
static char *shared(const outflow_host *h, const outflow_config *c, outflow_str topic)
{
	char *group = outflow_config_string(h, c, "group");
	size_t size = topic.len + (group ? strlen(group) : strlen(h->pipeline)) + sizeof "$share//";
	char *text = malloc(size);

	if (text != NULL) {
		snprintf(text, size, "$share/%s/", group ? group : h->pipeline);
		for (char *p = text + strlen("$share/"); group == NULL && p[1] != '\0'; p++)
			if (strchr("/+#", *p) != NULL)
				*p = '_';
		strncat(text, topic.ptr, topic.len);
	}
	free(group);
	return text;
}

static int is_shared(outflow_str topic)
{
	return topic.len > 7 && memcmp(topic.ptr, "$share/", 7) == 0;
}

static outflow_status read_topics(const outflow_host *h, const outflow_config *c, struct mqtt_options *o)
{
	size_t n = o->retired ? 0 : h->config->list(c, "topics", SIZE_MAX, NULL);

	o->topics = calloc(n + 1, sizeof *o->topics);
	for (size_t i = 0; o->topics != NULL && i < n; i++) {
		outflow_str topic;

		h->config->list(c, "topics", i, &topic);
		o->topics[i] =
			h->n_tasks > 1 && !is_shared(topic) ? shared(h, c, topic) : strndup(topic.ptr, topic.len);
		if (o->topics[i] == NULL)
			return OUTFLOW_E_NOMEM;
		o->n_topics++;
	}
	return o->topics ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

outflow_status mqtt_options_read(const outflow_host *h, const outflow_config *c, struct mqtt_options *o,
                                 outflow_error *err)
{
	outflow_status status;

	*o = (struct mqtt_options){ 0 };
	status = mqtt_endpoint_read(h, c, "outflow-", &o->endpoint, err);
	if (status != OUTFLOW_OK)
		return status;
	o->retired = h->task >= h->n_tasks && h->n_tasks > 0;
	o->qos = (int)outflow_config_number(h, c, "qos");
	o->clean_start = outflow_config_flag(h, c, "clean.start") && !o->retired;
	o->filter_duplicates = outflow_config_flag(h, c, "dup.filter");
	o->receive_maximum = (int)outflow_config_number(h, c, "receive.maximum");
	o->session_expiry = (unsigned)(outflow_config_number(h, c, "session.expiry") / 1000);
	return read_topics(h, c, o) == OUTFLOW_OK ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
}

void mqtt_options_clear(struct mqtt_options *o)
{
	for (size_t i = 0; i < o->n_topics; i++)
		free(o->topics[i]);
	free(o->topics);
	mqtt_endpoint_clear(&o->endpoint);
	*o = (struct mqtt_options){ 0 };
}

const outflow_cfg_def mqtt_source_schema = {
	.size = sizeof mqtt_source_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};
