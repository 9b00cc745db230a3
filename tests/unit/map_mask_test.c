/* SPDX-License-Identifier: Apache-2.0 */
/* map_mask_test.c: map changes what its expressions fit and mask hides what its paths find, and both leave the rest. */
#include "transform_fixture.h"
#include "transforms/cleanse/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAP(REGEX, REPLACEMENT, ...)                                                                                   \
	SET("rules", "t1", "rules.t1.regex", REGEX, "rules.t1.replacement", REPLACEMENT, __VA_ARGS__)

/* ---- map ---- */

static void whole_payloads_are_mapped_as_text(void **state)
{
	const outflow_component *c = &cleanse_map;

	(void)state;
	transform_turns(c, MAP("(\\d{3})\\d{4}(\\d{4})", "$1****$2", NULL), "{\"tel\":\"13912345678\"}",
	                "{\"tel\":\"139****5678\"}");
	transform_turns(c, MAP("^\\{|\\}$|\"", "", NULL), "{\"a\":1}", "a:1");
	transform_turns(c, MAP("x", "y", NULL), "", "");
	transform_turns(c, MAP("x", "y", NULL), NULL, "(null)");
	transform_turns(c,
	                SET("rules", "b,a", "rules.a.regex", "1", "rules.a.replacement", "2", "rules.b.regex", "2",
	                    "rules.b.replacement", "1"),
	                "12", "22");
}

static void values_are_mapped_one_by_one(void **state)
{
	const outflow_component *c = &cleanse_map;

	(void)state;
	transform_turns(
		c, MAP("^(.{3}).*", "$1\"", "paths", "$.data.body.a,$.data.body.l[*]"),
		"{\"a\":\"x\\u0041\\ny\",\"b\":\"abcdef\",\"l\":[\"abcdef\",1.50,{\"x\":\"abcdef\"},null]}",
		"{\"a\":\"x\\u0041\\ny\",\"b\":\"abcdef\",\"l\":[\"abc\\\"\",\"1.5\\\"\",{\"x\":\"abcdef\"},null]}");
	transform_turns(c, MAP("(\\d+)\\.\\d+", "$1", "paths", "$.data.body..*"), "{\"t\":21.57,\"s\":\"9.9\"}",
	                "{\"t\":21,\"s\":\"9\"}");
	transform_turns(c, MAP("1", "one", "paths", "$.data.body.t"), "{\"t\":1}", "{\"t\":\"one\"}");
	transform_turns(c, MAP("x", "y", "paths", "$.data.body.a"), " {\"a\": \"b\"} ", " {\"a\": \"b\"} ");
	transform_turns(c, MAP("x", "y", "paths", "$.data.body.a"), "{}", "{}");
	transform_rejects(c, MAP("x", "y", "paths", "$.data.props.topic"), "{}", "not in the payload");
	transform_rejects(c, MAP("x", "y", "paths", "$.data.body.a"), "{\"a\"", "not JSON");
}

static void texts_that_are_no_json(void **state)
{
	const outflow_component *c = &cleanse_map;

	(void)state;
	transform_turns(c,
	                SET("rules", "t1", "rules.t1.regex", "p(\\d)", "rules.t1.replacement", "pump-$1", "paths",
	                    "$.data.body", "source.format", "text"),
	                "p1,p2", "pump-1,pump-2");
	transform_turns(
		c, SET("rules", "t1", "rules.t1.regex", "p", "rules.t1.replacement", "q", "source.format", "binary"),
		"p1", "q1");
	transform_rejects(c,
	                  SET("rules", "t1", "rules.t1.regex", "p", "rules.t1.replacement", "q", "source.format",
	                      "binary", "paths", "$.data.body"),
	                  "p1", "not in the payload");
}

