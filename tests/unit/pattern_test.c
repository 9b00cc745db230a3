/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_test.c: patterns fit what they should, refuse what they must with place and cause, and agree with
 * other engines. */
#include "sdk/testing/harness.h"
#include "transforms/language/explain.h"
#include "transforms/language/pattern.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
	outflow_harness *t;
	struct event_settings settings;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->t = outflow_harness_new();
	event_settings_read(&f->settings, outflow_harness_host(f->t), outflow_harness_config(f->t), "source.");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	outflow_harness_free(&f->t);
	free(f);
	return 0;
}

/* An event given as a whole, so that patterns may begin anywhere. */
static struct event whole_event(struct fixture *f, outflow_str text, outflow_error *err)
{
	outflow_record *r = outflow_harness_input_bytes(f->t, "t", text.ptr, text.len);
	struct event e;

	outflow_harness_header(f->t, r, "content-type", "application/cloudevents+json; charset=utf-8");
	event_begin(&e, outflow_harness_host(f->t), outflow_harness_batch(f->t), &f->settings, r, err);
	return e;
}

/* A set of this one pattern must say the same as the pattern by itself. */
static void ask_a_set(enum pattern_dialect dialect, outflow_str pattern, struct event *e, bool expected)
{
	struct pattern_set *set = NULL;
	const uint32_t *matched;
	size_t n;

	assert_int_equal(pattern_set_new(dialect, &set, NULL), OUTFLOW_OK);
	assert_int_equal(pattern_set_add(set, outflow_text("one"), pattern, NULL), OUTFLOW_OK);
	assert_int_equal(pattern_set_finish(set, NULL), OUTFLOW_OK);
	n = pattern_set_match(set, e, &matched);
	if (n != expected || (n > 0 && matched[0] != 0) || pattern_set_match_any(set, e) != expected)
		fail_msg("%.*s alone: %d, in a set: %zu", (int)pattern.len, pattern.ptr, expected, n);
	pattern_set_free(&set);
}

/* 1: fits, 0: does not, -1: the pattern is refused. */
static int outcome_in(struct fixture *f, enum pattern_dialect dialect, outflow_str pattern, outflow_str event,
                      outflow_error *err)
{
	struct pattern *p = NULL;
	struct event e;
	bool fits;

	if (pattern_compile(pattern, dialect, &p, err) != OUTFLOW_OK)
		return -1;
	e = whole_event(f, event, err);
	fits = pattern_match(p, &e, NULL, NULL);
	if (e.status != OUTFLOW_OK)
		fail_msg("%.*s: %s", (int)event.len, event.ptr, err->msg);
	ask_a_set(dialect, pattern, &e, fits);
	pattern_free(&p);
	outflow_harness_clear(f->t);
	return fits;
}

static int outcome(struct fixture *f, outflow_str pattern, outflow_str event, outflow_error *err)
{
	return outcome_in(f, PATTERN_UNION, pattern, event, err);
}

static void expect_in(struct fixture *f, enum pattern_dialect dialect, int wanted, const char *pattern,
                      const char *event)
{
	outflow_error err = { .msg = "" };
	int got = outcome_in(f, dialect, outflow_text(pattern), outflow_text(event), &err);

	if (got != wanted)
		fail_msg("%s: pattern %s on %s: %d, wanted %d (%s)", pattern_dialects[dialect], pattern, event, got,
		         wanted, err.msg);
}

static void expect(struct fixture *f, int wanted, const char *pattern, const char *event)
{
	expect_in(f, PATTERN_UNION, wanted, pattern, event);
}

static void values_are_typed(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"a\":[\"x\"]}", "{\"a\":\"x\"}");
	expect(f, 1, "{\"a\":[\"y\",\"x\",\"xx\"]}", "{\"a\":\"x\"}");
	expect(f, 0, "{\"a\":[\"x\"]}", "{\"a\":\"X\"}");
	expect(f, 0, "{\"a\":[80]}", "{\"a\":\"80\"}");
	expect(f, 0, "{\"a\":[\"true\"]}", "{\"a\":true}");
	expect(f, 1, "{\"a\":[true]}", "{\"a\":true}");
	expect(f, 0, "{\"a\":[true]}", "{\"a\":false}");
	expect(f, 1, "{\"a\":[null]}", "{\"a\":null}");
	expect(f, 0, "{\"a\":[null]}", "{}");
	expect(f, 0, "{\"a\":[null]}", "{\"a\":\"\"}");
	expect(f, 1, "{\"a\":[\"\"]}", "{\"a\":\"\"}");
	expect(f, 0, "{\"a\":[\"\"]}", "{\"a\":null}");
	expect(f, 1, "{\"\":[1]}", "{\"\":1}");
}

