/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT sink: put hands messages to Paho, whose thread calls back with the broker's acknowledgement, which resolves the
 * record. A connection that breaks leaves its unacknowledged messages behind: the host puts them again on the next one.
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/topic.h>

#include <pthread.h>
#include <stdlib.h>

#define ANSWER_MS 5000
#define TURN_NS INT64_C(250000000)
/* Fixed header, topic length and packet identifier; properties are estimated by what they hold. */
#define PACKET_OVERHEAD 16u

struct mqtt_sink;

/* A message under way. */
struct under_way {
	struct mqtt_sink *sink;
	outflow_record *record; /* NULL: free */
	int64_t sent_ns;
	struct under_way *next_free;
};

struct mqtt_sink {
	const outflow_host *host;
	struct mqtt_endpoint endpoint;
	struct mqtt_connection connection;
	int qos, retain;
	int64_t attempt_ns;
	int64_t away_since_ns; /* the task's own: since when put has found no connection; 0: it has */
	uint32_t packet_max;   /* atomic: what the broker takes; 0: any */
	outflow_status ended;
	outflow_error reason;
	pthread_mutex_t lock; /* of what follows; never held around a call of Paho or of the host */
	struct under_way *list, *free;
	size_t n;
	outflow_metric *left_out;
};

static const outflow_cfg_key keys[] = {
	MQTT_ENDPOINT_KEYS("outflow-sink-PIPELINE-TASK, for dead letters outflow-deadletter-PIPELINE-TASK."),
	{ MQTT_KEY(
		  "qos", INT, 0, MEDIUM, "MQTT",
		  "1: a record is done when the broker has acknowledged it. 0: when it is written to the connection, which "
		  "promises nothing."),
	  .dflt = "1", .min = 0, .max = 1 },
	{ MQTT_KEY("retain", BOOL, 0, LOW, "MQTT", "Shall the broker keep the last message of each topic?"),
	  .dflt = "false" },
	{ MQTT_KEY("inflight.maximum", INT, 0, MEDIUM, "MQTT",
	           "Messages that wait for the broker's acknowledgement at one time; beyond it the source waits."),
	  .dflt = "100", .min = 1, .max = 65535 },
	{ MQTT_KEY(
		  "attempt.timeout", DURATION_MS, 0, LOW, "MQTT",
		  "An acknowledgement that takes longer ends the attempt and the connection; then the pipeline's retries "
		  "decide."),
	  .dflt = "30s", .min = 1000, .max = 86400000 },
};

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_status topic = outflow_topic_check_constant(h, c, OUTFLOW_TOPIC_MQTT);

	(void)err;
	return mqtt_endpoint_check(h, c) > 0 ? OUTFLOW_E_CONFIG : topic;
}

