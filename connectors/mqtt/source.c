/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT source. Paho's thread calls on_message, which appends to the journal and does nothing else; Paho then sends the
 * PUBACK, unless the append failed (puback.c). The task's poll reads the journal.
 *
 * Paho's callbacks run under its one lock, so they take no lock of ours and call nothing of Paho but subscribe and
 * unsubscribe; what they find out is left in atomic flags for poll.
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/ext/journal.h>
#include <outflow/ext/state.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define READ_AT_ONCE 512u
#define SECOND_NS INT64_C(1000000000)
#define SLOW_NS 20000000L /* a pause per message above the journal's soft limit */
#define LINE_EVERY_NS (10 * SECOND_NS)
#define RETRY_MAX_S 60

enum connection { NOT_CONNECTED, CONNECTING, CONNECTED };

struct mqtt_source {
	const outflow_host *host;
	struct mqtt_options options;
	const outflow_journal_api *journal_api;
	const outflow_state_api *state;
	outflow_journal *journal;
	MQTTAsync client;
	char **stale; /* topics that an edit removed; n_stale of them */
	size_t n_stale;
	int remembers_stale; /* the stored subscription still names them */
	int ever_connected;  /* atomic */
	int connection;      /* atomic: enum connection */
	int subscribed;      /* atomic */
	int failed;          /* atomic: failure is set, the task must end */
	outflow_error failure;
	/* poll's own */
	int retry_s;
	int64_t retry_at_ns;
	/* Paho's thread's own */
	struct mqtt_record record;
	int64_t next_line_ns;
	outflow_metric *received, *refused;
};

/* ---- what callbacks leave behind ---- */

static void fail(struct mqtt_source *s, int32_t code, const char *what, const char *why)
{
	if (__atomic_load_n(&s->failed, __ATOMIC_ACQUIRE))
		return;
	outflow_fail_native(&s->failure, OUTFLOW_E_TASK, "mqtt", code, "%s: %s", what, why ? why : "no reason given");
	__atomic_store_n(&s->failed, 1, __ATOMIC_RELEASE);
	s->journal_api->interrupt(s->journal);
}

static void set_connection(struct mqtt_source *s, enum connection state)
{
	__atomic_store_n(&s->connection, (int)state, __ATOMIC_RELEASE);
}

/* ---- messages ---- */

static void slow_down(void)
{
	struct timespec pause = { 0, SLOW_NS };

	nanosleep(&pause, NULL);
}

/* Not taken: no PUBACK, so the broker sends it again. A QoS 0 message has nobody who would. */
static void refuse(struct mqtt_source *s, const MQTTAsync_message *m, outflow_status status, const outflow_error *err)
{
	int64_t now = s->host->time->mono_ns(s->host);

	puback_refuse();
	s->host->metric->add(s->refused, 1);
	if (status == OUTFLOW_E_RECORD) {
		fail(s, 0, "a message cannot be kept (see journal.segment.bytes)", err->msg);
		return;
	}
	if (now < s->next_line_ns)
		return;
	s->next_line_ns = now + LINE_EVERY_NS;
	outflow_log(s->host, OUTFLOW_LOG_ERROR, "a message was not taken and not acknowledged%s: %s",
	            m->qos == 0 ? " (QoS 0: it is lost)" : ", the broker will send it again", err->msg);
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *m)
{
	struct mqtt_source *s = context;
	outflow_error err = { .size = sizeof err };
	outflow_status status;
	uint64_t position;

	puback_allow();
	mqtt_record_make(&s->record, topic, topic_length > 0 ? (size_t)topic_length : strlen(topic), m,
	                 s->host->time->wall_ms(s->host));
	status = s->journal_api->append(s->journal, &s->record.record, &position, &err);
	if (status < 0)
		refuse(s, m, status, &err);
	else
		s->host->metric->add(s->received, 1);
	if (s->record.dropped_headers > 0)
		outflow_log(s->host, OUTFLOW_LOG_WARN, "a message on %s has more user properties than fit: %u left out",
		            topic, s->record.dropped_headers);
	MQTTAsync_freeMessage(&m);
	MQTTAsync_free(topic);
	if (status == OUTFLOW_SLOW)
		slow_down();
	return 1;
}

/* ---- subscribing ---- */

static void subscribed(struct mqtt_source *s)
{
	__atomic_store_n(&s->subscribed, 1, __ATOMIC_RELEASE);
	outflow_log(s->host, OUTFLOW_LOG_INFO, "subscribed to %zu topic filter%s", s->options.n_topics,
	            s->options.n_topics == 1 ? "" : "s");
}

