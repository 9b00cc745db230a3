/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_message_test.c: what MQTT says about a message becomes headers and these become the same message again; nothing that a
 * broker would hang up for is published, and nothing that a broker sends writes beyond its room.
 */
#include "connectors/mqtt/mqtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1767225600000)

static struct mqtt_record made;
static MQTTAsync_message message;
static struct mqtt_publication published;
static outflow_error err = { .size = sizeof err };

static int setup(void **state)
{
	MQTTAsync_message empty = MQTTAsync_message_initializer;

	(void)state;
	message = empty;
	message.qos = 1;
	message.msgid = 7;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	MQTTProperties_free(&message.properties);
	mqtt_publication_clear(&published);
	return 0;
}

/* Paho's lists of properties live in its heap, which is there as long as a client is. */
static MQTTAsync client;

static int make_client(void **state)
{
	(void)state;
	return MQTTAsync_create(&client, "tcp://127.0.0.1:1883", "test", MQTTCLIENT_PERSISTENCE_NONE, NULL);
}

static int destroy_client(void **state)
{
	(void)state;
	MQTTAsync_destroy(&client);
	return 0;
}

/* ---- a received message ---- */

static void add_text(int identifier, const char *text, size_t n)
{
	MQTTProperty p = { .identifier = (enum MQTTPropertyCodes)identifier };

	p.value.data = (MQTTLenString){ (int)n, (char *)(uintptr_t)text };
	assert_int_equal(MQTTProperties_add(&message.properties, &p), 0);
}

static void add_user(const char *name, const char *value)
{
	MQTTProperty p = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };

	p.value.data = (MQTTLenString){ (int)strlen(name), (char *)(uintptr_t)name };
	p.value.value = (MQTTLenString){ (int)strlen(value), (char *)(uintptr_t)value };
	assert_int_equal(MQTTProperties_add(&message.properties, &p), 0);
}

static void add_number(int identifier, unsigned n)
{
	MQTTProperty p = { .identifier = (enum MQTTPropertyCodes)identifier };

	if (identifier == MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR)
		p.value.byte = (unsigned char)n;
	else
		p.value.integer4 = n;
	assert_int_equal(MQTTProperties_add(&message.properties, &p), 0);
}

static void expect_header(size_t i, const char *name, const char *value)
{
	const outflow_header *h = &made.headers[i];

	assert_true(i < made.record.n_headers);
	if (!outflow_equal(h->name, name))
		fail_msg("header %zu is '%.*s', not '%s'", i, (int)h->name.len, h->name.ptr, name);
	assert_int_equal(h->value.len, strlen(value));
	assert_memory_equal(h->value.ptr, value, h->value.len);
}

static void receive(void)
{
	memset(&made, 0xa5, sizeof made);
	mqtt_record_make(&made, "plant/p1", 8, &message, NOW);
}

static void a_plain_message(void **state)
{
	(void)state;
	message.payload = "a\0b";
	message.payloadlen = 3;
	receive();
	assert_true(outflow_equal(made.record.topic, "plant/p1"));
	assert_int_equal(made.record.value.len, 3);
	assert_memory_equal(made.record.value.ptr, "a\0b", 3);
	assert_int_equal(made.record.timestamp_ms, NOW);
	assert_int_equal(made.record.partition, -1);
	assert_null(made.record.key.ptr);
	assert_int_equal(made.record.n_headers, 2);
	expect_header(0, "outflow.mqtt.qos", "1");
	expect_header(1, "outflow.mqtt.packet.id", "7");
	assert_int_equal(made.dropped_headers, 0);
}

/* An empty payload is a value of no bytes, which differs from no value. */
static void an_empty_payload_is_not_null(void **state)
{
	(void)state;
	receive();
	assert_non_null(made.record.value.ptr);
	assert_int_equal(made.record.value.len, 0);
}

static void flags_and_properties_are_headers(void **state)
{
	(void)state;
	message.retained = message.dup = 1;
	message.msgid = 65535;
	add_user("first", "1");
	add_text(MQTTPROPERTY_CODE_CONTENT_TYPE, "text/plain", 10);
	add_text(MQTTPROPERTY_CODE_RESPONSE_TOPIC, "answer/1", 8);
	add_text(MQTTPROPERTY_CODE_CORRELATION_DATA, "1234", 4);
	add_number(MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, 1);
	add_number(MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, UINT32_MAX);
	/* Of the subscription, not of the message. */
	add_number(MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER, 3);
	add_user("outflow.mqtt.qos", "2");
	add_user("first", "again");
	receive();
	assert_int_equal(made.record.n_headers, 12);
	expect_header(1, "outflow.mqtt.packet.id", "65535");
	expect_header(2, "outflow.mqtt.retain", "true");
	expect_header(3, "outflow.mqtt.dup", "true");
	expect_header(4, "outflow.mqtt.content.type", "text/plain");
	expect_header(5, "outflow.mqtt.response.topic", "answer/1");
	expect_header(6, "outflow.mqtt.correlation.data", "1234");
	expect_header(7, "outflow.mqtt.payload.format", "1");
	expect_header(8, "outflow.mqtt.message.expiry", "4294967295");
	expect_header(9, "first", "1");
	expect_header(10, "user.outflow.mqtt.qos", "2");
	expect_header(11, "first", "again");
}

