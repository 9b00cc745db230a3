/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/log.h"

#include "host/base/clock.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void to_stderr(int level, const char *line)
{
	/* One write a line, so that lines of several threads do not mix. */
	ssize_t n = write(STDERR_FILENO, line, strlen(line));

	(void)level;
	(void)n;
}

static int limit = OUTFLOW_LOG_INFO;
static void (*write_line)(int level, const char *line) = to_stderr;

void log_set_level(int level)
{
	__atomic_store_n(&limit, level, __ATOMIC_RELAXED);
}

int log_enabled(int level)
{
	return level <= __atomic_load_n(&limit, __ATOMIC_RELAXED);
}

static size_t print_head(char *line, size_t size, const struct log_place *place, int level)
{
	static const char *const names[] = { "", "ERROR", "WARN", "INFO", "DEBUG" };
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm t;
	size_t n;

	gmtime_r(&seconds, &t);
	n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &t);
	n += (size_t)snprintf(line + n, size - n, ".%03dZ %-5s ", (int)(now % 1000),
	                      names[level < 1 || level > 4 ? 0 : level]);
	if (place == NULL || place->pipeline == NULL)
		return n;
	n += (size_t)snprintf(line + n, size - n, "%.200s", place->pipeline);
	if (place->task >= 0)
		n += (size_t)snprintf(line + n, size - n, "/%lld", (long long)place->task);
	if (place->stage != NULL)
		n += (size_t)snprintf(line + n, size - n, " %.100s", place->stage);
	return n + (size_t)snprintf(line + n, size - n, ": ");
}

void log_write(const struct log_place *place, int level, const char *format, ...)
{
	char line[1600];
	size_t head, room;
	va_list args;
	int n;

	if (!log_enabled(level))
		return;
	head = print_head(line, sizeof line, place, level);
	room = sizeof line - head - 1;
	va_start(args, format);
	n = vsnprintf(line + head, room, format, args);
	va_end(args);
	if (n < 0)
		n = 0;
	if ((size_t)n >= room)
		n = (int)room - 1;
	for (char *p = line + head; p < line + head + n; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	line[head + (size_t)n] = '\n';
	line[head + (size_t)n + 1] = '\0';
	write_line(level, line);
}

void log_use(void (*writer)(int level, const char *line))
{
	write_line = writer ? writer : to_stderr;
}