const outflow_cfg_def mqtt_sink_schema = {
	.size = sizeof mqtt_sink_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

/* ---- messages under way ---- */

static struct under_way *begin_one(struct mqtt_sink *s, outflow_record *r)
{
	struct under_way *u;

	pthread_mutex_lock(&s->lock);
	u = s->free;
	if (u != NULL) {
		s->free = u->next_free;
		u->record = r;
		u->sent_ns = s->host->time->mono_ns(s->host);
	}
	pthread_mutex_unlock(&s->lock);
	return u;
}

/* Whoever gets the record here owes its resolution; NULL: somebody else has it. */
static outflow_record *end_one(struct under_way *u)
{
	struct mqtt_sink *s = u->sink;
	outflow_record *r;

	pthread_mutex_lock(&s->lock);
	r = u->record;
	if (r != NULL) {
		u->record = NULL;
		u->next_free = s->free;
		s->free = u;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

static void resolve(struct mqtt_sink *s, outflow_record *r, outflow_status status, const outflow_error *err)
{
	s->host->ack->resolve(s->host, &r, 1, status, err);
	s->host->wake(s->host);
}

/* ---- acknowledgements, on Paho's thread ---- */

/* Reason codes of a PUBACK (MQTT 5.0, table 3.4.2.1). */
static outflow_status classify(int code)
{
	switch (code) {
	case MQTTREASONCODE_TOPIC_NAME_INVALID:
	case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
	case MQTTREASONCODE_PACKET_TOO_LARGE:
		return OUTFLOW_E_RECORD;
	case MQTTREASONCODE_NOT_AUTHORIZED:
		return OUTFLOW_E_TASK;
	default:
		return code >= 0x80 ? OUTFLOW_E_RETRY : OUTFLOW_E_OUTAGE;
	}
}

static void acknowledged(struct under_way *u)
{
	struct mqtt_sink *s = u->sink;
	outflow_record *r = end_one(u);

	if (r != NULL)
		resolve(s, r, OUTFLOW_OK, NULL);
}

static void refused(struct under_way *u, int code, const char *message)
{
	struct mqtt_sink *s = u->sink;
	outflow_error err = { .size = sizeof err };
	outflow_status status = classify(code);
	outflow_record *r;

	/* Without an answer of the broker the connection has ended: `gone` sees to it. */
	if (status == OUTFLOW_E_OUTAGE)
		return;
	r = end_one(u);
	if (r == NULL)
		return;
	outflow_fail_native(&err, status, "mqtt", code, "the broker refuses the message: %s",
	                    message && message[0] ? message : MQTTReasonCode_toString((enum MQTTReasonCodes)code));
	resolve(s, r, status, &err);
}

static void on_published(void *context, MQTTAsync_successData *data)
{
	(void)data;
	acknowledged(context);
}

static void on_published5(void *context, MQTTAsync_successData5 *data)
{
	int code = data ? (int)data->reasonCode : 0;

	if (code < 0x80)
		acknowledged(context);
	else
		refused(context, code, NULL);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
	refused(context, data ? data->code : 0, data ? data->message : NULL);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
	refused(context, data ? (int)data->reasonCode : 0, data ? data->message : NULL);
}

/* ---- the connection ---- */

static void on_up(void *owner, int session_present, MQTTProperties *properties)
{
	struct mqtt_sink *s = owner;
	int64_t size = -1, qos = -1, retain = -1;

	(void)session_present;
	if (properties != NULL) {
		size = MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE);
		qos = MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_MAXIMUM_QOS);
		retain = MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_RETAIN_AVAILABLE);
	}
	__atomic_store_n(&s->packet_max, size > 0 && size <= UINT32_MAX ? (uint32_t)size : 0, __ATOMIC_RELEASE);
	if (qos == 0 && s->qos > 0)
		mqtt_connection_fail(&s->connection, OUTFLOW_E_CONFIG, 0, "qos", "the broker takes QoS 0 only");
	if (retain == 0 && s->retain)
		mqtt_connection_fail(&s->connection, OUTFLOW_E_CONFIG, 0, "retain", "the broker keeps no messages");
}

static void wake(void *owner)
{
	struct mqtt_sink *s = owner;

	s->host->wake(s->host);
}

/* What the connection left behind. The oldest may be why it broke: for it this was an attempt; for the others an outage. */
static void on_gone(void *owner)
{
	struct mqtt_sink *s = owner;
	outflow_error err = { .size = sizeof err };
	struct under_way *oldest = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].record != NULL && (oldest == NULL || s->list[i].sent_ns < oldest->sent_ns))
			oldest = &s->list[i];
	for (size_t i = 0; i < s->n; i++) {
		outflow_status status = &s->list[i] == oldest ? OUTFLOW_E_RETRY : OUTFLOW_E_OUTAGE;
		outflow_record *r = end_one(&s->list[i]);

		if (r == NULL)
			continue;
		outflow_fail(&err, status, "the connection to %s ended before the broker acknowledged the message",
		             s->endpoint.broker);
		resolve(s, r, status, &err);
	}
}

static const struct mqtt_events events = { .up = on_up, .wake = wake, .gone = on_gone };