static void more_properties_than_fit_are_counted(void **state)
{
	char name[600] = "outflow.mqtt.";

	(void)state;
	for (unsigned i = 0; i < MQTT_HEADERS_MAX + 10; i++)
		add_user("name", "value");
	receive();
	assert_int_equal(made.record.n_headers, MQTT_HEADERS_MAX);
	assert_int_equal(made.dropped_headers, 12);
	/* Renamed ones have room of their own, and less of it. */
	teardown(NULL);
	setup(NULL);
	memset(name + strlen(name), 'x', sizeof name - strlen(name) - 1);
	for (unsigned i = 0; i < 10; i++)
		add_user(name, "value");
	add_user("plain", "value");
	receive();
	assert_true(made.dropped_headers > 0);
	assert_int_equal(made.record.n_headers + made.dropped_headers, 2 + 10 + 1);
	expect_header(made.record.n_headers - 1, "plain", "value");
	assert_int_equal(made.headers[2].name.len, strlen("user.") + strlen(name));
}

/* No broker may repeat these, but the client library lets one. */
static void numbers_do_not_outgrow_their_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++)
		add_number(MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, UINT32_MAX);
	receive();
	assert_int_equal(made.record.n_headers + made.dropped_headers, 2 + 200);
	assert_true(made.dropped_headers > 150);
	for (uint32_t i = 2; i < made.record.n_headers; i++)
		expect_header(i, "outflow.mqtt.message.expiry", "4294967295");
	assert_int_equal(made.names[0], (char)0xa5); /* behind the numbers' room */
}

/* ---- a message to be published ---- */

static outflow_header headers[8];
static outflow_record record;

static void prepare(const char *topic, const char *value)
{
	record = (outflow_record){ .topic = outflow_text(topic),
		                   .value = outflow_text_bytes(outflow_text(value)),
		                   .headers = headers };
}

static void header(const char *name, const char *value)
{
	headers[record.n_headers++] = (outflow_header){ outflow_text(name), outflow_text_bytes(outflow_text(value)) };
}

static outflow_status publish(int with_properties)
{
	mqtt_publication_clear(&published);
	return mqtt_publication_make(&published, &record, with_properties, &err);
}

static void there_and_back(void **state)
{
	const MQTTProperties *p = &published.message.properties;

	(void)state;
	prepare("plant/p1", "value");
	header("outflow.mqtt.content.type", "text/plain");
	header("outflow.mqtt.response.topic", "answer/1");
	header("outflow.mqtt.correlation.data", "\xff\x01");
	header("outflow.mqtt.payload.format", "1");
	header("outflow.mqtt.message.expiry", "4294967295");
	header("user", "property");
	header("outflow.mqtt.qos", "1");
	header("outflow.mqtt.packet.id", "7");
	assert_int_equal(publish(1), OUTFLOW_OK);
	assert_string_equal(published.topic, "plant/p1");
	assert_ptr_equal(published.message.payload, record.value.ptr);
	assert_int_equal(published.message.payloadlen, 5);
	assert_int_equal(p->count, 6);
	assert_int_equal(published.left_out, 0);
	/* What the broker makes of it comes back as the same headers. */
	message.payload = published.message.payload;
	message.payloadlen = published.message.payloadlen;
	for (int i = 0; i < p->count; i++)
		assert_int_equal(MQTTProperties_add(&message.properties, &p->array[i]), 0);
	receive();
	assert_int_equal(made.record.n_headers, 8);
	for (uint32_t i = 0; i < 6; i++) {
		char name[100], value[100];

		snprintf(name, sizeof name, "%s", headers[i].name.ptr);
		snprintf(value, sizeof value, "%s", (const char *)headers[i].value.ptr);
		expect_header(i + 2, name, value);
	}
}

static void without_properties_headers_are_left_out(void **state)
{
	(void)state;
	prepare("t", "v");
	header("a", "b");
	header("c", "d");
	assert_int_equal(publish(0), OUTFLOW_OK);
	assert_int_equal(published.message.properties.count, 0);
	assert_int_equal(published.left_out, 2);
}

