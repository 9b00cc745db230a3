/* SPDX-License-Identifier: Apache-2.0 */
/* The operator numeric, from JSON to a test. */
#include "pattern_internal.h"

#include <outflow/util.h>

#include <stdio.h>

static outflow_status parse_comparison(const struct pattern *p, const struct place *at, struct limit *limit,
                                       outflow_error *err)
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
			if (outflow_json_equal(at->json, at->token, outflow_text(signs[i].sign)) &&
			    (p->dialect != PATTERN_AWS || signs[i].comparison != COMPARE_NOT_EQUAL)) {
				limit->comparison = signs[i].comparison;
				return OUTFLOW_OK;
			}
	return pattern_refuse(at, "pattern.numeric.operator",
	                      p->dialect == PATTERN_AWS
	                              ? "one of \"=\" \"<\" \"<=\" \">\" \">=\" should be here in this dialect"
	                              : "one of \"=\" \"!=\" \"<\" \"<=\" \">\" \">=\" should be here",
	                      err);
}

static bool is_upper(enum comparison c)
{
	return c == COMPARE_LESS || c == COMPARE_LESS_EQUAL;
}

static bool is_lower(enum comparison c)
{
	return c == COMPARE_GREATER || c == COMPARE_GREATER_EQUAL;
}

/* Is that a range that nothing can be in? */
static bool is_empty_range(const struct test *t)
{
	const struct limit *low = &t->limits[0], *high = &t->limits[1];
	int order;

	if (is_upper(low->comparison)) {
		low = &t->limits[1];
		high = &t->limits[0];
	}
	if (!is_lower(low->comparison) || !is_upper(high->comparison))
		return false;
	order = number_compare(&low->number, &high->number);
	return order > 0 || (order == 0 && (low->comparison == COMPARE_GREATER || high->comparison == COMPARE_LESS));
}

/* It is allowed, since one of the dialects allows it, but hardly meant. */
static void warn_of_empty_range(struct pattern *p, const struct place *at)
{
	outflow_str text = outflow_json_raw(at->json, at->token);

	snprintf(p->warning, sizeof p->warning, "no number can be in the range %.*s",
	         (int)(text.len > 120 ? 120 : text.len), text.ptr);
}

/* Event-ruler takes one comparison, or a lower bound and then an upper one above it. */
static outflow_status check_aws_range(const struct place *at, const struct test *t, outflow_error *err)
{
	if (t->n_limits == 1)
		return OUTFLOW_OK;
	if (!is_lower(t->limits[0].comparison) || !is_upper(t->limits[1].comparison))
		return pattern_refuse(at, "pattern.numeric.operator",
		                      "two comparisons are a lower bound and then an upper one in this dialect", err);
	if (number_compare(&t->limits[0].number, &t->limits[1].number) >= 0)
		return pattern_refuse(at, "pattern.numeric.range",
		                      "the lower bound must be less than the upper one in this dialect", err);
	return OUTFLOW_OK;
}

static outflow_status operand_at(const struct pattern *p, const struct place *at, struct number *n, outflow_error *err)
{
	outflow_str text = outflow_json_text(at->json, at->token);
	double value;

	number_read(n, text, outflow_json_is_plain(at->json, at->token));
	if (!number_is_representable(text))
		return pattern_refuse(at, "pattern.numeric.range", "a number must be within the range of a double",
		                      err);
	value = number_double(n);
	if (p->dialect == PATTERN_ALIBABA && (value < -1e9 || value > 1e9))
		return pattern_refuse(at, "pattern.numeric.range",
		                      "a number must be from -1.0E9 to 1.0E9 in this dialect", err);
	return OUTFLOW_OK;
}

outflow_status pattern_parse_numeric(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	static const char items[] =
		"numeric needs a comparison and a number, such as [\">\", 0], or two of both, such as "
		"[\">\", 0, \"<=\", 5]";
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j };
	uint32_t i = at->token + 1, end = outflow_json_next(j, at->token) - 1;
	outflow_status status = OUTFLOW_OK;

	t->kind = TEST_NUMERIC;
	t->tolerant = p->dialect == PATTERN_ALIBABA;
	if (outflow_json_type(j, at->token) != OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.numeric.type", items, err);
	for (; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i), inside.index++) {
		inside.token = i;
		if (inside.index == 4)
			return pattern_refuse(at, "pattern.numeric.items", items, err);
		if (inside.index % 2 == 0)
			status = parse_comparison(p, &inside, &t->limits[t->n_limits], err);
		else if (outflow_json_type(j, i) != OUTFLOW_JSON_NUMBER)
			status = pattern_refuse(&inside, "pattern.numeric.items", items, err);
		else
			status = operand_at(p, &inside, &t->limits[t->n_limits++].number, err);
	}
	if (status == OUTFLOW_OK && (inside.index == 0 || inside.index % 2 != 0))
		return pattern_refuse(at, "pattern.numeric.items", items, err);
	if (status == OUTFLOW_OK && p->dialect == PATTERN_AWS)
		return check_aws_range(at, t, err);
	if (status == OUTFLOW_OK && t->n_limits == 2 && is_empty_range(t))
		warn_of_empty_range(p, at);
	return status;
}
