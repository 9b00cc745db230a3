/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka sink: put hands records to librdkafka with the record's own pointer as the message's opaque; a thread takes the
 * delivery reports, in arrays, and resolves them. Nothing else resolves anything.
 */
#include "connectors/kafka/kafka.h"

#include <pthread.h>
#include <stdlib.h>

#define REPORTS_AT_ONCE 1024u
#define POLL_MS 100
/* How long the cluster may take to say that it is there, and how long that counts. */
#define ANSWER_MS 1000
#define ANSWER_LASTS_NS INT64_C(1000000000)

struct kafka_sink {
	const outflow_host *host;
	rd_kafka_conf_t *conf; /* until start */
	rd_kafka_t *client;
	rd_kafka_queue_t *reports;
	pthread_t thread;
	int thread_started;
	int stopping; /* atomic: reports are counted, no longer resolved */
	/* The report thread's: is the cluster away, as of when? */
	int away;
	int64_t asked_ns;
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct kafka_sink *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->conf = kafka_sink_conf(h, c, err);
	if (s->conf == NULL) {
		free(s);
		return OUTFLOW_E_CONFIG;
	}
	*self = s;
	return OUTFLOW_OK;
}

/* ---- delivery reports ---- */

/* Reports of one outcome, resolved in one call. */
struct outcome {
	outflow_record *records[REPORTS_AT_ONCE];
	size_t n;
};

/* A time-out does not say whose fault it is: a cluster that answers has refused, one that does not is away. */
static int cluster_is_away(struct kafka_sink *s)
{
	int64_t now = s->host->time->mono_ns(s->host);
	const struct rd_kafka_metadata *metadata;

	if (s->asked_ns != 0 && now - s->asked_ns < ANSWER_LASTS_NS)
		return s->away;
	s->away = rd_kafka_metadata(s->client, 0, NULL, &metadata, ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR;
	s->asked_ns = s->host->time->mono_ns(s->host);
	if (!s->away)
		rd_kafka_metadata_destroy(metadata);
	return s->away;
}

static outflow_status status_of(struct kafka_sink *s, rd_kafka_resp_err_t code)
{
	outflow_status status = kafka_classify(code);

	return status == OUTFLOW_E_RETRY && cluster_is_away(s) ? OUTFLOW_E_OUTAGE : status;
}

static void resolve(struct kafka_sink *s, struct outcome *o, rd_kafka_resp_err_t code)
{
	outflow_status status = o->n > 0 ? status_of(s, code) : OUTFLOW_OK;
	outflow_error err = { .size = sizeof err };

	if (o->n == 0)
		return;
	if (status != OUTFLOW_OK)
		outflow_fail_native(&err, status, "rdkafka", code, "%s: %s", rd_kafka_err2name(code),
		                    rd_kafka_err2str(code));
	s->host->ack->resolve(s->host, o->records, o->n, status, status == OUTFLOW_OK ? NULL : &err);
	o->n = 0;
}

/* Runs of the same code become one call: a burst of good reports, or of timed out ones. */
static void take_reports(struct kafka_sink *s, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *messages[REPORTS_AT_ONCE];
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	struct outcome o = { .n = 0 };
	size_t n;

	while ((n = rd_kafka_event_message_array(event, messages, REPORTS_AT_ONCE)) > 0) {
		if (__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE))
			continue;
		for (size_t i = 0; i < n; i++) {
			if (messages[i]->err != code)
				resolve(s, &o, code);
			code = messages[i]->err;
			o.records[o.n++] = messages[i]->_private;
		}
		resolve(s, &o, code);
	}
}

static int level_of(int syslog_level)
{
	return syslog_level <= 3   ? OUTFLOW_LOG_ERROR
	       : syslog_level <= 4 ? OUTFLOW_LOG_WARN
	       : syslog_level <= 6 ? OUTFLOW_LOG_INFO
	                           : OUTFLOW_LOG_DEBUG;
}

static void take_event(struct kafka_sink *s, rd_kafka_event_t *event)
{
	const char *facility, *text;
	int level;

	switch (rd_kafka_event_type(event)) {
	case RD_KAFKA_EVENT_DR:
		take_reports(s, event);
		/* The queue has room again. */
		s->host->wake(s->host);
		break;
	case RD_KAFKA_EVENT_ERROR:
		/* The client goes on by itself; what it means for records comes in their reports. */
		outflow_log(s->host, OUTFLOW_LOG_WARN, "%s: %s", rd_kafka_err2name(rd_kafka_event_error(event)),
		            rd_kafka_event_error_string(event));
		break;
	case RD_KAFKA_EVENT_LOG:
		if (rd_kafka_event_log(event, &facility, &text, &level) == 0)
			outflow_log(s->host, level_of(level), "%s: %s", facility, text);
		break;
	default:
		break;
	}
}

