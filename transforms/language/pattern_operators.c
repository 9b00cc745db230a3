/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of a pattern's condition objects, from JSON to tests. */
#include "pattern_internal.h"

#include <outflow/util.h>

#include <stdio.h>

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
}

static outflow_status string_at(struct pattern *p, const struct place *at, outflow_str *s, outflow_error *err)
{
	outflow_str text = outflow_json_text(at->json, at->token);
	char *decoded;

	*s = text;
	if (outflow_json_is_plain(at->json, at->token))
		return OUTFLOW_OK;
	decoded = pattern_alloc(p, text.len);
	if (decoded == NULL)
		return no_memory(err);
	*s = (outflow_str){ decoded, outflow_json_decode(text, decoded) };
	return OUTFLOW_OK;
}

static outflow_status number_at(const struct place *at, struct number *n, outflow_error *err)
{
	outflow_str text = outflow_json_text(at->json, at->token);

	number_read(n, text, outflow_json_is_plain(at->json, at->token));
	if (!number_is_representable(text))
		return pattern_refuse(at, "pattern.numeric.range", "a number must be within the range of a double",
		                      err);
	return OUTFLOW_OK;
}

outflow_status pattern_parse_value(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);

	switch (type) {
	case OUTFLOW_JSON_STRING:
		t->kind = TEST_STRING;
		return string_at(p, at, &t->text, err);
	case OUTFLOW_JSON_NUMBER:
		t->kind = TEST_NUMBER;
		return number_at(at, &t->number, err);
	default:
		t->kind = TEST_LITERAL;
		t->literal = type;
		return OUTFLOW_OK;
	}
}

/* ---- prefix, exists ---- */

static outflow_status parse_prefix(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	t->kind = TEST_PREFIX;
	if (outflow_json_type(at->json, at->token) != OUTFLOW_JSON_STRING)
		return pattern_refuse(at, "pattern.prefix.type", "prefix needs a string", err);
	return string_at(p, at, &t->text, err);
}

static outflow_status parse_exists(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);

	(void)p;
	t->kind = TEST_EXISTS;
	t->exists = type == OUTFLOW_JSON_TRUE;
	if (type != OUTFLOW_JSON_TRUE && type != OUTFLOW_JSON_FALSE)
		return pattern_refuse(at, "pattern.exists.type", "exists needs true or false", err);
	return OUTFLOW_OK;
}

/* ---- numeric ---- */

static outflow_status parse_comparison(const struct place *at, struct limit *limit, outflow_error *err)
{
	static const struct {
		const char *sign;
		enum comparison comparison;
	} signs[] = {
		{ "<", COMPARE_LESS },       { "<=", COMPARE_LESS_EQUAL },    { "=", COMPARE_EQUAL },
		{ "!=", COMPARE_NOT_EQUAL }, { ">=", COMPARE_GREATER_EQUAL }, { ">", COMPARE_GREATER },
	};

	if (outflow_json_type(at->json, at->token) == OUTFLOW_JSON_STRING)
		for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
			if (outflow_json_equal(at->json, at->token, outflow_text(signs[i].sign))) {
				limit->comparison = signs[i].comparison;
				return OUTFLOW_OK;
			}
	return pattern_refuse(at, "pattern.numeric.operator",
	                      "one of \"=\" \"!=\" \"<\" \"<=\" \">\" \">=\" should be here", err);
}

static bool is_upper(enum comparison c)
{
	return c == COMPARE_LESS || c == COMPARE_LESS_EQUAL;
}

static bool is_lower(enum comparison c)
{
	return c == COMPARE_GREATER || c == COMPARE_GREATER_EQUAL;
}

/* A range that nothing can be in is allowed, since one of the two dialects allows it, but hardly meant. */
static void warn_of_empty_range(struct pattern *p, const struct place *at, const struct test *t)
{
	const struct limit *low = &t->limits[0], *high = &t->limits[1];
	outflow_str text = outflow_json_raw(at->json, at->token);
	int order;

	if (is_upper(low->comparison)) {
		low = &t->limits[1];
		high = &t->limits[0];
	}
	if (!is_lower(low->comparison) || !is_upper(high->comparison))
		return;
	order = number_compare(&low->number, &high->number);
	if (order < 0 ||
	    (order == 0 && low->comparison == COMPARE_GREATER_EQUAL && high->comparison == COMPARE_LESS_EQUAL))
		return;
	snprintf(p->warning, sizeof p->warning, "no number can be in the range %.*s",
	         (int)(text.len > 120 ? 120 : text.len), text.ptr);
}

static outflow_status parse_numeric(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	static const char items[] =
		"numeric needs a comparison and a number, such as [\">\", 0], or two of both, such as "
		"[\">\", 0, \"<=\", 5]";
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j };
	uint32_t i = at->token + 1, end = outflow_json_next(j, at->token) - 1;
	outflow_status status = OUTFLOW_OK;

	t->kind = TEST_NUMERIC;
	if (outflow_json_type(j, at->token) != OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.numeric.type", items, err);
	for (; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i), inside.index++) {
		inside.token = i;
		if (inside.index == 4)
			return pattern_refuse(at, "pattern.numeric.items", items, err);
		if (inside.index % 2 == 0)
			status = parse_comparison(&inside, &t->limits[t->n_limits], err);
		else if (outflow_json_type(j, i) != OUTFLOW_JSON_NUMBER)
			status = pattern_refuse(&inside, "pattern.numeric.items", items, err);
		else
			status = number_at(&inside, &t->limits[t->n_limits++].number, err);
	}
	if (status == OUTFLOW_OK && (inside.index == 0 || inside.index % 2 != 0))
		return pattern_refuse(at, "pattern.numeric.items", items, err);
	if (status == OUTFLOW_OK && t->n_limits == 2)
		warn_of_empty_range(p, at, t);
	return status;
}

