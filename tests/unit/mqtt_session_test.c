/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_session_test.c: one connection after the other, what is subscribed to on each, and how a task that is not wanted any
 * more ends its session: on a client library of the test's own, which says what the test wants.
 */
#include "connectors/mqtt/mqtt.h"
#include "sdk/testing/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST_MS 30000

/* ---- the client library ---- */

static struct {
	MQTTAsync_connectOptions connect;
	unsigned connects, destroyed, subscribes, unsubscribes;
	MQTTAsync_responseOptions subscribe;
	char topics[400], stale[400];
	int subscribe_rc;
	int has_expiry;
	unsigned granted_expiry;
} paho;
static int a_client;
static void *connection_context;
static MQTTAsync_connectionLost *connection_lost;

int MQTTAsync_createWithOptions(MQTTAsync *handle, const char *uri, const char *id, int persistence, void *context,
                                MQTTAsync_createOptions *options)
{
	(void)uri;
	(void)id;
	(void)persistence;
	(void)context;
	(void)options;
	*handle = &a_client;
	return MQTTASYNC_SUCCESS;
}

int MQTTAsync_setCallbacks(MQTTAsync handle, void *context, MQTTAsync_connectionLost *lost,
                           MQTTAsync_messageArrived *arrived, MQTTAsync_deliveryComplete *complete)
{
	(void)handle;
	(void)arrived;
	(void)complete;
	connection_context = context;
	connection_lost = lost;
	return MQTTASYNC_SUCCESS;
}

int MQTTAsync_connect(MQTTAsync handle, const MQTTAsync_connectOptions *options)
{
	(void)handle;
	paho.connect = *options;
	paho.connects++;
	return MQTTASYNC_SUCCESS;
}

int MQTTAsync_disconnect(MQTTAsync handle, const MQTTAsync_disconnectOptions *options)
{
	(void)handle;
	(void)options;
	return MQTTASYNC_DISCONNECTED;
}

int MQTTAsync_isConnected(MQTTAsync handle)
{
	(void)handle;
	return 0;
}

void MQTTAsync_destroy(MQTTAsync *handle)
{
	*handle = NULL;
	paho.destroyed++;
}

static void join(char *to, size_t size, int n, char *const *topics)
{
	*to = '\0';
	for (int i = 0; i < n; i++)
		snprintf(to + strlen(to), size - strlen(to), "%s%s", i ? " " : "", topics[i]);
}

int MQTTAsync_subscribeMany(MQTTAsync handle, int n, char *const *topics, const int *qos,
                            MQTTAsync_responseOptions *response)
{
	(void)handle;
	(void)qos;
	paho.subscribes++;
	paho.subscribe = *response;
	join(paho.topics, sizeof paho.topics, n, topics);
	return paho.subscribe_rc;
}

int MQTTAsync_unsubscribeMany(MQTTAsync handle, int n, char *const *topics, MQTTAsync_responseOptions *response)
{
	(void)handle;
	(void)response;
	paho.unsubscribes++;
	join(paho.stale, sizeof paho.stale, n, topics);
	return MQTTASYNC_SUCCESS;
}

const char *MQTTAsync_strerror(int code)
{
	(void)code;
	return "an error";
}

const char *MQTTReasonCode_toString(enum MQTTReasonCodes code)
{
	(void)code;
	return "a reason";
}

void MQTTAsync_freeMessage(MQTTAsync_message **m)
{
	*m = NULL;
}

void MQTTAsync_free(void *memory)
{
	(void)memory;
}

int MQTTProperties_add(MQTTProperties *properties, const MQTTProperty *property)
{
	(void)properties;
	(void)property;
	return 0;
}

void MQTTProperties_free(MQTTProperties *properties)
{
	(void)properties;
}

int MQTTProperties_getNumericValue(MQTTProperties *properties, enum MQTTPropertyCodes code)
{
	(void)properties;
	return code == MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL ? (int)paho.granted_expiry : -1;
}

int MQTTProperties_hasProperty(MQTTProperties *properties, enum MQTTPropertyCodes code)
{
	(void)properties;
	return code == MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL && paho.has_expiry;
}

/* ---- what the host keeps ---- */

static char stored[2][400]; /* topics, session */
static unsigned puts_left;