static int64_t oldest_ns(struct mqtt_sink *s)
{
	int64_t oldest = INT64_MAX;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].record != NULL && s->list[i].sent_ns < oldest)
			oldest = s->list[i].sent_ns;
	pthread_mutex_unlock(&s->lock);
	return oldest;
}

static int is_long_away(const struct mqtt_sink *s, int64_t now)
{
	return s->away_since_ns != 0 && now - s->away_since_ns >= s->attempt_ns;
}

/* Every quarter of a second, [task]. */
static void look_after(void *arg)
{
	struct mqtt_sink *s = arg;
	int64_t now = s->host->time->mono_ns(s->host);
	int64_t oldest = oldest_ns(s);
	uint64_t timer;

	if (oldest != INT64_MAX && now - oldest >= s->attempt_ns) {
		outflow_log(s->host, OUTFLOW_LOG_WARN, "no acknowledgement within attempt.timeout, connecting anew");
		mqtt_connection_drop(&s->connection);
	}
	if (is_long_away(s, now))
		wake(s);
	if (s->ended == OUTFLOW_OK)
		s->ended = mqtt_connection_look_after(&s->connection, &s->reason);
	if (s->host->time->timer(s->host, now + TURN_NS, look_after, s, &timer) != OUTFLOW_OK && s->ended == OUTFLOW_OK)
		s->ended = outflow_fail(&s->reason, OUTFLOW_E_TASK, "no memory for a timer");
}

/* ---- life ---- */

static void destroy(void *self)
{
	struct mqtt_sink *s = self;

	mqtt_connection_stop(&s->connection, 0);
	pthread_mutex_destroy(&s->lock);
	mqtt_endpoint_clear(&s->endpoint);
	free(s->list);
	free(s);
}

/* The pipeline's sink and its dead-letter sink are two clients. */
static const char *role_of(const outflow_host *h)
{
	return h->stage != NULL && strcmp(h->stage, "deadletter") == 0 ? "outflow-deadletter-" : "outflow-sink-";
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct mqtt_sink *s = calloc(1, sizeof *s);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->reason.size = sizeof s->reason;
	s->qos = (int)outflow_config_number(h, c, "qos");
	s->retain = outflow_config_flag(h, c, "retain");
	s->attempt_ns = outflow_config_number(h, c, "attempt.timeout") * 1000000;
	s->n = (size_t)outflow_config_number(h, c, "inflight.maximum");
	pthread_mutex_init(&s->lock, NULL);
	status = mqtt_endpoint_read(h, c, role_of(h), &s->endpoint, err);
	s->connection = (struct mqtt_connection){ .host = h,
		                                  .endpoint = &s->endpoint,
		                                  .events = &events,
		                                  .owner = s,
		                                  .session = { .clean = 1, .max_inflight = (int)s->n } };
	s->list = calloc(s->n, sizeof *s->list);
	if (status == OUTFLOW_OK && s->list == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	if (status != OUTFLOW_OK) {
		destroy(s);
		return status;
	}
	for (size_t i = s->n; i-- > 0;) {
		s->list[i] = (struct under_way){ .sink = s, .next_free = s->free };
		s->free = &s->list[i];
	}
	s->left_out = h->metric->open(h, OUTFLOW_METRIC_COUNTER, "mqtt_headers_left_out", "",
	                              "Headers that an MQTT message could not carry.");
	*self = s;
	return OUTFLOW_OK;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct mqtt_sink *s = self;
	outflow_status status = mqtt_connection_start(&s->connection, ANSWER_MS, err);

	if (status == OUTFLOW_OK)
		look_after(s);
	return status;
}

/* ---- put ---- */

static outflow_status check_size(struct mqtt_sink *s, const struct mqtt_publication *p, outflow_error *err)
{
	uint32_t most = __atomic_load_n(&s->packet_max, __ATOMIC_ACQUIRE);
	size_t size = PACKET_OVERHEAD + strlen(p->topic) + (size_t)p->message.payloadlen +
	              (size_t)p->message.properties.length;

	if (most == 0 || size <= most)
		return OUTFLOW_OK;
	return outflow_fail(err, OUTFLOW_E_RECORD, "a message of %zu bytes is larger than the broker takes (%u)", size,
	                    most);
}

static outflow_status send(struct mqtt_sink *s, struct under_way *u, struct mqtt_publication *p, outflow_error *err)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	int rc;

	response.context = u;
	if (s->endpoint.version == MQTTVERSION_5) {
		response.onSuccess5 = on_published5;
		response.onFailure5 = on_failure5;
	} else {
		response.onSuccess = on_published;
		response.onFailure = on_failure;
	}
	p->message.qos = s->qos;
	p->message.retained = s->retain;
	rc = MQTTAsync_sendMessage(s->connection.client, p->topic, &p->message, &response);
	if (rc == MQTTASYNC_SUCCESS)
		return OUTFLOW_OK;
	if (rc == MQTTASYNC_DISCONNECTED || rc == MQTTASYNC_MAX_BUFFERED_MESSAGES)
		return OUTFLOW_AGAIN;
	return outflow_fail_native(err, rc == MQTTASYNC_BAD_UTF8_STRING ? OUTFLOW_E_RECORD : OUTFLOW_E_RETRY, "mqtt",
	                           rc, "the message cannot be sent: %s",
	                           MQTTAsync_strerror(rc) ? MQTTAsync_strerror(rc) : "no reason given");
}

