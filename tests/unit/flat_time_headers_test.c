/* SPDX-License-Identifier: Apache-2.0 */
/* flat_time_headers_test.c: flatten, timestamp and headers do what their keys say, and refuse what has no effect. */
#include "sdk/testing/harness.h"
#include "transforms/fields/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Keys and values by turns, NULL at the end. */
static outflow_harness *configure(const char *const *settings)
{
	outflow_harness *t = outflow_harness_new();

	for (; *settings != NULL; settings += 2)
		outflow_harness_set(t, settings[0], settings[1]);
	return t;
}

#define SET(...)                                                                                                       \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}

static outflow_harness *make(const outflow_component *c, const char *const *settings)
{
	outflow_harness *t = configure(settings);
	outflow_error err = { .msg = "" };

	if (outflow_harness_create(t, c, &err) != OUTFLOW_OK)
		fail_msg("%s: %s", c->name, err.msg);
	return t;
}

static void turns(const outflow_component *c, const char *const *settings, const char *payload, const char *expected)
{
	outflow_harness *t = make(c, settings);

	outflow_harness_input(t, "t", "k", payload);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	if (outflow_harness_reject(t, 0) != NULL)
		fail_msg("%s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	if (strcmp(outflow_harness_value(t, 0), expected) != 0)
		fail_msg("%s: %s instead of %s", payload, outflow_harness_value(t, 0), expected);
	outflow_harness_free(&t);
}

static void rejects(const outflow_component *c, const char *const *settings, const char *payload, const char *cause)
{
	outflow_harness *t = make(c, settings);

	outflow_harness_input(t, "t", "k", payload);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 0);
	if (strstr(outflow_harness_reject(t, 0)->err.msg, cause) == NULL)
		fail_msg("%s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	outflow_harness_free(&t);
}

static void refuses(const outflow_component *c, const char *const *settings, const char *problem)
{
	outflow_harness *t = configure(settings);

	assert_int_equal(outflow_harness_check(t, c), OUTFLOW_E_CONFIG);
	if (strstr(outflow_harness_problem(t, 0), problem) == NULL)
		fail_msg("%s instead of %s", outflow_harness_problem(t, 0), problem);
	outflow_harness_free(&t);
}

/* ---- flatten ---- */

static void names_are_joined(void **state)
{
	static const char deep[] =
		"{\"a\":{\"b\":{\"c\":1.0,\"d\":[1, {\"x\":2}]},\"\\u0041\":\"s\"},\"e\":{},\"f\":[]}";

	(void)state;
	turns(&fields_flatten, SET(NULL), deep,
	      "{\"a.b.c\":1.0,\"a.b.d\":[1, {\"x\":2}],\"a.\\u0041\":\"s\",\"e\":{},\"f\":[]}");
	turns(&fields_flatten, SET("delimiter", "_\"\n", "depth", "1"), deep,
	      "{\"a_\\\"\\u000ab\":{\"c\":1.0,\"d\":[1, {\"x\":2}]},\"a_\\\"\\u000a\\u0041\":\"s\",\"e\":{},\"f\":[]}");
	turns(&fields_flatten, SET("arrays", "index"), deep,
	      "{\"a.b.c\":1.0,\"a.b.d.0\":1,\"a.b.d.1.x\":2,\"a.\\u0041\":\"s\",\"e\":{},\"f\":[]}");
	turns(&fields_flatten, SET("arrays", "text"), "{\"f\":[\"a\"]}", "{\"f\":\"[\\\"a\\\"]\"}");
	turns(&fields_flatten, SET("delimiter", ""), "{\"a\":{\"b\":1}}", "{\"ab\":1}");
	turns(&fields_flatten, SET(NULL), " {\"a\" : 1, \"b\":[{}]} ", " {\"a\" : 1, \"b\":[{}]} ");
	rejects(&fields_flatten, SET(NULL), "[1]", "not a JSON object, it begins with '['");
	rejects(&fields_flatten, SET(NULL), "{", "not JSON");
	refuses(&fields_flatten, SET("delimiter", "\xff"), "delimiter: is not valid UTF-8");
	refuses(&fields_flatten, SET("arrays", "flat"), "arrays");
}

static void small_payloads_do_not_become_huge(void **state)
{
	enum { NAME = 9000 };
	char *text = malloc(NAME + 64);

	(void)state;
	memset(text, 'n', NAME + 64);
	memcpy(text, "{\"", 2);
	strcpy(text + NAME, "\":{\"a\":1}}");
	rejects(&fields_flatten, SET(NULL), text, "a joined name would be longer than 8192 bytes");
	free(text);
	/* 7 KiB of name a hundred thousand times. */
	text = malloc(7000 + 800000);
	memset(text, 'n', 7000);
	memcpy(text, "{\"", 2);
	strcpy(text + 7000, "\":[0");
	for (size_t i = 0, n = 7004; i < 100000; i++, n += 2)
		strcpy(text + n, ",0");
	strcat(text + 7004 + 199990, "]}");
	rejects(&fields_flatten, SET("arrays", "index"), text, "larger than 64 MiB");
	free(text);
}

static void deep_payloads_are_flattened_to_the_bottom(void **state)
{
	char text[1024] = "", expected[1024] = "{\"a";

	(void)state;
	for (int i = 0; i < 128; i++)
		strcat(text, "{\"a\":");
	strcat(text, "1");
	for (int i = 0; i < 128; i++) {
		strcat(text, "}");
		if (i > 0)
			strcat(expected, ".a");
	}
	strcat(expected, "\":1}");
	turns(&fields_flatten, SET(NULL), text, expected);
}

/* ---- timestamp ---- */

static void times_are_spelled_anew(void **state)
{
	static const char *const cases[][4] = {
		{ "s", "rfc3339", "1767225600", "\"2026-01-01T00:00:00.000Z\"" },
		{ "s", "ms", "1767225600.1239", "1767225600123" },
		{ "ms", "rfc3339", "\"1767225600123\"", "\"2026-01-01T00:00:00.123Z\"" },
		{ "us", "rfc3339", "1767225600123456", "\"2026-01-01T00:00:00.123456Z\"" },
		{ "rfc3339", "us", "\"2026-01-01T01:00:00.1234567+01:00\"", "1767225600123456" },
		{ "rfc3339", "s", "\"2026-01-01T00:00:59.999Z\"", "1767225659" },
		{ "us", "s", "0", "0" },
		{ "rfc3339", "us", "\"9999-12-31T23:59:59.999999Z\"", "253402300799999999" },
	};
	char before[100], after[100];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(before, sizeof before, "{\"a\":{\"ts\": %s },\"b\":1.0}", cases[i][2]);
		snprintf(after, sizeof after, "{\"a\":{\"ts\": %s },\"b\":1.0}", cases[i][3]);
		turns(&fields_timestamp, SET("field", "$.data.body.a.ts", "from", cases[i][0], "to", cases[i][1]),
		      before, after);
	}
}