static void check_grant(struct mqtt_source *s, size_t i, int code)
{
	char what[300];

	if (code < 0x80)
		return;
	snprintf(what, sizeof what, "the broker refuses the subscription to '%.200s'", s->options.topics[i]);
	fail(s, code, what,
	     s->options.version == MQTTVERSION_5 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code)
	                                         : "not authorised, or not allowed there");
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
	struct mqtt_source *s = context;

	for (size_t i = 0; i < s->options.n_topics; i++)
		check_grant(s, i, s->options.n_topics == 1 ? data->alt.qos : data->alt.qosList[i]);
	subscribed(s);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
	struct mqtt_source *s = context;

	if (data->alt.sub.reasonCodeCount <= 1)
		check_grant(s, 0, data->reasonCode);
	for (int i = 0;
	     i < data->alt.sub.reasonCodeCount && (size_t)i < s->options.n_topics && data->alt.sub.reasonCodes != NULL;
	     i++)
		check_grant(s, (size_t)i, data->alt.sub.reasonCodes[i]);
	subscribed(s);
}

/* A positive code is the broker's refusal; others are the connection, which is made again and subscribed again. */
static void subscription_failed(struct mqtt_source *s, int code, const char *message)
{
	if (code >= 0x80)
		check_grant(s, 0, code);
	else
		outflow_log(s->host, OUTFLOW_LOG_WARN, "subscribing failed, will be tried with the next connection: %s",
		            message ? message : "the connection was lost");
}

static void on_subscribe_failure(void *context, MQTTAsync_failureData *data)
{
	subscription_failed(context, data ? data->code : 0, data ? data->message : NULL);
}

static void on_subscribe_failure5(void *context, MQTTAsync_failureData5 *data)
{
	subscription_failed(context, data ? (int)data->reasonCode : 0, data ? data->message : NULL);
}

static void unsubscribe_stale(struct mqtt_source *s)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	int rc;

	if (s->n_stale == 0)
		return;
	rc = MQTTAsync_unsubscribeMany(s->client, (int)s->n_stale, s->stale, &response);
	if (rc == MQTTASYNC_SUCCESS)
		outflow_log(s->host, OUTFLOW_LOG_INFO,
		            "unsubscribed from %zu topic filter%s that the configuration no longer has", s->n_stale,
		            s->n_stale == 1 ? "" : "s");
}

/* Every time: after a crash the broker may have forgotten the session, and nobody says so here. */
static void on_connected(void *context, char *cause)
{
	struct mqtt_source *s = context;
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	MQTTSubscribe_options options[MQTT_TOPICS_MAX];
	int qos[MQTT_TOPICS_MAX], rc;

	(void)cause;
	outflow_log(s->host, OUTFLOW_LOG_INFO, "connected to %s as %s", s->options.broker, s->options.client_id);
	__atomic_store_n(&s->ever_connected, 1, __ATOMIC_RELEASE);
	set_connection(s, CONNECTED);
	unsubscribe_stale(s);
	for (size_t i = 0; i < s->options.n_topics; i++) {
		qos[i] = s->options.qos;
		options[i] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
		/* Retained messages come with a new subscription only (MQTT 5.0, section 3.8.3.1). */
		options[i].retainHandling = 1;
	}
	response.context = s;
	if (s->options.version == MQTTVERSION_5) {
		response.onSuccess5 = on_subscribed5;
		response.onFailure5 = on_subscribe_failure5;
		response.subscribeOptions = options[0];
		response.subscribeOptionsCount = (int)s->options.n_topics;
		response.subscribeOptionsList = options;
	} else {
		response.onSuccess = on_subscribed;
		response.onFailure = on_subscribe_failure;
	}
	rc = MQTTAsync_subscribeMany(s->client, (int)s->options.n_topics, s->options.topics, qos, &response);
	if (rc != MQTTASYNC_SUCCESS)
		outflow_log(s->host, OUTFLOW_LOG_WARN,
		            "subscribing failed (%d), will be tried with the next connection", rc);
}

/* ---- connecting ---- */

static void on_connection_lost(void *context, char *cause)
{
	struct mqtt_source *s = context;

	set_connection(s, CONNECTING);
	outflow_log(s->host, OUTFLOW_LOG_WARN, "connection to %s lost, connecting again%s%s", s->options.broker,
	            cause ? ": " : "", cause ? cause : "");
}

