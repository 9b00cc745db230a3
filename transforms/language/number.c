/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <stddef.h>

#define SMALL_DIGITS 18
#define EXPONENT_MAX 4000000000 /* beyond any number of digits that a text can hold */

/* 0.d1d2d3... times ten to the exponent, d1 not zero; no digits: zero. */
struct decimal {
	const char *digits, *end; /* may hold one decimal point */
	int64_t exponent;
	bool negative;
};

void number_read(struct number *n, outflow_str text, bool whole)
{
	const char *p = text.ptr, *end = p + text.len;
	int64_t value = 0;

	n->text = text;
	n->value = 0;
	n->small = whole && text.len <= SMALL_DIGITS;
	if (!n->small)
		return;
	for (p += *p == '-'; p < end; p++)
		value = value * 10 + (*p - '0');
	n->value = *text.ptr == '-' ? -value : value;
}

static int64_t read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t value = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && value < EXPONENT_MAX; p++)
		value = value * 10 + (*p - '0');
	return negative ? -value : value;
}

static struct decimal read_decimal(outflow_str text)
{
	const char *p = text.ptr, *end = p + text.len;
	struct decimal d = { .negative = *p == '-' };
	int64_t seen = 0, first = 0, before_point = -1;

	for (p += d.negative; p < end && (*p | 32) != 'e'; p++) {
		if (*p == '.') {
			before_point = seen;
			continue;
		}
		if (*p != '0') {
			if (d.digits == NULL) {
				d.digits = p;
				first = seen;
			}
			d.end = p + 1;
		}
		seen++;
	}
	if (before_point < 0)
		before_point = seen;
	d.exponent = before_point - first + (p < end ? read_exponent(p + 1, end) : 0);
	return d;
}

/* The digits of two positive numbers of the same exponent; what one has more of ends in a digit above zero. */
static int compare_digits(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->digits, *q = b->digits;

	for (;; p++, q++) {
		p += p < a->end && *p == '.';
		q += q < b->end && *q == '.';
		if (p == a->end || q == b->end)
			return (p < a->end) - (q < b->end);
		if (*p != *q)
			return *p - *q;
	}
}

static int sign_of(const struct decimal *d)
{
	if (d->digits == NULL)
		return 0;
	return d->negative ? -1 : 1;
}

int number_compare(const struct number *a, const struct number *b)
{
	struct decimal x, y;
	int sign, order;

	if (a->small && b->small)
		return (a->value > b->value) - (a->value < b->value);
	x = read_decimal(a->text);
	y = read_decimal(b->text);
	sign = sign_of(&x);
	if (sign != sign_of(&y) || sign == 0)
		return sign - sign_of(&y);
	if (x.exponent != y.exponent)
		order = x.exponent > y.exponent ? 1 : -1;
	else
		order = compare_digits(&x, &y);
	return sign * order;
}

bool number_is_representable(outflow_str text)
{
	/* Midway between the largest double and the next step; midway between zero and the smallest one. */
	static const char largest[] = "1.797693134862315807e308", smallest[] = "2.4703282292062327e-324";
	struct number n, high, low;

	if (text.len > 0 && *text.ptr == '-') {
		text.ptr++;
		text.len--;
	}
	number_read(&n, text, false);
	number_read(&high, (outflow_str){ largest, sizeof largest - 1 }, false);
	number_read(&low, (outflow_str){ smallest, sizeof smallest - 1 }, false);
	if (read_decimal(text).digits == NULL)
		return true;
	return number_compare(&n, &high) < 0 && number_compare(&n, &low) > 0;
}