static void escapes_do_not_matter(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"\\u0061\":[\"\\u0078\\n\"]}", "{\"a\":\"x\\u000a\"}");
	expect(f, 1, "{\"a\":[{\"prefix\":\"\\u0078\"}]}", "{\"\\u0061\":\"\\u0078y\"}");
	expect(f, 1, "{\"a\":[\"\xc3\xa9\"]}", "{\"a\":\"\\u00e9\"}");
}

static void numbers_compare_by_value(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"a\":[300]}", "{\"a\":300.0}");
	expect(f, 1, "{\"a\":[3.0e2]}", "{\"a\":300}");
	expect(f, 1, "{\"a\":[0.0]}", "{\"a\":-0}");
	expect(f, 0, "{\"a\":[12345678901234567890]}", "{\"a\":12345678901234567891}");
	expect(f, 1, "{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":5.000}");
	expect(f, 0, "{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":5.0000000000000000001}");
	expect(f, 0, "{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":-0.5}");
	expect(f, 1, "{\"a\":[{\"numeric\":[\"<\",-1e-3]}]}", "{\"a\":-0.002}");
	expect(f, 1, "{\"a\":[{\"numeric\":[\"!=\",1]}]}", "{\"a\":2}");
	expect(f, 0, "{\"a\":[{\"numeric\":[\"!=\",1]}]}", "{\"a\":1.0}");
	expect(f, 0, "{\"a\":[{\"numeric\":[\"=\",5]}]}", "{\"a\":\"5\"}");
	expect(f, 0, "{\"a\":[{\"numeric\":[\"=\",1.1234567]}]}", "{\"a\":1.12345678}");
	expect(f, 0, "{\"a\":[{\"numeric\":[\">\",0,\">\",5]}]}", "{\"a\":3}");
	expect(f, 1, "{\"a\":[{\"numeric\":[\"<\",1e300]}]}", "{\"a\":1e-99999999999999999999}");
}

static void prefix_exists_and_anything_but(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"a\":[{\"prefix\":\"pla\"}]}", "{\"a\":\"plant\"}");
	expect(f, 0, "{\"a\":[{\"prefix\":\"plant/\"}]}", "{\"a\":\"plant\"}");
	expect(f, 1, "{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":\"\"}");
	expect(f, 0, "{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":1}");
	expect(f, 1, "{\"a\":[{\"exists\":true}]}", "{\"a\":null}");
	expect(f, 0, "{\"a\":[{\"exists\":true}]}", "{\"a\":{\"b\":1}}");
	expect(f, 0, "{\"a\":[{\"exists\":true}]}", "{\"a\":[]}");
	expect(f, 1, "{\"a\":[{\"exists\":true}]}", "{\"a\":[[1]]}");
	expect(f, 1, "{\"a\":[{\"exists\":false}]}", "{\"a\":{}}");
	expect(f, 1, "{\"a\":{\"b\":[{\"exists\":false}]}}", "{}");
	expect(f, 0, "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":{\"b\":0}}");
	expect(f, 1, "{\"a\":[{\"exists\":false},\"x\"]}", "{\"a\":\"x\"}");
	expect(f, 1, "{\"a\":[{\"anything-but\":\"idle\"}]}", "{\"a\":\"on\"}");
	expect(f, 0, "{\"a\":[{\"anything-but\":\"idle\"}]}", "{\"a\":\"idle\"}");
	expect(f, 0, "{\"a\":[{\"anything-but\":\"idle\"}]}", "{}");
	expect(f, 1, "{\"a\":[{\"anything-but\":\"idle\"}]}", "{\"a\":null}");
	expect(f, 1, "{\"a\":[{\"anything-but\":123}]}", "{\"a\":\"123\"}");
	expect(f, 0, "{\"a\":[{\"anything-but\":123}]}", "{\"a\":123.0}");
	expect(f, 0, "{\"a\":[{\"anything-but\":[1,\"x\",null]}]}", "{\"a\":\"x\"}");
	expect(f, 0, "{\"a\":[{\"anything-but\":[1,\"x\",null]}]}", "{\"a\":null}");
	expect(f, 1, "{\"a\":[{\"anything-but\":[]}]}", "{\"a\":1}");
	expect(f, 0, "{\"a\":[{\"anything-but\":[]}]}", "{}");
	expect(f, 0, "{\"a\":[{\"anything-but\":{\"prefix\":\"test-\"}}]}", "{\"a\":\"test-1\"}");
	expect(f, 1, "{\"a\":[{\"anything-but\":{\"prefix\":[\"x\",\"test-\"]}}]}", "{\"a\":\"tes\"}");
	/* Several operators in one object: all of them. */
	expect(f, 1, "{\"a\":[{\"prefix\":\"p\",\"anything-but\":\"p2\"}]}", "{\"a\":\"p1\"}");
	expect(f, 0, "{\"a\":[{\"prefix\":\"p\",\"anything-but\":\"p2\"}]}", "{\"a\":\"p2\"}");
}

