/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/mqtt/connection.h"

#include <stdio.h>
#include <time.h>

#define MS_NS INT64_C(1000000)
#define RETRY_FIRST_NS (250 * MS_NS)
#define RETRY_MOST_NS (30000 * MS_NS)
/* A broker that let us in before may be being set up anew: it may refuse us for so long. */
#define REFUSAL_GRACE_NS (60000 * MS_NS)
#define CONNECT_TIMEOUT_S 10
/* Connections that break sooner, as they do while the journal is full, are told of now and then only. */
#define SHORT_NS (5000 * MS_NS)
#define LINE_EVERY_NS (10000 * MS_NS)

enum { NONE, TRYING, UP, DOWN };

static int state_of(const struct mqtt_connection *k)
{
	return __atomic_load_n(&k->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct mqtt_connection *k, int state)
{
	__atomic_store_n(&k->state, state, __ATOMIC_RELEASE);
}

static int64_t now_of(const struct mqtt_connection *k)
{
	return k->host->time->mono_ns(k->host);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

int mqtt_connection_is_up(const struct mqtt_connection *k)
{
	return state_of(k) == UP;
}

const char *mqtt_connection_reason(const struct mqtt_connection *k)
{
	int state = state_of(k);

	return state == TRYING || state == UP ? "" : *k->tls_reason != '\0' ? k->tls_reason : k->reason;
}

void mqtt_connection_fail(struct mqtt_connection *k, outflow_status status, int32_t code, const char *what,
                          const char *why)
{
	if (__atomic_load_n(&k->failed, __ATOMIC_ACQUIRE))
		return;
	k->failure.size = sizeof k->failure;
	outflow_fail_native(&k->failure, status, "mqtt", code, "%s: %s", what, why ? why : "no reason given");
	__atomic_store_n(&k->failed, status, __ATOMIC_RELEASE);
	k->events->wake(k->owner);
}

/* ---- Paho's callbacks ---- */

/* The broker has the last word (MQTT 5.0, section 3.2.2.3.2). */
static void check_expiry(const struct mqtt_connection *k, MQTTProperties *properties)
{
	/* An int in Paho, of which the upper half is negative. */
	unsigned granted =
		(unsigned)MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL);

	if (MQTTProperties_hasProperty(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL) &&
	    granted < k->session.expiry)
		outflow_log(
			k->host, OUTFLOW_LOG_WARN,
			"%s keeps our session for %u s only, not for %u s (session.expiry): what comes while we are "
			"away for longer is lost",
			k->endpoint->broker, granted, k->session.expiry);
}

static void up(struct mqtt_connection *k, int session_present, MQTTProperties *properties)
{
	if (properties != NULL)
		check_expiry(k, properties);
	k->up_at_ns = now_of(k);
	outflow_log(k->host, k->up_at_ns < k->quiet_until_ns ? OUTFLOW_LOG_DEBUG : OUTFLOW_LOG_INFO,
	            "connected to %s as %s", k->endpoint->broker, k->endpoint->client_id);
	__atomic_store_n(&k->ever_up, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&k->refused, 0, __ATOMIC_RELEASE);
	set_state(k, UP);
	k->events->up(k->owner, session_present, properties);
	k->events->wake(k->owner);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
	up(context, data->alt.connect.sessionPresent, NULL);
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
	up(context, data->alt.connect.sessionPresent, &data->properties);
}

static void on_connection_lost(void *context, char *cause)
{
	struct mqtt_connection *k = context;
	int64_t now = now_of(k);
	int is_short = now - k->up_at_ns < SHORT_NS, is_quiet = is_short && now < k->quiet_until_ns;

	if (is_short && !is_quiet)
		k->quiet_until_ns = now + LINE_EVERY_NS;
	outflow_log(k->host, is_quiet ? OUTFLOW_LOG_DEBUG : OUTFLOW_LOG_WARN,
	            "connection to %s lost, connecting again%s%s", k->endpoint->broker, cause ? ": " : "",
	            cause ? cause : "");
	set_state(k, DOWN);
	k->events->wake(k->owner);
}

/* What no later try will change unless somebody changes the configuration (MQTT 3.1.1, table 3.1; 5.0, section 3.2.2.2). */
static int is_refusal(const struct mqtt_connection *k, int code)
{
	if (k->endpoint->version != MQTTVERSION_5)
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

static void connect_failed(struct mqtt_connection *k, int code, const char *message)
{
	int refused = is_refusal(k, code);
	const char *why = message;
	char what[300];

	if (k->endpoint->version == MQTTVERSION_5 && code >= 0x80)
		why = MQTTReasonCode_toString((enum MQTTReasonCodes)code);
	else if (connack_text(code) != NULL)
		why = connack_text(code);
	snprintf(k->reason, sizeof k->reason, "%s", why ? why : "");
	k->is_answer = code > 0;
	__atomic_store_n(&k->refused, refused, __ATOMIC_RELEASE);
	if (refused && !__atomic_load_n(&k->ever_up, __ATOMIC_ACQUIRE)) {
		snprintf(what, sizeof what, "the broker %.200s refuses the connection", k->endpoint->broker);
		mqtt_connection_fail(k, OUTFLOW_E_CONFIG, code, what, why);
	} else {
		outflow_log(k->host, OUTFLOW_LOG_WARN, "cannot connect to %s, will be tried again: %s",
		            k->endpoint->broker, why ? why : "no answer");
	}
	set_state(k, DOWN);
	k->events->wake(k->owner);
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
	struct mqtt_connection *k = context;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	snprintf(k->tls_reason, sizeof k->tls_reason, "%.*s", (int)n, text);
	outflow_log(k->host, OUTFLOW_LOG_WARN, "TLS: %s", k->tls_reason);
	return 0;
}

static int no_message(void *owner, char *topic, int topic_length, MQTTAsync_message *m)
{
	(void)owner;
	(void)topic_length;
	MQTTAsync_freeMessage(&m);
	MQTTAsync_free(topic);
	return 1;
}

/* Paho has one context for the two callbacks; the messages are the owner's. */
static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *m)
{
	struct mqtt_connection *k = context;

	return (k->events->message ? k->events->message : no_message)(k->owner, topic, topic_length, m);
}

/* ---- one client ---- */

static outflow_status no_client(const struct mqtt_connection *k, int rc, outflow_error *err)
{
	const char *why = MQTTAsync_strerror(rc);

	return outflow_fail_native(err, OUTFLOW_E_CONFIG, "mqtt", rc, "no client for %s: %s", k->endpoint->broker,
	                           why ? why : "no reason given");
}

static outflow_status make_client(struct mqtt_connection *k, outflow_error *err)
{
	MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
	int rc;

	options.MQTTVersion = k->endpoint->version;
	rc = MQTTAsync_createWithOptions(&k->client, k->endpoint->broker, k->endpoint->client_id,
	                                 MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
	if (rc != MQTTASYNC_SUCCESS) {
		k->client = NULL;
		return no_client(k, rc, err);
	}
	rc = MQTTAsync_setCallbacks(k->client, k, on_connection_lost, on_message, NULL);
	return rc == MQTTASYNC_SUCCESS ? OUTFLOW_OK : no_client(k, rc, err);
}

static void fill_tls(struct mqtt_connection *k, MQTTAsync_SSLOptions *tls)
{
	const struct mqtt_endpoint *e = k->endpoint;

	tls->trustStore = e->tls_ca;
	tls->keyStore = e->tls_cert;
	tls->privateKey = e->tls_key;
	tls->privateKeyPassword = e->tls_key_password;
	tls->enableServerCertAuth = e->tls_verify;
	tls->verify = e->tls_verify;
	tls->disableDefaultTrustStore = e->tls_ca != NULL;
	tls->ssl_error_cb = on_tls_error;
	tls->ssl_error_context = k;
}

static int add_properties(const struct mqtt_session *session, MQTTProperties *properties)
{
	MQTTProperty expiry = { .identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		                .value.integer4 = session->expiry };
	MQTTProperty window = { .identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
		                .value.integer2 = (unsigned short)session->receive_maximum };

	if (MQTTProperties_add(properties, &expiry) != 0)
		return -1;
	return session->receive_maximum == 0 ? 0 : MQTTProperties_add(properties, &window);
}

static outflow_status begin_connect(struct mqtt_connection *k, outflow_error *err)
{
	MQTTAsync_connectOptions connect3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions connect5 = MQTTAsync_connectOptions_initializer5;
	int is5 = k->endpoint->version == MQTTVERSION_5, rc;
	MQTTAsync_connectOptions *o = is5 ? &connect5 : &connect3;
	MQTTProperties properties = MQTTProperties_initializer;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

	if (is5 && add_properties(&k->session, &properties) != 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	o->keepAliveInterval = k->endpoint->keepalive;
	o->connectTimeout = CONNECT_TIMEOUT_S;
	o->MQTTVersion = k->endpoint->version;
	o->cleansession = is5 ? 0 : k->session.clean;
	o->cleanstart = is5 ? k->session.clean : 0;
	if (k->session.max_inflight > 0)
		o->maxInflight = k->session.max_inflight;
	o->username = k->endpoint->username;
	o->password = k->endpoint->password;
	o->context = k;
	if (is5) {
		o->connectProperties = &properties;
		o->onSuccess5 = on_connected5;
		o->onFailure5 = on_connect_failure5;
	} else {
		o->onSuccess = on_connected;
		o->onFailure = on_connect_failure;
	}
	if (k->endpoint->tls) {
		fill_tls(k, &tls);
		o->ssl = &tls;
	}
	set_state(k, TRYING);
	rc = MQTTAsync_connect(k->client, o);
	MQTTProperties_free(&properties);
	return rc == MQTTASYNC_SUCCESS ? OUTFLOW_OK : no_client(k, rc, err);
}

static void destroy_client(struct mqtt_connection *k)
{
	if (k->client == NULL)
		return;
	MQTTAsync_destroy(&k->client);
	k->client = NULL;
	if (k->events->gone != NULL)
		k->events->gone(k->owner);
}

static outflow_status connect_now(struct mqtt_connection *k, outflow_error *err)
{
	outflow_status status = make_client(k, err);

	return status == OUTFLOW_OK ? begin_connect(k, err) : status;
}

/* ---- one after the other ---- */

static void plan_retry(struct mqtt_connection *k)
{
	k->retry_wait_ns = k->retry_wait_ns == 0 ? RETRY_FIRST_NS : 2 * k->retry_wait_ns;
	if (k->retry_wait_ns > RETRY_MOST_NS)
		k->retry_wait_ns = RETRY_MOST_NS;
	k->retry_at_ns = now_of(k) + k->retry_wait_ns;
}

static void watch_refusals(struct mqtt_connection *k)
{
	if (!__atomic_load_n(&k->refused, __ATOMIC_ACQUIRE))
		k->refused_since_ns = 0;
	else if (k->refused_since_ns == 0)
		k->refused_since_ns = now_of(k);
	else if (now_of(k) - k->refused_since_ns >= REFUSAL_GRACE_NS)
		mqtt_connection_fail(k, OUTFLOW_E_TASK, 0, "the broker refuses the connection",
		                     "for a minute now, although it let us in before");
}

outflow_status mqtt_connection_look_after(struct mqtt_connection *k, outflow_error *err)
{
	int state = state_of(k);
	int failed;

	if (state == DOWN) {
		destroy_client(k);
		watch_refusals(k);
		plan_retry(k);
		set_state(k, NONE);
	} else if (state == UP) {
		k->retry_wait_ns = 0;
		k->refused_since_ns = 0;
	} else if (state == NONE && now_of(k) >= k->retry_at_ns) {
		return connect_now(k, err);
	}
	failed = __atomic_load_n(&k->failed, __ATOMIC_ACQUIRE);
	if (failed < 0)
		*err = k->failure;
	return failed < 0 ? failed : OUTFLOW_OK;
}

int64_t mqtt_connection_next_ns(const struct mqtt_connection *k)
{
	return state_of(k) == NONE ? k->retry_at_ns : INT64_MAX;
}

void mqtt_connection_drop(struct mqtt_connection *k)
{
	destroy_client(k);
	plan_retry(k);
	set_state(k, NONE);
}

outflow_status mqtt_connection_start(struct mqtt_connection *k, int wait_ms, outflow_error *err)
{
	int64_t until = now_of(k) + wait_ms * MS_NS;
	outflow_status status = connect_now(k, err);

	while (status == OUTFLOW_OK && state_of(k) == TRYING && now_of(k) < until)
		pause_ms(1);
	return status == OUTFLOW_OK ? mqtt_connection_look_after(k, err) : status;
}

void mqtt_connection_stop(struct mqtt_connection *k, int64_t deadline_ns)
{
	MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
	MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
	int64_t left_ms = (deadline_ns - now_of(k)) / MS_NS;

	if (k->client == NULL)
		return;
	options.timeout = options5.timeout = left_ms < 100 ? 100 : left_ms > 1000 ? 1000 : (int)left_ms;
	if (MQTTAsync_disconnect(k->client, k->endpoint->version == MQTTVERSION_5 ? &options5 : &options) ==
	    MQTTASYNC_SUCCESS)
		while (MQTTAsync_isConnected(k->client) && now_of(k) < deadline_ns)
			pause_ms(5);
	destroy_client(k);
	set_state(k, NONE);
}
