/* SPDX-License-Identifier: Apache-2.0 */
/* path_test.c: singular paths find what RFC 9535 says, everything else is refused with column and cause. */
#include "sdk/testing/harness.h"
#include "transforms/language/path.h"

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

/* What the path finds in the document, as JSON text; ptr NULL: nothing. */
static outflow_bytes find(struct fixture *f, const struct path *p, outflow_str document)
{
	outflow_record *r = outflow_harness_input_bytes(f->t, "t", document.ptr, document.len);
	outflow_error err = { .msg = "" };
	outflow_bytes found;
	struct event e;
	struct value v;

	outflow_harness_header(f->t, r, "outflow.mqtt.content.type", "application/cloudevents+json");
	event_begin(&e, outflow_harness_host(f->t), outflow_harness_batch(f->t), &f->settings, r, &err);
	path_find(p, &e, &v);
	found = event_value_json(&e, &v);
	if (e.status != OUTFLOW_OK)
		fail_msg("%.*s: %s", (int)document.len, document.ptr, err.msg);
	return found;
}

static void finds(struct fixture *f, const char *path, const char *document, const char *expected)
{
	outflow_error err = { .msg = "" };
	struct path *p = NULL;
	outflow_bytes found;

	if (path_compile(outflow_text(path), &p, &err) != OUTFLOW_OK)
		fail_msg("%s: %s", path, err.msg);
	found = find(f, p, outflow_text(document));
	if (expected == NULL ? found.ptr != NULL
	                     : found.len != strlen(expected) || memcmp(found.ptr, expected, found.len) != 0)
		fail_msg("%s in %s: %.*s", path, document, (int)found.len, found.ptr ? (const char *)found.ptr : "");
	path_free(&p);
	assert_null(p);
	outflow_harness_clear(f->t);
}

static void one_value_is_found(void **state)
{
	struct fixture *f = *state;
	const char *document =
		"{\"a\":{\"b\":[10,{\"c\":null},\"\\u0041\"]},\"d e\":1.50,\"\\u00e9\":2,\"a.b\":3,\"'\":4,\"x\":1,\"x\":2}";

	finds(f, "$", "[1, 2]", "[1, 2]");
	finds(f, "$.a.b[0]", document, "10");
	finds(f, "$['a'][\"b\"][1].c", document, "null");
	finds(f, "$.a.b[-1]", document, "\"\\u0041\"");
	finds(f, "$ .a [ 'b' ] [ -3 ]", document, "10");
	finds(f, "$.a.b[3]", document, NULL);
	finds(f, "$.a.b[-4]", document, NULL);
	finds(f, "$.a[0]", document, NULL);
	finds(f, "$.a.b.c", document, NULL);
	finds(f, "$.a.b[0].c", document, NULL);
	finds(f, "$['d e']", document, "1.50");
	finds(f, "$.\xc3\xa9", document, "2");
	finds(f, "$['\\u00E9']", document, "2");
	finds(f, "$['a.b']", document, "3");
	finds(f, "$['\\'']", document, "4");
	finds(f, "$[\"'\"]", document, "4");
	finds(f, "$.x", document, "2");
	finds(f, "$.A", document, NULL);
}

static void refuses(const char *path, unsigned column, const char *cause)
{
	outflow_error err = { .msg = "" };
	char place[32];
	struct path *p = NULL;

	snprintf(place, sizeof place, "column %u of", column);
	assert_int_equal(path_compile(outflow_text(path), &p, &err), OUTFLOW_E_CONFIG);
	assert_null(p);
	if (strstr(err.msg, place) == NULL || strstr(err.msg, cause) == NULL)
		fail_msg("%s: wanted %s and '%s': %s", path, place, cause, err.msg);
}