static void an_absent_field_fits_no_other_operator(void **state)
{
	struct fixture *f = *state;

	expect(f, 0, "{\"a\":[{\"exists\":false,\"prefix\":\"x\"}]}", "{}");
	expect(f, 1, "{\"a\":[{\"exists\":true,\"prefix\":\"x\"}]}", "{\"a\":\"x\"}");
}

static void arrays_are_walked_into(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"a\":[2]}", "{\"a\":[1,[2],3]}");
	expect(f, 0, "{\"a\":[2]}", "{\"a\":[1,{\"b\":2}]}");
	expect(f, 1, "{\"a\":{\"b\":[2]}}", "{\"a\":[1,{\"b\":2}]}");
	expect(f, 1, "{\"a\":{\"b\":[2]}}", "{\"a\":[[{\"b\":1}],[{\"b\":2}]]}");
	/* Both fields in the same element, at every level. */
	expect(f, 1, "{\"a\":{\"x\":[1],\"y\":[2]}}", "{\"a\":[{\"x\":1,\"y\":1},{\"x\":1,\"y\":2}]}");
	expect(f, 0, "{\"a\":{\"x\":[1],\"y\":[2]}}", "{\"a\":[{\"x\":1,\"y\":1},{\"x\":2,\"y\":2}]}");
	expect(f, 1, "{\"a\":{\"x\":[1]},\"b\":{\"y\":[2]}}", "{\"a\":[{\"x\":0},{\"x\":1}],\"b\":[{\"y\":2}]}");
	expect(f, 0, "{\"a\":{\"b\":{\"x\":[1]},\"c\":[1]}}",
	       "{\"a\":[{\"b\":[{\"x\":1}],\"c\":0},{\"b\":{},\"c\":1}]}");
	/* What is absent must be absent where the others were found, or everywhere. */
	expect(f, 1, "{\"a\":{\"x\":[1],\"y\":[{\"exists\":false}]}}", "{\"a\":[{\"x\":0,\"y\":0},{\"x\":1}]}");
	expect(f, 0, "{\"a\":{\"y\":[{\"exists\":false}]}}", "{\"a\":[{\"x\":0,\"y\":0},{\"x\":1}]}");
	expect(f, 1, "{\"a\":{\"y\":[{\"exists\":false}]}}", "{\"a\":[{\"x\":0},{\"x\":1}]}");
	expect(f, 1, "{\"a\":{\"y\":[{\"exists\":false}]}}", "{\"a\":[]}");
}

static void the_last_of_equal_names_wins(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"a\":[2]}", "{\"a\":1,\"a\":2}");
	expect(f, 0, "{\"a\":[1]}", "{\"a\":1,\"\\u0061\":2}");
	expect(f, 1, "{\"a\":[1],\"a\":[2]}", "{\"a\":2}");
	expect(f, 0, "{\"a\":[1],\"a\":[2]}", "{\"a\":1}");
	expect(f, 0, "{\"a\":[{\"prefix\":\"x\",\"prefix\":\"y\"}]}", "{\"a\":\"x\"}");
}

