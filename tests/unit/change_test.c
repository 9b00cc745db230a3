/* SPDX-License-Identifier: Apache-2.0 */
/* change_test.c: insert, update and delete change what their paths name, one after the other, and fail records that do not
 * have it. */
#include "sdk/testing/harness.h"
#include "transforms/fields/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static outflow_harness *make(const outflow_component *c, const char *fields, const char *key, const char *value)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .msg = "" };

	outflow_harness_set(t, "fields", fields);
	if (key != NULL)
		outflow_harness_set(t, key, value);
	if (outflow_harness_create(t, c, &err) != OUTFLOW_OK)
		fail_msg("%s %s: %s", c->name, fields, err.msg);
	return t;
}

/* expected NULL: the record is rejected, for that cause. */
static void with(const outflow_component *c, const char *fields, const char *key, const char *value,
                 const char *payload, const char *expected, const char *cause)
{
	outflow_harness *t = make(c, fields, key, value);
	const char *out;

	outflow_harness_input(t, "plant/p1", "k", payload);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	if (expected == NULL) {
		assert_int_equal(outflow_harness_outputs(t), 0);
		if (strstr(outflow_harness_reject(t, 0)->err.msg, cause) == NULL)
			fail_msg("%s: %s", fields, outflow_harness_reject(t, 0)->err.msg);
	} else {
		if (outflow_harness_reject(t, 0) != NULL)
			fail_msg("%s: %s", fields, outflow_harness_reject(t, 0)->err.msg);
		out = outflow_harness_value(t, 0);
		if (strcmp(out, expected) != 0)
			fail_msg("%s: %s instead of %s", fields, out, expected);
		assert_null(outflow_harness_output(t, 0)->view);
	}
	outflow_harness_free(&t);
}

static void turns(const outflow_component *c, const char *fields, const char *payload, const char *expected)
{
	with(c, fields, NULL, NULL, payload, expected, NULL);
}

static void rejects(const outflow_component *c, const char *fields, const char *payload, const char *cause)
{
	with(c, fields, NULL, NULL, payload, NULL, cause);
}

static void insert_puts_values_of_every_type(void **state)
{
	(void)state;
	turns(&fields_insert, "[{\"field\":\"$.data.body.a\",\"value\":\"x\\\"\\u0000\"}]", "{ \"b\" : 1.50 }",
	      "{ \"b\" : 1.50,\"a\":\"x\\\"\\u0000\" }");
	turns(&fields_insert,
	      "[{\"field\":\"$.data.body.n\",\"value\":\"12345678901234567890.10\",\"type\":\"number\"},"
	      "{\"field\":\"$.data.body.t\",\"value\":true,\"type\":\"boolean\"},"
	      "{\"field\":\"$.data.body.z\",\"type\":\"null\"},{\"field\":\"$.data.body.i\",\"value\":5},"
	      "{\"field\":\"$.data.body.j\",\"value\":{\"k\":[1]},\"type\":\"json\"}]",
	      "{}", "{\"n\":12345678901234567890.10,\"t\":true,\"z\":null,\"i\":\"5\",\"j\":{\"k\":[1]}}");
	turns(&fields_insert, "[{\"field\":\"$.data.value['it\\\\'s']\",\"value\":\"1\"}]", "{}", "{\"it's\":\"1\"}");
	turns(&fields_insert, "[{\"field\":\"$.data.body['\\\\u00e4\\\\n']\",\"value\":\"1\"}]", "{}",
	      "{\"\xc3\xa4\\u000a\":\"1\"}");
	turns(&fields_insert, "[{\"field\":\"$.data.body.a.b[1].c\",\"value\":\"1\"}]", "{\"a\":{\"b\":[0,{\"x\":1}]}}",
	      "{\"a\":{\"b\":[0,{\"x\":1,\"c\":\"1\"}]}}");
}

