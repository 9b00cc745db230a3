/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void table_add(struct table *t, const char *format, ...)
{
	char *text = NULL, **cells = t->cells;
	va_list arguments;
	int n;

	if (t->n == t->room) {
		cells = realloc(t->cells, (t->room * 2 + 32) * sizeof *cells);
		if (cells != NULL) {
			t->cells = cells;
			t->room = t->room * 2 + 32;
		}
	}
	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (n < 0 || cells == NULL) {
		if (n >= 0)
			free(text);
		t->out_of_memory = 1;
		return;
	}
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	t->cells[t->n++] = text;
}

/* Characters, not bytes: what continues a UTF-8 sequence takes no room. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static const char *colour(const char *text)
{
	if (strcmp(text, "RUNNING") == 0)
		return "\033[32m";
	if (strcmp(text, "PAUSED") == 0 || strcmp(text, "STARTING") == 0 || strcmp(text, "STOPPING") == 0)
		return "\033[33m";
	if (strstr(text, "FAILED") != NULL && strchr(text, ' ') == NULL &&
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(text))
		return "\033[31m";
	return NULL;
}

static void print_cell(const struct table *t, size_t i, size_t room, int colours, FILE *to)
{
	const char *start = colours ? colour(t->cells[i]) : NULL;
	int is_last = (i + 1) % t->columns == 0;

	fprintf(to, "%s%s%s", start ? start : "", t->cells[i], start ? "\033[0m" : "");
	if (is_last)
		fputc('\n', to);
	else
		fprintf(to, "%*s", (int)(room - width(t->cells[i]) + 2), "");
}

void table_print(struct table *t, FILE *to)
{
	int colours = isatty(fileno(to)) && getenv("NO_COLOR") == NULL;
	size_t widths[TABLE_COLUMNS] = { 0 };

	for (size_t i = 0; i < t->n; i++)
		if (width(t->cells[i]) > widths[i % t->columns])
			widths[i % t->columns] = width(t->cells[i]);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, i, widths[i % t->columns], colours, to);
	if (t->out_of_memory)
		fputs("outflow: no memory for all of it\n", stderr);
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ .columns = t->columns };
}