static void refusals_name_column_and_cause(void **state)
{
	(void)state;
	refuses("", 1, "begins with $");
	refuses("a", 1, "begins with $");
	refuses("$.", 3, "name is missing");
	refuses("$.1a", 3, "name is missing");
	refuses("$a", 2, "'.' or '['");
	refuses("$.a ", 4, "blanks at the end");
	refuses("$..a", 3, "several values");
	refuses("$.*", 3, "several values");
	refuses("$[*]", 3, "several values");
	refuses("$[?@.a]", 3, "several values");
	refuses("$[1:2]", 4, "several values");
	refuses("$['a','b']", 6, "several values");
	refuses("$[01]", 3, "leading zeros");
	refuses("$[-0]", 3, "leading zeros");
	refuses("$[9007199254740992]", 3, "2^53");
	refuses("$[99999999999999999999999]", 3, "2^53");
	refuses("$[a]", 3, "quoted name or an index");
	refuses("$['a", 5, "not closed");
	refuses("$['a'", 6, "']' is missing");
	refuses("$['\\x']", 4, "unknown escape");
	refuses("$['\\\"']", 4, "unknown escape");
	refuses("$['\\u12']", 4, "hexadecimal");
	refuses("$['\\ud800']", 4, "half a pair");
	refuses("$['\\udc00']", 4, "half a pair");
	refuses("$['\n']", 4, "control character");
	refuses("$.a\xff", 4, "UTF-8");
}

