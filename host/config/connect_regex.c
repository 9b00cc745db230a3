/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connect_regex.h"

#include <outflow/util.h>

#include <ctype.h>
#include <regex.h>

/* A regular expression being rewritten. */
struct rewriting {
	const char *p;
	char *to;
	size_t n, size;
	int in_class; /* between [ and ] */
	const char *unknown;
};

static void write_text(struct rewriting *r, const char *text)
{
	size_t n = strlen(text);

	if (r->n + n < r->size)
		memcpy(r->to + r->n, text, n + 1);
	r->n += n;
}

static void write_char(struct rewriting *r, char c)
{
	const char text[] = { c, '\0' };

	write_text(r, text);
}

/* What stands behind a backslash. */
static void rewrite_escape(struct rewriting *r)
{
	static const struct {
		char letter;
		const char *inside, *outside;
	} classes[] = {
		{ 'd', "0-9", "[0-9]" }, { 'w', "a-zA-Z0-9_", "[a-zA-Z0-9_]" }, { 's', " \t", "[ \t]" },
		{ 'D', NULL, "[^0-9]" }, { 'W', NULL, "[^a-zA-Z0-9_]" },        { 'S', NULL, "[^ \t]" },
	};
	char c = *r->p;

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (classes[i].letter == c) {
			const char *text = r->in_class ? classes[i].inside : classes[i].outside;

			if (text == NULL)
				r->unknown = "a negated class inside of [ ]";
			else
				write_text(r, text);
			return;
		}
	if (isalnum((unsigned char)c) || c == '\0') {
		r->unknown = "an escape with a letter or a digit other than \\d \\w \\s";
	} else if (r->in_class) {
		if (strchr("]^-\\[", c) != NULL)
			r->unknown = "] ^ - [ or \\ inside of [ ]";
		else
			write_char(r, c);
	} else {
		write_char(r, '\\');
		write_char(r, c);
	}
}

/* A group that is more than a group. */
static void rewrite_group(struct rewriting *r)
{
	write_char(r, '(');
	if (strncmp(r->p, "?:", 2) == 0)
		r->p += 2;
	else if (*r->p == '?')
		r->unknown = "a group that begins with (?, but for (?:";
}

static void rewrite_one(struct rewriting *r)
{
	char c = *r->p++;

	if (c == '\\') {
		rewrite_escape(r);
		r->p += *r->p != '\0';
	} else if (r->in_class) {
		if (c == '[' || (c == '&' && *r->p == '&'))
			r->unknown = "a class inside of a class";
		r->in_class = c != ']';
		write_char(r, c);
	} else if (c == '[') {
		r->in_class = 1;
		write_char(r, c);
		if (*r->p == '^')
			write_char(r, *r->p++);
	} else if (c == '(') {
		rewrite_group(r);
	} else {
		write_char(r, c);
		if (strchr("*+?}", c) != NULL && (*r->p == '+' || *r->p == '?'))
			r->unknown = "a quantifier that is possessive or reluctant";
	}
}

outflow_status connect_regex(const char *java, char *result, size_t size, outflow_error *err)
{
	struct rewriting r = { .p = java, .to = result, .size = size };
	char why[100];
	regex_t compiled;
	int rc;

	write_text(&r, "^(");
	while (*r.p != '\0' && r.unknown == NULL)
		rewrite_one(&r);
	write_text(&r, ")$");
	if (r.unknown != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the regular expression uses what there is not here: %s",
		                    r.unknown);
	if (r.n >= size)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the regular expression is too long");
	rc = regcomp(&compiled, result, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &compiled, why, sizeof why);
		return outflow_fail(err, OUTFLOW_E_CONFIG, "is not a regular expression: %s", why);
	}
	regfree(&compiled);
	return OUTFLOW_OK;
}

int connect_regex_fits(const char *posix, const char *name)
{
	regex_t compiled;
	int fits;

	if (regcomp(&compiled, posix, REG_EXTENDED | REG_NOSUB) != 0)
		return 0;
	fits = regexec(&compiled, name, 0, NULL, 0) == 0;
	regfree(&compiled);
	return fits;
}
