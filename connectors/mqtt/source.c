/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT source. Paho's thread calls on_message, which appends to the journal and does nothing else; Paho then sends the
 * PUBACK, unless the append failed (puback.c). The task's poll reads the journal and looks after the connection.
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/ext/journal.h>
#include <outflow/ext/plan.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define READ_AT_ONCE 512u
/* A pause per message above the journal's soft limit: far below the shortest keepalive. */
#define SLOW_NS 20000000L
#define LINE_EVERY_NS INT64_C(10000000000)
/* How long start waits for the broker's answer. */
#define ANSWER_MS 5000
/* Two windows: what was under way before a connection broke, and what came since. */
#define REMEMBERED_WINDOWS 2u

struct mqtt_source {
	const outflow_host *host;
	struct mqtt_options options;
	const outflow_journal_api *journal_api;
	outflow_journal *journal;
	struct mqtt_connection connection;
	struct mqtt_subscription subscription;
	struct mqtt_retirement retirement;
	/* Paho's thread's own */
	struct mqtt_record record;
	struct mqtt_duplicates *duplicates; /* NULL: no filter */
	int64_t next_line_ns, next_header_line_ns;
	outflow_metric *received, *refused, *repeated, *left_out;
};

/* ---- messages, on Paho's thread ---- */

/* Not taken: no PUBACK, so the broker sends it again. A QoS 0 message has nobody who would. */
static void refuse(struct mqtt_source *s, const MQTTAsync_message *m, outflow_status status, const outflow_error *err)
{
	int64_t now = s->host->time->mono_ns(s->host);

	puback_refuse();
	s->host->metric->add(s->refused, 1);
	if (status == OUTFLOW_E_RECORD) {
		mqtt_connection_fail(&s->connection, OUTFLOW_E_CONFIG, 0,
		                     "a message cannot be kept (see journal.segment.bytes)", err->msg);
		return;
	}
	if (now < s->next_line_ns)
		return;
	s->next_line_ns = now + LINE_EVERY_NS;
	outflow_log(s->host, OUTFLOW_LOG_ERROR, "a message was not taken and not acknowledged%s: %s",
	            m->qos == 0 ? " (QoS 0: it is lost)" : ", the broker will send it again", err->msg);
}

static void note_left_out(struct mqtt_source *s, const char *topic, uint32_t n)
{
	int64_t now = s->host->time->mono_ns(s->host);

	s->host->metric->add(s->left_out, n);
	if (now < s->next_header_line_ns)
		return;
	s->next_header_line_ns = now + LINE_EVERY_NS;
	outflow_log(
		s->host, OUTFLOW_LOG_WARN,
		"a message on %s has more user properties than fit: %u left out (mqtt_headers_left_out counts them)",
		topic, n);
}

static outflow_status take(struct mqtt_source *s, const char *topic, size_t length, const MQTTAsync_message *m)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status;
	uint64_t position;

	if (s->duplicates != NULL && mqtt_duplicates_know(s->duplicates, m, topic, length)) {
		s->host->metric->add(s->repeated, 1);
		return OUTFLOW_OK;
	}
	mqtt_record_make(&s->record, topic, length, m, s->host->time->wall_ms(s->host));
	status = s->journal_api->append(s->journal, &s->record.record, &position, &err);
	if (status < 0) {
		refuse(s, m, status, &err);
		return status;
	}
	s->host->metric->add(s->received, 1);
	if (s->duplicates != NULL)
		mqtt_duplicates_note(s->duplicates, m, topic, length);
	if (s->record.dropped_headers > 0)
		note_left_out(s, topic, s->record.dropped_headers);
	return status;
}

static int on_message(void *owner, char *topic, int topic_length, MQTTAsync_message *m)
{
	struct mqtt_source *s = owner;
	outflow_status status;

	puback_allow();
	if (s->options.retired)
		mqtt_retirement_message(&s->retirement, s->host);
	status = take(s, topic, topic_length > 0 ? (size_t)topic_length : strlen(topic), m);
	MQTTAsync_freeMessage(&m);
	MQTTAsync_free(topic);
	if (status == OUTFLOW_SLOW)
		nanosleep(&(struct timespec){ 0, SLOW_NS }, NULL);
	return 1;
}

static void on_up(void *owner, int session_present, MQTTProperties *properties)
{
	struct mqtt_source *s = owner;

	(void)properties;
	if (s->options.retired) {
		mqtt_retirement_up(&s->retirement, &s->subscription, session_present);
		return;
	}
	/* Wished for at the start of the pipeline, not after every lost connection. */
	s->connection.session.clean = 0;
	if (s->duplicates != NULL && !session_present)
		mqtt_duplicates_forget(s->duplicates);
	mqtt_subscription_begin(&s->subscription, session_present);
}

static void wake(void *owner)
{
	struct mqtt_source *s = owner;

	s->journal_api->interrupt(s->journal);
}

static const struct mqtt_events events = { .up = on_up, .message = on_message, .wake = wake };

/* ---- life ---- */

static void destroy(void *self)
{
	struct mqtt_source *s = self;

	mqtt_connection_stop(&s->connection, 0);
	if (s->journal != NULL)
		s->journal_api->close(s->journal);
	mqtt_subscription_clear(&s->subscription);
	mqtt_duplicates_free(&s->duplicates);
	mqtt_options_clear(&s->options);
	free(s);
}

