/* SPDX-License-Identifier: Apache-2.0 */
#include "moment.h"

#include "transforms/language/rfc3339.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <stdio.h>

#define LAST_US INT64_C(253402300799999999) /* of the year 9999 */

const char *const moment_units[] = { "s", "ms", "us", "rfc3339", NULL };

static const int64_t us_of[] = { [MOMENT_S] = 1000000, [MOMENT_MS] = 1000, [MOMENT_US] = 1 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The fraction behind the dot at *p in microseconds, when the one before the dot is worth `unit` of them. */
static bool read_fraction(const char **p, const char *end, int64_t unit, int64_t *us)
{
	const char *start = ++*p;

	for (; *p < end && is_digit(**p); ++*p) {
		unit /= 10;
		*us += (**p - '0') * unit;
	}
	return *p > start;
}

static bool read_number(outflow_str text, int64_t unit, int64_t *us)
{
	const char *p = text.ptr, *end = p + text.len;
	int64_t whole = 0;

	for (; p < end && is_digit(*p) && whole <= LAST_US / 10; p++)
		whole = 10 * whole + (*p - '0');
	if (p == text.ptr || whole > LAST_US / unit)
		return false;
	*us = whole * unit;
	if (p < end && *p == '.' && !read_fraction(&p, end, unit, us))
		return false;
	return p == end && *us <= LAST_US;
}

bool moment_read(outflow_str text, enum moment_unit unit, int64_t *us)
{
	const char *dot, *end = text.ptr + text.len;
	int64_t ms, fraction = 0;

	if (unit != MOMENT_RFC3339)
		return text.len > 0 && read_number(text, us_of[unit], us);
	if (text.len == 0 || !rfc3339_read(text, &ms) || ms < 0 || ms > LAST_US / 1000)
		return false;
	dot = memchr(text.ptr, '.', text.len);
	if (dot != NULL)
		(void)read_fraction(&dot, end, 1000000, &fraction);
	*us = 1000 * ms + fraction % 1000;
	return true;
}

outflow_str moment_write(int64_t us, enum moment_unit unit, char buffer[MOMENT_SIZE])
{
	char text[RFC3339_SIZE];
	int n;

	if (unit != MOMENT_RFC3339) {
		n = snprintf(buffer, MOMENT_SIZE, "%" PRId64, us / us_of[unit]);
		return (outflow_str){ buffer, (size_t)n };
	}
	rfc3339_write(us / 1000, text);
	n = (int)strlen(text) - 1; /* without the Z */
	if (us % 1000 == 0)
		n = snprintf(buffer, MOMENT_SIZE, "\"%.*sZ\"", n, text);
	else
		n = snprintf(buffer, MOMENT_SIZE, "\"%.*s%03dZ\"", n, text, (int)(us % 1000));
	return (outflow_str){ buffer, (size_t)n };
}
