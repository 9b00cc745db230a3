/* SPDX-License-Identifier: Apache-2.0 */
/* query_test.c: JSONPath queries find the nodes that RFC 9535 says, in its order, in payloads and in the envelope. */
#include "sdk/testing/harness.h"
#include "transforms/language/query.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
	outflow_harness *t;
	struct event_settings settings;
	struct event e;
	outflow_error err;
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

/* What is found, as one JSON array of the values or of their normalized paths; or as a count. */
struct nodes {
	struct event *e;
	char *text;
	size_t n, cap;
	size_t count, stop_at;
	bool paths;
};

static void append(struct nodes *n, const char *text, size_t len)
{
	if (n->n + len + 1 > n->cap) {
		n->cap = 2 * n->cap + len + 64;
		n->text = realloc(n->text, n->cap);
	}
	memcpy(n->text + n->n, text, len);
	n->n += len;
	n->text[n->n] = '\0';
}

static void append_quoted(struct nodes *n, outflow_str text)
{
	append(n, "\"", 1);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			append(n, "\\", 1);
		append(n, text.ptr + i, 1);
	}
	append(n, "\"", 1);
}

static bool collect(void *arg, const struct value *v)
{
	struct nodes *n = arg;
	outflow_bytes json;

	append(n, ",", n->count > 0);
	n->count++;
	if (n->paths) {
		append_quoted(n, query_path(n->e, v));
	} else {
		json = event_value_json(n->e, v);
		append(n, json.ptr, json.len);
	}
	return n->count != n->stop_at;
}

static void find_in(struct fixture *f, const struct query *q, const outflow_record *r, struct nodes *n)
{
	f->err = (outflow_error){ .msg = "" };
	event_begin(&f->e, outflow_harness_host(f->t), outflow_harness_batch(f->t), &f->settings, r, &f->err);
	n->e = &f->e;
	append(n, "[", 1);
	query_find(q, &f->e, collect, n);
	append(n, "]", 1);
}

static outflow_record *whole(struct fixture *f, outflow_str document)
{
	outflow_record *r = outflow_harness_input_bytes(f->t, "t", document.ptr, document.len);

	outflow_harness_header(f->t, r, "outflow.mqtt.content.type", "application/cloudevents+json");
	return r;
}

static struct query *compile(const char *text)
{
	outflow_error err = { .msg = "" };
	struct query *q = NULL;

	if (query_compile(outflow_text(text), &q, &err) != OUTFLOW_OK)
		fail_msg("%s: %s", text, err.msg);
	return q;
}

static void expect(struct fixture *f, const char *query, const outflow_record *r, bool paths, const char *expected)
{
	struct nodes n = { .paths = paths };
	struct query *q = compile(query);

	find_in(f, q, r, &n);
	if (f->e.status != OUTFLOW_OK || strcmp(n.text, expected) != 0)
		fail_msg("%s: %s%s, not %s", query, n.text, f->err.msg, expected);
	query_free(&q);
	assert_null(q);
	free(n.text);
}

static void finds(struct fixture *f, const char *query, const char *document, const char *expected)
{
	expect(f, query, whole(f, outflow_text(document)), false, expected);
	outflow_harness_clear(f->t);
}

static void slices_go_both_ways(void **state)
{
	struct fixture *f = *state;
	const char *document = "[0,[1,1],{\"a\":2},3,[],5]";

	finds(f, "$[1:3]", document, "[[1,1],{\"a\":2}]");
	finds(f, "$[::-1]", document, "[5,[],3,{\"a\":2},[1,1],0]");
	finds(f, "$[4:0:-2]", document, "[[],{\"a\":2}]");
	finds(f, "$[-1:-100:-2]", document, "[5,3,[1,1]]");
	finds(f, "$[::9007199254740991]", document, "[0]");
	finds(f, "$[9007199254740991:-9007199254740991:-9007199254740991]", document, "[5]");
}

/* ---- third-party vectors ---- */

static char *decoded(const outflow_json *j, uint32_t string, size_t *n)
{
	outflow_str raw = outflow_json_text(j, string);
	char *text = malloc(raw.len + 1);

	*n = outflow_json_decode(raw, text);
	text[*n] = '\0';
	return text;
}

static bool same_string(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k)
{
	size_t n;
	char *text = decoded(b, k, &n);
	bool same = outflow_json_equal(a, i, (outflow_str){ text, n });

	free(text);
	return same;
}

