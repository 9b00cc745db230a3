/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka sink: put hands records to librdkafka with the record's own pointer as the message's opaque; a thread takes the
 * delivery reports, in arrays, and resolves them. Nothing else resolves anything. The client reads payloads where they are,
 * until their report or until stop has ended it.
 */
#include "connectors/kafka/kafka.h"

#include <outflow/topic.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define REPORTS_AT_ONCE 1024u
#define EVENTS_AT_ONCE 100
#define POLL_MS 100
/* How long start looks for the cluster. */
#define START_NS INT64_C(5000000000)
/* What a client gets at least to end its threads. */
#define END_NS INT64_C(100000000)

struct kafka_sink {
	const outflow_host *host;
	rd_kafka_conf_t *conf; /* until start */
	char *topic;           /* the one of all records; NULL: each brings its own */
	int copy;              /* RD_KAFKA_MSG_F_COPY or 0 */
	int may_create;        /* may an unknown topic come into being by being asked for? */
	rd_kafka_t *client;
	rd_kafka_queue_t *reports;
	struct kafka_cluster cluster;
	struct kafka_creation creation;
	pthread_t thread;
	int thread_started;
	int stopping; /* atomic: reports are counted, no longer resolved */
};

static int has_property(const rd_kafka_conf_t *conf, const char *name)
{
	char value[16] = "";
	size_t size = sizeof value;

	return rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK && strcmp(value, "true") == 0;
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct kafka_sink *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->conf = kafka_sink_conf(h, c, err);
	if (s->conf == NULL || kafka_creation_init(&s->creation, h, c, err) != OUTFLOW_OK) {
		outflow_status status = s->conf ? OUTFLOW_E_NOMEM : OUTFLOW_E_CONFIG;

		if (s->conf != NULL)
			rd_kafka_conf_destroy(s->conf);
		kafka_creation_clear(&s->creation);
		free(s);
		return status;
	}
	kafka_cluster_init(&s->cluster, h, outflow_config_number(h, c, "attempt.timeout"),
	                   outflow_config_number(h, c, "grace"));
	s->topic = outflow_topic_constant(h, c);
	s->copy = outflow_config_flag(h, c, "payload.copy") ? RD_KAFKA_MSG_F_COPY : 0;
	s->may_create = has_property(s->conf, "allow.auto.create.topics");
	*self = s;
	return OUTFLOW_OK;
}

/* ---- delivery reports ---- */

/* Reports of one outcome, resolved in one call. */
struct outcome {
	outflow_record *records[REPORTS_AT_ONCE];
	size_t n;
};

static void resolve(struct kafka_sink *s, struct outcome *o, rd_kafka_resp_err_t code, const rd_kafka_topic_t *topic)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	if (o->n == 0)
		return;
	status = kafka_cluster_verdict(&s->cluster, &code, 1);
	if (status == OUTFLOW_OK)
		kafka_cluster_delivered(&s->cluster);
	else
		kafka_cluster_explain(&s->cluster, code, rd_kafka_topic_name(topic), status, &err);
	s->host->ack->resolve(s->host, o->records, o->n, status, status == OUTFLOW_OK ? NULL : &err);
	o->n = 0;
}

/* A partition that the client chose itself can only be unknown when its topic is no longer there. */
static rd_kafka_resp_err_t meaning_of(rd_kafka_resp_err_t code, const outflow_record *r)
{
	return code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && r->partition < 0 ? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
	                                                                        : code;
}

/* Runs of the same code and topic become one call: a burst of good reports, or of timed out ones. */
static void take_reports(struct kafka_sink *s, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *messages[REPORTS_AT_ONCE];
	size_t n;

	while ((n = rd_kafka_event_message_array(event, messages, REPORTS_AT_ONCE)) > 0) {
		rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
		const rd_kafka_topic_t *topic = NULL;
		struct outcome o;

		o.n = 0; /* and nothing else of its 8 KiB */
		if (__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE))
			continue;
		for (size_t i = 0; i < n; i++) {
			rd_kafka_resp_err_t next = meaning_of(messages[i]->err, messages[i]->_private);

			if (next != code || (code && messages[i]->rkt != topic))
				resolve(s, &o, code, topic);
			code = next;
			topic = messages[i]->rkt;
			o.records[o.n++] = messages[i]->_private;
		}
		resolve(s, &o, code, topic);
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
		kafka_cluster_event(&s->cluster, rd_kafka_event_error(event));
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

static int take_next(struct kafka_sink *s, int wait_ms)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(s->reports, wait_ms);

	if (event == NULL)
		return 0;
	take_event(s, event);
	rd_kafka_event_destroy(event);
	return 1;
}

static void *report_main(void *arg)
{
	struct kafka_sink *s = arg;

	while (!__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE)) {
		take_next(s, POLL_MS);
		kafka_cluster_look(&s->cluster);
	}
	return NULL;
}

/* ---- start ---- */