static outflow_status put_one(struct mqtt_sink *s, outflow_record *r, outflow_error *err)
{
	struct mqtt_publication p;
	struct under_way *u;
	uint32_t left_out;
	outflow_status status = mqtt_publication_make(&p, r, s->endpoint.version == MQTTVERSION_5, err);

	if (status == OUTFLOW_OK)
		status = check_size(s, &p, err);
	u = status == OUTFLOW_OK ? begin_one(s, r) : NULL;
	if (status == OUTFLOW_OK)
		status = u ? send(s, u, &p, err) : OUTFLOW_AGAIN;
	left_out = p.left_out;
	mqtt_publication_clear(&p);
	if (status == OUTFLOW_OK)
		s->host->metric->add(s->left_out, left_out);
	else if (u != NULL)
		end_one(u);
	return status;
}

/* There is no connection: an attempt that has taken as long as one may is an outage, and the pipeline decides. */
static outflow_status wait_for_connection(struct mqtt_sink *s, outflow_error *err)
{
	int64_t now = s->host->time->mono_ns(s->host);

	if (s->away_since_ns == 0)
		s->away_since_ns = now;
	if (!is_long_away(s, now))
		return OUTFLOW_AGAIN;
	return outflow_fail(err, OUTFLOW_E_OUTAGE, "no connection to %s for %lld s", s->endpoint.broker,
	                    (long long)((now - s->away_since_ns) / 1000000000));
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct mqtt_sink *s = self;

	*taken = 0;
	if (s->ended != OUTFLOW_OK) {
		*err = s->reason;
		return s->ended;
	}
	for (; *taken < n; ++*taken) {
		outflow_status status;

		if (!mqtt_connection_is_up(&s->connection))
			return wait_for_connection(s, err);
		s->away_since_ns = 0;
		status = put_one(s, &recs[*taken], err);
		if (status != OUTFLOW_OK)
			return status;
	}
	return OUTFLOW_OK;
}

/* What is not acknowledged stays unresolved. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_sink *s = self;

	(void)err;
	for (size_t i = 0; i < s->n; i++)
		end_one(&s->list[i]);
	mqtt_connection_stop(&s->connection, deadline_ns);
	return OUTFLOW_OK;
}

const outflow_sink_ops mqtt_sink_ops = {
	.size = sizeof mqtt_sink_ops,
	.create = create,
	.start = start,
	.put = put,
	.stop = stop,
	.destroy = destroy,
};
