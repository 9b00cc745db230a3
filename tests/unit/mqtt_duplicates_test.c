/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_duplicates_test.c: a message is left out only when the broker says that it comes again and all of it is known. */
#include "connectors/mqtt/mqtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define REMEMBERED 4u

static struct mqtt_duplicates *d;

static int setup(void **state)
{
	(void)state;
	d = mqtt_duplicates_new(REMEMBERED);
	return d == NULL;
}

static int teardown(void **state)
{
	(void)state;
	mqtt_duplicates_free(&d);
	return d != NULL;
}

static MQTTAsync_message message(int packet, const char *payload, int dup)
{
	MQTTAsync_message m = MQTTAsync_message_initializer;

	m.qos = 1;
	m.msgid = packet;
	m.dup = dup;
	m.payload = (void *)(uintptr_t)payload;
	m.payloadlen = (int)strlen(payload);
	return m;
}

static void take(int packet, const char *topic, const char *payload)
{
	MQTTAsync_message m = message(packet, payload, 0);

	mqtt_duplicates_note(d, &m, topic, strlen(topic));
}

static int is_known(int packet, const char *topic, const char *payload)
{
	MQTTAsync_message m = message(packet, payload, 1);

	return mqtt_duplicates_know(d, &m, topic, strlen(topic));
}

static void all_of_it_has_to_be_the_same(void **state)
{
	MQTTAsync_message m = message(1, "payload", 0);

	(void)state;
	assert_false(is_known(1, "topic", "payload"));
	take(1, "topic", "payload");
	assert_true(is_known(1, "topic", "payload"));
	assert_false(is_known(2, "topic", "payload"));
	assert_false(is_known(1, "topi", "payload"));
	assert_false(is_known(1, "topic", "payloae"));
	assert_false(is_known(1, "topicp", "ayload"));
	assert_false(is_known(1, "topic", ""));
	/* Without DUP it is another message that happens to be alike. */
	assert_false(mqtt_duplicates_know(d, &m, "topic", 5));
}

static void qos_0_has_no_identifier(void **state)
{
	MQTTAsync_message m = message(0, "payload", 1);

	(void)state;
	m.qos = 0;
	mqtt_duplicates_note(d, &m, "topic", 5);
	assert_false(mqtt_duplicates_know(d, &m, "topic", 5));
	m.qos = 1;
	assert_false(mqtt_duplicates_know(d, &m, "topic", 5));
}

static void the_oldest_is_forgotten_first(void **state)
{
	(void)state;
	for (int i = 1; i <= (int)REMEMBERED + 1; i++)
		take(i, "topic", "payload");
	assert_false(is_known(1, "topic", "payload"));
	for (int i = 2; i <= (int)REMEMBERED + 1; i++)
		assert_true(is_known(i, "topic", "payload"));
}

static void an_empty_payload_is_one_too(void **state)
{
	(void)state;
	take(7, "topic", "");
	assert_true(is_known(7, "topic", ""));
	assert_false(is_known(7, "", "topic"));
}

static void another_session_knows_nothing(void **state)
{
	(void)state;
	take(1, "topic", "payload");
	mqtt_duplicates_forget(d);
	assert_false(is_known(1, "topic", "payload"));
	take(1, "topic", "payload");
	assert_true(is_known(1, "topic", "payload"));
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_has_to_be_the_same),  TEST(qos_0_has_no_identifier),
		TEST(the_oldest_is_forgotten_first), TEST(an_empty_payload_is_one_too),
		TEST(another_session_knows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