/* What no later try will change unless somebody changes the configuration (MQTT 3.1.1, table 3.1; 5.0, section 3.2.2.2). */
static int is_final(const struct mqtt_source *s, int code)
{
	if (s->options.version != MQTTVERSION_5)
		return code == 1 || code == 2 || code == 4 || code == 5;
	switch (code) {
	case MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION:
	case MQTTREASONCODE_CLIENT_IDENTIFIER_NOT_VALID:
	case MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD:
	case MQTTREASONCODE_NOT_AUTHORIZED:
	case MQTTREASONCODE_BANNED:
	case MQTTREASONCODE_BAD_AUTHENTICATION_METHOD:
		return 1;
	default:
		return 0;
	}
}

static const char *connack_text(int code)
{
	static const char *const texts[] = { "",
		                             "protocol version not supported",
		                             "client identifier rejected",
		                             "server unavailable",
		                             "bad user name or password",
		                             "not authorised" };

	return code > 0 && code < 6 ? texts[code] : NULL;
}

static void connect_failed(struct mqtt_source *s, int code, const char *message)
{
	const char *why = message;
	char what[300];

	if (s->options.version == MQTTVERSION_5 && code >= 0x80)
		why = MQTTReasonCode_toString((enum MQTTReasonCodes)code);
	else if (connack_text(code) != NULL)
		why = connack_text(code);
	/* Once it has worked, a refusal may be a broker that is being set up: keep trying. */
	if (is_final(s, code) && !__atomic_load_n(&s->ever_connected, __ATOMIC_ACQUIRE)) {
		snprintf(what, sizeof what, "the broker %.200s refuses the connection", s->options.broker);
		fail(s, code, what, why);
	} else {
		outflow_log(s->host, OUTFLOW_LOG_WARN, "cannot connect to %s, will be tried again: %s",
		            s->options.broker, why ? why : "no answer");
	}
	set_connection(s, NOT_CONNECTED);
}

static void on_connect_failure(void *context, MQTTAsync_failureData *data)
{
	connect_failed(context, data ? data->code : 0, data ? data->message : NULL);
}

static void on_connect_failure5(void *context, MQTTAsync_failureData5 *data)
{
	connect_failed(context, data ? (data->reasonCode ? (int)data->reasonCode : data->code) : 0,
	               data ? data->message : NULL);
}

static int on_tls_error(const char *text, size_t n, void *context)
{
	struct mqtt_source *s = context;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	outflow_log(s->host, OUTFLOW_LOG_WARN, "TLS: %.*s", (int)n, text);
	return 0;
}

static void fill_tls(struct mqtt_source *s, MQTTAsync_SSLOptions *tls)
{
	tls->trustStore = s->options.tls_ca;
	tls->keyStore = s->options.tls_cert;
	tls->privateKey = s->options.tls_key;
	tls->privateKeyPassword = s->options.tls_key_password;
	tls->enableServerCertAuth = s->options.tls_verify;
	tls->verify = s->options.tls_verify;
	tls->disableDefaultTrustStore = s->options.tls_ca != NULL;
	tls->ssl_error_cb = on_tls_error;
	tls->ssl_error_context = s;
}

static int add_properties(struct mqtt_source *s, MQTTProperties *properties)
{
	MQTTProperty expiry = { .identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		                .value.integer4 = s->options.session_expiry };
	MQTTProperty window = { .identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
		                .value.integer2 = (unsigned short)s->options.receive_maximum };

	return MQTTProperties_add(properties, &expiry) == 0 && MQTTProperties_add(properties, &window) == 0 ? 0 : -1;
}