static void a_dot_is_nesting(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "{\"a.b\":[1]}", "{\"a\":{\"b\":1}}");
	expect(f, 1, "{\"a\":{\"b\":[1]}}", "{\"a.b\":1}");
	expect(f, 1, "{\"a\":{\"b\":{\"c\":[1]},\"d\":[2]}}", "{\"a.b\":{\"c\":1},\"a\":{\"d\":2}}");
	expect(f, 1, "{\"a.b\":[1],\"a\":{\"c\":[2]}}", "{\"a\":{\"c\":2},\"a.b\":1}");
	expect(f, 0, "{\"a\":{\"b\":[1]}}", "{\"ab\":1,\"a.c\":1}");
	expect(f, 1, "{\"a\":{\"b\":[1]}}", "{\"a\":[{\"b\":1}],\"a.b\":2}");
	expect(f, 1, "{\"a\":[1],\"a.b\":[2]}", "{\"a\":1,\"a.b\":2}");
	/* The same field twice: the last one wins, as for equal names. */
	expect(f, 0, "{\"a.b\":[1],\"a\":{\"b\":[\"x\"]}}", "{\"a\":{\"b\":1}}");
	expect(f, 0, "{\"a\":{\"b\":[\"x\"]},\"a.b\":[1]}", "{\"a\":{\"b\":\"x\"}}");
	expect(f, 1, "{\"a..b\":[1]}", "{\"a\":{\"\":{\"b\":1}}}");
	/* Scratch of one element must not leak into the next. */
	expect(f, 0, "{\"l\":{\"a\":{\"b\":[1]},\"c\":[1]}}", "{\"l\":[{\"a.b\":1},{\"c\":1}]}");
}

static void an_empty_pattern_lets_all_pass(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, "", "{\"a\":1}");
	expect(f, 1, "{}", "[]");
}

static void refuse(struct fixture *f, const char *pattern, const char *code, const char *place)
{
	outflow_error err = { .msg = "" };

	assert_int_equal(outcome(f, outflow_text(pattern), outflow_text("{}"), &err), -1);
	if (strncmp(err.msg, code, strlen(code)) != 0 || strstr(err.msg, place) == NULL)
		fail_msg("%s: wanted %s and '%s': %s", pattern, code, place, err.msg);
}

static void refusals_name_place_and_cure(void **state)
{
	struct fixture *f = *state;

	refuse(f, "{\"a\":", "pattern.json: not JSON: byte 5", "");
	refuse(f, "[1]", "pattern.not_object at the top (line 1, column 1): found [1]", "JSON object");
	refuse(f, "{\"a\":\"x\"}", "pattern.value at /a ", "found \"x\"; a field needs an array");
	refuse(f, "{\"a\":[]}", "pattern.value at /a ", "at least one");
	refuse(f, "{\"a\":{}}", "pattern.data.empty at /a ", "");
	refuse(f, "{\"a\":\n {\"b\":[1,\n[2]]}}", "pattern.nested at /a/b/1 (line 3, column 1)", "found [2]");
	refuse(f, "{\"a/b\":{\"~\":1}}", "pattern.value at /a~1b/~0 ", "");
	refuse(f, "{\"a\":[{}]}", "pattern.condition.keys at /a/0 ", "");
	refuse(f, "{\"a\":[{\"prefx\":\"x\"}]}", "pattern.condition.unknown at /a/0/prefx ", "nearest is 'prefix'");
	refuse(f, "{\"a\":[{\"exist\":true}]}", "pattern.condition.unknown", "nearest is 'exists'");
	refuse(f, "{\"a\":[{\"prefix\":1}]}", "pattern.prefix.type at /a/0/prefix ", "found 1");
	refuse(f, "{\"a\":[{\"exists\":1}]}", "pattern.exists.type", "");
	refuse(f, "{\"a\":[{\"numeric\":1}]}", "pattern.numeric.type", "");
	refuse(f, "{\"a\":[{\"numeric\":[]}]}", "pattern.numeric.items", "");
	refuse(f, "{\"a\":[{\"numeric\":[\">\"]}]}", "pattern.numeric.items", "");
	refuse(f, "{\"a\":[{\"numeric\":[\">\",\"1\"]}]}", "pattern.numeric.items at /a/0/numeric/1 ", "");
	refuse(f, "{\"a\":[{\"numeric\":[\">\",1,\"<\",2,\"<\",3]}]}", "pattern.numeric.items", "");
	refuse(f, "{\"a\":[{\"numeric\":[\"==\",1]}]}", "pattern.numeric.operator at /a/0/numeric/0 ", "\"!=\"");
	refuse(f, "{\"a\":[{\"numeric\":[\"=\",1e309]}]}", "pattern.numeric.range", "");
	refuse(f, "{\"a\":[{\"anything-but\":[[1]]}]}", "pattern.anything_but.value at /a/0/anything-but/0 ", "");
	refuse(f, "{\"a\":[{\"anything-but\":{\"cidr\":\"x\"}}]}", "pattern.anything_but.nested", "");
	refuse(f, "{\"a\":[{\"anything-but\":{\"prefix\":[\"x\",\"\"]}}]}",
	       "pattern.prefix.empty at /a/0/anything-but/prefix/1 ", "");
}