static void *report_main(void *arg)
{
	struct kafka_sink *s = arg;

	while (!__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE)) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(s->reports, POLL_MS);

		if (event == NULL)
			continue;
		take_event(s, event);
		rd_kafka_event_destroy(event);
	}
	return NULL;
}

/* ---- life ---- */

static outflow_status start(void *self, outflow_error *err)
{
	struct kafka_sink *s = self;
	char why[300];
	int rc;

	rd_kafka_conf_set_events(s->conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	rd_kafka_conf_set(s->conf, "log.queue", "true", NULL, 0);
	s->client = rd_kafka_new(RD_KAFKA_PRODUCER, s->conf, why, sizeof why);
	if (s->client == NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the Kafka client cannot be made: %s", why);
	s->conf = NULL;
	s->reports = rd_kafka_queue_get_main(s->client);
	rd_kafka_set_log_queue(s->client, NULL);
	rc = pthread_create(&s->thread, NULL, report_main, s);
	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "cannot start a thread");
	s->thread_started = 1;
	return OUTFLOW_OK;
}

/* ---- put ---- */

static rd_kafka_headers_t *make_headers(const outflow_record *r)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(r->n_headers);

	for (uint32_t i = 0; i < r->n_headers; i++) {
		const outflow_header *h = &r->headers[i];

		if (rd_kafka_header_add(headers, h->name.ptr, (ssize_t)h->name.len, h->value.ptr,
		                        h->value.ptr ? (ssize_t)h->value.len : -1) != RD_KAFKA_RESP_ERR_NO_ERROR) {
			rd_kafka_headers_destroy(headers);
			return NULL;
		}
	}
	return headers;
}

static rd_kafka_resp_err_t produce(struct kafka_sink *s, outflow_record *r, const char *topic)
{
	rd_kafka_headers_t *headers = r->n_headers > 0 ? make_headers(r) : NULL;
	rd_kafka_vu_t arguments[] = {
		{ .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition < 0 ? RD_KAFKA_PARTITION_UA : r->partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)r->key.ptr, r->key.len } },
		{ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)r->value.ptr, r->value.len } },
		{ .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->timestamp_ms < 0 ? 0 : r->timestamp_ms },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = r },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
	};
	size_t n = sizeof arguments / sizeof arguments[0];
	rd_kafka_error_t *error = rd_kafka_produceva(s->client, arguments, headers ? n : n - 1);
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);

	/* The client owns the headers only when it took the message. */
	if (error != NULL && headers != NULL)
		rd_kafka_headers_destroy(headers);
	rd_kafka_error_destroy(error);
	return code;
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct kafka_sink *s = self;

	for (*taken = 0; *taken < n; ++*taken) {
		outflow_record *r = &recs[*taken];
		rd_kafka_resp_err_t code;
		outflow_status status;
		char topic[250];

		if (r->topic.len == 0 || r->topic.len >= sizeof topic)
			return outflow_fail(err, OUTFLOW_E_RECORD,
			                    "a topic's name has 1 to 249 characters, this one has %zu", r->topic.len);
		memcpy(topic, r->topic.ptr, r->topic.len);
		topic[r->topic.len] = '\0';
		code = produce(s, r, topic);
		if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return OUTFLOW_AGAIN;
		status = kafka_classify(code);
		if (status != OUTFLOW_OK)
			return outflow_fail_native(err, status, "rdkafka", code, "topic '%s': %s", topic,
			                           rd_kafka_err2str(code));
	}
	return OUTFLOW_OK;
}

static outflow_status flush(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct kafka_sink *s = self;
	int64_t left = (deadline_ns - s->host->time->mono_ns(s->host)) / 1000000;

	(void)err;
	/* With events on, flush only hurries the batches along; the report thread takes what comes. */
	rd_kafka_flush(s->client, left > 0 ? (int)left : 0);
	return OUTFLOW_OK;
}

/* Reports that come from here on belong to records that stay unresolved. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct kafka_sink *s = self;
	rd_kafka_event_t *event;

	(void)deadline_ns;
	(void)err;
	__atomic_store_n(&s->stopping, 1, __ATOMIC_RELEASE);
	if (s->thread_started)
		pthread_join(s->thread, NULL);
	s->thread_started = 0;
	rd_kafka_purge(s->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	while ((event = rd_kafka_queue_poll(s->reports, 0)) != NULL)
		rd_kafka_event_destroy(event);
	return OUTFLOW_OK;
}

static void destroy(void *self)
{
	struct kafka_sink *s = self;

	if (s->thread_started)
		stop(s, 0, NULL);
	if (s->conf != NULL)
		rd_kafka_conf_destroy(s->conf);
	if (s->reports != NULL)
		rd_kafka_queue_destroy(s->reports);
	if (s->client != NULL)
		rd_kafka_destroy_flags(s->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(s);
}

const outflow_sink_ops kafka_sink_ops = {
	.size = sizeof kafka_sink_ops,
	.create = create,
	.start = start,
	.put = put,
	.flush = flush,
	.stop = stop,
	.destroy = destroy,
};