static void letters_change_their_case(void **state)
{
	const outflow_component *c = &cleanse_map;

	(void)state;
	transform_turns(c, SET("rules", "u", "rules.u.regex", "(?<!\\p{L})\\p{L}", "rules.u.case", "upper"),
	                "\xc3\xa4pfel und birnen \xd0\xb6", "\xc3\x84pfel Und Birnen \xd0\x96");
	transform_turns(c, SET("rules", "l", "rules.l.regex", ".+", "rules.l.case", "lower", "paths", "$.data.body.d"),
	                "{\"d\":\"PUMP-\xc8\xba\xf0\x90\x90\x80\",\"e\":\"E\"}",
	                "{\"d\":\"pump-\xe2\xb1\xa5\xf0\x90\x90\xa8\",\"e\":\"E\"}");
	transform_turns(c, SET("rules", "u", "rules.u.regex", "x", "rules.u.case", "upper"), "a", "a");
}

static void no_expression_runs_away(void **state)
{
	enum { N = 10 << 20 };
	outflow_harness *t = transform_make(&cleanse_map, MAP("\\x00", "0", NULL));
	char text[101], *large = calloc(1, N);

	(void)state;
	memset(text, 'a', 99);
	memcpy(text + 99, "!", 2);
	transform_rejects(&cleanse_map, MAP("(a+)+$", "", NULL), text, "gave up");
	memset(large, 'x', N);
	large[N / 2] = '\0';
	outflow_harness_input_bytes(t, "t", large, N);
	outflow_harness_input_bytes(t, "t", "\xc3", 1);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_int_equal(strlen(outflow_harness_value(t, 0)), N);
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, "UTF-8"));
	outflow_harness_free(&t);
	free(large);
}

static void bad_rules_are_refused(void **state)
{
	const outflow_component *c = &cleanse_map;

	(void)state;
	transform_refuses(c, SET("rules", ""), "rules: at least one rule");
	transform_refuses(c, SET("rules", "t1"), "rules.t1.regex: is missing");
	transform_refuses(c, MAP("(", "", NULL), "rules.t1.regex: byte 1");
	transform_refuses(c, MAP("a", "$1", NULL), "rules.t1.replacement: byte 0 of the replacement '$1'");
	transform_refuses(c, SET("rules", "t1", "rules.t1.regex", "a"), "rules.t1.replacement: is missing");
	transform_refuses(c, MAP("a", "b", "rules.t1.case", "upper"), "a replacement or a case, not both");
	transform_refuses(c, SET("rules", "t1", "rules.t1.regex", "a", "rules.t1.case", "title"),
	                  "rules.t1.case: 'title' is not one of as-is, upper, lower");
	transform_refuses(c, MAP("a", "b", "rules.t1.replacment", "x"), "rules.t1.replacment: unknown key");
	transform_refuses(c, MAP("a", "b", "rules.t2.regex", "x"),
	                  "rules.t2.regex: unknown key; 'rules' names its groups");
	transform_refuses(c, MAP("a", "b", "paths", "$.a["), "paths: column");
}

/* ---- mask ---- */

static void values_are_hidden(void **state)
{
	const outflow_component *c = &cleanse_mask;

	(void)state;
	transform_turns(c, SET("paths", "$.data.body.pin,$.data.body.l[*].k"),
	                "{\"pin\": 1234 ,\"a\":1.0,\"l\":[{\"k\":\"v\"},{\"k\":{\"x\":1}},{\"k\":null},{}]}",
	                "{\"pin\": \"***\" ,\"a\":1.0,\"l\":[{\"k\":\"***\"},{\"k\":\"***\"},{\"k\":null},{}]}");
	transform_turns(c, SET("paths", "$.data.body.pin", "with", "\"gone\""), "{\"pin\":true}",
	                "{\"pin\":\"\\\"gone\\\"\"}");
	transform_turns(c, SET("paths", "$.data.body.a,$.data.body.a.b"), "{\"a\":{\"b\":1}}", "{\"a\":\"***\"}");
	transform_turns(c, SET("paths", "$.data.body", "source.format", "text"), "secret", "***");
	transform_turns(c, SET("paths", "$.data.body.a"), NULL, "(null)");
	transform_turns(c, SET("paths", "$.data.body.a"), "{\"b\":1}", "{\"b\":1}");
	transform_rejects(c, SET("paths", "$.data.body.b,$.data.body.a", "missing", "fail"), "{\"b\":1}",
	                  "$.data.body.a: there is nothing to hide");
	transform_rejects(c, SET("paths", "$.data.key"), "{}", "not in the payload");
}