static char *place_of(outflow_str key)
{
	return stored[outflow_equal(key, "session")];
}

static outflow_status state_get(const outflow_host *h, outflow_str key, outflow_bytes *value)
{
	(void)h;
	if (place_of(key)[0] == '\0')
		return OUTFLOW_AGAIN;
	*value = outflow_text_bytes(outflow_text(place_of(key)));
	return OUTFLOW_OK;
}

static outflow_status state_put(const outflow_host *h, outflow_str key, outflow_bytes value, outflow_error *err)
{
	(void)h;
	if (puts_left == 0)
		return outflow_fail(err, OUTFLOW_E_RETRY, "the disk is full");
	puts_left--;
	snprintf(place_of(key), sizeof stored[0], "%.*s", (int)value.len, (const char *)value.ptr);
	return OUTFLOW_OK;
}

static const outflow_state_api state_api = { .size = sizeof state_api, .get = state_get, .put = state_put };

/* ---- the instance ---- */

static char first_topic[] = "a/#", second_topic[] = "b/+";
static char *topics[] = { first_topic, second_topic };
static outflow_harness *t;
static struct mqtt_options options;
static struct mqtt_connection connection;
static struct mqtt_subscription subscription;
static struct mqtt_retirement retirement;
static unsigned wakes;
static outflow_error err;

static void on_up(void *owner, int session_present, MQTTProperties *properties)
{
	(void)owner;
	(void)properties;
	if (options.retired)
		mqtt_retirement_up(&retirement, &subscription, session_present);
	else
		mqtt_subscription_begin(&subscription, session_present);
}

static void on_wake(void *owner)
{
	(void)owner;
	wakes++;
}

static const struct mqtt_events events = { .up = on_up, .wake = on_wake };

static void make(void)
{
	const outflow_host *h = outflow_harness_host(t);

	connection = (struct mqtt_connection){
		.host = h, .endpoint = &options.endpoint, .events = &events, .session = { .expiry = 100 }
	};
	subscription = (struct mqtt_subscription){
		.host = h, .state = &state_api, .options = &options, .connection = &connection
	};
	retirement = (struct mqtt_retirement){ 0 };
	assert_int_equal(mqtt_subscription_open(&subscription, &err), OUTFLOW_OK);
	assert_int_equal(mqtt_connection_start(&connection, 0, &err), OUTFLOW_OK);
}

static int setup(void **state)
{
	static char broker[] = "tcp://broker:1883", id[] = "outflow-p-0";

	(void)state;
	memset(&paho, 0, sizeof paho);
	memset(stored, 0, sizeof stored);
	puts_left = 1000;
	wakes = 0;
	err = (outflow_error){ .size = sizeof err };
	options = (struct mqtt_options){
		.endpoint = { .broker = broker, .client_id = id, .version = MQTTVERSION_5, .keepalive = 60 },
		.topics = topics,
		.n_topics = 2,
		.qos = 1
	};
	t = outflow_harness_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mqtt_subscription_clear(&subscription);
	outflow_harness_free(&t);
	return 0;
}

/* ---- what the broker does ---- */

static void broker_accepts(int session_present)
{
	MQTTAsync_successData5 data = { .alt.connect.sessionPresent = session_present };

	paho.connect.onSuccess5(paho.connect.context, &data);
}

static void broker_refuses(int reason)
{
	MQTTAsync_failureData5 data = { .reasonCode = (enum MQTTReasonCodes)reason };

	paho.connect.onFailure5(paho.connect.context, &data);
}

static void broker_grants(int first, int second)
{
	enum MQTTReasonCodes codes[] = { (enum MQTTReasonCodes)first, (enum MQTTReasonCodes)second };
	MQTTAsync_successData5 data = { .alt.sub = { .reasonCodeCount = 2, .reasonCodes = codes } };

	paho.subscribe.onSuccess5(paho.subscribe.context, &data);
}

static outflow_status look_after(void)
{
	outflow_status status = mqtt_connection_look_after(&connection, &err);

	return status == OUTFLOW_OK ? mqtt_subscription_settle(&subscription, &err) : status;
}

static unsigned lines_with(const char *text)
{
	unsigned n = 0;
	const char *line;

	for (size_t i = 0; (line = outflow_harness_log(t, i)) != NULL; i++)
		n += strstr(line, text) != NULL;
	return n;
}

