/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALL_DIGITS 18
#define QUICK_DIGITS 15 /* so many fit a double and come back as they were (DBL_DIG) */
#define TOLERANCE 1e-7
#define EXPONENT_MAX 4000000000 /* beyond any number of digits that a text can hold */

/* 0.d1d2d3... times ten to the exponent, d1 not zero; no digits: zero. */
struct decimal {
	const char *digits, *end; /* may hold one decimal point */
	int64_t exponent;
	bool negative;
};

/* The number at text as mantissa * 10^-scale, when it is that short and has no exponent. A mantissa and a power of ten
 * that are both exact in a double give the nearest double with one division, and two such numbers that differ give
 * different doubles. */
static void read_quick(struct number *n, const char *p, const char *end, bool negative)
{
	static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
		                         1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	int64_t mantissa = 0;
	int digits = 0, scale = 0;
	bool point = false;

	for (; p < end; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if ((unsigned)(*p - '0') > 9 || ++digits > QUICK_DIGITS)
			return;
		mantissa = mantissa * 10 + (*p - '0');
		scale += point;
	}
	n->quick = true;
	n->approximate = (double)mantissa / powers[scale];
	if (negative)
		n->approximate = -n->approximate;
}

void number_read(struct number *n, outflow_str text, bool whole)
{
	const char *p = text.ptr, *end = p + text.len;
	bool negative = *p == '-';
	int64_t value = 0;

	*n = (struct number){ .text = text };
	n->small = whole && text.len <= SMALL_DIGITS;
	p += negative;
	read_quick(n, p, end, negative);
	if (!n->small)
		return;
	for (; p < end; p++)
		value = value * 10 + (*p - '0');
	n->value = negative ? -value : value;
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
	if (a->quick && b->quick)
		return (a->approximate > b->approximate) - (a->approximate < b->approximate);
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

double number_double(const struct number *n)
{
	char text[64], *to = text;
	struct decimal d;
	int taken = 0;

	if (n->quick)
		return n->approximate;
	d = read_decimal(n->text);
	if (d.digits == NULL)
		return 0;
	if (d.negative)
		*to++ = '-';
	for (const char *p = d.digits; p < d.end && taken < 25; p++)
		if (*p != '.') {
			*to++ = *p;
			taken++;
		}
	/* Without a decimal point, which strtod would take from the locale. */
	snprintf(to, sizeof text - (size_t)(to - text), "e%" PRId64, d.exponent - taken);
	return strtod(text, NULL);
}

int number_compare_tolerant(const void *a, const void *b)
{
	double x = number_double(a), y = number_double(b);

	if (fabs(x - y) <= TOLERANCE)
		return 0;
	return x < y ? -1 : 1;
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
