/* SPDX-License-Identifier: Apache-2.0 */
/* One value against the tests of one leaf. */
#include "pattern_internal.h"

#include <outflow/util.h>

static bool holds(const struct test *t, const struct limit *l, const struct number *n)
{
	int order = t->tolerant ? number_compare_tolerant(n, &l->number) : number_compare(n, &l->number);

	switch (l->comparison) {
	case COMPARE_LESS:
		return order < 0;
	case COMPARE_LESS_EQUAL:
		return order <= 0;
	case COMPARE_EQUAL:
		return order == 0;
	case COMPARE_NOT_EQUAL:
		return order != 0;
	case COMPARE_GREATER_EQUAL:
		return order >= 0;
	default:
		return order > 0;
	}
}

static bool is_in(const struct address_range *range, outflow_str text)
{
	unsigned char address[ADDRESS_SIZE];

	return address_read(text, address) && memcmp(address, range->low, ADDRESS_SIZE) >= 0 &&
	       memcmp(address, range->high, ADDRESS_SIZE) <= 0;
}

bool pattern_test_fits(const struct test *t, const struct subject *s)
{
	bool is_string = s->type == OUTFLOW_JSON_STRING;

	switch (t->kind) {
	case TEST_STRING:
		return is_string && (glob_fits(&t->glob, s->text) || (t->is_address && is_in(&t->range, s->text)));
	case TEST_TEXT:
		return s->type != OUTFLOW_JSON_NULL && s->text.len == t->text.len &&
		       (t->text.len == 0 || memcmp(s->text.ptr, t->text.ptr, t->text.len) == 0);
	case TEST_NUMBER:
		return s->type == OUTFLOW_JSON_NUMBER && number_compare(&s->number, &t->number) == 0;
	case TEST_LITERAL:
		return s->type == t->literal;
	case TEST_NUMERIC:
		return s->type == OUTFLOW_JSON_NUMBER && holds(t, &t->limits[0], &s->number) &&
		       (t->n_limits == 1 || holds(t, &t->limits[1], &s->number));
	case TEST_CIDR:
		return is_string && is_in(&t->range, s->text);
	case TEST_EXISTS:
		return t->exists;
	case TEST_ANYTHING_BUT:
		for (const struct test *but = t->list; but != NULL; but = but->next)
			if (pattern_test_fits(but, s))
				return false;
		return true;
	}
	return false;
}

static bool all_fit(const struct condition *c, const struct subject *s)
{
	for (const struct test *t = c->tests; t != NULL; t = t->next)
		if (!pattern_test_fits(t, s))
			return false;
	return true;
}

bool pattern_leaf_fits(const struct leaf *l, const struct subject *s)
{
	for (const struct condition *c = l->conditions; c != NULL; c = c->next)
		if (all_fit(c, s))
			return true;
	return false;
}

bool pattern_leaf_fits_absence(const struct leaf *l)
{
	for (const struct condition *c = l->conditions; c != NULL; c = c->next)
		if (c->tests->kind == TEST_EXISTS && !c->tests->exists && c->tests->next == NULL)
			return true;
	return false;
}

bool pattern_subject(struct event *e, const struct value *v, struct subject *s)
{
	char *decoded;

	s->type = v->type;
	s->text = v->text;
	if (v->type == OUTFLOW_JSON_NUMBER) {
		number_read(&s->number, v->text, !v->special);
	} else if (v->type == OUTFLOW_JSON_STRING && v->special) {
		decoded = outflow_alloc(e->host, e->arena, v->text.len, 1);
		if (decoded == NULL) {
			e->status = outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for a string of the event");
			return false;
		}
		s->text = (outflow_str){ decoded, outflow_json_decode(v->text, decoded) };
	}
	return true;
}
