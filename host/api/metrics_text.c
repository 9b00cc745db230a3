/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/metrics_text.h"

#include <outflow/json.h>

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST ((size_t)256)

static int make_room(struct metrics_text *t, size_t n)
{
	size_t room = t->room > 0 ? t->room : ROOM_FIRST;
	char *text;

	while (room - t->n <= n)
		room *= 2;
	text = t->failed ? NULL : realloc(t->text, room);
	if (text == NULL) {
		t->failed = 1;
		return -1;
	}
	t->text = text;
	t->room = room;
	return 0;
}

void metrics_put(struct metrics_text *t, const char *text, size_t n)
{
	if (t->room - t->n <= n && make_room(t, n) != 0)
		return;
	memcpy(t->text + t->n, text, n);
	t->n += n;
	t->text[t->n] = '\0';
}

void metrics_put_text(struct metrics_text *t, const char *text)
{
	metrics_put(t, text, strlen(text));
}

/* Escaped as the format wants it: line breaks and backslashes everywhere, quotes in labels. */
static void put_escaped(struct metrics_text *t, const char *text, int quotes)
{
	size_t n = strlen(text);
	int is_utf8 = outflow_utf8_check((outflow_bytes){ text, n }) == n;

	for (; *text != '\0'; text++)
		if (*text == '\n')
			metrics_put(t, "\\n", 2);
		else if (*text == '\\')
			metrics_put(t, "\\\\", 2);
		else if (*text == '"' && quotes)
			metrics_put(t, "\\\"", 2);
		else if ((unsigned char)*text >= 0x80 && !is_utf8)
			metrics_put(t, "?", 1);
		else
			metrics_put(t, text, 1);
}

void metrics_put_label(struct metrics_text *t, const char *name, const char *value)
{
	metrics_put_text(t, name);
	metrics_put(t, "=\"", 2);
	put_escaped(t, value, 1);
	metrics_put(t, "\"", 1);
}

void metrics_begin(struct metrics_text *t, const char *name, enum metrics_type type, const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "untyped" };

	metrics_put_text(t, "# HELP ");
	metrics_put_text(t, name);
	metrics_put(t, " ", 1);
	put_escaped(t, help, 0);
	metrics_put_text(t, "\n# TYPE ");
	metrics_put_text(t, name);
	metrics_put(t, " ", 1);
	metrics_put_text(t, types[type]);
	metrics_put(t, "\n", 1);
}

/* A decimal number without zeros at its end. */
static void put_number(struct metrics_text *t, int64_t value, unsigned digits)
{
	char buffer[48], *end = buffer + sizeof buffer, *p = end;
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	while (digits > 0 && left % 10 == 0) {
		left /= 10;
		digits--;
	}
	for (unsigned i = 0; i < digits; i++, left /= 10)
		*--p = (char)('0' + left % 10);
	if (digits > 0)
		*--p = '.';
	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		*--p = '-';
	metrics_put(t, p, (size_t)(end - p));
}

static void put_labels(struct metrics_text *t, const char *labels, const char *extra)
{
	if (labels == NULL && extra == NULL)
		return;
	metrics_put(t, "{", 1);
	if (labels != NULL)
		metrics_put_text(t, labels);
	if (labels != NULL && extra != NULL)
		metrics_put(t, ",", 1);
	if (extra != NULL)
		metrics_put_text(t, extra);
	metrics_put(t, "}", 1);
}

void metrics_sample(struct metrics_text *t, const char *name, const char *labels, const char *extra, int64_t value,
                    unsigned digits)
{
	metrics_put_text(t, name);
	put_labels(t, labels, extra);
	metrics_put(t, " ", 1);
	put_number(t, value, digits);
	metrics_put(t, "\n", 1);
}

/* The upper end of bucket i and the end of its labels. */
static void put_bound(struct metrics_text *t, uint32_t i)
{
	if (i < HISTOGRAM_BOUNDS)
		put_number(t, histogram_bounds_us[i], 6);
	else
		metrics_put(t, "+Inf", 4);
	metrics_put(t, "\"} ", 3);
}

void metrics_histogram(struct metrics_text *t, const char *name, const char *labels, const struct histogram *h)
{
	struct metrics_text head = { 0 };
	int64_t n = 0;

	metrics_put_text(&head, name);
	metrics_put_text(&head, "_bucket{");
	metrics_put_text(&head, labels);
	metrics_put_text(&head, ",le=\"");
	t->failed |= head.failed;
	for (uint32_t i = 0; i <= HISTOGRAM_BOUNDS && !head.failed; i++) {
		n += (int64_t)h->counts[i];
		metrics_put(t, head.text, head.n);
		put_bound(t, i);
		put_number(t, n, 0);
		metrics_put(t, "\n", 1);
	}
	free(head.text);
	metrics_put_text(t, name);
	metrics_sample(t, "_sum", labels, NULL, (int64_t)h->sum_us, 6);
	metrics_put_text(t, name);
	metrics_sample(t, "_count", labels, NULL, n, 0);
}
