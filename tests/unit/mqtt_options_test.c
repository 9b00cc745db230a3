/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_options_test.c: which topic filters there are, what a configuration may say, and what each task makes of it. */
#include "connectors/mqtt/mqtt.h"
#include "sdk/testing/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const outflow_component source = {
	.size = sizeof source, .kind = OUTFLOW_SOURCE, .name = "source", .config = &mqtt_source_schema
};
static outflow_harness *t;
static struct mqtt_options options;
static outflow_error err = { .size = sizeof err };

static int setup(void **state)
{
	(void)state;
	t = outflow_harness_new();
	outflow_harness_set(t, "broker", "tcp://broker:1883");
	outflow_harness_set(t, "topics", "a/#, b/+");
	outflow_harness_place(t, "p", 0, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mqtt_options_clear(&options);
	outflow_harness_free(&t);
	return 0;
}

static void read_all(void)
{
	assert_int_equal(outflow_harness_check(t, &source), OUTFLOW_OK);
	mqtt_options_clear(&options);
	assert_int_equal(mqtt_options_read(outflow_harness_host(t), outflow_harness_config(t), &options, &err),
	                 OUTFLOW_OK);
}

static void topic_filters(void **state)
{
	static const char *const good[] = { "a",          "/",        "#",      "+",   "a/b/#",
		                            "+/b/+/#",    "a//b",     "$SYS/#", "a b", "$share/g/a/#",
		                            "$share/g//", "$shared/x" };
	static const char *const bad[] = { "",          "a#",          "#/a",     "a/#/b",      "a+",
		                           "a/b+/c",    "++",          "$share/", "$share/g",   "$share/g/",
		                           "$share//a", "$share/g+/a", "##",      "$share/#/a", "$share/g/a#" };
	char *text = calloc(1, 65536 + 1);

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (mqtt_filter_problem(outflow_text(good[i])) != NULL)
			fail_msg("%s: %s", good[i], mqtt_filter_problem(outflow_text(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (mqtt_filter_problem(outflow_text(bad[i])) == NULL)
			fail_msg("%s is taken", bad[i]);
	assert_non_null(text);
	memset(text, 't', 65536);
	assert_null(mqtt_filter_problem((outflow_str){ text, 65535 }));
	assert_non_null(mqtt_filter_problem((outflow_str){ text, 65536 }));
	free(text);
}

static void expect_problem(const char *key, const char *value, const char *problem)
{
	outflow_harness_set(t, key, value);
	assert_int_equal(outflow_harness_check(t, &source), OUTFLOW_E_CONFIG);
	assert_non_null(outflow_harness_problem(t, 0));
	if (strstr(outflow_harness_problem(t, 0), problem) == NULL)
		fail_msg("%s = %s: %s", key, value, outflow_harness_problem(t, 0));
	outflow_harness_clear(t);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	expect_problem("broker", "broker:1883", "is not an address");
	expect_problem("broker", "tcp://", "is not an address");
	outflow_harness_set(t, "broker", "ssl://broker:8883");
	expect_problem("topics", "a#", "'a#' is not a topic filter");
	outflow_harness_set(t, "topics", "a");
	expect_problem("group", "a/b", "the name of a group");
	outflow_harness_set(t, "group", NULL);
	expect_problem("tls.key", "/key", "and tls.key go together");
	outflow_harness_set(t, "tls.cert", "/cert");
	expect_problem("qos", "2", "qos");
	outflow_harness_set(t, "qos", NULL);
	expect_problem("receive.maximum", "0", "receive.maximum");
}

static void what_is_not_said_has_a_default(void **state)
{
	(void)state;
	read_all();
	assert_string_equal(options.endpoint.broker, "tcp://broker:1883");
	assert_string_equal(options.endpoint.client_id, "outflow-p-0");
	assert_int_equal(options.endpoint.version, MQTTVERSION_5);
	assert_int_equal(options.endpoint.keepalive, 60);
	assert_int_equal(options.endpoint.tls, 0);
	assert_int_equal(options.n_topics, 2);
	assert_string_equal(options.topics[0], "a/#");
	assert_string_equal(options.topics[1], "b/+");
	assert_int_equal(options.qos, 1);
	assert_int_equal(options.receive_maximum, 1000);
	assert_int_equal(options.session_expiry, 7 * 24 * 3600);
	assert_int_equal(options.clean_start + options.filter_duplicates + options.retired, 0);
}

static void several_tasks_share(void **state)
{
	(void)state;
	outflow_harness_set(t, "topics", "a/#, $share/mine/b");
	outflow_harness_place(t, "plant/+", 1, 3);
	read_all();
	assert_string_equal(options.endpoint.client_id, "outflow-plant/+-1");
	assert_string_equal(options.topics[0], "$share/plant__/a/#"); /* a group has no / and no + */
	assert_string_equal(options.topics[1], "$share/mine/b");
	outflow_harness_set(t, "group", "g");
	outflow_harness_set(t, "client.id", "me");
	read_all();
	assert_string_equal(options.endpoint.client_id, "me-1");
	assert_string_equal(options.topics[0], "$share/g/a/#");
	/* The first keeps its name whatever their number, and with it its session. */
	outflow_harness_place(t, "p", 0, 3);
	read_all();
	assert_string_equal(options.endpoint.client_id, "me");
}

static void a_retired_task_subscribes_to_nothing(void **state)
{
	(void)state;
	outflow_harness_set(t, "clean.start", "true");
	outflow_harness_place(t, "p", 2, 2);
	read_all();
	assert_int_equal(options.retired, 1);
	assert_int_equal(options.n_topics, 0);
	assert_int_equal(options.clean_start, 0); /* it comes for what was kept */
	assert_string_equal(options.endpoint.client_id, "outflow-p-2");
}

static void encryption_by_address(void **state)
{
	static const char *const encrypted[] = { "ssl://b:1", "mqtts://b:1", "wss://b:1" };
	static const char *const plain[] = { "tcp://b:1", "mqtt://b:1", "ws://b:1" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		outflow_harness_set(t, "broker", encrypted[i]);
		read_all();
		assert_int_equal(options.endpoint.tls, 1);
		assert_int_equal(options.endpoint.tls_verify, 1);
		outflow_harness_set(t, "broker", plain[i]);
		read_all();
		assert_int_equal(options.endpoint.tls, 0);
	}
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(topic_filters),
		TEST(what_is_wrong_is_said),
		TEST(what_is_not_said_has_a_default),
		TEST(several_tasks_share),
		TEST(a_retired_task_subscribes_to_nothing),
		TEST(encryption_by_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