static void values_come_from_paths(void **state)
{
	(void)state;
	turns(&fields_insert, "[{\"field\":\"$.data.body.topic\",\"path\":\"$.data.props.topic\"}]", "{}",
	      "{\"topic\":\"plant/p1\"}");
	turns(&fields_update, "[{\"field\":\"$.data.body.a\",\"path\":\"$.data.body.b\"}]", "{\"a\":1,\"b\":[2, 3]}",
	      "{\"a\":[2, 3],\"b\":[2, 3]}");
	rejects(&fields_insert, "[{\"field\":\"$.data.body.a\",\"path\":\"$.data.body.b\"}]", "{}",
	        "$.data.body.a: there is no value at the path");
}

static void insert_needs_an_object_to_put_into(void **state)
{
	static const char a[] = "[{\"field\":\"$.data.body.o.a\",\"value\":\"1\"}]";

	(void)state;
	rejects(&fields_insert, a, "{}", "$.data.body.o.a: there is no object that the field is in");
	rejects(&fields_insert, a, "{\"o\":[1]}", "there is no object");
	rejects(&fields_insert, a, "{\"o\":7}", "there is no object");
	with(&fields_insert, a, "missing", "skip", "{\"o\":7}", "{\"o\":7}", NULL);
	turns(&fields_insert, a, "{\"o\":{\"a\":{}}}", "{\"o\":{\"a\":\"1\"}}");
	with(&fields_insert, a, "existing", "keep", "{\"o\":{\"a\":{}}}", "{\"o\":{\"a\":{}}}", NULL);
	with(&fields_insert, a, "existing", "fail", "{\"o\":{\"a\":{}}}", NULL, "is there already");
}

static void update_needs_the_field(void **state)
{
	static const char a[] = "[{\"field\":\"$.data.body.l[-1]\",\"value\":\"1\",\"type\":\"number\"}]";

	(void)state;
	turns(&fields_update, a, "{\"l\":[5, 6 ]}", "{\"l\":[5, 1 ]}");
	rejects(&fields_update, a, "{\"l\":[]}", "there is no such field to update");
	rejects(&fields_update, a, "{}", "there is no object");
	with(&fields_update, a, "missing", "skip", "{\"l\":[]}", "{\"l\":[]}", NULL);
	turns(&fields_update, "[{\"field\":\"$.data.body\",\"value\":\"x\"}]", " [1] ", " \"x\" ");
	turns(&fields_update, "[{\"field\":\"$.data.body.a\",\"value\":\"2\"}]", "{\"a\":0,\"a\":1}", "{\"a\":\"2\"}");
}

static void delete_takes_fields_out(void **state)
{
	(void)state;
	turns(&fields_delete, "$.data.body.a,$.data.body.o.b", "{\"a\":1,\"o\":{\"b\":1},\"c\":1e2}",
	      "{\"o\":{},\"c\":1e2}");
	turns(&fields_delete, "[{\"field\":\"$.data.body.none\"}]", "{\"a\":1}", "{\"a\":1}");
	turns(&fields_delete, "$.data.body[5],$.data.body[0]", "[1,2]", "[2]");
	rejects(&fields_delete, "$.data.body.o.b", "{}", "there is no object");
	with(&fields_delete, "$.data.body.o.b", "missing", "skip", "{}", "{}", NULL);
	rejects(&fields_delete, "$.data.body", "{}", "whole payload");
}

/* As if each change were a transform of its own. */
static void later_changes_see_earlier_ones(void **state)
{
	(void)state;
	turns(&fields_insert,
	      "[{\"field\":\"$.data.body.o\",\"value\":\"{}\",\"type\":\"json\"},"
	      "{\"field\":\"$.data.body.o.a\",\"value\":\"1\"},{\"field\":\"$.data.body.o.a\",\"value\":\"2\"},"
	      "{\"field\":\"$.data.body.p\",\"path\":\"$.data.body.x\"}]",
	      "{\"x\":1}", "{\"x\":1,\"o\":{\"a\":\"2\"},\"p\":1}");
	turns(&fields_insert,
	      "[{\"field\":\"$.data.body.o\",\"value\":\"{}\",\"type\":\"json\"},"
	      "{\"field\":\"$.data.body.o.a\",\"value\":\"1\"}]",
	      "{\"o\":[1,2]}", "{\"o\":{\"a\":\"1\"}}");
	turns(&fields_update,
	      "[{\"field\":\"$.data.body.a\",\"value\":\"{\\\"b\\\":1}\",\"type\":\"json\"},"
	      "{\"field\":\"$.data.body.a.b\",\"value\":\"2\"}]",
	      "{\"a\":0}", "{\"a\":{\"b\":\"2\"}}");
	turns(&fields_delete, "$.data.body[0],$.data.body[0],$.data.body[1]", "[1,2,3,4]", "[3]");
	rejects(&fields_update,
	        "[{\"field\":\"$.data.body.a\",\"value\":\"1\"},{\"field\":\"$.data.body.a.b\",\"value\":\"2\"}]",
	        "{\"a\":{\"b\":1}}", "$.data.body.a.b: there is no such field");
}