static outflow_status begin_connect(struct mqtt_source *s, outflow_error *err)
{
	MQTTAsync_connectOptions connect3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions connect5 = MQTTAsync_connectOptions_initializer5;
	int is5 = s->options.version == MQTTVERSION_5, rc;
	MQTTAsync_connectOptions *o = is5 ? &connect5 : &connect3;
	MQTTProperties properties = MQTTProperties_initializer;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

	if (is5 && add_properties(s, &properties) != 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	o->keepAliveInterval = s->options.keepalive;
	o->MQTTVersion = s->options.version;
	o->cleansession = 0;
	o->cleanstart = 0;
	o->maxInflight = s->options.receive_maximum;
	o->automaticReconnect = 1;
	o->minRetryInterval = 1;
	o->maxRetryInterval = RETRY_MAX_S;
	o->username = s->options.username;
	o->password = s->options.password;
	o->context = s;
	if (is5) {
		o->connectProperties = &properties;
		o->onFailure5 = on_connect_failure5;
	} else {
		o->onFailure = on_connect_failure;
	}
	if (s->options.tls) {
		fill_tls(s, &tls);
		o->ssl = &tls;
	}
	set_connection(s, CONNECTING);
	rc = MQTTAsync_connect(s->client, o);
	MQTTProperties_free(&properties);
	if (rc == MQTTASYNC_SUCCESS)
		return OUTFLOW_OK;
	set_connection(s, NOT_CONNECTED);
	return outflow_fail_native(err, OUTFLOW_E_TASK, "mqtt", rc, "connecting to %s cannot begin: %s",
	                           s->options.broker,
	                           MQTTAsync_strerror(rc) ? MQTTAsync_strerror(rc) : "no reason given");
}

/* Paho connects again by itself after it has been connected once; until then poll does. */
static outflow_status connect_if_due(struct mqtt_source *s, outflow_error *err)
{
	int64_t now = s->host->time->mono_ns(s->host);

	if (__atomic_load_n(&s->connection, __ATOMIC_ACQUIRE) != NOT_CONNECTED ||
	    __atomic_load_n(&s->ever_connected, __ATOMIC_ACQUIRE))
		return OUTFLOW_OK;
	if (s->retry_at_ns == 0) {
		s->retry_s = s->retry_s == 0 ? 1 : s->retry_s * 2 < RETRY_MAX_S ? s->retry_s * 2 : RETRY_MAX_S;
		s->retry_at_ns = now + s->retry_s * SECOND_NS;
	}
	if (now < s->retry_at_ns)
		return OUTFLOW_OK;
	s->retry_at_ns = 0;
	return begin_connect(s, err);
}

/* ---- what was subscribed before ---- */

static const outflow_str topics_key = { "topics", 6 };

static int is_wanted(const struct mqtt_source *s, const char *topic, size_t n)
{
	for (size_t i = 0; i < s->options.n_topics; i++)
		if (strlen(s->options.topics[i]) == n && memcmp(s->options.topics[i], topic, n) == 0)
			return 1;
	return 0;
}

/* Topic filters hold no line break worth keeping, so lines they are. */
static outflow_status find_stale(struct mqtt_source *s)
{
	outflow_bytes stored = { NULL, 0 };
	const char *p, *end;

	if (s->state->get(s->host, topics_key, &stored) != OUTFLOW_OK)
		return OUTFLOW_OK;
	s->stale = calloc(MQTT_TOPICS_MAX, sizeof *s->stale);
	if (s->stale == NULL)
		return OUTFLOW_E_NOMEM;
	for (p = stored.ptr, end = p + stored.len; p < end && s->n_stale < MQTT_TOPICS_MAX;) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((line_end ? line_end : end) - p);

		if (n > 0 && !is_wanted(s, p, n)) {
			s->stale[s->n_stale] = strndup(p, n);
			if (s->stale[s->n_stale] == NULL)
				return OUTFLOW_E_NOMEM;
			s->n_stale++;
		}
		p += n + 1;
	}
	return OUTFLOW_OK;
}

