/* SPDX-License-Identifier: Apache-2.0 */
/* fields_test.c: rename, drop and keep change the fields that they name and not a byte of the others. */
#include "sdk/testing/harness.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static const outflow_component *component(const char *name)
{
	const outflow_plugin *p = outflow_plugin_entry_v1();

	for (size_t i = 0; i < p->n_components; i++)
		if (strcmp(p->components[i]->name, name) == 0)
			return p->components[i];
	fail_msg("no component %s", name);
	return NULL;
}

static outflow_harness *make(const char *name, const char *fields)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .msg = "" };

	outflow_harness_set(t, "fields", fields);
	if (outflow_harness_create(t, component(name), &err) != OUTFLOW_OK)
		fail_msg("%s %s: %s", name, fields, err.msg);
	return t;
}

static void turns(const char *name, const char *fields, const char *payload, const char *expected)
{
	outflow_harness *t = make(name, fields);

	outflow_harness_input(t, "t", "k", payload);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), expected);
	outflow_harness_free(&t);
}

static void rename_changes_names_only(void **state)
{
	(void)state;
	turns("rename", "temp:celsius", "{\"temp\": 21.50 ,\"b\":{ \"temp\": 1 }}",
	      "{\"celsius\":21.50,\"b\":{ \"temp\": 1 }}");
	turns("rename", "b:x", "{ \"a\": 1 , \"z\" :2, \"b\":3 ,\"c\" : \"[{,\" , \"d\":4 }",
	      "{\"a\": 1 , \"z\" :2,\"x\":3,\"c\" : \"[{,\" , \"d\":4}");
	turns("rename", "a.b:c", "{\"a\":{\"b\":[ 1 ],\"x\":\"\\u0041\"},\"b\":2}",
	      "{\"a\":{\"c\":[ 1 ],\"x\":\"\\u0041\"},\"b\":2}");
	turns("rename", "a.b:a.c", "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":1}}");
	turns("rename", "a:x, a.b:y", "{\"a\":{\"b\":1}}", "{\"x\":{\"y\":1}}");
	turns("rename", "a:b,b:a", "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}");
	turns("rename", "temp:c", "{\"te\\u006dp\":1}", "{\"c\":1}");
	turns("rename", "a:say \"hi\"", "{\"a\":1}", "{\"say \\\"hi\\\"\":1}");
}

static void rename_replaces_what_has_the_name(void **state)
{
	(void)state;
	turns("rename", "a:b", "{\"b\":1,\"a\":2,\"c\":3}", "{\"b\":2,\"c\":3}");
	turns("rename", "a:b", "{\"b\":1,\"c\":3}", "{\"b\":1,\"c\":3}");
	turns("rename", "a:x", "{\"a\":1,\"a\":2}", "{\"x\":1,\"x\":2}");
}

static void drop_takes_fields_out(void **state)
{
	(void)state;
	turns("drop", "a,c.d", "{\"a\":1,\"b\":12345678901234567890,\"c\":{\"d\":1,\"e\":[1, 2]}}",
	      "{\"b\":12345678901234567890,\"c\":{\"e\":[1, 2]}}");
	turns("drop", "a", "{\"a\":1}", "{}");
	turns("drop", "a.b", "{\"a\":[{\"b\":1}]}", "{\"a\":[{\"b\":1}]}");
	turns("drop", "a,a.b", "{\"a\":{\"b\":1},\"c\":2}", "{\"c\":2}");
}

static void keep_takes_all_others_out(void **state)
{
	(void)state;
	turns("keep", "a,c.d", "{\"a\": 1e2,\"b\":2,\"c\":{\"d\":{\"x\": 1},\"e\":1}}",
	      "{\"a\": 1e2,\"c\":{\"d\":{\"x\": 1}}}");
	turns("keep", "a,a.b", "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":1,\"c\":2}}");
	turns("keep", "a.b", "{\"a\":{\"c\":1},\"b\":1}", "{\"a\":{}}");
	turns("keep", "a.b", "{\"a\":1}", "{}");
}