static void null_has_no_fields(void **state)
{
	outflow_harness *t = make(&fields_insert, "[{\"field\":\"$.data.body.a\",\"value\":\"1\"}]", NULL, NULL);
	outflow_record *r = outflow_harness_input(t, "t", "k", NULL);

	(void)state;
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_memory_equal(outflow_harness_output(t, 0), r, sizeof *r);
	outflow_harness_free(&t);
}

static void what_is_not_in_the_payload_fails_the_record(void **state)
{
	(void)state;
	rejects(&fields_insert, "[{\"field\":\"$.tag\",\"value\":\"1\"}]", "{}", "not in the payload");
	rejects(&fields_update, "[{\"field\":\"$.subject\",\"value\":\"1\"}]", "{}", "not in the payload");
	rejects(&fields_delete, "$.data.props.topic", "{}", "not in the payload");
	rejects(&fields_delete, "$.data.body.a", "{\"a\"", "not JSON");
	with(&fields_delete, "$.data.body.a", "source.format", "text", "{\"a\":1}", NULL, "the payload is not JSON");
}

static void a_whole_event_is_edited_from_its_top(void **state)
{
	outflow_harness *t =
		make(&fields_insert, "[{\"field\":\"$.tag\",\"value\":\"1\"},{\"field\":\"$.data.a\",\"value\":\"2\"}]",
	             NULL, NULL);
	outflow_record *r = outflow_harness_input(t, "t", "k", "{\"id\":\"7\",\"data\":{}}");

	(void)state;
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json; charset=utf-8");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "{\"id\":\"7\",\"data\":{\"a\":\"2\"},\"tag\":\"1\"}");
	outflow_harness_free(&t);
}

/* As a configuration file has it. */
static void groups_are_another_spelling(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .msg = "" };

	(void)state;
	outflow_harness_set(t, "fields", "t1,line");
	outflow_harness_set(t, "fields.t1.field", "$.data.body.a");
	outflow_harness_set(t, "fields.t1.value", "1");
	outflow_harness_set(t, "fields.line.name", "line");
	outflow_harness_set(t, "fields.line.field", "$.data.body.line");
	outflow_harness_set(t, "fields.line.value", "4");
	outflow_harness_set(t, "fields.line.type", "number");
	assert_int_equal(outflow_harness_create(t, &fields_insert, &err), OUTFLOW_OK);
	outflow_harness_input(t, "t", NULL, "{}");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "{\"a\":\"1\",\"line\":4}");
	outflow_harness_free(&t);
}

static void refuses(const outflow_component *c, const char *fields, const char *problem)
{
	outflow_harness *t = outflow_harness_new();

	outflow_harness_set(t, "fields", fields);
	assert_int_equal(outflow_harness_check(t, c), OUTFLOW_E_CONFIG);
	if (strstr(outflow_harness_problem(t, 0), problem) == NULL)
		fail_msg("%s: %s", fields, outflow_harness_problem(t, 0));
	outflow_harness_free(&t);
}

