/* SPDX-License-Identifier: Apache-2.0 */
/* Values compared as RFC 9535 says (2.3.5.2.2): numbers digit for digit, strings by character, containers in depth. */
#include "query_filter.h"

#include <outflow/util.h>

#define BYTES_PER_STEP 16u

/* A string byte by byte, escapes decoded. */
struct reader {
	const char *p, *end;
	bool has_escapes;
	char unit[8];
	size_t at, n; /* in unit */
};

static struct reader read_string(const struct value *v)
{
	return (struct reader){ .p = v->text.ptr, .end = v->text.ptr + v->text.len, .has_escapes = v->special };
}

/* How long the escape at p is; both halves of what may be a pair of surrogates are one. */
static size_t escape_length(const char *p, const char *end)
{
	if (p[1] != 'u')
		return 2;
	if ((p[2] | 32) == 'd' && end - p >= 12 && p[6] == '\\' && p[7] == 'u')
		return 12;
	return 6;
}

/* -1: there is no more. */
static int next_byte(struct reader *s)
{
	size_t n;

	if (s->at < s->n)
		return (unsigned char)s->unit[s->at++];
	if (s->p == s->end)
		return -1;
	if (!s->has_escapes || *s->p != '\\')
		return (unsigned char)*s->p++;
	n = escape_length(s->p, s->end);
	s->n = outflow_json_decode((outflow_str){ s->p, n }, s->unit);
	s->p += n;
	s->at = 1;
	return (unsigned char)s->unit[0];
}

/* By bytes of UTF-8, which is by the values of the characters. */
static int compare_strings(const struct value *a, const struct value *b)
{
	size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
	struct reader x, y;
	int order, c;

	if (!a->special && !b->special) {
		order = n > 0 ? memcmp(a->text.ptr, b->text.ptr, n) : 0;
		return order != 0 ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
	}
	x = read_string(a);
	y = read_string(b);
	do {
		c = next_byte(&x);
		order = c - next_byte(&y);
	} while (order == 0 && c >= 0);
	return order;
}

int64_t query_characters(const struct value *string)
{
	struct reader s = read_string(string);
	int64_t n = 0;

	for (int c = next_byte(&s); c >= 0; c = next_byte(&s))
		n += (c & 0xc0) != 0x80;
	return n;
}

static int compare_numbers(const struct value *a, const struct value *b)
{
	struct number x, y;

	number_read(&x, a->text, !a->special);
	number_read(&y, b->text, !b->special);
	return number_compare(&x, &y);
}

static bool charge_texts(struct query_run *r, const struct value *a, const struct value *b)
{
	return query_charge(r, 1 + (a->text.len + b->text.len) / BYTES_PER_STEP);
}

/* ---- containers ---- */

static bool equal_arrays(struct query_run *r, const struct value *a, const struct value *b)
{
	struct query_children x, y;
	struct value left, right;

	if (!query_children_begin(r, &x, a) || !query_children_begin(r, &y, b))
		return false;
	for (;;) {
		bool has_left = query_children_next(r, &x, NULL, &left),
		     has_right = query_children_next(r, &y, NULL, &right);

		if (!has_left || !has_right)
			return has_left == has_right && r->e->status == OUTFLOW_OK;
		if (!query_equal(r, &left, &right))
			return false;
	}
}

static bool find_by_name(struct query_run *r, const struct value *object, const struct value *name, struct value *found)
{
	struct query_children c;
	struct value other;

	if (!query_children_begin(r, &c, object))
		return false;
	while (query_children_next(r, &c, &other, found))
		if (charge_texts(r, name, &other) && compare_strings(name, &other) == 0)
			return true;
	return false;
}

static bool equal_objects(struct query_run *r, const struct value *a, const struct value *b)
{
	struct value name, other_name, value, other;
	struct query_children x, y;
	int64_t n, other_n;

	if (!query_length(r, a, &n) || !query_length(r, b, &other_n) || n != other_n)
		return false;
	if (!query_children_begin(r, &x, a) || !query_children_begin(r, &y, b))
		return false;
	while (query_children_next(r, &x, &name, &value)) {
		/* Mostly the order is the same. */
		bool same_place = query_children_next(r, &y, &other_name, &other) &&
		                  charge_texts(r, &name, &other_name) && compare_strings(&name, &other_name) == 0;

		if (!same_place && !find_by_name(r, b, &name, &other))
			return false;
		if (!query_equal(r, &value, &other))
			return false;
	}
	return r->e->status == OUTFLOW_OK;
}

/* ---- any value ---- */

bool query_equal(struct query_run *r, const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case OUTFLOW_JSON_STRING:
		return charge_texts(r, a, b) && compare_strings(a, b) == 0;
	case OUTFLOW_JSON_NUMBER:
		return charge_texts(r, a, b) && compare_numbers(a, b) == 0;
	case OUTFLOW_JSON_ARRAY:
		return equal_arrays(r, a, b);
	case OUTFLOW_JSON_OBJECT:
		return equal_objects(r, a, b);
	default:
		return true;
	}
}

bool query_less(struct query_run *r, const struct value *a, const struct value *b)
{
	if (a->type != b->type || (a->type != OUTFLOW_JSON_STRING && a->type != OUTFLOW_JSON_NUMBER))
		return false;
	if (!charge_texts(r, a, b))
		return false;
	return (a->type == OUTFLOW_JSON_STRING ? compare_strings(a, b) : compare_numbers(a, b)) < 0;
}