static void what_is_no_time_fails_the_record(void **state)
{
	static const char *const cases[][2] = {
		{ "s", "-1" },
		{ "s", "1e9" },
		{ "s", "253402300800" },
		{ "ms", "\"\"" },
		{ "us", "\"1.\"" },
		{ "s", "true" },
		{ "s", "null" },
		{ "s", "{}" },
		{ "rfc3339", "17000" },
		{ "s", "\"12 \"" },
		{ "rfc3339", "\"\"" },
		{ "us", "99999999999999999999999999" },
		{ "rfc3339", "\"2026-02-30T00:00:00Z\"" },
		{ "rfc3339", "\"1969-12-31T23:59:59Z\"" },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "{\"ts\":%s}", cases[i][1]);
		rejects(&fields_timestamp, SET("field", "$.data.body.ts", "from", cases[i][0]), text,
		        "is not a time from 1970 to 9999");
	}
	rejects(&fields_timestamp, SET("field", "$.data.body.ts", "from", "s"), "{}", "there is no such field");
	turns(&fields_timestamp, SET("field", "$.data.body.ts", "from", "s", "missing", "skip"), "{}", "{}");
}

static void times_of_the_message_are_put_in(void **state)
{
	outflow_harness *t = make(&fields_timestamp, SET("field", "$.data.body.at", "time", "arrival", "to", "ms"));

	(void)state;
	outflow_harness_input(t, "t", "k", "{}")->timestamp_ms = 5;
	outflow_harness_input(t, "t", "k", "{\"at\":0}")->timestamp_ms = 6;
	outflow_harness_input(t, "t", "k", "{}")->timestamp_ms = -1;
	outflow_harness_input(t, "t", "k", "[]");
	outflow_harness_input(t, "t", "k", NULL);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "{\"at\":5}");
	assert_string_equal(outflow_harness_value(t, 1), "{\"at\":6}");
	assert_null(outflow_harness_value(t, 2));
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, "no time of arrival"));
	assert_non_null(strstr(outflow_harness_reject(t, 1)->err.msg, "no object"));
	outflow_harness_free(&t);
	turns(&fields_timestamp, SET("field", "$.data.body.at", "time", "now"), "{\"a\":1}",
	      "{\"a\":1,\"at\":\"2026-01-01T00:00:00.000Z\"}");
}

static void timestamps_refuse_what_has_no_effect(void **state)
{
	(void)state;
	refuses(&fields_timestamp, SET("field", "$.data.body.a"), "from: is missing");
	refuses(&fields_timestamp, SET("field", "$.data.body.a", "time", "now", "from", "s"), "from: has no effect");
	refuses(&fields_timestamp, SET("field", "ts", "time", "now"), "field: column 1");
	refuses(&fields_timestamp, SET("field", "$.data.body[0]", "time", "now"), "field: the path ends in an index");
}

