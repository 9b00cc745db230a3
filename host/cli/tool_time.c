/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/tool.h"

#include "host/base/utc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct tool_time tool_time(int64_t time_ms)
{
	struct tool_time result = { "-" };
	struct utc_text utc = utc_text(time_ms);

	if (*utc.text != '\0')
		memcpy(result.text, utc.text, sizeof utc.text);
	return result;
}

/* "Z", "+hh:mm" or "-hhmm": minutes east of UTC. 0, or -1. */
static int parse_zone(const char *text, int *minutes)
{
	int hour, minute, end = 0;
	char sign;

	*minutes = 0;
	if (strcasecmp(text, "Z") == 0)
		return 0;
	if ((sscanf(text, "%c%2d:%2d%n", &sign, &hour, &minute, &end) != 3 &&
	     sscanf(text, "%c%2d%2d%n", &sign, &hour, &minute, &end) != 3) ||
	    text[end] != '\0' || (sign != '+' && sign != '-') || hour > 23 || minute > 59)
		return -1;
	*minutes = (sign == '-' ? -1 : 1) * (hour * 60 + minute);
	return 0;
}

/* ".5" is 500 ms; *text moves behind it. */
static int parse_fraction(const char **text)
{
	int ms = 0, scale = 100;

	if (**text != '.')
		return 0;
	for (++*text; **text >= '0' && **text <= '9'; ++*text) {
		ms += (**text - '0') * scale;
		scale /= 10;
	}
	return ms;
}

/* A text being read: the date, then as much of the clock as there is. */
struct reading {
	struct tm tm;
	int ms, zone; /* milliseconds; minutes east of UTC */
	int has_zone;
};

static int parse_clock(const char *text, struct reading *rd)
{
	int end = 0;

	if (*text == '\0')
		return 0;
	if ((*text != 'T' && *text != 't' && *text != ' ') ||
	    sscanf(text + 1, "%2d:%2d%n", &rd->tm.tm_hour, &rd->tm.tm_min, &end) != 2)
		return -1;
	text += 1 + end;
	if (*text == ':') {
		if (sscanf(text + 1, "%2d%n", &rd->tm.tm_sec, &end) != 1)
			return -1;
		text += 1 + end;
	}
	rd->ms = parse_fraction(&text);
	rd->has_zone = *text != '\0';
	if (rd->has_zone && parse_zone(text, &rd->zone) != 0)
		return -1;
	return rd->tm.tm_hour <= 23 && rd->tm.tm_min <= 59 && rd->tm.tm_sec <= 60 ? 0 : -1;
}

int64_t tool_parse_time(const char *text)
{
	struct reading rd = { .tm = { .tm_isdst = -1 } };
	int year, month, end = 0;
	time_t seconds;

	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &rd.tm.tm_mday, &end) != 3 || month < 1 || month > 12 ||
	    rd.tm.tm_mday < 1 || rd.tm.tm_mday > 31 || parse_clock(text + end, &rd) != 0)
		return -1;
	rd.tm.tm_year = year - 1900;
	rd.tm.tm_mon = month - 1;
	seconds = rd.has_zone ? timegm(&rd.tm) : mktime(&rd.tm);
	return seconds < 0 ? -1 : ((int64_t)seconds - INT64_C(60) * rd.zone) * 1000 + rd.ms;
}