static void what_a_broker_hangs_up_for_is_left_out(void **state)
{
	static const char *const bad[][2] = {
		{ "outflow.mqtt.payload.format", "2" },
		{ "outflow.mqtt.payload.format", "" },
		{ "outflow.mqtt.payload.format", "x" },
		{ "outflow.mqtt.message.expiry", "4294967296" },
		{ "outflow.mqtt.message.expiry", "-1" },
		{ "outflow.mqtt.message.expiry", "99999999999999999999999" },
		{ "outflow.mqtt.response.topic", "answer/+" },
		{ "outflow.mqtt.response.topic", "#" },
		{ "outflow.mqtt.response.topic", "" },
		{ "outflow.mqtt.content.type", "\xff" },
		{ "name", "\xc3(" },
		{ "\xff", "value" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		prepare("t", "v");
		header(bad[i][0], bad[i][1]);
		header("good", "one");
		assert_int_equal(publish(1), OUTFLOW_OK);
		if (published.left_out != 1 || published.message.properties.count != 1)
			fail_msg("%s = %s: left out %u, published %d", bad[i][0], bad[i][1], published.left_out,
			         published.message.properties.count);
	}
	/* MQTT 5.0, section 3.3.2.3: a protocol error when it is there more than once. */
	prepare("t", "v");
	header("outflow.mqtt.content.type", "a");
	header("outflow.mqtt.content.type", "b");
	header("same", "a");
	header("same", "b");
	assert_int_equal(publish(1), OUTFLOW_OK);
	assert_int_equal(published.left_out, 1);
	assert_int_equal(published.message.properties.count, 3);
}

static void null_is_empty(void **state)
{
	(void)state;
	prepare("t", NULL);
	header("h", NULL);
	header("outflow.mqtt.content.type", NULL);
	header("outflow.mqtt.correlation.data", NULL);
	assert_int_equal(publish(1), OUTFLOW_OK);
	assert_int_equal(published.message.payloadlen, 0);
	assert_int_equal(published.message.properties.count, 3);
	assert_int_equal(published.message.properties.array[0].value.value.len, 0);
}

static void a_header_longer_than_mqtt_tells(void **state)
{
	char *text = malloc(65537);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 65536);
	text[65536] = '\0';
	prepare("t", "v");
	header("h", text);
	header("outflow.mqtt.correlation.data", text);
	assert_int_equal(publish(1), OUTFLOW_OK);
	assert_int_equal(published.left_out, 2);
	text[65535] = '\0';
	prepare("t", "v");
	header("h", text);
	header("outflow.mqtt.correlation.data", text);
	assert_int_equal(publish(1), OUTFLOW_OK);
	assert_int_equal(published.left_out, 0);
	free(text);
}

static void expect_no_topic(outflow_str topic)
{
	prepare("t", "v");
	record.topic = topic;
	assert_int_equal(publish(1), OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "is not the name of a topic"));
}

static void a_topic_to_publish_to(void **state)
{
	char *text = calloc(1, 65536 + 1);

	(void)state;
	assert_non_null(text);
	expect_no_topic((outflow_str){ NULL, 0 });
	expect_no_topic(outflow_text(""));
	expect_no_topic(outflow_text("a/+"));
	expect_no_topic(outflow_text("#"));
	expect_no_topic(outflow_text("a\xff"));
	expect_no_topic((outflow_str){ "a\0b", 3 });
	memset(text, 't', 65536);
	expect_no_topic((outflow_str){ text, 65536 });
	prepare("t", "v");
	record.topic = (outflow_str){ text, 65535 };
	assert_int_equal(publish(1), OUTFLOW_OK);
	assert_int_equal(strlen(published.topic), 65535);
	free(text);
}

/* MQTT 5.0, section 2.1.4: what follows the fixed header has 268,435,455 bytes at most; the bytes are never looked at here. */
static void a_message_longer_than_mqtt_tells(void **state)
{
	(void)state;
	prepare("topic", "v");
	record.value.len = 268435455 - 8 - 5;
	assert_int_equal(publish(0), OUTFLOW_OK);
	record.value.len++;
	assert_int_equal(publish(0), OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "longer than MQTT can carry"));
	record.value.len = 268435455 - 8 - 5;
	header("h", "v");
	assert_int_equal(publish(1), OUTFLOW_E_RECORD);
	record.value.len = SIZE_MAX / 2;
	assert_int_equal(publish(1), OUTFLOW_E_RECORD);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_message),
		TEST(an_empty_payload_is_not_null),
		TEST(flags_and_properties_are_headers),
		TEST(more_properties_than_fit_are_counted),
		TEST(numbers_do_not_outgrow_their_room),
		TEST(there_and_back),
		TEST(without_properties_headers_are_left_out),
		TEST(what_a_broker_hangs_up_for_is_left_out),
		TEST(null_is_empty),
		TEST(a_header_longer_than_mqtt_tells),
		TEST(a_topic_to_publish_to),
		TEST(a_message_longer_than_mqtt_tells),
	};

	return cmocka_run_group_tests(tests, make_client, destroy_client);
}