/* What the answer to a question means before there is any record. *again: ask once more. */
static outflow_status judge(struct kafka_sink *s, rd_kafka_resp_err_t answer, int64_t waited_ns, int *again,
                            outflow_error *err)
{
	int away = answer == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	int unknown = answer == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	rd_kafka_resp_err_t refusal = kafka_cluster_refusal(&s->cluster);
	const char *topic = s->topic ? s->topic : "";
	outflow_status status = kafka_classify(answer);

	*again = 0;
	if (away && refusal) {
		status = refusal == RD_KAFKA_RESP_ERR__SSL ? OUTFLOW_E_TASK : OUTFLOW_E_CONFIG;
		kafka_cluster_explain(&s->cluster, refusal, topic, status, err);
		return status;
	}
	*again = waited_ns < (unknown && !s->may_create ? KAFKA_UNKNOWN_NS : START_NS) &&
	         (unknown || (away && !kafka_cluster_is_away(&s->cluster)));
	if (*again || away || (unknown && s->may_create) || status == OUTFLOW_E_RETRY)
		return OUTFLOW_OK;
	/* A name that cannot be one, and a topic that is not there, stay so; rights may be given. */
	if (status != OUTFLOW_OK && (unknown || status == OUTFLOW_E_RECORD))
		status = OUTFLOW_E_CONFIG;
	if (status != OUTFLOW_OK)
		kafka_cluster_explain(&s->cluster, answer, topic, status, err);
	return status;
}

/* A mistake shows at once; brokers that are not there yet are waited for by the records. */
static outflow_status look_for_cluster(struct kafka_sink *s, outflow_error *err)
{
	int64_t begin = s->host->time->mono_ns(s->host);
	rd_kafka_resp_err_t answer;
	outflow_status status;
	int again;

	do {
		answer = kafka_cluster_ask(&s->cluster);
		if (answer == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
			status = kafka_creation_ensure(&s->creation, s->client, s->topic, err);
			if (status == OUTFLOW_E_TASK)
				return status;
		}
		/* Hears what the client has to say; the pause after that keeps asking again from being a storm. */
		for (int i = 0; i < EVENTS_AT_ONCE && take_next(s, answer ? POLL_MS : 0); i++)
			;
		status = judge(s, answer, s->host->time->mono_ns(s->host) - begin, &again, err);
	} while (again);
	if (status == OUTFLOW_OK && answer == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		outflow_log(s->host, OUTFLOW_LOG_WARN, "no broker can be reached; records wait until one can");
	return status;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct kafka_sink *s = self;
	outflow_status status;
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
	s->cluster.client = s->client;
	if (s->topic != NULL)
		s->cluster.topic = rd_kafka_topic_new(s->client, s->topic, NULL);
	status = look_for_cluster(s, err);
	if (status != OUTFLOW_OK)
		return status;
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
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = s->copy },
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

		status = outflow_topic_check(OUTFLOW_TOPIC_KAFKA, r->topic, err);
		if (status != OUTFLOW_OK)
			return status;
		memcpy(topic, r->topic.ptr, r->topic.len);
		topic[r->topic.len] = '\0';
		status = kafka_creation_ensure(&s->creation, s->client, topic, err);
		if (status != OUTFLOW_OK)
			return status;
		code = meaning_of(produce(s, r, topic), r);
		if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return OUTFLOW_AGAIN;
		status = code ? kafka_cluster_verdict(&s->cluster, &code, 0) : OUTFLOW_OK;
		if (status != OUTFLOW_OK) {
			kafka_cluster_explain(&s->cluster, code, topic, status, err);
			return status;
		}
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

/* ---- stop ---- */

/* After this no thread of the client reads any record's payload. */
static void *end_main(void *client)
{
	rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

/* Not 0: the client has not ended by then, and does so in its own time. */
static int end_client(struct kafka_sink *s, int64_t deadline_ns)
{
	int64_t left = deadline_ns - s->host->time->mono_ns(s->host);
	struct timespec until;
	pthread_t thread;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &until);
	left = (left > END_NS ? left : END_NS) + until.tv_nsec;
	until.tv_sec += left / 1000000000;
	until.tv_nsec = left % 1000000000;
	rc = pthread_create(&thread, NULL, end_main, s->client);
	s->client = NULL;
	if (rc == 0) {
		rc = pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until);
		if (rc != 0)
			pthread_detach(thread);
	}
	return rc;
}

/* Reports that come from here on belong to records that stay unresolved. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct kafka_sink *s = self;
	rd_kafka_event_t *event;
	int rc;

	__atomic_store_n(&s->stopping, 1, __ATOMIC_RELEASE);
	if (s->thread_started)
		pthread_join(s->thread, NULL);
	s->thread_started = 0;
	rd_kafka_purge(s->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	while ((event = rd_kafka_queue_poll(s->reports, 0)) != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(s->reports);
	s->reports = NULL;
	kafka_cluster_clear(&s->cluster);
	rc = end_client(s, deadline_ns);
	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_RETRY, rc, "the Kafka client has not ended");
	return OUTFLOW_OK;
}

static void destroy(void *self)
{
	struct kafka_sink *s = self;

	if (s->thread_started)
		stop(s, s->host->time->mono_ns(s->host) + START_NS, NULL);
	if (s->conf != NULL)
		rd_kafka_conf_destroy(s->conf);
	if (s->reports != NULL)
		rd_kafka_queue_destroy(s->reports);
	kafka_cluster_destroy(&s->cluster);
	kafka_creation_clear(&s->creation);
	/* Only a start that failed leaves it; then it has never seen a record. */
	if (s->client != NULL)
		rd_kafka_destroy(s->client);
	free(s->topic);
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