/* The same value but for white space, spelling of strings and numbers, and order of members? */
static bool same_value(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k)
{
	uint32_t end = outflow_json_next(a, i), type = outflow_json_type(a, i), other = k + 1;

	if (type != outflow_json_type(b, k))
		return false;
	if (type == OUTFLOW_JSON_NUMBER)
		return strtod(outflow_json_text(a, i).ptr, NULL) == strtod(outflow_json_text(b, k).ptr, NULL);
	if (type == OUTFLOW_JSON_STRING)
		return same_string(a, i, b, k);
	if (type != OUTFLOW_JSON_ARRAY && type != OUTFLOW_JSON_OBJECT)
		return true;
	if (end - i != outflow_json_next(b, k) - k)
		return false;
	for (i++; i < end - 1; i = outflow_json_next(a, i), other = outflow_json_next(b, other)) {
		if (type == OUTFLOW_JSON_OBJECT) {
			size_t n;
			char *name = decoded(a, i++, &n);

			other = outflow_json_member(b, k, (outflow_str){ name, n });
			free(name);
		}
		if (other == 0 || !same_value(a, i, b, other))
			return false;
	}
	return true;
}

/* Is text the value at `expected`, or (several) one of the values in the array there? */
static bool is_expected(const char *text, const outflow_json *j, uint32_t expected, bool several)
{
	outflow_json *found = NULL;
	bool same = false;

	assert_int_equal(outflow_json_parse(outflow_text(text), &found, NULL), OUTFLOW_OK);
	if (!several)
		same = same_value(found, 0, j, expected);
	for (uint32_t i = expected + 1; several && !same && i < outflow_json_next(j, expected) - 1;
	     i = outflow_json_next(j, i))
		same = same_value(found, 0, j, i);
	outflow_json_free(&found);
	return same;
}

static bool finds_result(struct fixture *f, const struct query *q, const outflow_json *j, uint32_t test)
{
	outflow_record *r = whole(f, outflow_json_raw(j, outflow_json_member(j, test, outflow_text("document"))));
	uint32_t one = outflow_json_member(j, test, outflow_text("result"));
	uint32_t expected = one ? one : outflow_json_member(j, test, outflow_text("results"));
	uint32_t paths = outflow_json_member(j, test, outflow_text(one ? "result_paths" : "results_paths"));
	struct nodes values = { .paths = false }, places = { .paths = true };
	bool right;

	find_in(f, q, r, &values);
	right = f->e.status == OUTFLOW_OK && is_expected(values.text, j, expected, one == 0);
	find_in(f, q, r, &places);
	right = right && f->e.status == OUTFLOW_OK && paths != 0 && is_expected(places.text, j, paths, one == 0);
	if (!right)
		printf("  found %s at %s\n", values.text, places.text);
	free(values.text);
	free(places.text);
	return right;
}

static bool is_right(struct fixture *f, const outflow_json *j, uint32_t test)
{
	outflow_str name = outflow_json_text(j, outflow_json_member(j, test, outflow_text("name")));
	bool invalid = outflow_json_member(j, test, outflow_text("invalid_selector")) != 0, right;
	outflow_error err = { .msg = "" };
	struct query *q = NULL;
	outflow_status status;
	size_t n;
	char *selector = decoded(j, outflow_json_member(j, test, outflow_text("selector")), &n);

	status = query_compile((outflow_str){ selector, n }, &q, &err);
	if (status == OUTFLOW_OK)
		right = !invalid && finds_result(f, q, j, test);
	else
		right = invalid && status == OUTFLOW_E_CONFIG && strstr(err.msg, "column") != NULL;
	if (!right)
		printf("  %.*s: %s: %s\n", (int)name.len, name.ptr, selector, status == OUTFLOW_OK ? "wrong" : err.msg);
	query_free(&q);
	free(selector);
	outflow_harness_clear(f->t);
	return right;
}

static void jsonpath_compliance_test_suite(void **state)
{
	const char *root = getenv("OUTFLOW_CONFORMANCE");
	unsigned right = 0, all = 0;
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
	for (uint32_t i = tests + 1; i < outflow_json_next(j, tests) - 1; i = outflow_json_next(j, i), all++)
		right += is_right(*state, j, i);
	printf("jsonpath/cts.json: %u of %u\n", right, all);
	outflow_json_free(&j);
	free(text);
	assert_int_equal(right, all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_go_both_ways),
		cmocka_unit_test(jsonpath_compliance_test_suite),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