/* ---- connections ---- */

static void a_lost_connection_is_made_again(void **state)
{
	static const int waits_ms[] = { 250, 500, 1000, 2000, 4000, 8000, 16000, MOST_MS, MOST_MS };

	(void)state;
	make();
	assert_false(mqtt_connection_is_up(&connection));
	broker_accepts(0);
	assert_true(mqtt_connection_is_up(&connection));
	assert_int_equal(look_after(), OUTFLOW_OK);
	assert_true(mqtt_connection_next_ns(&connection) == INT64_MAX);
	connection_lost(connection_context, NULL);
	for (unsigned i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
		assert_int_equal(look_after(), OUTFLOW_OK);
		assert_int_equal(paho.destroyed, i + 1);
		outflow_harness_advance(t, waits_ms[i] - 1);
		assert_int_equal(look_after(), OUTFLOW_OK);
		assert_int_equal(paho.connects, i + 1);
		outflow_harness_advance(t, 1);
		assert_int_equal(look_after(), OUTFLOW_OK);
		assert_int_equal(paho.connects, i + 2);
		broker_refuses(MQTTREASONCODE_SERVER_BUSY);
	}
	/* One that is made begins anew. */
	look_after();
	outflow_harness_advance(t, MOST_MS);
	look_after();
	broker_accepts(1);
	look_after();
	connection_lost(connection_context, NULL);
	look_after();
	assert_int_equal(mqtt_connection_next_ns(&connection),
	                 outflow_harness_host(t)->time->mono_ns(outflow_harness_host(t)) + 250000000);
}

static void a_refusal_at_first_is_final(void **state)
{
	(void)state;
	make();
	broker_refuses(MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD);
	look_after();
	assert_int_equal(look_after(), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "the broker tcp://broker:1883 refuses the connection: a reason"));
}

static void a_refusal_later_has_a_minute(void **state)
{
	(void)state;
	make();
	broker_accepts(0);
	look_after();
	connection_lost(connection_context, NULL);
	for (int s = 0; s < 59; s++) {
		assert_int_equal(look_after(), OUTFLOW_OK);
		if (paho.connects > paho.destroyed)
			broker_refuses(MQTTREASONCODE_NOT_AUTHORIZED);
		outflow_harness_advance(t, 1000);
	}
	for (int s = 0; s < 40 && look_after() == OUTFLOW_OK; s++) {
		if (paho.connects > paho.destroyed)
			broker_refuses(MQTTREASONCODE_NOT_AUTHORIZED);
		outflow_harness_advance(t, 1000);
	}
	assert_int_equal(look_after(), OUTFLOW_E_TASK);
}

static void connections_that_break_at_once_are_told_now_and_then(void **state)
{
	(void)state;
	make();
	for (unsigned i = 0; i < 20; i++) {
		broker_accepts(1);
		look_after();
		connection_lost(connection_context, NULL);
		look_after();
		outflow_harness_advance(t, 250);
		look_after();
	}
	assert_int_equal(paho.connects, 21);
	assert_int_equal(lines_with("warn: connection to tcp://broker:1883 lost"), 1);
	assert_int_equal(lines_with("info: connected to"), 1);
	/* One that held is told of. */
	broker_accepts(1);
	look_after();
	outflow_harness_advance(t, 5000);
	connection_lost(connection_context, NULL);
	assert_int_equal(lines_with("warn: connection to tcp://broker:1883 lost"), 2);
}

static void a_session_that_is_kept_too_short(void **state)
{
	(void)state;
	paho.has_expiry = 1;
	paho.granted_expiry = 99;
	make();
	broker_accepts(0);
	assert_int_equal(lines_with("warn: tcp://broker:1883 keeps our session for 99 s only, not for 100 s"), 1);
	paho.granted_expiry = 100;
	broker_accepts(0);
	paho.granted_expiry = UINT32_MAX;
	broker_accepts(0);
	paho.has_expiry = paho.granted_expiry = 0;
	broker_accepts(0);
	assert_int_equal(lines_with("keeps our session"), 1);
}

/* ---- subscriptions ---- */

