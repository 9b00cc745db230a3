/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/log.h"

#include "host/base/clock.h"
#include "host/base/utc.h"

#include <outflow/json.h>

#include <stdio.h>
#include <unistd.h>

/* What is written at once to a pipe is not mixed with the lines of others up to this length (PIPE_BUF). */
#define LINE_MAX_BYTES 4096
#define MESSAGE_MAX 1500

static void to_stderr(int level, const char *line)
{
	/* One write a line, so that lines of several threads do not mix. */
	ssize_t n = write(STDERR_FILENO, line, strlen(line));

	(void)level;
	(void)n;
}

static enum log_format format = LOG_TEXT; /* atomic */
static void (*write_line)(int level, const char *line) = to_stderr;

/* A line being put together; what does not fit is left out. */
struct line {
	char text[LINE_MAX_BYTES];
	size_t n, room; /* room: what the end needs is kept back */
};

static void add(struct line *l, const char *text, size_t n)
{
	if (n > l->room - l->n)
		n = l->room - l->n;
	memcpy(l->text + l->n, text, n);
	l->n += n;
}

static void add_text(struct line *l, const char *text)
{
	add(l, text, strlen(text));
}

OUTFLOW_PRINTF(2, 3) static void print(struct line *l, const char *text, ...)
{
	char part[240];
	va_list args;
	int n;

	va_start(args, text);
	n = vsnprintf(part, sizeof part, text, args);
	va_end(args);
	if (n > 0)
		add(l, part, (size_t)n < sizeof part ? (size_t)n : sizeof part - 1);
}

static void add_time(struct line *l)
{
	struct utc_text now = utc_text(clock_wall_ms());

	add(l, now.text, strlen(now.text));
}

/* ---- text ---- */

static void print_text(struct line *l, const struct log_place *place, int level, const char *message)
{
	add_time(l);
	print(l, " %-5s ", log_level_name(level));
	if (place != NULL && place->pipeline != NULL) {
		print(l, "%.200s", place->pipeline);
		if (place->task >= 0)
			print(l, "/%lld", (long long)place->task);
		if (place->stage != NULL)
			print(l, " %.100s", place->stage);
		add_text(l, ": ");
	}
	add_text(l, message);
}

/* ---- JSON ---- */

/* The escape of one byte; "": it stands for itself. */
static const char *escape_of(unsigned char c, char buffer[8])
{
	if (c == '"')
		return "\\\"";
	if (c == '\\')
		return "\\\\";
	if (c >= 0x20 && c != 0x7f)
		return "";
	snprintf(buffer, 8, "\\u%04x", c);
	return buffer;
}

static size_t length_of_character(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Whole characters and escapes only; a byte that is not UTF-8 becomes U+FFFD. */
static void add_escaped(struct line *l, const char *text)
{
	size_t left = strlen(text), good = outflow_utf8_check((outflow_bytes){ text, left });

	while (left > 0) {
		const char *piece = "\xef\xbf\xbd";
		char buffer[8];
		size_t n = 1, length = 3;

		if (good > 0) {
			piece = escape_of((unsigned char)*text, buffer);
			length = strlen(piece);
			if (length == 0) {
				piece = text;
				length = n = length_of_character((unsigned char)*text);
			}
		}
		if (length > l->room - l->n)
			return;
		add(l, piece, length);
		text += n;
		left -= n;
		good = good > 0 ? good - n : outflow_utf8_check((outflow_bytes){ text, left });
	}
}

static void add_member(struct line *l, const char *name, const char *text)
{
	add_text(l, ",\"");
	add_text(l, name);
	add_text(l, "\":\"");
	add_escaped(l, text);
	add_text(l, "\"");
}

static void print_json(struct line *l, const struct log_place *place, int level, const char *message)
{
	char logger[LOGGER_NAME_MAX + 1];

	log_logger_name(place, logger, sizeof logger);
	add_text(l, "{\"time\":\"");
	add_time(l);
	add_text(l, "\"");
	add_member(l, "level", log_level_name(level));
	add_member(l, "logger", logger);
	if (place != NULL && place->pipeline != NULL) {
		add_member(l, "pipeline", place->pipeline);
		if (place->task >= 0)
			print(l, ",\"task\":%lld", (long long)place->task);
		if (place->stage != NULL)
			add_member(l, "stage", place->stage);
	}
	add_text(l, ",\"message\":\"");
	add_escaped(l, message);
	l->room += 2;
	add_text(l, "\"}");
}

/* ---- both ---- */

void log_write(const struct log_place *place, int level, const char *text, ...)
{
	char message[MESSAGE_MAX + 1];
	struct line line;
	va_list args;

	/* Plugins may say anything. */
	if (level < OUTFLOW_LOG_ERROR)
		level = OUTFLOW_LOG_ERROR;
	else if (level > LOG_TRACE)
		level = LOG_TRACE;
	if (!log_enabled(place, level))
		return;
	message[0] = '\0';
	line.n = 0;
	line.room = sizeof line.text - 4;
	va_start(args, text);
	(void)vsnprintf(message, sizeof message, text, args);
	va_end(args);
	for (char *p = message; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	if (__atomic_load_n(&format, __ATOMIC_RELAXED) == LOG_JSON)
		print_json(&line, place, level, message);
	else
		print_text(&line, place, level, message);
	line.text[line.n] = '\n';
	line.text[line.n + 1] = '\0';
	write_line(level, line.text);
}

void log_set_format(enum log_format wanted)
{
	__atomic_store_n(&format, wanted, __ATOMIC_RELAXED);
}

void log_use(void (*writer)(int level, const char *line))
{
	write_line = writer ? writer : to_stderr;
}
