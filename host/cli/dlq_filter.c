/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"
#include "host/config/schema.h"

#include <outflow/util.h>

#include <stdio.h>
#include <strings.h>
#include <time.h>

/* ---- time ---- */

/* "", "Z", "+hh:mm" or "-hhmm": minutes east of UTC. 0, or -1. */
static int parse_zone(const char *text, int *minutes)
{
	int hour, minute, end = 0;
	char sign;

	*minutes = 0;
	if (*text == '\0' || strcasecmp(text, "Z") == 0)
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

/* The clock behind a date, down to what is there. */
static int parse_clock(const char *text, struct tm *tm, int64_t *offset_ms)
{
	int end = 0, zone, fraction;

	if (*text == '\0') {
		*offset_ms = 0;
		return 0;
	}
	if ((*text != 'T' && *text != 't' && *text != ' ') ||
	    sscanf(text + 1, "%2d:%2d%n", &tm->tm_hour, &tm->tm_min, &end) != 2)
		return -1;
	text += 1 + end;
	if (*text == ':') {
		if (sscanf(text + 1, "%2d%n", &tm->tm_sec, &end) != 1)
			return -1;
		text += 1 + end;
	}
	fraction = parse_fraction(&text);
	if (parse_zone(text, &zone) != 0 || tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return -1;
	*offset_ms = fraction - INT64_C(60000) * zone;
	return 0;
}

static int parse_date(const char *text, int64_t *ms)
{
	struct tm tm = { 0 };
	int64_t offset_ms;
	int end = 0;

	if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3 || tm.tm_mon < 1 ||
	    tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || parse_clock(text + end, &tm, &offset_ms) != 0)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ms = (int64_t)timegm(&tm) * 1000 + offset_ms;
	return 0;
}

int dlq_parse_time(const char *text, int64_t now_ms, int64_t *ms)
{
	static const outflow_cfg_key key = { .name = "time", .type = OUTFLOW_T_DURATION_MS };
	outflow_error err = { .size = sizeof err };
	int64_t ago;

	if (parse_date(text, ms) == 0)
		return 0;
	if (schema_parse(&key, text, &ago, &err) != OUTFLOW_OK || ago < 0)
		return -1;
	*ms = now_ms - ago;
	return 0;
}

/* ---- matching ---- */

static int contains(outflow_bytes text, const char *part)
{
	const char *at = text.ptr;
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= text.len; i++)
		if (strncasecmp(at + i, part, n) == 0)
			return 1;
	return 0;
}

static int equals(outflow_bytes text, const char *other)
{
	return text.ptr != NULL && text.len == strlen(other) && strncasecmp(text.ptr, other, text.len) == 0;
}

static outflow_bytes header(const struct dlq_letter *l, const char *name)
{
	const outflow_header *h = outflow_find_header(l->record, name);

	return h ? h->value : (outflow_bytes){ NULL, 0 };
}

static int is_listed(const struct dlq_filter *f, const char *position)
{
	for (size_t i = 0; i < f->n_positions; i++)
		if (strcmp(f->positions[i], position) == 0)
			return 1;
	return f->n_positions == 0;
}

int dlq_filter_matches(const struct dlq_filter *f, const struct dlq_letter *l)
{
	const outflow_record *r = l->record;

	if (!is_listed(f, l->position))
		return 0;
	if (f->reason != NULL && !contains(l->reason, f->reason) && !contains(l->class, f->reason))
		return 0;
	if (f->stage != NULL && !equals(l->stage, f->stage) && !equals(header(l, "__connect.errors.stage"), f->stage))
		return 0;
	if (f->key != NULL && (r->key.ptr == NULL || !outflow_equal((outflow_str){ r->key.ptr, r->key.len }, f->key)))
		return 0;
	return l->time_ms >= f->since_ms && l->time_ms <= f->until_ms;
}

int dlq_is_position(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (n > 0 && text[n] == ':')
		n += 1 + strspn(text + n + 1, "0123456789");
	return n > 0 && text[n] == '\0' && text[n - 1] != ':';
}
