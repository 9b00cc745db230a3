/* SPDX-License-Identifier: Apache-2.0 */
/* split_test.c: a payload becomes one record for each of its parts, which know their number; none is lost or made up. */
#include "transform_fixture.h"
#include "transforms/cleanse/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void texts_are_split_at_delimiters(void **state)
{
	const outflow_component *c = &cleanse_split;

	(void)state;
	transform_turns(c, SET("delimiter", ";"), "p1,21;p2,22;p3,19", "p1,21\np2,22\np3,19");
	transform_turns(c, SET("delimiter", "\\s*[;|]\\s*"), "a ;b|  c", "a\nb\nc");
	transform_turns(c, SET("delimiter", ";"), ";a;;b;", "a\nb");
	transform_turns(c, SET("delimiter", ";", "empty", "keep"), ";a;;b;", "\na\n\nb\n");
	transform_turns(c, SET("delimiter", ";"), "whole", "whole");
	transform_turns(c, SET("delimiter", "(?=p)"), "p1p2", "p1\np2");
	transform_turns(c,
	                SET("delimiter", ""
	                                 "x*"),
	                "aäb", "a\nä\nb");
}

static void queries_name_the_parts(void **state)
{
	const outflow_component *c = &cleanse_split;

	(void)state;
	transform_turns(c, SET("path", "$.data.body[*]"), "[{\"a\": 1.0},\"s\",null,[2]]",
	                "{\"a\": 1.0}\n\"s\"\nnull\n[2]");
	transform_turns(c, SET("path", "$.data.body"), "[1, 2]", "1\n2");
	transform_turns(c, SET("path", "$.data.body.l"), "{\"l\":[\"\",7]}", "7");
	transform_turns(c, SET("path", "$.data.body.l", "empty", "keep"), "{\"l\":[\"\",7]}", "\"\"\n7");
	transform_turns(c, SET("path", "$.data.body..t"), "[{\"t\":1},{\"x\":{\"t\":2}}]", "1\n2");
	transform_turns(c, SET("path", "$.data.body.o"), "{\"o\":{\"x\":1}}", "{\"x\":1}");
	transform_turns(c, SET("path", "$.data.body.lines", "delimiter", "\n"), "{\"lines\":\"a,1\\nb,2\"}",
	                "a,1\nb,2");
	transform_rejects(c, SET("path", "$.data.body.lines", "delimiter", "\n"), "{\"lines\":[]}",
	                  "no text at the path");
	transform_rejects(c, SET("path", "$.data.body[*]"), "[1", "not JSON");
}

static void user_properties_are_an_array_like_others(void **state)
{
	outflow_harness *t = transform_make(&cleanse_split, SET("path", "$.data.props.userProperties"));
	outflow_record *r = outflow_harness_input(t, "t", NULL, "{}");

	(void)state;
	outflow_harness_header(t, r, "site", "north");
	outflow_harness_header(t, r, "shift", "2");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_string_equal(outflow_harness_value(t, 0), "{\"key\":\"site\",\"value\":\"north\"}");
	assert_string_equal(outflow_harness_value(t, 1), "{\"key\":\"shift\",\"value\":\"2\"}");
	outflow_harness_free(&t);
}

static void what_has_no_part_follows_its_policy(void **state)
{
	const outflow_component *c = &cleanse_split;

	(void)state;
	transform_turns(c, SET("path", "$.data.body[*]"), "[]", NULL);
	transform_turns(c, SET("delimiter", ";"), ";;", NULL);
	transform_turns(c, SET("delimiter", ";"), "", NULL);
	transform_turns(c, SET("delimiter", ";", "none", "pass"), ";;", ";;");
	transform_rejects(c, SET("delimiter", ";", "none", "fail"), ";;", "the payload has no part");
	transform_turns(c, SET("delimiter", ";"), NULL, "(null)");
}