static void untouched_records_stay_as_they_are(void **state)
{
	static const char *const names[][2] = { { "rename", "b:c" }, { "drop", "x.y" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		outflow_harness *t = make(names[i][0], names[i][1]);
		outflow_record *r = outflow_harness_input(t, "t", "k", " {\"a\" : 1, \"x\":{}} ");
		outflow_record *null = outflow_harness_input(t, "t", "k", NULL);

		assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
		assert_memory_equal(outflow_harness_output(t, 0), r, sizeof *r);
		assert_memory_equal(outflow_harness_output(t, 1), null, sizeof *null);
		outflow_harness_free(&t);
	}
}

static void what_is_no_object_is_rejected(void **state)
{
	outflow_harness *t = make("drop", "a");

	(void)state;
	outflow_harness_input(t, "t", "k", "[1]");
	outflow_harness_input(t, "t", "k", "{\"a\":1,\"b\":2}");
	outflow_harness_input(t, "t", "k", "{\"a\"");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), "{\"b\":2}");
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, "not a JSON object, it begins with '['"));
	assert_int_equal(outflow_harness_reject(t, 0)->status, OUTFLOW_E_RECORD);
	assert_int_equal(outflow_harness_reject(t, 1)->input, 2);
	outflow_harness_free(&t);
}

static void a_stale_view_does_not_go_along(void **state)
{
	outflow_harness *t = make("drop", "a");
	const outflow_host *h = outflow_harness_host(t);
	outflow_record *r = outflow_harness_input(t, "t", "k", "{\"a\":1}");
	const outflow_json *j = NULL;

	(void)state;
	assert_int_equal(outflow_json_scan(h, outflow_harness_batch(t), r->value, 9, &j, NULL), OUTFLOW_OK);
	r->view = j;
	r->view_tag = h->intern(h, OUTFLOW_VIEW_JSON);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_null(outflow_harness_output(t, 0)->view);
	assert_int_equal(outflow_harness_output(t, 0)->view_tag, 0);
	outflow_harness_free(&t);
}

static void refuses(const char *name, const char *fields, const char *problem)
{
	outflow_harness *t = outflow_harness_new();

	outflow_harness_set(t, "fields", fields);
	assert_int_equal(outflow_harness_check(t, component(name)), OUTFLOW_E_CONFIG);
	if (strstr(outflow_harness_problem(t, 0), problem) == NULL)
		fail_msg("%s: %s", fields, outflow_harness_problem(t, 0));
	outflow_harness_free(&t);
}

static void bad_items_are_refused(void **state)
{
	(void)state;
	refuses("rename", NULL, "fields: required");
	refuses("keep", "", "fields: at least one");
	refuses("rename", "a", "fields: 'a': a field to rename is written old:new");
	refuses("rename", "a:b:c", "old:new");
	refuses("rename", "a:", "the new name is missing");
	refuses("rename", "a.b:a.", "the new name is missing");
	refuses("rename", "a.b:c.d", "cannot move");
	refuses("rename", ":b", "a name is missing");
	refuses("rename", "a:x,b:x", "'b:x': two fields cannot get the same name");
	refuses("rename", "a:x,a:y", "'a:y': the field is given twice");
	refuses("drop", "a..b", "a name is missing");
	refuses("keep", "a,a", "given twice");
	refuses("keep", "\xff", "not valid UTF-8");
}

static void no_memory_is_a_status(void **state)
{
	outflow_harness *t = make("keep", "a");
	outflow_error err = { .msg = "" };

	(void)state;
	outflow_harness_input(t, "t", "k", "{\"a\":1}");
	for (size_t n = 1; n <= 3; n++) { /* tape, text, record */
		outflow_harness_fail_alloc(t, n);
		assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_NOMEM);
	}
	outflow_harness_fail_alloc(t, 0);
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_OK);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rename_changes_names_only),
		cmocka_unit_test(rename_replaces_what_has_the_name),
		cmocka_unit_test(drop_takes_fields_out),
		cmocka_unit_test(keep_takes_all_others_out),
		cmocka_unit_test(untouched_records_stay_as_they_are),
		cmocka_unit_test(what_is_no_object_is_rejected),
		cmocka_unit_test(a_stale_view_does_not_go_along),
		cmocka_unit_test(bad_items_are_refused),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