static void a_huge_pattern_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(65538);

	memset(text, ' ', 65537);
	text[0] = '{';
	text[65535] = '}';
	text[65536] = '\0';
	expect(f, 1, text, "{}");
	text[65536] = ' ';
	text[65537] = '\0';
	refuse(f, text, "pattern.long", "65537 bytes are more than 65536");
	free(text);
}

static void an_empty_range_is_warned_of(void **state)
{
	struct pattern *p = NULL;

	(void)state;
	assert_int_equal(
		pattern_compile(outflow_text("{\"a\":[{\"numeric\":[\">\",5,\"<\",5]}]}"), PATTERN_UNION, &p, NULL),
		OUTFLOW_OK);
	assert_non_null(strstr(pattern_warning(p), "[\">\",5,\"<\",5]"));
	pattern_free(&p);
	assert_int_equal(
		pattern_compile(outflow_text("{\"a\":[{\"numeric\":[\">=\",5,\"<=\",5]}]}"), PATTERN_UNION, &p, NULL),
		OUTFLOW_OK);
	assert_null(pattern_warning(p));
	pattern_free(&p);
}

static void explain(struct fixture *f, const char *pattern, const char *event, const char *expected)
{
	struct pattern *p = NULL;
	outflow_error err = { .msg = "" };
	outflow_bytes json;
	struct event e;
	bool fits;

	assert_int_equal(pattern_compile(outflow_text(pattern), PATTERN_UNION, &p, &err), OUTFLOW_OK);
	e = whole_event(f, outflow_text(event), &err);
	assert_int_equal(explain_match(p, &e, &fits, &json), OUTFLOW_OK);
	if (json.len != strlen(expected) || memcmp(json.ptr, expected, json.len) != 0)
		fail_msg("%.*s", (int)json.len, (const char *)json.ptr);
	pattern_free(&p);
	outflow_harness_clear(f->t);
}

static void reasons_are_given(void **state)
{
	struct fixture *f = *state;

	explain(f, "{\"a\":{\"b\":[{\"prefix\":\"x\"}]},\"c\":[1]}", "{\"a\":{\"b\":\"xy\"},\"c\":1}",
	        "{\"matched\":true,\"fields\":[{\"path\":\"$.a.b\",\"pattern\":[{\"prefix\":\"x\"}],\"found\":\"xy\",\"fits\":true},"
	        "{\"path\":\"$.c\",\"pattern\":[1],\"found\":1,\"fits\":true}]}");
	explain(f, "{\"a\":[1],\"c\":[1]}", "{\"c\":[2,3]}",
	        "{\"matched\":false,\"fields\":[{\"path\":\"$.a\",\"pattern\":[1],\"fits\":false},"
	        "{\"path\":\"$.c\",\"pattern\":[1],\"found\":2,\"fits\":false}],"
	        "\"reason\":\"$.a: there is no such field with a plain value\"}");
	explain(f, "{\"a\":{\"x\":[1],\"y\":[2]}}", "{\"a\":[{\"x\":1,\"y\":1},{\"x\":2,\"y\":2}]}",
	        "{\"matched\":false,\"fields\":[{\"path\":\"$.a.x\",\"pattern\":[1],\"found\":1,\"fits\":true},"
	        "{\"path\":\"$.a.y\",\"pattern\":[2],\"found\":2,\"fits\":true}],"
	        "\"reason\":\"each field fits, but inside an array no single element has them all\"}");
}

