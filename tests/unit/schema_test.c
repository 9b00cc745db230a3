/* SPDX-License-Identifier: Apache-2.0 */
/* schema_test.c: values mean what their type says, everything wrong is said at once, and no secret is ever shown. */
#include "host/config/schema.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const modes[] = { "slow", "fast", NULL };
static const outflow_cfg_key keys[] = {
	{ .name = "topic", .type = OUTFLOW_T_STRING, .flags = OUTFLOW_K_REQUIRED, .doc = "Where to." },
	{ .name = "password", .type = OUTFLOW_T_STRING, .flags = OUTFLOW_K_SECRET },
	{ .name = "pin", .type = OUTFLOW_T_INT, .flags = OUTFLOW_K_SECRET },
	{ .name = "count", .type = OUTFLOW_T_INT, .dflt = "5", .min = 1, .max = 10 },
	{ .name = "wait", .type = OUTFLOW_T_DURATION_MS, .dflt = "1s", .max = 60000 },
	{ .name = "room", .type = OUTFLOW_T_SIZE, .dflt = "1KiB" },
	{ .name = "ratio", .type = OUTFLOW_T_DOUBLE },
	{ .name = "loud", .type = OUTFLOW_T_BOOL, .dflt = "true" },
	{ .name = "fields", .type = OUTFLOW_T_LIST },
	{ .name = "mode", .type = OUTFLOW_T_ENUM, .dflt = "fast", .choices = modes },
	{ .name = "producer.", .type = OUTFLOW_T_PREFIX },
};

/* "topic" must not be "forbidden"; says what a check may rely on. */
static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_str topic = { 0 };

	(void)err;
	assert_int_equal(h->config->str(c, "topic", &topic), OUTFLOW_OK);
	assert_true(h->intern(h, "view") != 0);
	outflow_log(h, OUTFLOW_LOG_DEBUG, "checked");
	if (!outflow_equal(topic, "forbidden"))
		return OUTFLOW_OK;
	h->problem(h, "topic", "is forbidden");
	return OUTFLOW_E_CONFIG;
}

