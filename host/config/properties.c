/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/properties.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

#define BLANKS " \t\f"

/* ---- lines ---- */

struct text {
	const char *at, *end;
};

static void skip_end_of_line(struct text *t)
{
	if (t->end - t->at >= 2 && t->at[0] == '\r' && t->at[1] == '\n')
		t->at++;
	if (t->at < t->end)
		t->at++;
}

static int is_end_of_line(const struct text *t)
{
	return t->at == t->end || *t->at == '\n' || *t->at == '\r';
}

/* Copies the rest of a line behind line[*n]. 1: a backslash at its end, which is left out, says that the next one belongs to it. */
static int copy_line(struct text *t, char *line, size_t *n)
{
	int is_escaped = 0;

	for (; !is_end_of_line(t); t->at++) {
		is_escaped = *t->at == '\\' && !is_escaped;
		line[(*n)++] = *t->at;
	}
	skip_end_of_line(t);
	*n -= (size_t)is_escaped;
	return is_escaped;
}

/* The next line that is no comment and not blank, with those that belong to it. line has room for the whole text. 0: none. */
static int next_line(struct text *t, char *line)
{
	size_t n = 0;
	int goes_on = 0;

	while (t->at < t->end) {
		while (t->at < t->end && memchr(BLANKS, *t->at, sizeof BLANKS - 1) != NULL)
			t->at++;
		if (n == 0 && (is_end_of_line(t) || *t->at == '#' || *t->at == '!')) {
			while (!is_end_of_line(t))
				t->at++;
			skip_end_of_line(t);
			continue;
		}
		goes_on = copy_line(t, line, &n);
		line[n] = '\0';
		if (!goes_on)
			return 1;
	}
	return goes_on;
}

/* ---- key and value ---- */

/* Ends the key where it ends, and returns where the value begins. */
static char *split(char *line)
{
	char *end = line, *value;

	while (*end != '\0' && strchr("=:" BLANKS, *end) == NULL)
		end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
	value = end + strspn(end, BLANKS);
	if (*value == '=' || *value == ':')
		value += 1 + strspn(value + 1, BLANKS);
	*end = '\0';
	return value;
}

/* Four hexadecimal digits; -1: they are not. */
static int read_unit(const char *digits)
{
	char text[5] = "";

	memcpy(text, digits, strnlen(digits, 4));
	return strspn(text, "0123456789abcdefABCDEF") == 4 ? (int)strtoul(text, NULL, 16) : -1;
}

/* Reads what stands behind "\u", or behind two of them that are a pair of UTF-16. -1: no character. */
static long read_character(const char **from)
{
	int unit = read_unit(*from), low;

	if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return -1;
	*from += 4;
	if (unit < 0xd800 || unit > 0xdbff)
		return unit;
	low = strncmp(*from, "\\u", 2) == 0 ? read_unit(*from + 2) : -1;
	*from += 6;
	return low >= 0xdc00 && low <= 0xdfff ? 0x10000L + ((unit - 0xd800L) << 10) + (low - 0xdc00L) : -1;
}

/* In UTF-8; returns its end. */
static char *put_character(char *to, long c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else {
		int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

		*to++ = (char)((0xff00 >> (more + 1) & 0xff) | c >> 6 * more);
		while (more-- > 0)
			*to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	}
	return to;
}

/* In place, since nothing becomes longer. -1: a \u is malformed. */
static int unescape(char *text)
{
	static const char names[] = "tnrf", meant[] = "\t\n\r\f";
	const char *from = text;

	while (*from != '\0') {
		const char *name;
		long c;

		if (*from != '\\' || from[1] == '\0') {
			*text++ = *from++;
			continue;
		}
		name = strchr(names, from[1]);
		from += 2;
		if (from[-1] != 'u') {
			*text++ = name ? meant[name - names] : from[-1];
			continue;
		}
		c = read_character(&from);
		if (c < 0)
			return -1;
		text = put_character(text, c);
	}
	*text = '\0';
	return 0;
}

/* ---- the whole ---- */

static outflow_status find(struct text *t, char *line, const char *key, char **value, outflow_error *err)
{
	while (next_line(t, line)) {
		char *found = split(line);

		if (unescape(line) != 0 || unescape(found) != 0)
			return outflow_fail(err, OUTFLOW_E_CONFIG,
			                    "holds a \\u without the four digits of a character");
		if (strcmp(line, key) != 0)
			continue;
		free(*value);
		*value = strdup(found);
		if (*value == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	return OUTFLOW_OK;
}

/* A secret does not stay behind in memory that is free. */
static void forget(char *text, size_t size)
{
	if (text != NULL)
		explicit_bzero(text, size);
	free(text);
}

outflow_status properties_find(FILE *file, const char *key, char **value, outflow_error *err)
{
	char *all = malloc(PROPERTIES_MAX + 1);
	size_t n = all ? fread(all, 1, PROPERTIES_MAX + 1, file) : 0;
	char *line = malloc(n + 1);
	struct text t = { all, all + n };
	outflow_status status;

	*value = NULL;
	if (all == NULL || line == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	else if (ferror(file))
		status = outflow_fail_errno(err, OUTFLOW_E_CONFIG, errno, "cannot be read");
	else if (n > PROPERTIES_MAX || memchr(all, '\0', n) != NULL)
		status = outflow_fail(err, OUTFLOW_E_CONFIG, "is no file of properties: %s",
		                      n > PROPERTIES_MAX ? "it has more than 1 MiB" : "it holds a zero byte");
	else
		status = find(&t, line, key, value, err);
	if (status != OUTFLOW_OK) {
		free(*value);
		*value = NULL;
	}
	forget(all, n);
	forget(line, n);
	return status;
}
