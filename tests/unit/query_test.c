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

	assert_int_equal(n->e->status, OUTFLOW_OK);
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

static void numbers_compare_digit_for_digit(void **state)
{
	struct fixture *f = *state;
	const char *document = "[12345678901234567890,12345678901234567891,1.0,1e0,-0,0.1,0.10000000000000000001]";

	finds(f, "$[?@==12345678901234567890]", document, "[12345678901234567890]");
	finds(f, "$[?@>12345678901234567890]", document, "[12345678901234567891]");
	finds(f, "$[?@==1]", document, "[1.0,1e0]");
	finds(f, "$[?@==0]", document, "[-0]");
	finds(f, "$[?@>0.1&&@<1]", document, "[0.10000000000000000001]");
	finds(f, "$[?@==1.2345678901234567890e19]", document, "[12345678901234567890]");
	finds(f, "$[?@<=1e999999999999&&@>1e-999999999999]", "[0,5]", "[5]");
}

static void of_equal_names_the_last_is_there(void **state)
{
	struct fixture *f = *state;
	const char *document = "{\"a\":{\"x\":1},\"b\":2,\"\\u0061\":{\"x\":3},\"c\":{\"d\":4,\"d\":5},\"\":6,\"\":7}";

	finds(f, "$.a.x", document, "[3]");
	finds(f, "$.*", document, "[2,{\"x\":3},{\"d\":4,\"d\":5},7]");
	finds(f, "$..x", document, "[3]");
	finds(f, "$..*", document, "[2,{\"x\":3},{\"d\":4,\"d\":5},7,3,5]");
	finds(f, "$[?@.d]", document, "[{\"d\":4,\"d\":5}]");
	finds(f, "$[?length(@)==1].d", document, "[5]");
	finds(f, "$[?@==$[1]]", "[{\"a\":1,\"a\":2},{\"a\":2},{\"a\":1}]", "[{\"a\":1,\"a\":2},{\"a\":2}]");
	expect(f, "$..x", whole(f, outflow_text(document)), true, "[\"$['a']['x']\"]");
}

static void strings_are_their_characters_not_their_spelling(void **state)
{
	struct fixture *f = *state;
	const char *document = "[\"\\u00e9\",\"\xc3\xa9\",\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\",\"\\n\\\"\",\"a\"]";

	finds(f, "$[?@=='\\u00e9']", document, "[\"\\u00e9\",\"\xc3\xa9\"]");
	finds(f, "$[?@==$[3]]", document, "[\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\"]");
	finds(f, "$[?length(@)==2]", document, "[\"\\n\\\"\"]");
	/* By the values of the characters: U+1F600 is beyond U+FFFF, though its first UTF-16 unit is not. */
	finds(f, "$[?@>'\\uffff']", document, "[\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\"]");
	finds(f, "$[?match(@,'.')]", document,
	      "[\"\\u00e9\",\"\xc3\xa9\",\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\",\"a\"]");
	finds(f, "$[?search(@,'\"')]", document, "[\"\\n\\\"\"]");
	finds(f, "$['\\u0061\\ud83d\\ude00']", "{\"a\\ud83d\\ude00\":1}", "[1]");
	expect(f, "$.*", whole(f, outflow_text("{\"\\u000b\\n'\\\\\\\"\xc3\xa9\":1}")), true,
	       "[\"$['\\\\u000b\\\\n\\\\'\\\\\\\\\\\"\xc3\xa9']\"]");
}