static const outflow_cfg_def def = {
	.size = sizeof def,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

struct fixture {
	struct settings settings, inherited;
	struct problems problems;
	outflow_config *config;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	instance_config_free(&f->config);
	settings_clear(&f->settings);
	settings_clear(&f->inherited);
	problems_clear(&f->problems);
	free(f);
	return 0;
}

static void give(struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(settings_set(&f->settings, key, value, "x.conf", (int)f->settings.n + 1), OUTFLOW_OK);
}

static void make(struct fixture *f)
{
	static const char *const known[] = { "class", NULL };
	const outflow_cfg_def *const schemas[] = { &def, NULL };
	struct instance_place where = { .pipeline = "p",
		                        .prefix = "sink.",
		                        .known = known,
		                        .schemas = schemas,
		                        .n_schemas = 2,
		                        .inherited = &f->inherited,
		                        .file = "x.conf",
		                        .line = 99 };

	assert_int_equal(instance_config_new(&where, &f->settings, &f->problems, &f->config), OUTFLOW_OK);
}

static void assert_problem(const struct fixture *f, const char *key, const char *part)
{
	for (size_t i = 0; i < f->problems.n; i++)
		if (strcmp(f->problems.list[i].key, key) == 0 && strstr(f->problems.list[i].message, part) != NULL)
			return;
	problems_print(&f->problems, stderr);
	fail_msg("no problem of %s says '%s'", key, part);
}

static void assert_text(const struct fixture *f, const char *key, const char *expected)
{
	outflow_str s = { 0 };

	assert_int_equal(instance_config_api.str(f->config, key, &s), OUTFLOW_OK);
	assert_int_equal(s.len, strlen(expected));
	assert_memory_equal(s.ptr, expected, s.len);
}

static void assert_number(const struct fixture *f, const char *key, int64_t expected)
{
	int64_t n = -1;

	assert_int_equal(instance_config_api.i64(f->config, key, &n), OUTFLOW_OK);
	assert_int_equal(n, expected);
}

static void values_have_types(void **state)
{
	struct fixture *f = *state;
	double ratio = 0;
	int32_t loud = 1;

	give(f, "sink.class", "x");
	give(f, "source.foreign", "x");
	give(f, "sink.topic.value", "t");
	give(f, "sink.count", "7");
	give(f, "sink.wait", "3s");
	give(f, "sink.room", "10 GiB");
	give(f, "sink.ratio", "0.25");
	give(f, "sink.loud", "false");
	make(f);
	assert_int_equal(f->problems.n, 0);
	assert_text(f, "topic", "t");
	assert_number(f, "count", 7);
	assert_number(f, "wait", 3000);
	assert_number(f, "room", INT64_C(10) << 30);
	assert_int_equal(instance_config_api.f64(f->config, "ratio", &ratio), OUTFLOW_OK);
	assert_true(ratio == 0.25);
	assert_int_equal(instance_config_api.boolean(f->config, "loud", &loud), OUTFLOW_OK);
	assert_int_equal(loud, 0);
	assert_text(f, "mode", "fast");
}

static void defaults_stand_in(void **state)
{
	struct fixture *f = *state;
	outflow_str s = { 0 };

	give(f, "sink.topic", "t");
	settings_set(&f->inherited, "source.format", "json", NULL, 0);
	make(f);
	assert_number(f, "wait", 1000);
	assert_number(f, "room", 1024);
	assert_text(f, "source.format", "json");
	assert_int_equal(instance_config_api.str(f->config, "password", &s), OUTFLOW_AGAIN);
	assert_null(s.ptr);
}

static void lists_are_split_at_commas(void **state)
{
	struct fixture *f = *state;
	outflow_str item = { 0 };

	give(f, "sink.topic", "t");
	give(f, "sink.fields", " a ,b\\,c,, d\\\\");
	make(f);
	assert_int_equal(instance_config_api.list(f->config, "fields", 1, &item), 3);
	assert_true(outflow_equal(item, "b,c"));
	instance_config_api.list(f->config, "fields", 0, &item);
	assert_true(outflow_equal(item, "a"));
	instance_config_api.list(f->config, "fields", 2, &item);
	assert_true(outflow_equal(item, "d\\"));
	assert_int_equal(instance_config_api.list(f->config, "fields", 3, &item), 3);
	assert_int_equal(instance_config_api.list(f->config, "none", 0, &item), 0);
}

static void prefixes_pass_everything_below_them(void **state)
{
	struct fixture *f = *state;
	outflow_str key = { 0 }, value = { 0 };

	give(f, "sink.topic", "t");
	give(f, "sink.producer.linger.ms", "5");
	give(f, "sink.producer.acks", "1");
	make(f);
	assert_int_equal(f->problems.n, 0);
	assert_int_equal(instance_config_api.prefix(f->config, "producer.", 1, &key, &value), 2);
	assert_true(outflow_equal(key, "linger.ms"));
	assert_true(outflow_equal(value, "5"));
}

static void everything_wrong_is_said_at_once(void **state)
{
	struct fixture *f = *state;

	give(f, "sink.tpoic", "t");
	give(f, "sink.count", "11");
	give(f, "sink.wait", "500");
	give(f, "sink.room", "1XB");
	give(f, "sink.ratio", "much");
	give(f, "sink.loud", "yes");
	give(f, "sink.mode", "fsat");
	make(f);
	assert_int_equal(f->problems.n, 8);
	assert_problem(f, "sink.tpoic", "did you mean 'sink.topic'?");
	assert_problem(f, "sink.topic", "is required: Where to.");
	assert_problem(f, "sink.count", "from 1 to 10");
	assert_problem(f, "sink.wait", "has no unit");
	assert_problem(f, "sink.room", "unknown unit");
	assert_problem(f, "sink.ratio", "not a number");
	assert_problem(f, "sink.loud", "neither true nor false");
	assert_problem(f, "sink.mode", "did you mean 'fast'?");
	for (size_t i = 0; i < f->problems.n; i++) {
		assert_string_equal(f->problems.list[i].file, "x.conf");
		assert_string_equal(f->problems.list[i].pipeline, "p");
		assert_true(f->problems.list[i].line > 0);
	}
}

static void a_schemas_own_check_points_at_the_line(void **state)
{
	struct fixture *f = *state;

	give(f, "sink.topic", "forbidden");
	make(f);
	assert_int_equal(f->problems.n, 1);
	assert_problem(f, "sink.topic", "is forbidden");
	assert_int_equal(f->problems.list[0].line, 1);
}

static void a_check_does_not_run_on_a_problem_that_was_said_before(void **state)
{
	struct fixture *f = *state;

	make(f);
	assert_int_equal(f->problems.n, 1);
	instance_config_free(&f->config);
	/* The check of this schema asserts that there is a topic. */
	make(f);
	assert_int_equal(f->problems.n, 1);
	assert_int_equal(f->problems.reported, 2);
}

static void references_are_resolved_inside_only(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/outflow-secret-XXXXXX", text[100];
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write(fd, "s3cret\nrest", 11) == 11);
	close(fd);
	snprintf(text, sizeof text, "a${file:%s}b", path);
	setenv("OUTFLOW_TEST_TOPIC", "from-env", 1);
	give(f, "sink.password", text);
	give(f, "sink.topic", "${env:OUTFLOW_TEST_TOPIC}${other}");
	make(f);
	unlink(path);
	assert_int_equal(f->problems.n, 0);
	assert_text(f, "password", "as3cretb");
	assert_text(f, "topic", "from-env${other}");
	assert_string_equal(settings_get(&f->settings, "sink.password"), text);
}

