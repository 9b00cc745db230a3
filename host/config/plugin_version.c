/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/plugin_version.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A part of a version up to the next dot or dash. */
static const char *part_end(const char *p, const char *end)
{
	while (p < end && *p != '.' && *p != '-')
		p++;
	return p;
}

static int is_number(const char *p, const char *end)
{
	if (p == end)
		return 0;
	while (p < end && isdigit((unsigned char)*p))
		p++;
	return p == end;
}

static int compare_parts(const char *a, const char *a_end, const char *b, const char *b_end)
{
	size_t n = (size_t)(a_end - a), m = (size_t)(b_end - b);
	int order;

	if (is_number(a, a_end) && is_number(b, b_end)) {
		long long x = atoll(a), y = atoll(b);

		return (x > y) - (x < y);
	}
	if (is_number(a, a_end) != is_number(b, b_end))
		return is_number(a, a_end) ? 1 : -1;
	order = strncmp(a, b, n < m ? n : m);
	return order != 0 ? order : (n > m) - (n < m);
}

/* Missing parts: zeros where the other has numbers; nothing is newer than a qualifier. */
static int compare(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		const char *a_part = part_end(a, a_end), *b_part = part_end(b, b_end);
		static const char zero[] = "0";
		int order;

		if (a < a_end && b < b_end)
			order = compare_parts(a, a_part, b, b_part);
		else if (a < a_end)
			order = is_number(a, a_part) ? compare_parts(a, a_part, zero, zero + 1) : -1;
		else
			order = is_number(b, b_part) ? compare_parts(zero, zero + 1, b, b_part) : 1;
		if (order != 0)
			return order;
		a = a_part < a_end ? a_part + 1 : a_end;
		b = b_part < b_end ? b_part + 1 : b_end;
	}
	return 0;
}

static void trim(const char **p, const char **end)
{
	while (*p < *end && isspace((unsigned char)**p))
		++*p;
	while (*end > *p && isspace((unsigned char)(*end)[-1]))
		--*end;
}

static int is_version(const char *p, const char *end)
{
	if (p == end)
		return 0;
	for (; p < end; p++)
		if (!isalnum((unsigned char)*p) && strchr(".-_+", *p) == NULL)
			return 0;
	return 1;
}

/* One range, brackets included. */
static int fits_range(const char *version, const char *range, const char *close)
{
	const char *low = range + 1, *low_end = memchr(low, ',', (size_t)(close - low));
	const char *high = low_end ? low_end + 1 : low, *high_end = close;
	const char *version_end = version + strlen(version);
	int below, above;

	if (low_end == NULL) {
		low_end = close;
		if (*range != '[' || *close != ']')
			return -1;
	}
	trim(&low, &low_end);
	trim(&high, &high_end);
	if ((low < low_end && !is_version(low, low_end)) || (high < high_end && !is_version(high, high_end)) ||
	    (low == low_end && high == high_end))
		return -1;
	below = low < low_end ? compare(version, version_end, low, low_end) : 1;
	above = high < high_end ? compare(version, version_end, high, high_end) : -1;
	return (*range == '[' ? below >= 0 : below > 0) && (*close == ']' ? above <= 0 : above < 0);
}

int plugin_version_fits(const char *version, const char *wanted)
{
	const char *end = wanted + strlen(wanted);
	int fits = 0;

	trim(&wanted, &end);
	if (end - wanted == 6 && strncmp(wanted, "latest", 6) == 0)
		return 1;
	if (is_version(wanted, end))
		return compare(version, version + strlen(version), wanted, end) == 0;
	while (wanted < end) {
		const char *close = wanted;
		int one;

		while (close < end && *close != ']' && *close != ')')
			close++;
		if ((*wanted != '[' && *wanted != '(') || close == end)
			return -1;
		one = fits_range(version, wanted, close);
		if (one < 0)
			return -1;
		fits |= one;
		wanted = close + 1;
		trim(&wanted, &end);
		if (wanted < end && *wanted++ != ',')
			return -1;
		trim(&wanted, &end);
	}
	return fits;
}