static void regular_expressions_are_those_of_the_rfc(void **state)
{
	struct fixture *f = *state;
	const char *document = "[\"a-b\",\"A1\",\"x\\n\",\"$5\",\"aaa\",\"(\"]";

	finds(f, "$[?match(@,'[a-z\\\\-]{3}')]", document, "[\"a-b\",\"aaa\"]");
	finds(f, "$[?match(@,'\\\\p{Lu}\\\\p{Nd}|\\\\(')]", document, "[\"A1\",\"(\"]");
	finds(f, "$[?search(@,'x$')]", document, "[]"); /* the end is the very end */
	finds(f, "$[?match(@,'x\\\\n')]", document, "[\"x\\n\"]");
	finds(f, "$[?match(@,'(a|b)+')]", document, "[\"aaa\"]");
	finds(f, "$[?match(@,'[^-a]+')]", document, "[\"A1\",\"x\\n\",\"$5\",\"(\"]");
	finds(f, "$[?match(@,'.')]", "[\"\\r\",\"\\n\",\"\\u2028\"]", "[\"\\u2028\"]");
	finds(f, "$[?match(@,'')]", "[\"\",\"a\"]", "[\"\"]");
	/* From the record, what is no such expression fits nothing. */
	finds(f, "$[1][?match(@,$[0])]", "[\"\\\\d\",[\"1\"]]", "[]");
	finds(f, "$[?match(@.v,@.r)].v",
	      "[{\"v\":\"a\",\"r\":\"[a]\"},{\"v\":\"b\",\"r\":\"[b\"},{\"v\":\"c\",\"r\":\"c\"}]", "[\"a\",\"c\"]");
}

static void values_that_do_not_depend_on_the_node_are_the_same_for_all(void **state)
{
	struct fixture *f = *state;
	const char *document = "{\"limit\":2,\"list\":[1,2,3],\"on\":{\"a\":1}}";

	finds(f, "$.list[?@>=$.limit]", document, "[2,3]");
	finds(f, "$.list[?@==count($.list[*])]", document, "[3]");
	finds(f, "$.list[?@==length($.on)]", document, "[1]");
	finds(f, "$.list[?$.on..b]", document, "[]");
	finds(f, "$.list[?$.on..a]", document, "[1,2,3]");
	finds(f, "$.list[?@==value($..limit)]", document, "[2]");
}

/* ---- the envelope ---- */

static outflow_record *message(struct fixture *f, const char *payload)
{
	outflow_record *r = outflow_harness_input(f->t, "plant/p1", "plant/p1", payload);

	outflow_harness_header(f->t, r, "outflow.mqtt.qos", "1");
	outflow_harness_header(f->t, r, "site", "north");
	outflow_harness_header(f->t, r, "outflow.mqtt.retain", "0");
	outflow_harness_header(f->t, r, "shift", "2");
	return r;
}

static void the_envelope_is_walked_like_json(void **state)
{
	struct fixture *f = *state;
	outflow_record *r = message(f, "{\"items\":[{\"t\":1},{\"t\":2}],\"t\":0}");

	expect(f, "$.data.body.items[*].t", r, false, "[1,2]");
	expect(f, "$.data.value.items[?@.t>1].t", r, true, "[\"$['data']['body']['items'][1]['t']\"]");
	expect(f, "$..t", r, false, "[0,1,2]");
	expect(f, "$.data..items[-1].t", r, false, "[2]");
	expect(f, "$.data[?@.qos==1].topic", r, false, "[\"plant/p1\"]");
	expect(f, "$.data.props.userProperties[?@.key=='shift'].value", r, false, "[\"2\"]");
	expect(f, "$.data.props.userProperties[::-1].key", r, false, "[\"shift\",\"site\"]");
	expect(f, "$..userProperties[-1]['value']", r, true, "[\"$['data']['props']['userProperties'][1]['value']\"]");
	expect(f, "$['data','nothing','type']['key']", r, true, "[\"$['data']['key']\"]");
	expect(f, "$.*.*.userProperties.*.key", r, false, "[\"site\",\"shift\"]");
	expect(f, "$.*.*['retain','qos']", r, true, "[\"$['data']['props']['retain']\",\"$['data']['props']['qos']\"]");
	expect(f, "$.data.props[?match(@,'plant')]", r, true, "[\"$['data']['props']['parentTopic']\"]");
	expect(f, "$.data.body.items[?$.data.props.qos==@.t]", r, false, "[{\"t\":1}]");
	expect(f, "$[?count(@.*)==3].key", r, false, "[\"plant/p1\"]"); /* props, body and key: value is body again */
	expect(f, "$[?@.props==$.data.props].key", r, false, "[\"plant/p1\"]");
	expect(f, "$.data.body[0]", r, false, "[]");
	expect(f, "$.data.body.t.x", r, false, "[]");
	outflow_harness_clear(f->t);
}