static void topics_are_noted_before_and_the_session_after(void **state)
{
	(void)state;
	make();
	assert_string_equal(stored[0], "a/#\nb/+\n");
	broker_accepts(0);
	assert_string_equal(paho.topics, "a/# b/+");
	look_after();
	assert_string_equal(stored[1], "");
	broker_grants(1, 1);
	assert_int_equal(look_after(), OUTFLOW_OK);
	assert_string_equal(stored[1], "outflow-p-0");
	assert_int_equal(paho.unsubscribes, 0);
	assert_int_equal(outflow_harness_metric(t, "mqtt_sessions_lost"), 0);
}

static void a_lost_session_is_a_gap(void **state)
{
	(void)state;
	strcpy(stored[1], "outflow-p-0");
	make();
	broker_accepts(0);
	assert_int_equal(outflow_harness_metric(t, "mqtt_sessions_lost"), 1);
	assert_int_equal(lines_with("error: the broker has forgotten the session of outflow-p-0"), 1);
	assert_int_equal(paho.subscribes, 1);
	broker_grants(1, 1);
	broker_accepts(1);
	assert_int_equal(outflow_harness_metric(t, "mqtt_sessions_lost"), 1);
	assert_int_equal(paho.subscribes, 2); /* with every connection */
}

static void no_session_is_missed_that_was_not_there(void **state)
{
	(void)state;
	strcpy(stored[1], "another-name");
	make();
	broker_accepts(0);
	mqtt_subscription_clear(&subscription);
	strcpy(stored[1], "outflow-p-0");
	options.clean_start = 1;
	make();
	broker_accepts(0);
	assert_int_equal(lines_with("has forgotten the session"), 0);
}

static void what_was_removed_is_unsubscribed(void **state)
{
	(void)state;
	strcpy(stored[0], "old/1\na/#\nold/2\n");
	make();
	/* Both, until the broker has been told. */
	assert_string_equal(stored[0], "a/#\nb/+\nold/1\nold/2\n");
	broker_accepts(1);
	assert_string_equal(paho.stale, "old/1 old/2");
	look_after();
	assert_string_equal(stored[0], "a/#\nb/+\nold/1\nold/2\n");
	broker_grants(1, 1);
	assert_int_equal(look_after(), OUTFLOW_OK);
	assert_string_equal(stored[0], "a/#\nb/+\n");
}

static void a_disk_that_fails_is_an_error(void **state)
{
	(void)state;
	puts_left = 1;
	make();
	broker_accepts(0);
	broker_grants(1, 1);
	assert_int_equal(look_after(), OUTFLOW_E_RETRY);
	assert_string_equal(err.msg, "the disk is full");
}

static void a_refused_subscription_names_its_topic(void **state)
{
	(void)state;
	make();
	broker_accepts(0);
	broker_grants(1, MQTTREASONCODE_NOT_AUTHORIZED);
	assert_int_equal(look_after(), OUTFLOW_E_CONFIG);
	assert_string_equal(err.msg, "the broker refuses the subscription to 'b/+': a reason");
	assert_true(wakes > 0);
}

static void a_subscription_that_was_granted_before_may_be_refused(void **state)
{
	(void)state;
	make();
	broker_accepts(0);
	broker_grants(1, 1);
	broker_accepts(1);
	broker_grants(MQTTREASONCODE_NOT_AUTHORIZED, 1);
	assert_int_equal(look_after(), OUTFLOW_E_TASK);
}

static void less_than_the_wanted_qos_is_no_promise(void **state)
{
	(void)state;
	make();
	broker_accepts(0);
	broker_grants(1, 0);
	assert_int_equal(look_after(), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "the broker grants QoS 0 only to 'b/+': messages of QoS 0 may be lost"));
	mqtt_subscription_clear(&subscription);
	options.qos = 0;
	make();
	broker_accepts(0);
	broker_grants(0, 0);
	assert_int_equal(look_after(), OUTFLOW_OK);
}

static void a_broker_that_does_not_answer_is_left(void **state)
{
	(void)state;
	make();
	broker_accepts(0);
	outflow_harness_advance(t, 29999);
	look_after();
	assert_int_equal(paho.destroyed, 0);
	outflow_harness_advance(t, 1);
	look_after();
	assert_int_equal(paho.destroyed, 1);
	assert_int_equal(lines_with("does not answer to our subscribing"), 1);
	outflow_harness_advance(t, 250);
	look_after();
	assert_int_equal(paho.connects, 2);
	broker_accepts(0);
	broker_grants(1, 1);
	outflow_harness_advance(t, 100000);
	look_after();
	assert_int_equal(paho.destroyed, 1);
	/* What cannot even be sent needs no wait. */
	paho.subscribe_rc = MQTTASYNC_FAILURE;
	broker_accepts(1);
	look_after();
	assert_int_equal(paho.destroyed, 2);
}