static void a_reference_to_nothing_is_a_problem(void **state)
{
	struct fixture *f = *state;

	unsetenv("OUTFLOW_TEST_NOTHING");
	give(f, "sink.topic", "${env:OUTFLOW_TEST_NOTHING}");
	give(f, "sink.password", "${file:/nonexistent/x}");
	make(f);
	assert_problem(f, "sink.topic", "OUTFLOW_TEST_NOTHING");
	assert_problem(f, "sink.password", "/nonexistent/x");
}

static void no_problem_shows_a_secret(void **state)
{
	struct fixture *f = *state;

	setenv("OUTFLOW_TEST_SECRET", "hunter2", 1);
	give(f, "sink.topic", "t");
	give(f, "sink.pin", "hunter2");
	give(f, "sink.count", "${env:OUTFLOW_TEST_SECRET}");
	give(f, "sink.wait.value", "${env:OUTFLOW_TEST_SECRET}");
	make(f);
	assert_int_equal(f->problems.n, 3);
	for (size_t i = 0; i < f->problems.n; i++)
		assert_null(strstr(f->problems.list[i].message, "hunter2"));
}

static void numbers_have_edges(void **state)
{
	static const struct {
		uint32_t type;
		const char *text;
		int64_t number; /* -1: refused */
	} cases[] = {
		{ OUTFLOW_T_DURATION_MS, "0", 0 },
		{ OUTFLOW_T_DURATION_MS, "500ms", 500 },
		{ OUTFLOW_T_DURATION_MS, "1h", 3600000 },
		{ OUTFLOW_T_DURATION_MS, "7d", 604800000 },
		{ OUTFLOW_T_DURATION_MS, "-1s", -1 },
		{ OUTFLOW_T_DURATION_MS, "1", -1 },
		{ OUTFLOW_T_DURATION_MS, "s", -1 },
		{ OUTFLOW_T_DURATION_MS, "", -1 },
		{ OUTFLOW_T_DURATION_MS, "9223372036854775807d", -1 },
		{ OUTFLOW_T_SIZE, "1MB", 1000000 },
		{ OUTFLOW_T_SIZE, "512KiB", 524288 },
		{ OUTFLOW_T_SIZE, "4294967296", -1 },
		{ OUTFLOW_T_INT, "9223372036854775807", INT64_MAX },
		{ OUTFLOW_T_INT, "9223372036854775808", -1 },
		{ OUTFLOW_T_INT, "5x", -1 },
		{ OUTFLOW_T_INT, "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_cfg_key key = { .name = "k", .type = cases[i].type };
		outflow_error err = { .size = sizeof err };
		int64_t n = -1;
		outflow_status status = schema_parse(&key, cases[i].text, &n, &err);

		if (n != cases[i].number || (status == OUTFLOW_OK) != (cases[i].number >= 0))
			fail_msg("'%s' is %lld (%s)", cases[i].text, (long long)n, err.msg);
	}
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(values_have_types),
		TEST(defaults_stand_in),
		TEST(lists_are_split_at_commas),
		TEST(prefixes_pass_everything_below_them),
		TEST(everything_wrong_is_said_at_once),
		TEST(a_schemas_own_check_points_at_the_line),
		TEST(a_check_does_not_run_on_a_problem_that_was_said_before),
		TEST(references_are_resolved_inside_only),
		TEST(a_reference_to_nothing_is_a_problem),
		TEST(no_problem_shows_a_secret),
		TEST(numbers_have_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