static void a_payload_that_is_no_json_is_one_string(void **state)
{
	struct fixture *f = *state;
	outflow_record *r;

	outflow_harness_set(f->t, "source.format", "text");
	event_settings_read(&f->settings, outflow_harness_host(f->t), outflow_harness_config(f->t), "source.");
	r = message(f, "on \"1\"");
	expect(f, "$.data.body", r, false, "[\"on \\\"1\\\"\"]");
	expect(f, "$.data[?@=='on \"1\"']", r, true, "[\"$['data']['body']\"]");
	expect(f, "$..[?match(@,'on.*')]", r, false, "[\"on \\\"1\\\"\"]");
	expect(f, "$.data.body.*", r, false, "[]");
	outflow_harness_set(f->t, "source.format", NULL);
	event_settings_read(&f->settings, outflow_harness_host(f->t), outflow_harness_config(f->t), "source.");
	outflow_harness_clear(f->t);
}

static void a_query_knows_where_it_begins(void **state)
{
	static const struct {
		const char *query;
		enum envelope_field field;
		bool singular;
	} cases[] = {
		{ "$.data.body.x", ENVELOPE_BODY, true },      { "$.data.value..x", ENVELOPE_BODY, false },
		{ "$.data.body[*]", ENVELOPE_BODY, false },    { "$.data[*]", ENVELOPE_DATA, false },
		{ "$['data']['key'][0]", ENVELOPE_KEY, true }, { "$..x", ENVELOPE_EVENT, false },
		{ "$.data.bodi[?@.x]", ENVELOPE_NONE, false }, { "$['data','id']", ENVELOPE_EVENT, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct query *q = compile(cases[i].query);

		assert_int_equal(query_field(q), cases[i].field);
		assert_int_equal(query_is_singular(q), cases[i].singular);
		query_free(&q);
	}
}

/* ---- bounds and failures ---- */

static void who_stops_is_asked_no_more(void **state)
{
	static const char *const queries[] = { "$[*]", "$..a", "$[0,1,2]", "$[?@.a]", "$[::1]", "$[::-1]" };
	struct fixture *f = *state;
	outflow_record *r = whole(f, outflow_text("[{\"a\":1},{\"a\":2},{\"a\":3}]"));

	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		struct nodes n = { .stop_at = 2 };
		struct query *q = compile(queries[i]);

		find_in(f, q, r, &n);
		assert_int_equal(n.count, 2);
		assert_int_equal(f->e.status, OUTFLOW_OK);
		query_free(&q);
		free(n.text);
	}
	outflow_harness_clear(f->t);
}

/* An array of n times `item`. */
static outflow_record *array_of(struct fixture *f, const char *item, size_t n)
{
	size_t length = strlen(item);
	char *text = malloc(n * (length + 1) + 2);
	outflow_record *r;

	text[0] = '[';
	for (size_t i = 0; i < n; i++) {
		memcpy(text + 1 + i * (length + 1), item, length);
		text[(i + 1) * (length + 1)] = i + 1 < n ? ',' : ']';
	}
	r = whole(f, (outflow_str){ text, n * (length + 1) + 1 });
	free(text);
	return r;
}

static void fails(struct fixture *f, const char *query, const outflow_record *r, const char *cause)
{
	struct nodes n = { .stop_at = 0 };
	struct query *q = compile(query);

	find_in(f, q, r, &n);
	if (f->e.status != OUTFLOW_E_RECORD || strstr(f->err.msg, cause) == NULL)
		fail_msg("%s: status %d, %s", query, f->e.status, f->err.msg);
	query_free(&q);
	free(n.text);
	outflow_harness_clear(f->t);
}