static void bad_fields_are_refused(void **state)
{
	(void)state;
	refuses(&fields_insert, "", "fields: at least one");
	refuses(&fields_insert, "[]", "fields: at least one");
	refuses(&fields_insert, "[{]", "fields: not JSON: byte 2");
	refuses(&fields_insert, "[1]", "fields[0]: should be an object");
	refuses(&fields_insert, "[{\"value\":\"1\"}]", "fields[0]: 'field', the path of the field, is missing");
	refuses(&fields_insert, "[{\"field\":\"a\",\"value\":\"1\"}]", "column 1 of path 'a'");
	refuses(&fields_insert, "[{\"field\":\"$\",\"value\":\"1\"}]", "'$' is the whole event");
	refuses(&fields_insert, "[{\"field\":\"$.a[*]\",\"value\":\"1\"}]", "column 5");
	refuses(&fields_insert, "[{\"field\":\"$.a\"}]", "needs a value");
	refuses(&fields_insert, "[{\"field\":\"$.a[0]\",\"value\":\"1\"}]", "ends in an index");
	refuses(&fields_insert, "[{\"field\":\"$.a\",\"value\":\"x\",\"type\":\"number\"}]", "'x' is not a number");
	refuses(&fields_insert, "[{\"field\":\"$.a\",\"value\":\"1\",\"type\":\"boolean\"}]", "'1' is not a boolean");
	refuses(&fields_insert, "[{\"field\":\"$.a\",\"value\":\"{\",\"type\":\"json\"}]", "the value is not JSON");
	refuses(&fields_insert, "[{\"field\":\"$.a\",\"value\":\"1\",\"type\":\"int\"}]", "type 'int' is not one of");
	refuses(&fields_insert, "[{\"field\":\"$.a\",\"val\":\"1\"}]", "unknown member 'val'");
	refuses(&fields_insert, "[{\"field\":\"$.a\",\"value\":\"1\",\"path\":\"$.b\"}]", "not from both");
	refuses(&fields_delete, "[{\"field\":\"$.a\",\"value\":\"1\"}]", "a field to delete has no value");
	refuses(&fields_update, "t1", "fields.t1.field: 'field', the path of the field, is missing");
}

static void all_problems_are_told(void **state)
{
	outflow_harness *t = outflow_harness_new();

	(void)state;
	outflow_harness_set(t, "fields", "t1,t2");
	outflow_harness_set(t, "fields.t1.field", "x");
	outflow_harness_set(t, "fields.t1.valeu", "x");
	outflow_harness_set(t, "fields.t3.field", "$.a");
	assert_int_equal(outflow_harness_check(t, &fields_update), OUTFLOW_E_CONFIG);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(outflow_harness_problem(t, i));
	outflow_harness_free(&t);
}

static void no_memory_is_a_status(void **state)
{
	outflow_harness *t = make(&fields_insert,
	                          "[{\"field\":\"$.data.body.o\",\"value\":\"{}\",\"type\":\"json\"},"
	                          "{\"field\":\"$.data.body.o.a\",\"value\":\"1\"}]",
	                          NULL, NULL);
	outflow_error err = { .msg = "" };
	size_t n = 0;

	(void)state;
	outflow_harness_input(t, "t", "k", "{\"a\":1}");
	do {
		outflow_harness_fail_alloc(t, ++n);
		assert_in_range(n, 1, 20);
	} while (outflow_harness_apply(t, &err) == OUTFLOW_E_NOMEM);
	assert_true(n > 6);
	assert_string_equal(outflow_harness_value(t, 0), "{\"a\":1,\"o\":{\"a\":\"1\"}}");
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(insert_puts_values_of_every_type),
		cmocka_unit_test(values_come_from_paths),
		cmocka_unit_test(insert_needs_an_object_to_put_into),
		cmocka_unit_test(update_needs_the_field),
		cmocka_unit_test(delete_takes_fields_out),
		cmocka_unit_test(later_changes_see_earlier_ones),
		cmocka_unit_test(null_has_no_fields),
		cmocka_unit_test(what_is_not_in_the_payload_fails_the_record),
		cmocka_unit_test(a_whole_event_is_edited_from_its_top),
		cmocka_unit_test(groups_are_another_spelling),
		cmocka_unit_test(bad_fields_are_refused),
		cmocka_unit_test(all_problems_are_told),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