static outflow_status remember(struct mqtt_source *s, int with_stale, outflow_error *err)
{
	size_t size = 1, n = 0;
	outflow_status status;
	char *text;

	for (size_t i = 0; i < s->options.n_topics; i++)
		size += strlen(s->options.topics[i]) + 1;
	for (size_t i = 0; i < s->n_stale; i++)
		size += strlen(s->stale[i]) + 1;
	text = malloc(size);
	if (text == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	for (size_t i = 0; i < s->options.n_topics; i++)
		n += (size_t)snprintf(text + n, size - n, "%s\n", s->options.topics[i]);
	for (size_t i = 0; with_stale && i < s->n_stale; i++)
		n += (size_t)snprintf(text + n, size - n, "%s\n", s->stale[i]);
	status = s->state->put(s->host, topics_key, (outflow_bytes){ text, n }, err);
	free(text);
	s->remembers_stale = with_stale && s->n_stale > 0;
	return status;
}

/* ---- life ---- */

static void destroy(void *self)
{
	struct mqtt_source *s = self;

	if (s->client != NULL)
		MQTTAsync_destroy(&s->client);
	if (s->journal != NULL)
		s->journal_api->close(s->journal);
	for (size_t i = 0; i < s->n_stale; i++)
		free(s->stale[i]);
	free(s->stale);
	mqtt_options_clear(&s->options);
	free(s);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct mqtt_source *s = calloc(1, sizeof *s);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->failure.size = sizeof s->failure;
	s->journal_api = h->extension(h, OUTFLOW_EXT_JOURNAL);
	s->state = h->extension(h, OUTFLOW_EXT_STATE);
	status = mqtt_options_read(h, c, &s->options, err);
	if (status == OUTFLOW_OK && (s->journal_api == NULL || s->state == NULL))
		status = outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                      "needs " OUTFLOW_EXT_JOURNAL " and " OUTFLOW_EXT_STATE " of the host");
	if (status != OUTFLOW_OK) {
		destroy(s);
		return status;
	}
	s->received = h->metric->open(h, OUTFLOW_METRIC_COUNTER, "mqtt_messages_received", "", "Messages taken.");
	s->refused = h->metric->open(h, OUTFLOW_METRIC_COUNTER, "mqtt_messages_refused", "",
	                             "Messages not taken and not acknowledged.");
	*self = s;
	return OUTFLOW_OK;
}

static outflow_status make_client(struct mqtt_source *s, outflow_error *err)
{
	MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
	int rc;

	options.MQTTVersion = s->options.version;
	rc = MQTTAsync_createWithOptions(&s->client, s->options.broker, s->options.client_id,
	                                 MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setCallbacks(s->client, s, on_connection_lost, on_message, NULL);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setConnected(s->client, s, on_connected);
	if (rc == MQTTASYNC_SUCCESS)
		return OUTFLOW_OK;
	return outflow_fail_native(err, OUTFLOW_E_CONFIG, "mqtt", rc, "no client for %s: %s", s->options.broker,
	                           MQTTAsync_strerror(rc) ? MQTTAsync_strerror(rc) : "no reason given");
}

static outflow_status start(void *self, outflow_error *err)
{
	struct mqtt_source *s = self;
	char stream[64];
	outflow_status status;

	snprintf(stream, sizeof stream, "{\"task\":%u}", s->host->task);
	status = s->journal_api->open(s->host, outflow_text(stream), &s->journal, err);
	if (status != OUTFLOW_OK)
		return status;
	if (find_stale(s) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	/* Before the broker hears of it: whatever it may be subscribed to is known here. */
	status = remember(s, 1, err);
	if (status == OUTFLOW_OK)
		status = make_client(s, err);
	return status == OUTFLOW_OK ? begin_connect(s, err) : status;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_source *s = self;
	uint32_t before = out->n;
	outflow_status status;

	if (__atomic_load_n(&s->failed, __ATOMIC_ACQUIRE)) {
		*err = s->failure;
		return OUTFLOW_E_TASK;
	}
	status = connect_if_due(s, err);
	if (status == OUTFLOW_OK && s->remembers_stale && __atomic_load_n(&s->subscribed, __ATOMIC_ACQUIRE))
		status = remember(s, 0, err);
	if (status != OUTFLOW_OK || out->cap == 0)
		return status == OUTFLOW_OK ? OUTFLOW_AGAIN : status;
	if (s->retry_at_ns != 0 && s->retry_at_ns < deadline_ns)
		deadline_ns = s->retry_at_ns;
	status = s->journal_api->read(s->journal, out, READ_AT_ONCE, deadline_ns, err);
	for (uint32_t i = before; i < out->n; i++)
		out->recs[i].key = outflow_text_bytes(out->recs[i].topic);
	return status;
}

static void interrupt(void *self)
{
	struct mqtt_source *s = self;

	s->journal_api->interrupt(s->journal);
}

/* The session stays at the broker, and what it keeps for us comes with the next start. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_source *s = self;
	MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
	MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
	int64_t left_ms = (deadline_ns - s->host->time->mono_ns(s->host)) / 1000000;

	(void)err;
	options.timeout = options5.timeout = left_ms < 100 ? 100 : left_ms > 1000 ? 1000 : (int)left_ms;
	if (MQTTAsync_disconnect(s->client, s->options.version == MQTTVERSION_5 ? &options5 : &options) !=
	    MQTTASYNC_SUCCESS)
		return OUTFLOW_OK;
	while (MQTTAsync_isConnected(s->client) && s->host->time->mono_ns(s->host) < deadline_ns)
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
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