static outflow_metric *counter(const outflow_host *h, const char *name, const char *help)
{
	return h->metric->open(h, OUTFLOW_METRIC_COUNTER, name, "", help);
}

static void connect_parts(struct mqtt_source *s)
{
	const struct mqtt_options *o = &s->options;

	s->connection = (struct mqtt_connection){
		.host = s->host,
		.endpoint = &o->endpoint,
		.events = &events,
		.owner = s,
		.session = { .clean = o->clean_start,
		             .expiry = o->session_expiry,
		             .receive_maximum = o->receive_maximum,
		             .max_inflight = o->receive_maximum },
	};
	s->subscription.host = s->host;
	s->subscription.options = o;
	s->subscription.connection = &s->connection;
	s->received = counter(s->host, "mqtt_messages_received", "Messages taken.");
	s->refused = counter(s->host, "mqtt_messages_refused", "Messages not taken and not acknowledged.");
	s->left_out = counter(s->host, "mqtt_headers_left_out", "User properties that there was no room for.");
	s->repeated = counter(s->host, "mqtt_messages_repeated", "Messages that dup.filter recognised and left out.");
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct mqtt_source *s = calloc(1, sizeof *s);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->journal_api = h->extension(h, OUTFLOW_EXT_JOURNAL);
	s->subscription.state = h->extension(h, OUTFLOW_EXT_STATE);
	status = mqtt_options_read(h, c, &s->options, err);
	connect_parts(s);
	if (status == OUTFLOW_OK && (s->journal_api == NULL || s->subscription.state == NULL))
		status = outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                      "needs " OUTFLOW_EXT_JOURNAL " and " OUTFLOW_EXT_STATE " of the host");
	if (status == OUTFLOW_OK && s->options.filter_duplicates) {
		s->duplicates = mqtt_duplicates_new(REMEMBERED_WINDOWS * (size_t)s->options.receive_maximum);
		if (s->duplicates == NULL)
			status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	if (status == OUTFLOW_OK)
		*self = s;
	else
		destroy(s);
	return status;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct mqtt_source *s = self;
	char stream[64];
	outflow_status status;

	snprintf(stream, sizeof stream, "{\"task\":%u}", s->host->task);
	status = s->journal_api->open(s->host, outflow_text(stream), &s->journal, err);
	/* Before the broker hears of it: whatever it may be subscribed to is known here. */
	if (status == OUTFLOW_OK)
		status = mqtt_subscription_open(&s->subscription, err);
	return status == OUTFLOW_OK ? mqtt_connection_start(&s->connection, ANSWER_MS, err) : status;
}

/* What has to be done beside reading. *over: nothing will be appended any more. */
static outflow_status look_after(struct mqtt_source *s, int *over, outflow_error *err)
{
	outflow_status status = mqtt_connection_look_after(&s->connection, err);

	*over = 0;
	if (status != OUTFLOW_OK)
		return status;
	if (!s->options.retired)
		return mqtt_subscription_settle(&s->subscription, err);
	status = mqtt_retirement_step(&s->retirement, &s->subscription, err);
	*over = status == 1;
	return status < 0 ? status : OUTFLOW_OK;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_source *s = self;
	uint32_t before = out->n;
	int over;
	int64_t next;
	outflow_status status = look_after(s, &over, err);

	if (status != OUTFLOW_OK || out->cap == 0)
		return status == OUTFLOW_OK ? OUTFLOW_AGAIN : status;
	next = mqtt_connection_next_ns(&s->connection);
	if (over)
		next = 0;
	status = s->journal_api->read(s->journal, out, READ_AT_ONCE, next < deadline_ns ? next : deadline_ns, err);
	for (uint32_t i = before; i < out->n; i++)
		out->recs[i].key = outflow_text_bytes(out->recs[i].topic);
	/* An empty batch has room: nothing came because nothing is left. */
	return status == OUTFLOW_AGAIN && over && out->n == 0 ? OUTFLOW_EOF : status;
}

static void interrupt(void *self)
{
	wake(self);
}

/* The session stays at the broker, and what it keeps for us comes with the next start. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_source *s = self;

	(void)err;
	mqtt_connection_stop(&s->connection, deadline_ns);
	return OUTFLOW_OK;
}

const outflow_source_ops mqtt_source_ops = {
	.size = sizeof mqtt_source_ops,
	.create = create,
	.start = start,
	.poll = poll,
	.interrupt = interrupt,
	.stop = stop,
	.destroy = destroy,
};

/* Each task is a member of one shared subscription (options.c). */
static uint32_t tasks(const outflow_config *c, const outflow_config_api *api, uint32_t max)
{
	(void)c;
	(void)api;
	return max;
}

const void *mqtt_source_extension(const char *id)
{
	static const outflow_plan_api plan = { .size = sizeof plan, .tasks = tasks, .flags = OUTFLOW_PLAN_RETIRES };

	return strcmp(id, OUTFLOW_EXT_PLAN) == 0 ? &plan : mqtt_probe_extension(id);
}