/* ---- third-party vectors ---- */

static outflow_str text_of(const outflow_json *j, const char *name, char *room)
{
	uint32_t i = outflow_json_member(j, 0, outflow_text(name));

	if (i == 0)
		return (outflow_str){ "", 0 };
	return (outflow_str){ room, outflow_json_decode(outflow_json_text(j, i), room) };
}

struct score {
	unsigned asked, right;
};

static void judge(struct fixture *f, outflow_str line, char *room, struct score *score)
{
	outflow_error err = { .msg = "" };
	outflow_json *j = NULL;
	outflow_str name, pattern, event, expected, dialect;
	const char *got;
	int o;

	assert_int_equal(outflow_json_parse(line, &j, &err), OUTFLOW_OK);
	name = text_of(j, "name", room);
	pattern = text_of(j, "pattern", room += line.len);
	event = text_of(j, "event", room += line.len);
	expected = text_of(j, "expect", room += line.len);
	dialect = text_of(j, "dialect", room + line.len);
	outflow_json_free(&j);
	o = outcome_in(f, pattern_dialect_of(dialect), pattern, event, &err);
	got = o < 0 ? "error" : o ? "match" : "no-match";
	score->asked++;
	if (outflow_equal(expected, got)) {
		score->right++;
		return;
	}
	printf("  %.*s: %s, there %.*s %s\n", (int)name.len, name.ptr, got, (int)expected.len, expected.ptr,
	       o < 0 ? err.msg : "");
}

static void run_vectors(struct fixture *f, const char *file)
{
	const char *root = getenv("OUTFLOW_CONFORMANCE");
	char path[4096], *line = NULL, *room;
	struct score score = { 0, 0 };
	size_t size = 0;
	ssize_t n;
	FILE *in;

	snprintf(path, sizeof path, "%s/patterns/%s", root ? root : "", file);
	in = root ? fopen(path, "r") : NULL;
	if (in == NULL) {
		printf("%s: skipped, OUTFLOW_CONFORMANCE does not name the folder of vectors\n", file);
		skip();
	}
	while ((n = getline(&line, &size, in)) > 0) {
		room = malloc(5 * (size_t)n);
		judge(f, (outflow_str){ line, (size_t)n }, room, &score);
		free(room);
	}
	free(line);
	fclose(in);
	printf("%s: %u of %u as there\n", file, score.right, score.asked);
	assert_int_equal(score.right, score.asked);
}

static void localstack_vectors(void **state)
{
	run_vectors(*state, "localstack.jsonl");
}

static void ruler_vectors(void **state)
{
	run_vectors(*state, "ruler.jsonl");
}

static void rocketmq_vectors(void **state)
{
	run_vectors(*state, "rocketmq.jsonl");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_typed),
		cmocka_unit_test(escapes_do_not_matter),
		cmocka_unit_test(numbers_compare_by_value),
		cmocka_unit_test(prefix_exists_and_anything_but),
		cmocka_unit_test(an_absent_field_fits_no_other_operator),
		cmocka_unit_test(arrays_are_walked_into),
		cmocka_unit_test(the_last_of_equal_names_wins),
		cmocka_unit_test(a_dot_is_nesting),
		cmocka_unit_test(an_empty_pattern_lets_all_pass),
		cmocka_unit_test(refusals_name_place_and_cure),
		cmocka_unit_test(a_huge_pattern_is_refused),
		cmocka_unit_test(an_empty_range_is_warned_of),
		cmocka_unit_test(reasons_are_given),
		cmocka_unit_test(localstack_vectors),
		cmocka_unit_test(ruler_vectors),
		cmocka_unit_test(rocketmq_vectors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