/* ---- retirement ---- */

static outflow_status step(void)
{
	outflow_status status = mqtt_connection_look_after(&connection, &err);

	return status == OUTFLOW_OK ? mqtt_retirement_step(&retirement, &subscription, &err) : status;
}

static void retire(int session_present)
{
	strcpy(stored[0], "$share/p/a/#\n");
	strcpy(stored[1], "outflow-p-0");
	options.n_topics = 0;
	options.retired = 1;
	make();
	broker_accepts(session_present);
}

static void expect_the_end(void)
{
	assert_int_equal(step(), OUTFLOW_OK);
	assert_int_equal(paho.destroyed, 1);
	outflow_harness_advance(t, 250);
	assert_int_equal(step(), OUTFLOW_OK);
	assert_int_equal(paho.connects, 2);
	/* A clean start and no expiry: this session ends with the connection. */
	assert_int_equal(paho.connect.cleanstart, 1);
	assert_int_equal(connection.session.expiry, 0);
	assert_string_equal(stored[1], "outflow-p-0");
	broker_accepts(0);
	assert_int_equal(step(), 1);
	assert_string_equal(stored[0], "");
	assert_string_equal(stored[1], "");
	assert_int_equal(lines_with("retired: the session of outflow-p-0 at the broker has ended"), 1);
	assert_int_equal(step(), 1);
}

static void a_retired_task_takes_what_is_left_and_goes(void **state)
{
	(void)state;
	retire(1);
	assert_string_equal(paho.stale, "$share/p/a/#");
	assert_int_equal(paho.subscribes, 0);
	for (int i = 0; i < 5; i++) {
		outflow_harness_advance(t, 2999);
		assert_int_equal(step(), OUTFLOW_OK);
		mqtt_retirement_message(&retirement, outflow_harness_host(t));
	}
	assert_int_equal(paho.destroyed, 0);
	outflow_harness_advance(t, 3000);
	expect_the_end();
	assert_int_equal(lines_with("has forgotten the session"), 0);
}

static void quiet_without_a_connection_is_no_end(void **state)
{
	(void)state;
	retire(1);
	connection_lost(connection_context, NULL);
	outflow_harness_advance(t, 60000);
	assert_int_equal(step(), OUTFLOW_OK);
	outflow_harness_advance(t, 250);
	assert_int_equal(step(), OUTFLOW_OK);
	assert_int_equal(paho.connect.cleanstart, 0);
	broker_accepts(1);
	assert_int_equal(step(), OUTFLOW_OK);
	assert_int_equal(paho.connects, 2);
}

static void a_retired_session_that_is_gone_is_a_gap_too(void **state)
{
	(void)state;
	retire(0);
	assert_int_equal(lines_with("has forgotten the session of outflow-p-0"), 1);
	/* The session that this connection has made is ended as well. */
	outflow_harness_advance(t, 3000);
	expect_the_end();
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_connection_is_made_again),
		TEST(a_refusal_at_first_is_final),
		TEST(a_refusal_later_has_a_minute),
		TEST(connections_that_break_at_once_are_told_now_and_then),
		TEST(a_session_that_is_kept_too_short),
		TEST(topics_are_noted_before_and_the_session_after),
		TEST(a_lost_session_is_a_gap),
		TEST(no_session_is_missed_that_was_not_there),
		TEST(what_was_removed_is_unsubscribed),
		TEST(a_disk_that_fails_is_an_error),
		TEST(a_refused_subscription_names_its_topic),
		TEST(a_subscription_that_was_granted_before_may_be_refused),
		TEST(less_than_the_wanted_qos_is_no_promise),
		TEST(a_broker_that_does_not_answer_is_left),
		TEST(a_retired_task_takes_what_is_left_and_goes),
		TEST(quiet_without_a_connection_is_no_end),
		TEST(a_retired_session_that_is_gone_is_a_gap_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