static void the_body_is_known_as_such(void **state)
{
	static const struct {
		const char *path;
		bool is_body;
	} cases[] = {
		{ "$.data.body", true }, { "$['data']['value']", true }, { "$.data.key", false },
		{ "$.data", false },     { "$.data.body.x", false },     { "$.body", false },
		{ "$", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct path *p = NULL;

		assert_int_equal(path_compile(outflow_text(cases[i].path), &p, NULL), OUTFLOW_OK);
		assert_int_equal(path_is_body(p), cases[i].is_body);
		path_free(&p);
	}
}

static void the_steps_are_known(void **state)
{
	static const char *const expected[] = { "{\"b'\":[1]}", "[1]", "1" };
	struct fixture *f = *state;
	outflow_record *r = outflow_harness_input(f->t, "t", NULL, "{\"a\":{\"b'\":[1]}}");
	outflow_error err = { .msg = "" };
	struct path *p = NULL;
	struct event e;
	struct value v;

	assert_int_equal(path_compile(outflow_text("$ .data.body['\\u0061'] [ 'b\\'' ][0]"), &p, &err), OUTFLOW_OK);
	assert_int_equal(path_length(p), 5);
	assert_true(outflow_equal(path_name(p, 0), "data"));
	assert_true(outflow_equal(path_name(p, 2), "a"));
	assert_true(outflow_equal(path_name(p, 3), "b'"));
	assert_null(path_name(p, 4).ptr);
	event_begin(&e, outflow_harness_host(f->t), outflow_harness_batch(f->t), &f->settings, r, &err);
	for (size_t n = 3; n <= 5; n++) {
		outflow_bytes json;

		path_find_first(p, n, &e, &v);
		json = event_value_json(&e, &v);
		assert_true(outflow_equal((outflow_str){ json.ptr, json.len }, expected[n - 3]));
	}
	for (uint32_t n = 0; n < 2; n++) {
		path_find_first(p, n, &e, &v);
		assert_int_equal(v.type, OUTFLOW_JSON_OBJECT);
		assert_int_equal(v.field, n == 0 ? ENVELOPE_EVENT : ENVELOPE_DATA);
	}
	path_free(&p);
	outflow_harness_clear(f->t);
}

/* ---- third-party vectors ---- */

struct score {
	unsigned found, refused, beyond, wrong;
};

/* Do two JSON values have the same text but for white space between tokens? */
static bool same_value(outflow_bytes found, outflow_str expected)
{
	outflow_json *a = NULL, *b = NULL;
	bool same;

	assert_int_equal(outflow_json_parse((outflow_str){ found.ptr, found.len }, &a, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_json_parse(expected, &b, NULL), OUTFLOW_OK);
	same = a->n_tokens == b->n_tokens;
	for (uint32_t i = 0; same && i < a->n_tokens; i++) {
		uint32_t type = outflow_json_type(a, i);

		same = type == outflow_json_type(b, i);
		if (same && type == OUTFLOW_JSON_NUMBER)
			same = strtod(outflow_json_text(a, i).ptr, NULL) == strtod(outflow_json_text(b, i).ptr, NULL);
		if (same && type == OUTFLOW_JSON_STRING) {
			outflow_str text = outflow_json_text(b, i);
			char *decoded = malloc(text.len + 1);

			same = outflow_json_equal(a, i, (outflow_str){ decoded, outflow_json_decode(text, decoded) });
			free(decoded);
		}
	}
	outflow_json_free(&a);
	outflow_json_free(&b);
	return same;
}

static bool finds_result(struct fixture *f, const struct path *p, const outflow_json *j, uint32_t test)
{
	outflow_str document = outflow_json_raw(j, outflow_json_member(j, test, outflow_text("document")));
	uint32_t result = outflow_json_member(j, test, outflow_text("result"));
	outflow_bytes found = find(f, p, document);
	uint32_t first = outflow_json_element(j, result, 0);

	if (first == 0 || found.ptr == NULL)
		return first == 0 && found.ptr == NULL;
	return outflow_json_element(j, result, 1) == 0 && same_value(found, outflow_json_raw(j, first));
}

static void judge(struct fixture *f, const outflow_json *j, uint32_t test, struct score *score)
{
	outflow_str raw = outflow_json_text(j, outflow_json_member(j, test, outflow_text("selector")));
	outflow_str name = outflow_json_text(j, outflow_json_member(j, test, outflow_text("name")));
	bool invalid = outflow_json_member(j, test, outflow_text("invalid_selector")) != 0, right;
	char *selector = malloc(raw.len + 1);
	outflow_error err = { .msg = "" };
	struct path *p = NULL;
	outflow_status status;

	status = path_compile((outflow_str){ selector, outflow_json_decode(raw, selector) }, &p, &err);
	if (status == OUTFLOW_OK)
		right = !invalid && finds_result(f, p, j, test);
	else
		right = invalid || strstr(err.msg, "several values") != NULL;
	score->found += status == OUTFLOW_OK;
	score->refused += status != OUTFLOW_OK && invalid;
	score->beyond += status != OUTFLOW_OK && !invalid;
	if (!right) {
		printf("  %.*s: %.*s: %s\n", (int)name.len, name.ptr, (int)raw.len, raw.ptr,
		       status == OUTFLOW_OK ? "wrong" : err.msg);
		score->wrong++;
	}
	path_free(&p);
	free(selector);
	outflow_harness_clear(f->t);
}

static void jsonpath_compliance_test_suite(void **state)
{
	const char *root = getenv("OUTFLOW_CONFORMANCE");
	struct score score = { 0, 0, 0, 0 };
	char path[4096], *text;
	outflow_json *j = NULL;
	uint32_t tests;
	size_t n;
	FILE *in;

	snprintf(path, sizeof path, "%s/jsonpath/cts.json", root ? root : "");
	in = root ? fopen(path, "r") : NULL;
	if (in == NULL) {
		puts("cts.json: skipped, OUTFLOW_CONFORMANCE does not name the folder of vectors");
		skip();
	}
	text = malloc(1 << 22);
	n = fread(text, 1, 1 << 22, in);
	fclose(in);
	assert_int_equal(outflow_json_parse((outflow_str){ text, n }, &j, NULL), OUTFLOW_OK);
	tests = outflow_json_member(j, 0, outflow_text("tests"));
	for (uint32_t i = tests + 1; i < outflow_json_next(j, tests) - 1; i = outflow_json_next(j, i))
		judge(*state, j, i, &score);
	printf("cts.json: %u singular queries, %u invalid ones refused, %u refused as beyond a single value, %u wrong\n",
	       score.found, score.refused, score.beyond, score.wrong);
	outflow_json_free(&j);
	free(text);
	assert_int_equal(score.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value_is_found),
		cmocka_unit_test(refusals_name_column_and_cause),
		cmocka_unit_test(the_body_is_known_as_such),
		cmocka_unit_test(the_steps_are_known),
		cmocka_unit_test(jsonpath_compliance_test_suite),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
