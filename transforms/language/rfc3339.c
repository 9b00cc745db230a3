/* SPDX-License-Identifier: Apache-2.0 */
#include "rfc3339.h"

#define DAY_MS 86400000

/* Days since 1970-01-01 of a date in the Gregorian calendar, counting years from March so that a leap day is
 * the last. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, era = y / 400, in_era = y % 400;
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/* A number of at least so many digits, and what stands behind it: printf would be half of an event's cost. */
static char *put(char *to, int64_t number, int width, char behind)
{
	int n = width;

	for (int64_t rest = number / 10000; width == 4 && rest > 0; rest /= 10)
		n++;
	for (int i = n; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	to[n] = behind;
	return to + n + 1;
}

void rfc3339_write(int64_t ms, char text[RFC3339_SIZE])
{
	int64_t days = ms / DAY_MS + 719468, rest = ms % DAY_MS;
	int64_t era = days / 146097, in_era = days % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153, day = in_year - (153 * month + 2) / 5 + 1;

	month += month < 10 ? 3 : -9;
	year += era * 400 + (month <= 2);
	text = put(text, year, 4, '-');
	text = put(text, month, 2, '-');
	text = put(text, day, 2, 'T');
	text = put(text, rest / 3600000, 2, ':');
	text = put(text, rest / 60000 % 60, 2, ':');
	text = put(text, rest / 1000 % 60, 2, '.');
	*put(text, rest % 1000, 3, 'Z') = '\0';
}

/* n digits at *p, moved behind them; -1: they are not there. */
static int digits(const char **p, const char *end, int n)
{
	int value = 0;

	for (; n > 0; n--, (*p)++) {
		if (*p == end || **p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

/* The same with a separator in front. */
static int part(const char **p, const char *end, char separator, int n)
{
	if (*p == end || **p != separator)
		return -1;
	(*p)++;
	return digits(p, end, n);
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static bool read_fraction(const char **p, const char *end, int *ms)
{
	int unit = 100;
	const char *start;

	*ms = 0;
	if (*p == end || **p != '.')
		return true;
	start = ++*p;
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ms += (**p - '0') * unit;
	return *p > start;
}

static bool read_offset(const char **p, const char *end, int *minutes)
{
	char sign = *p < end ? **p : '\0';
	int hour, minute;

	*minutes = 0;
	if (sign == 'Z' || sign == 'z') {
		(*p)++;
		return true;
	}
	if (sign != '+' && sign != '-')
		return false;
	hour = part(p, end, sign, 2);
	minute = part(p, end, ':', 2);
	*minutes = (sign == '+' ? 1 : -1) * (hour * 60 + minute);
	return hour >= 0 && hour < 24 && minute >= 0 && minute < 60;
}

bool rfc3339_read(outflow_str text, int64_t *ms)
{
	const char *p = text.ptr, *end = p + text.len;
	int year = digits(&p, end, 4), month = part(&p, end, '-', 2), day = part(&p, end, '-', 2);
	int hour, minute, second, fraction, offset;

	if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	if (p == end || (*p != 'T' && *p != 't' && *p != ' '))
		return false;
	hour = part(&p, end, *p, 2);
	minute = part(&p, end, ':', 2);
	second = part(&p, end, ':', 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	if (!read_fraction(&p, end, &fraction) || !read_offset(&p, end, &offset) || p != end)
		return false;
	*ms = days_of(year, month, day) * DAY_MS +
	      ((int64_t)hour * 3600 + minute * 60 + second - (int64_t)offset * 60) * 1000 + fraction;
	return true;
}