static void expect_count(struct fixture *f, const char *query, const outflow_record *r, size_t count)
{
	struct nodes n = { .stop_at = 0 };
	struct query *q = compile(query);

	find_in(f, q, r, &n);
	if (f->e.status != OUTFLOW_OK || n.count != count)
		fail_msg("%s: %zu nodes, %s", query, n.count, f->err.msg);
	query_free(&q);
	free(n.text);
	outflow_harness_clear(f->t);
}

static void too_much_work_fails_the_record(void **state)
{
	struct fixture *f = *state;
	const char *nested = "[[[[[[[[[[[[[[[[[[[[[1],2],3],4],5],6],7],8],9],1],2],3],4],5],6],7],8],9],1],2],3]";

	fails(f, "$..[?@..[?@..*]]", array_of(f, nested, 20000), "steps through this record");
	fails(f, "$..[?count(@..[?count(@..[?count(@..[?@<0])>0])>0])>0]", array_of(f, nested, 5000),
	      "steps through this record");
	/* One pass through a large payload is not too much. */
	expect_count(f, "$..x", array_of(f, "{\"x\":[1,2,3]}", 200000), 200000);
}

static void deep_nesting_is_walked_and_refused(void **state)
{
	struct fixture *f = *state;
	char document[2 * OUTFLOW_JSON_DEPTH + 1], query[200] = "$", *p;
	outflow_error err = { .msg = "" };
	struct query *q = NULL;

	memset(document, '[', OUTFLOW_JSON_DEPTH);
	memset(document + OUTFLOW_JSON_DEPTH, ']', OUTFLOW_JSON_DEPTH);
	document[2 * OUTFLOW_JSON_DEPTH] = '\0';
	expect_count(f, "$..*", whole(f, outflow_text(document)), OUTFLOW_JSON_DEPTH - 1);
	expect_count(f, "$..[?@==@]", whole(f, outflow_text(document)), OUTFLOW_JSON_DEPTH - 1);
	for (size_t i = 0; i < 32; i++)
		strcat(query, "[?@");
	for (size_t i = 0; i < 32; i++)
		strcat(query, "]");
	expect_count(f, query, whole(f, outflow_text(document)), 1);
	p = strchr(query, ']');
	strcpy(p, "[?@]");
	assert_int_equal(query_compile(outflow_text(query), &q, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "32 deep"));
}