static void parts_know_their_number(void **state)
{
	outflow_harness *t = transform_make(&cleanse_split, SET("delimiter", ";"));
	outflow_record *in = outflow_harness_input(t, "plant/p1", "key", "a;b");

	(void)state;
	outflow_harness_header(t, in, "site", "north");
	outflow_harness_header(t, in, "outflow.part", "7"); /* of an earlier split */
	outflow_harness_input(t, "plant/p2", "key", "c");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 3);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(outflow_harness_header_of(t, i, "outflow.part"), i == 0 ? "1" : "2");
		assert_string_equal(outflow_harness_header_of(t, i, "outflow.parts"), "2");
		assert_string_equal(outflow_harness_header_of(t, i, "site"), "north");
		assert_int_equal(outflow_harness_output(t, i)->n_headers, 3);
		assert_string_equal(outflow_harness_key(t, i), "key");
		assert_string_equal(outflow_harness_topic(t, i), "plant/p1");
		assert_null(outflow_harness_output(t, i)->view);
	}
	assert_string_equal(outflow_harness_header_of(t, 2, "outflow.parts"), "1");
	outflow_harness_free(&t);
}

static void the_limit_fails_the_record(void **state)
{
	const outflow_component *c = &cleanse_split;

	(void)state;
	transform_turns(c, SET("delimiter", ";", "limit", "3"), "a;b;c;", "a\nb\nc");
	transform_rejects(c, SET("delimiter", ";", "limit", "3"), "a;b;c;d", "more than 3 parts");
	transform_rejects(c, SET("path", "$.data.body[*]", "limit", "1"), "[1,2]", "more than 1 parts");
}

static void hostile_payloads(void **state)
{
	enum { N = 10 << 20 };
	outflow_harness *t = transform_make(&cleanse_split, SET("delimiter", ";", "limit", "2000"));
	char *large = malloc(N), bad[101];

	(void)state;
	for (size_t i = 0; i < N; i++)
		large[i] = i % 10000 == 9999 ? ';' : '\0';
	outflow_harness_input_bytes(t, "t", large, N);
	outflow_harness_input_bytes(t, "t", "a\xff;b", 4);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), (N + 9999) / 10000);
	assert_int_equal(outflow_harness_output(t, 5)->value.len, 9999);
	assert_int_equal(outflow_harness_reject(t, 0)->input, 1);
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, "UTF-8"));
	outflow_harness_free(&t);
	free(large);
	memset(bad, 'a', 99);
	memcpy(bad + 99, "!", 2);
	transform_rejects(&cleanse_split, SET("delimiter", "(a+)+$"), bad, "gave up");
	memset(bad, '[', 100);
	transform_rejects(&cleanse_split, SET("path", "$.data.body..x"), bad, "not JSON");
}

static void bad_settings_are_refused(void **state)
{
	const outflow_component *c = &cleanse_split;

	(void)state;
	transform_refuses(c, SET(NULL, NULL), "delimiter: is missing");
	transform_refuses(c, SET("delimiter", "("), "delimiter: byte 1");
	transform_refuses(c, SET("delimiter", ""), "delimiter: is empty");
	transform_refuses(c, SET("path", "data"), "path: column 1");
	transform_refuses(c, SET("path", "$[*]", "delimiter", ";"), "this one can find several");
	transform_refuses(c, SET("delimiter", ";", "limit", "0"), "limit");
	transform_refuses(c, SET("delimiter", ";", "empty", "no"), "empty");
}

static void no_memory_is_a_status(void **state)
{
	(void)state;
	transform_runs_out_of_memory(&cleanse_split, SET("delimiter", ";"), "a;b", 7);
	transform_runs_out_of_memory(&cleanse_split, SET("path", "$.data.body.l", "delimiter", "\n"),
	                             "{\"l\":\"a\\nb\"}", 8);
	transform_runs_out_of_memory(&cleanse_split, SET("path", "$.data.body"), "[1,2]", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_split_at_delimiters),
		cmocka_unit_test(queries_name_the_parts),
		cmocka_unit_test(what_has_no_part_follows_its_policy),
		cmocka_unit_test(user_properties_are_an_array_like_others),
		cmocka_unit_test(parts_know_their_number),
		cmocka_unit_test(the_limit_fails_the_record),
		cmocka_unit_test(hostile_payloads),
		cmocka_unit_test(bad_settings_are_refused),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