static void parts_of_values_are_hidden(void **state)
{
	const outflow_component *c = &cleanse_mask;
	const char *const *both = SET("paths", "$.data.body", "method", "partial", "keep.first", "1", "keep.last", "2");

	(void)state;
	transform_turns(c, both, "\"abcdef\"", "\"a***ef\"");
	transform_turns(c, both, "\"abcd\"", "\"a*cd\"");
	transform_turns(c, both, "\"abc\"", "\"***\"");
	transform_turns(c, both, "\"\"", "\"\"");
	transform_turns(c, both, "\"\\u00e4\\ud83d\\ude00bc\xc3\xb6\"", "\"\xc3\xa4**c\xc3\xb6\"");
	transform_turns(c, both, "13912345678", "\"1********78\"");
	transform_turns(c, SET("paths", "$.data.body", "method", "partial", "with", "<x>"), "\"ab\"", "\"<x><x>\"");
	transform_rejects(c, both, "[1]", "cannot be hidden in part");
}

/* The digests are those of FIPS 180-4 ("abc") and RFC 4231 (test case 2). */
static void digests_are_those_of_the_standards(void **state)
{
	const outflow_component *c = &cleanse_mask;
	const char *const *keyed = SET("paths", "$.data.body[*]", "method", "hmac-sha256", "secret", "Jefe");

	(void)state;
	transform_turns(c, SET("paths", "$.data.body.a", "method", "sha256"), "{\"a\":\"\\u0061bc\"}",
	                "{\"a\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
	transform_turns(c, SET("paths", "$.data.body", "method", "sha256"), "\"\"",
	                "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"");
	transform_turns(c, keyed, "[\"what do ya want for nothing?\",\"what do ya want for nothing?\"]",
	                "[\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\","
	                "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"]");
}

static void bad_masks_are_refused(void **state)
{
	const outflow_component *c = &cleanse_mask;

	(void)state;
	transform_refuses(c, SET("paths", ""), "paths: at least one path");
	transform_refuses(c, SET("paths", "a"), "paths: column 1");
	transform_refuses(c, SET("paths", "$.a", "method", "hmac-sha256"), "secret: is missing");
	transform_refuses(c, SET("paths", "$.a", "method", "hmac-sha256", "secret", ""), "secret: is empty");
	transform_refuses(c, SET("paths", "$.a", "method", "sha256", "secret", "x"), "secret: has no effect");
	transform_refuses(c, SET("paths", "$.a", "method", "sha256", "with", "x"), "with: has no effect");
	transform_refuses(c, SET("paths", "$.a", "keep.first", "1"), "keep.first: has no effect");
	transform_refuses(c, SET("paths", "$.a", "with", "\xff"), "with: is not valid UTF-8");
}

static void no_memory_is_a_status(void **state)
{
	(void)state;
	transform_runs_out_of_memory(&cleanse_map, MAP("x", "y", "paths", "$.data.body.a"), "{\"a\":\"\\u0041x\"}", 5);
	transform_runs_out_of_memory(&cleanse_map, SET("rules", "t1", "rules.t1.regex", "x", "rules.t1.case", "upper"),
	                             "x", 1);
	transform_runs_out_of_memory(&cleanse_mask, SET("paths", "$.data.body.a", "method", "partial"),
	                             "{\"a\":\"\\u0041x\"}", 5);
	transform_runs_out_of_memory(&cleanse_mask, SET("paths", "$.data.body.a", "method", "sha256"), "{\"a\":\"x\"}",
	                             4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_payloads_are_mapped_as_text),
		cmocka_unit_test(values_are_mapped_one_by_one),
		cmocka_unit_test(texts_that_are_no_json),
		cmocka_unit_test(letters_change_their_case),
		cmocka_unit_test(no_expression_runs_away),
		cmocka_unit_test(bad_rules_are_refused),
		cmocka_unit_test(values_are_hidden),
		cmocka_unit_test(parts_of_values_are_hidden),
		cmocka_unit_test(digests_are_those_of_the_standards),
		cmocka_unit_test(bad_masks_are_refused),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
