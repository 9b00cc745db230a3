/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/text.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

void text_clear(struct text *t)
{
	free(t->ptr);
	*t = (struct text){ .ptr = NULL };
}

/* Room for one more byte and the NUL. */
static int grow(struct text *t)
{
	size_t room = t->room ? t->room * 2 : 4096;
	char *more;

	if (t->n + 1 < t->room)
		return 0;
	more = realloc(t->ptr, room);
	if (more == NULL)
		return -1;
	t->ptr = more;
	t->room = room;
	return 0;
}

static outflow_status fail_too_long(outflow_error *err, const char *what)
{
	return outflow_fail(err, OUTFLOW_E_RECORD, "%s is longer than %zu MiB", what, TEXT_MAX >> 20);
}

/* Up to `end` (EOF: the end of the file), which is taken and left out. */
static outflow_status read_to(struct text *t, FILE *from, int end, const char *what, outflow_error *err)
{
	int c;

	t->n = 0;
	if (grow(t) != 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for %s", what);
	while ((c = getc_unlocked(from)) != EOF && c != end) {
		if (t->n == TEXT_MAX) {
			while (end != EOF && (c = getc_unlocked(from)) != EOF && c != end)
				;
			return fail_too_long(err, what);
		}
		if (grow(t) != 0)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for %s", what);
		t->ptr[t->n++] = (char)c;
	}
	t->ptr[t->n] = '\0';
	if (ferror(from))
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", what);
	return c == EOF && end != EOF && t->n == 0 ? OUTFLOW_EOF : OUTFLOW_OK;
}

outflow_status text_read(struct text *t, const char *argument, outflow_error *err)
{
	outflow_status status;
	FILE *file;

	text_clear(t);
	if (strcmp(argument, "-") == 0) {
		status = read_to(t, stdin, EOF, "standard input", err);
	} else if (argument[0] == '@') {
		file = fopen(argument + 1, "re");
		if (file == NULL)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", argument + 1);
		status = read_to(t, file, EOF, argument + 1, err);
		fclose(file);
	} else {
		t->ptr = strdup(argument);
		t->n = strlen(argument);
		return t->ptr ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a text");
	}
	return status;
}

outflow_status text_read_line(struct text *t, FILE *from, outflow_error *err)
{
	return read_to(t, from, '\n', "a line", err);
}