/* ---- anything-but ---- */

static outflow_status parse_but_prefix(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	outflow_status status = parse_prefix(p, at, t, err);

	if (status == OUTFLOW_OK && t->text.len == 0)
		return pattern_refuse(at, "pattern.prefix.empty",
		                      "every string begins with \"\", so nothing would be left", err);
	return status;
}

static outflow_status parse_but_value(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);

	if (type == OUTFLOW_JSON_OBJECT || type == OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.anything_but.value",
		                      "a string, number, true, false or null should be here", err);
	return pattern_parse_value(p, at, t, err);
}

typedef outflow_status parse_test(struct pattern *, const struct place *, struct test *, outflow_error *);

/* The value at `at`, or each value in it when it is an array, as a list of tests. */
static outflow_status parse_one_or_many(struct pattern *p, const struct place *at, parse_test *parse,
                                        struct test **list, outflow_error *err)
{
	const outflow_json *j = at->json;
	bool is_array = outflow_json_type(j, at->token) == OUTFLOW_JSON_ARRAY;
	struct place inside = { .up = at, .json = j };
	uint32_t end = outflow_json_next(j, at->token);
	outflow_status status = OUTFLOW_OK;

	end -= is_array;
	for (uint32_t i = at->token + is_array; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i)) {
		*list = pattern_alloc(p, sizeof **list);
		if (*list == NULL)
			return no_memory(err);
		inside.token = i;
		status = parse(p, is_array ? &inside : at, *list, err);
		list = &(*list)->next;
		inside.index++;
	}
	return status;
}

static outflow_status parse_anything_but(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j, .token = at->token + 2, .name = { "prefix", 6 } };
	outflow_status status;

	t->kind = TEST_ANYTHING_BUT;
	if (outflow_json_type(j, at->token) != OUTFLOW_JSON_OBJECT)
		return parse_one_or_many(p, at, parse_but_value, &t->list, err);
	if (outflow_json_type(j, at->token + 1) == OUTFLOW_JSON_END ||
	    !outflow_json_equal(j, at->token + 1, inside.name) ||
	    outflow_json_type(j, outflow_json_next(j, inside.token)) != OUTFLOW_JSON_END)
		return pattern_refuse(at, "pattern.anything_but.nested",
		                      "anything-but takes a value, a list of values, or "
		                      "{\"prefix\": ...}",
		                      err);
	status = parse_one_or_many(p, &inside, parse_but_prefix, &t->list, err);
	if (status == OUTFLOW_OK && t->list == NULL)
		return pattern_refuse(&inside, "pattern.prefix.empty", "a list of prefixes needs at least one", err);
	return status;
}

/* ---- condition objects ---- */

static const struct {
	const char *name;
	parse_test *parse;
} operators[] = {
	{ "prefix", parse_prefix },
	{ "numeric", parse_numeric },
	{ "exists", parse_exists },
	{ "anything-but", parse_anything_but },
};
#define N_OPERATORS (sizeof operators / sizeof operators[0])

static size_t smallest(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* How many letters differ between two words (Levenshtein). */
static size_t distance(outflow_str a, outflow_str b)
{
	size_t row[33], diagonal, above;

	for (size_t k = 0; k <= b.len; k++)
		row[k] = k;
	for (size_t i = 1; i <= a.len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t k = 1; k <= b.len; k++) {
			above = row[k];
			row[k] = smallest(above + 1, row[k - 1] + 1, diagonal + (a.ptr[i - 1] != b.ptr[k - 1]));
			diagonal = above;
		}
	}
	return row[b.len];
}

static outflow_status refuse_operator(const struct place *at, outflow_error *err)
{
	char allowed[256];
	size_t best = 0, least = SIZE_MAX;

	for (size_t i = 0; i < N_OPERATORS; i++) {
		size_t d = distance(at->name, outflow_text(operators[i].name));

		if (d < least) {
			least = d;
			best = i;
		}
	}
	snprintf(allowed, sizeof allowed,
	         "there is no operator '%.*s', the nearest is '%s'; operators are prefix, numeric, "
	         "exists, anything-but",
	         (int)(at->name.len > 60 ? 60 : at->name.len), at->name.ptr, operators[best].name);
	return pattern_refuse(at, "pattern.condition.unknown", allowed, err);
}

static outflow_status parse_operator(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	for (size_t i = 0; i < N_OPERATORS; i++)
		if (outflow_equal(at->name, operators[i].name))
			return operators[i].parse(p, at, t, err);
	return refuse_operator(at, err);
}

outflow_status pattern_parse_condition(struct pattern *p, const struct place *at, struct test **tests,
                                       outflow_error *err)
{
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j };
	outflow_status status = OUTFLOW_OK;
	uint32_t i = at->token + 1;

	if (outflow_json_type(j, i) == OUTFLOW_JSON_END)
		return pattern_refuse(at, "pattern.condition.keys",
		                      "a condition needs an operator, such as {\"prefix\": \"a\"}", err);
	for (; status == OUTFLOW_OK && outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		inside.name = outflow_json_text(j, i); /* no operator's name needs an escape */
		inside.token = i + 1;
		if (outflow_json_member(j, at->token, inside.name) > i + 1)
			continue; /* a later one of that name wins */
		*tests = pattern_alloc(p, sizeof **tests);
		if (*tests == NULL)
			return no_memory(err);
		status = parse_operator(p, &inside, *tests, err);
		tests = &(*tests)->next;
	}
	return status;
}