static void a_regular_expression_that_runs_away_fails_the_record(void **state)
{
	struct fixture *f = *state;

	fails(f, "$[?search(@,'^(a+)+$')]",
	      whole(f, outflow_text("[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"]")),
	      "regular expression gave up");
}

static void each_allocation_may_fail(void **state)
{
	static const char query[] = "$..[?search(@.s,@.r)||@.s==value($..t)||@.n==count($..*)]";
	static const char document[] = "[{\"s\":\"a\\nb\",\"r\":\"\\\\n\",\"n\":1,\"n\":2},{\"t\":\"x\"}]";
	struct fixture *f = *state;
	struct query *q = compile(query);
	bool failed = true;

	for (size_t n = 1; failed; n++) {
		outflow_record *r = whole(f, outflow_text(document));
		struct nodes found = { .stop_at = 0 };

		event_begin(&f->e, outflow_harness_host(f->t), outflow_harness_batch(f->t), &f->settings, r, &f->err);
		outflow_harness_fail_alloc(f->t, n);
		found.e = &f->e;
		query_find(q, &f->e, collect, &found);
		failed = f->e.status != OUTFLOW_OK;
		if (failed)
			assert_int_equal(f->e.status, OUTFLOW_E_NOMEM);
		else
			assert_int_equal(found.count, 1);
		assert_true(n < 20);
		outflow_harness_fail_alloc(f->t, 0);
		free(found.text);
		outflow_harness_clear(f->t);
	}
	query_free(&q);
}

/* ---- refusals ---- */

static void refusals_name_column_and_cause(void **state)
{
	static const struct {
		const char *query;
		unsigned column;
		const char *cause;
	} cases[] = {
		{ "$[?@.a==1", 10, "']' is missing" },
		{ "$[?(@.a==1]", 11, "')' is missing" },
		{ "$[?@.a=1]", 7, "one of == !=" },
		{ "$[?@..a==1]", 4, "may find several values" },
		{ "$[?1]", 4, "a constant is no condition" },
		{ "$[?length(@)]", 4, "compare it" },
		{ "$[?match(@,'a')==true]", 4, "cannot be compared" },
		{ "$[?!@.a==1]", 8, "not before a comparison" },
		{ "$[?lenght(@)==1]", 4, "there are length, count" },
		{ "$[?count(1)==1]", 10, "takes a path" },
		{ "$[?length(@.*)==1]", 11, "may find several values" },
		{ "$[?length(@,1)==1]", 12, "one argument" },
		{ "$[?match(@)]", 11, "another argument" },
		{ "$[?match(@,'\\\\d+')]", 10, "\\d is written [0-9]" },
		{ "$[?search(@,'[a')]", 11, "']' is missing" },
		{ "$[?search(@,'a**')]", 11, "nothing is there that could be repeated" },
		{ "$[?search(@,'(a')]", 11, "')' is missing" },
		{ "$[?search(@,'\\\\p{Xx}')]", 11, "category" },
		{ "$[?@.a==temp]", 9, "a quoted string" },
		{ "$[?@.a==01]", 9, "not a number" },
		{ "$[?@.a==1.]", 11, "behind the point" },
		{ "$[?@.a==1e]", 11, "exponent" },
		{ "$[1:2:3:4]", 8, "']' is missing" },
		{ "$[1:01]", 5, "leading zeros" },
		{ "$.a.", 5, "a name is missing" },
		{ "$[]", 3, "a slice, * or a filter" },
		{ "$..", 4, "a name is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_error err = { .msg = "" };
		struct query *q = NULL;
		char place[32];

		snprintf(place, sizeof place, "column %u of", cases[i].column);
		assert_int_equal(query_compile(outflow_text(cases[i].query), &q, &err), OUTFLOW_E_CONFIG);
		assert_null(q);
		if (strstr(err.msg, place) == NULL || strstr(err.msg, cases[i].cause) == NULL)
			fail_msg("%s: wanted %s and '%s': %s", cases[i].query, place, cases[i].cause, err.msg);
	}
}

static void a_query_has_a_largest_length(void **state)
{
	outflow_error err = { .msg = "" };
	char *text = calloc(1, QUERY_MAX + 2);
	struct query *q = NULL;

	(void)state;
	memset(text, 'a', QUERY_MAX + 1);
	memcpy(text, "$.", 2);
	assert_int_equal(query_compile((outflow_str){ text, QUERY_MAX }, &q, &err), OUTFLOW_OK);
	query_free(&q);
	assert_int_equal(query_compile((outflow_str){ text, QUERY_MAX + 1 }, &q, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "more than 10240"));
	free(text);
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
		cmocka_unit_test(numbers_compare_digit_for_digit),
		cmocka_unit_test(of_equal_names_the_last_is_there),
		cmocka_unit_test(strings_are_their_characters_not_their_spelling),
		cmocka_unit_test(regular_expressions_are_those_of_the_rfc),
		cmocka_unit_test(values_that_do_not_depend_on_the_node_are_the_same_for_all),
		cmocka_unit_test(the_envelope_is_walked_like_json),
		cmocka_unit_test(a_payload_that_is_no_json_is_one_string),
		cmocka_unit_test(a_query_knows_where_it_begins),
		cmocka_unit_test(who_stops_is_asked_no_more),
		cmocka_unit_test(too_much_work_fails_the_record),
		cmocka_unit_test(deep_nesting_is_walked_and_refused),
		cmocka_unit_test(a_regular_expression_that_runs_away_fails_the_record),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(refusals_name_column_and_cause),
		cmocka_unit_test(a_query_has_a_largest_length),
		cmocka_unit_test(jsonpath_compliance_test_suite),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
