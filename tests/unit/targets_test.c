/* SPDX-License-Identifier: Apache-2.0 */
/* targets_test.c: paths lead a transform to values of the payload, and to nothing else of the event. */
#include "sdk/testing/harness.h"
#include "transforms/language/targets.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char found[256];

static outflow_status note(void *arg, const struct value *v)
{
	outflow_str text = v->json ? outflow_json_raw(v->json, v->token) : v->text;

	(void)arg;
	snprintf(found + strlen(found), sizeof found - strlen(found), "%s%.*s", *found ? " " : "", (int)text.len,
	         text.ptr);
	return OUTFLOW_OK;
}

static outflow_status stop(void *arg, const struct value *v)
{
	++*(int *)arg;
	return v->json ? OUTFLOW_E_NOMEM : OUTFLOW_OK;
}

/* What the comma list of paths finds in a payload of that format. */
static outflow_status find(const char *format, const char *paths, const char *payload, bool whole, outflow_error *err)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = outflow_harness_input(t, "plant/p1", "k", payload);
	struct targets *targets = targets_new();
	struct event_settings settings;
	outflow_status status;
	struct event e;
	outflow_str path;

	*found = '\0';
	outflow_harness_set(t, "source.format", format);
	event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	for (const char *p = paths; *p != '\0'; p += path.len + (p[path.len] == ',')) {
		path = (outflow_str){ p, strcspn(p, ",") };
		assert_int_equal(targets_add(targets, path, err), OUTFLOW_OK);
	}
	if (whole)
		outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), &settings, r, err);
	status = targets_walk(targets, &e, note, NULL, NULL);
	targets_free(&targets);
	outflow_harness_free(&t);
	return status;
}

static void finds(const char *format, const char *paths, const char *payload, const char *expected)
{
	outflow_error err = { .msg = "" };

	assert_int_equal(find(format, paths, payload, false, &err), OUTFLOW_OK);
	assert_string_equal(found, expected);
}

static void paths_lead_into_the_payload(void **state)
{
	outflow_error err = { .msg = "" };

	(void)state;
	finds("json", "$.data.body.a,$.data.value.b[1],$.data.body.none", "{\"a\":{\"x\": 1},\"b\":[1,\"2\"]}",
	      "{\"x\": 1} \"2\"");
	finds("json", "$.data.body.b[*],$.data.body..x", "{\"a\":{\"x\":1},\"b\":[2,{\"x\":3}]}", "2 {\"x\":3} 1 3");
	finds("json", "$.data.body", " 7 ", "7");
	finds("json", "$.data.body,$.data.body.a", NULL, "");
	finds("text", "$.data.body", "p1,21", "p1,21");
	finds("text", "$.data.body.a", "p1,21", "");
	assert_int_equal(find("json", "$.id,$.data.x", "{\"id\":\"7\",\"data\":{\"x\":1}}", true, &err), OUTFLOW_OK);
	assert_string_equal(found, "\"7\" 1");
}

static void what_is_not_in_the_payload_fails_the_record(void **state)
{
	static const char *const paths[] = { "$", "$.subject", "$.data", "$.data.key", "$.data.props.topic" };
	outflow_error err = { .msg = "" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		assert_int_equal(find("json", paths[i], "{}", false, &err), OUTFLOW_E_RECORD);
		assert_non_null(strstr(err.msg, "not in the payload"));
	}
	assert_int_equal(find("binary", "$.data.body", "\xff\xfe", false, &err), OUTFLOW_E_RECORD);
	assert_int_equal(find("json", "$.data.body", "{", false, &err), OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "not JSON"));
}

static void the_walk_ends_when_it_is_told_to(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = outflow_harness_input(t, "t", NULL, "{\"a\":1}");
	struct targets *targets = targets_new();
	struct event_settings settings;
	struct event e;
	int calls = 0;

	(void)state;
	event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	assert_int_equal(targets_add(targets, outflow_text("$.data.body.a"), NULL), OUTFLOW_OK);
	assert_int_equal(targets_add(targets, outflow_text("$.data.body"), NULL), OUTFLOW_OK);
	assert_int_equal(targets_count(targets), 2);
	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), &settings, r, NULL);
	assert_int_equal(targets_walk(targets, &e, stop, &calls, NULL), OUTFLOW_E_NOMEM);
	assert_int_equal(calls, 1);
	targets_free(&targets);
	outflow_harness_free(&t);
}

static void a_bad_path_is_refused(void **state)
{
	struct targets *targets = targets_new();
	outflow_error err = { .msg = "" };

	(void)state;
	assert_int_equal(targets_add(targets, outflow_text("data.body"), &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "column 1 "));
	assert_int_equal(targets_count(targets), 0);
	targets_free(&targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lead_into_the_payload),
		cmocka_unit_test(what_is_not_in_the_payload_fails_the_record),
		cmocka_unit_test(the_walk_ends_when_it_is_told_to),
		cmocka_unit_test(a_bad_path_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