/* ---- headers ---- */

static outflow_harness *with_headers(const char *const *settings)
{
	outflow_harness *t = make(&fields_headers, settings);
	outflow_record *r =
		outflow_harness_input(t, "plant/p1", "k", "{\"dev\":\"p\\u0031\",\"o\":{\"x\": 1},\"n\":null}");

	outflow_harness_header(t, r, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, r, "site", "north");
	outflow_harness_header(t, r, "site", "south");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	return t;
}

/* All headers as name=value, in their order. */
static void have(const char *const *settings, const char *expected)
{
	outflow_harness *t = with_headers(settings);
	const outflow_record *r = outflow_harness_output(t, 0);
	char text[400] = "";

	assert_non_null(r);
	for (uint32_t i = 0; i < r->n_headers; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s=%.*s", i > 0 ? " " : "",
		         (int)r->headers[i].name.len, r->headers[i].name.ptr, (int)r->headers[i].value.len,
		         r->headers[i].value.ptr ? (const char *)r->headers[i].value.ptr : "");
	assert_string_equal(text, expected);
	outflow_harness_free(&t);
}

static void headers_are_set_added_and_removed(void **state)
{
	(void)state;
	have(SET("set.site", "west"), "outflow.mqtt.qos=1 site=west");
	have(SET("add.site", "west"), "outflow.mqtt.qos=1 site=north site=south site=west");
	have(SET("set.dev", "$.data.body.dev", "set.o", "$.data.body.o", "set.t", "$.data.props.topic"),
	     "outflow.mqtt.qos=1 site=north site=south dev=p1 o={\"x\": 1} t=plant/p1");
	have(SET("set.site", "$.data.body.none", "set.n", "$.data.body.n", "add.d", "$$5"),
	     "outflow.mqtt.qos=1 n= d=$5");
	have(SET("remove", "site,none"), "outflow.mqtt.qos=1");
	have(SET("remove", "outflow.mqtt.*"), "site=north site=south");
	have(SET("remove", "*"), "");
}

static void user_properties_are_copied_moved_and_removed(void **state)
{
	(void)state;
	have(SET("user.properties", "copy", "prefix", "mqtt."),
	     "outflow.mqtt.qos=1 site=north mqtt.site=north site=south mqtt.site=south");
	have(SET("user.properties", "move", "prefix", "mqtt."), "outflow.mqtt.qos=1 mqtt.site=north mqtt.site=south");
	have(SET("user.properties", "remove"), "outflow.mqtt.qos=1");
}

static void headers_refuse_what_has_no_effect(void **state)
{
	(void)state;
	refuses(&fields_headers, SET(NULL), "nothing is to be done");
	refuses(&fields_headers, SET("set.a", "$.x["), "set.a: column");
	refuses(&fields_headers, SET("set.outflow.x", "1"), "set.outflow.x: names that begin with outflow.");
	refuses(&fields_headers, SET("user.properties", "copy"), "prefix: is missing");
	refuses(&fields_headers, SET("set.a", "1", "prefix", "x"), "prefix: has no effect");
}

static void no_memory_is_a_status(void **state)
{
	static const outflow_component *const components[] = { &fields_flatten, &fields_timestamp, &fields_headers };
	static const char *const settings[][5] = {
		{ NULL },
		{ "field", "$.data.body.x", "time", "now", NULL },
		{ "set.dev", "$.data.body.b", "user.properties", "keep", NULL },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		outflow_harness *t = make(components[i], settings[i]);
		outflow_error err = { .msg = "" };
		size_t n = 0;

		outflow_harness_input(t, "t", "k", "{\"a\":{\"x\":1},\"b\":\"\\n\"}");
		do {
			outflow_harness_fail_alloc(t, ++n);
			assert_in_range(n, 1, 20);
		} while (outflow_harness_apply(t, &err) == OUTFLOW_E_NOMEM);
		assert_true(n > 3);
		assert_int_equal(outflow_harness_outputs(t), 1);
		outflow_harness_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_joined),
		cmocka_unit_test(small_payloads_do_not_become_huge),
		cmocka_unit_test(deep_payloads_are_flattened_to_the_bottom),
		cmocka_unit_test(times_are_spelled_anew),
		cmocka_unit_test(what_is_no_time_fails_the_record),
		cmocka_unit_test(times_of_the_message_are_put_in),
		cmocka_unit_test(timestamps_refuse_what_has_no_effect),
		cmocka_unit_test(headers_are_set_added_and_removed),
		cmocka_unit_test(user_properties_are_copied_moved_and_removed),
		cmocka_unit_test(headers_refuse_what_has_no_effect),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
