/* SPDX-License-Identifier: Apache-2.0 */
/* topic_test.c: which names of topics Kafka and MQTT take, that refusals can be shown, and what a configuration alone says. */
#include "sdk/testing/harness.h"

#include <outflow/topic.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static int takes(uint32_t rule, const char *name)
{
	return outflow_topic_check(rule, outflow_text(name), NULL) == OUTFLOW_OK;
}

/* A name of n times c. */
static int takes_so_many(uint32_t rule, char c, size_t n)
{
	char *text = malloc(n);
	int taken;

	memset(text, c, n);
	taken = outflow_topic_check(rule, (outflow_str){ text, n }, NULL) == OUTFLOW_OK;
	free(text);
	return taken;
}

static void kafka_has_its_rule(void **state)
{
	static const char *const good[] = { "plant", "a", "...", "..a", "-", "_", "A.b_c-9" };
	static const char *const bad[] = { "", ".", "..", "a b", "a/b", "a\n", "caf\xc3\xa9", "a:b", "a+", "$a" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(takes(OUTFLOW_TOPIC_KAFKA, good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (takes(OUTFLOW_TOPIC_KAFKA, bad[i]))
			fail_msg("'%s' is taken", bad[i]);
	assert_true(takes_so_many(OUTFLOW_TOPIC_KAFKA, 'a', 249));
	assert_false(takes_so_many(OUTFLOW_TOPIC_KAFKA, 'a', 250));
	assert_int_equal(outflow_topic_check(OUTFLOW_TOPIC_KAFKA, (outflow_str){ NULL, 0 }, NULL), OUTFLOW_E_RECORD);
	assert_int_equal(outflow_topic_check(OUTFLOW_TOPIC_KAFKA, (outflow_str){ "a\0b", 3 }, NULL), OUTFLOW_E_RECORD);
}

static void mqtt_has_its_rule(void **state)
{
	static const char *const good[] = { "plant/p1", "/", "a//b", "a b", "caf\xc3\xa9", "$a", ".." };
	static const char *const bad[] = { "", "a/+", "#", "a#b", "a\xff", "\xc3" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(takes(OUTFLOW_TOPIC_MQTT, good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (takes(OUTFLOW_TOPIC_MQTT, bad[i]))
			fail_msg("'%s' is taken", bad[i]);
	assert_true(takes_so_many(OUTFLOW_TOPIC_MQTT, 'a', 65535));
	assert_false(takes_so_many(OUTFLOW_TOPIC_MQTT, 'a', 65536));
	assert_int_equal(outflow_topic_check(OUTFLOW_TOPIC_MQTT, (outflow_str){ "a\0b", 3 }, NULL), OUTFLOW_E_RECORD);
}

/* What comes from data goes into logs and headers. */
static void a_refusal_shows_the_name_without_harm(void **state)
{
	outflow_error err = { .size = sizeof err };
	char name[400];

	(void)state;
	assert_int_equal(outflow_topic_check(OUTFLOW_TOPIC_KAFKA, outflow_text("a\n\x1b[31m\x7f"), &err),
	                 OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "'a??[31m?' is not the name of a topic: 1 to 249 letters"));
	memset(name, '+', sizeof name);
	assert_int_equal(outflow_topic_check(OUTFLOW_TOPIC_MQTT, (outflow_str){ name, sizeof name }, &err),
	                 OUTFLOW_E_RECORD);
	assert_int_equal(strspn(err.msg + 1, "+"), 80);
	assert_non_null(strstr(err.msg, "1 to 65,535 bytes"));
}

/* A sink that asks in the check of its schema. */
static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	(void)err;
	return outflow_topic_check_constant(h, c, OUTFLOW_TOPIC_KAFKA);
}

static const outflow_cfg_key keys[] = {
	{ .name = "topic", .type = OUTFLOW_T_STRING },
	{ .name = "topic.form", .type = OUTFLOW_T_STRING },
	{ .name = "topic.template", .type = OUTFLOW_T_STRING },
};
static const outflow_cfg_def schema = { sizeof schema, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };
static const outflow_component sink = { .size = sizeof sink, .kind = OUTFLOW_SINK, .name = "sink", .config = &schema };

/* The verdict on a configuration with these values, each of which may be NULL. */
static outflow_status verdict(const char *topic, const char *form, const char *template, char **constant)
{
	outflow_harness *t = outflow_harness_new();
	outflow_status status;

	outflow_harness_set(t, "topic", topic);
	outflow_harness_set(t, "topic.form", form);
	outflow_harness_set(t, "topic.template", template);
	status = outflow_harness_check(t, &sink);
	*constant = outflow_topic_constant(outflow_harness_host(t), outflow_harness_config(t));
	if (status != OUTFLOW_OK)
		assert_string_equal(
			outflow_harness_problem(t, 0),
			"topic: 'a b' is not the name of a topic: 1 to 249 letters, digits, '.', '_' and '-', "
			"but neither . nor ..");
	outflow_harness_free(&t);
	return status;
}

static void what_is_the_same_for_all_is_checked_before(void **state)
{
	static const struct {
		const char *topic, *form, *template;
		outflow_status status;
		int is_constant;
	} cases[] = {
		{ "plant", NULL, NULL, OUTFLOW_OK, 1 },
		{ "a b", NULL, NULL, OUTFLOW_E_CONFIG, 1 },
		{ "a b", "CONSTANT", NULL, OUTFLOW_E_CONFIG, 1 },
		{ "$.data.a b", NULL, NULL, OUTFLOW_OK, 0 },
		{ "$.data.x", "JSONPATH", NULL, OUTFLOW_OK, 0 },
		{ "a b", NULL, "${x}", OUTFLOW_OK, 0 },
		{ NULL, NULL, NULL, OUTFLOW_OK, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *constant;

		assert_int_equal(verdict(cases[i].topic, cases[i].form, cases[i].template, &constant), cases[i].status);
		assert_int_equal(constant != NULL, cases[i].is_constant);
		if (constant != NULL)
			assert_string_equal(constant, cases[i].topic);
		free(constant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kafka_has_its_rule),
		cmocka_unit_test(mqtt_has_its_rule),
		cmocka_unit_test(a_refusal_shows_the_name_without_harm),
		cmocka_unit_test(what_is_the_same_for_all_is_checked_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
