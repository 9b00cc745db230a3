/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/lexical.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

struct scan {
	const char *at;
	struct place where;
	struct problems *problems;
};

/* Moves on by n characters, counting lines. */
static void skip(struct scan *s, size_t n)
{
	for (; n > 0 && *s->at != '\0'; n--, s->at++)
		s->where.line += *s->at == '\n';
}

static void skip_past(struct scan *s, const char *end)
{
	const char *found = strstr(s->at, end);

	skip(s, found ? (size_t)(found - s->at) + strlen(end) : strlen(s->at));
}

/* From the opening quotation mark to behind the closing one. */
static void skip_text(struct scan *s)
{
	skip(s, 1);
	while (*s->at != '\0' && *s->at != '"')
		skip(s, *s->at == '\\' ? 2 : 1);
	skip(s, 1);
}

static int is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

/* At a digit. Whatever is not a plain integer is libconfig's to judge. */
static void check_number(struct scan *s, int negative)
{
	int base = s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X') ? 16 : 10;
	unsigned long long n, limit;
	char *end;
	int wide;

	errno = 0;
	n = strtoull(s->at, &end, base);
	wide = *end == 'L';
	while (*end == 'L')
		end++;
	if (!is_name_character(*end) && *end != '.') {
		limit = wide ? (unsigned long long)INT64_MAX : (unsigned long long)INT32_MAX;
		if (errno != 0 || n > limit + (unsigned)negative)
			problems_add(s->problems, &s->where,
			             wide ? "the number %.*s does not fit into 63 bits"
			                  : "the number %.*s does not fit into 31 bits: write an L behind it, or a "
			                    "text with a unit such as \"10GiB\"",
			             (int)(end - s->at), s->at);
	}
	while (is_name_character(*end) || *end == '.')
		end++;
	skip(s, (size_t)(end - s->at));
}

static void skip_name(struct scan *s)
{
	while (is_name_character(*s->at))
		skip(s, 1);
}

size_t lexical_check(const char *text, const char *file, struct problems *problems)
{
	struct scan s = { .at = text, .where = { .file = file, .line = 1 }, .problems = problems };
	size_t includes = 0;

	while (*s.at != '\0') {
		if (*s.at == '"') {
			skip_text(&s);
		} else if (*s.at == '#' || strncmp(s.at, "//", 2) == 0) {
			skip_past(&s, "\n");
		} else if (strncmp(s.at, "/*", 2) == 0) {
			skip_past(&s, "*/");
		} else if (strncmp(s.at, "@include", 8) == 0) {
			problems_add(problems, &s.where,
			             "@include is not supported; put the files side by side in the "
			             "configuration directory");
			includes++;
			skip(&s, 8);
		} else if (isdigit((unsigned char)*s.at)) {
			check_number(&s, s.at > text && s.at[-1] == '-');
		} else if (is_name_character(*s.at) && *s.at != '-') {
			skip_name(&s);
		} else {
			skip(&s, 1);
		}
	}
	return includes;
}
