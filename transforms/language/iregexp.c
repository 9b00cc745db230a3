/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of RFC 9485, section 4, and the mapping of its sections 5.3 and 5.4. */
#include "iregexp.h"

#include <outflow/util.h>

#include <stdlib.h>

#define GROWTH 7u /* a dot becomes [^\n\r] */
#define AROUND 16u

struct scanner {
	const char *text, *p, *end;
	char *out;
	outflow_error *err;
};

static outflow_status refuse(const struct scanner *s, const char *at, const char *cause)
{
	return outflow_fail(s->err, OUTFLOW_E_CONFIG, "byte %zu of the regular expression '%.*s': %s",
	                    (size_t)(at - s->text), (int)(s->end - s->text > 200 ? 200 : s->end - s->text), s->text,
	                    cause);
}

static void put(struct scanner *s, const char *text)
{
	size_t n = strlen(text);

	memcpy(s->out, text, n);
	s->out += n;
}

static void copy(struct scanner *s, size_t n)
{
	memcpy(s->out, s->p, n);
	s->out += n;
	s->p += n;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* IsCategory: a letter, and perhaps another one that belongs to it. */
static size_t category_length(const char *p, size_t n)
{
	static const char *const categories[] = { "Llmotu", "Mcen", "Ndlo", "Pcdefios", "Zlps", "Sckmo", "Ccfno" };

	for (size_t i = 0; n > 0 && i < sizeof categories / sizeof categories[0]; i++)
		if (*p == categories[i][0])
			return n > 1 && is_one_of(p[1], categories[i] + 1) ? 2 : 1;
	return 0;
}

/* At a backslash: SingleCharEsc, or charClassEsc where *is_class says so. */
static outflow_status scan_escape(struct scanner *s, bool *is_class)
{
	size_t left = (size_t)(s->end - s->p), n;
	char c = left > 1 ? s->p[1] : '\0';

	*is_class = c == 'p' || c == 'P';
	if (!*is_class) {
		if (!is_one_of(c, "()*+-.?[\\]^nrt{|}"))
			return refuse(
				s, s->p,
				"an escape that I-Regexp (RFC 9485) does not have; it has \\n, \\r, \\t, \\p{..}, \\P{..} "
				"and those of punctuation; \\d is written [0-9]");
		copy(s, 2);
		return OUTFLOW_OK;
	}
	n = left > 3 && s->p[2] == '{' ? category_length(s->p + 3, left - 3) : 0;
	if (n == 0 || left < n + 4 || s->p[3 + n] != '}')
		return refuse(s, s->p, "\\p needs a category of Unicode in braces, such as \\p{L} or \\p{Lu}");
	copy(s, n + 4);
	return OUTFLOW_OK;
}

/* CCchar, or an escape. */
static outflow_status scan_class_character(struct scanner *s, bool *is_class)
{
	*is_class = false;
	if (s->p == s->end)
		return refuse(s, s->p, "']' is missing");
	if (*s->p == '\\')
		return scan_escape(s, is_class);
	if (*s->p == '[' || *s->p == '-')
		return refuse(s, s->p, "in brackets, [ must be escaped, and - unless it is the first or the last");
	copy(s, 1);
	return OUTFLOW_OK;
}

/* charClassExpr */
static outflow_status scan_class(struct scanner *s)
{
	bool is_class, empty = true;
	outflow_status status;

	copy(s, 1);
	if (s->p < s->end && *s->p == '^')
		copy(s, 1);
	if (s->p < s->end && *s->p == '-') {
		copy(s, 1);
		empty = false;
	}
	while (empty || (s->p < s->end && *s->p != ']')) {
		if (!empty && *s->p == '-' && s->p + 1 < s->end && s->p[1] == ']') {
			copy(s, 1);
			break;
		}
		if (empty && s->p < s->end && *s->p == ']')
			return refuse(s, s->p, "nothing is in the brackets; ] itself is written \\]");
		empty = false;
		status = scan_class_character(s, &is_class);
		/* A range, when it is not the - at the end. */
		if (status == OUTFLOW_OK && !is_class && s->end - s->p > 1 && *s->p == '-' && s->p[1] != ']') {
			copy(s, 1);
			status = scan_class_character(s, &is_class);
			if (status == OUTFLOW_OK && is_class)
				status = refuse(s, s->p, "a range ends with a character");
		}
		if (status != OUTFLOW_OK)
			return status;
	}
	if (s->p == s->end)
		return refuse(s, s->p, "']' is missing");
	copy(s, 1);
	return OUTFLOW_OK;
}

static size_t count_digits(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

/* quantifier */
static outflow_status scan_quantifier(struct scanner *s)
{
	const char *p = s->p;
	size_t n;

	if (*p != '{') {
		copy(s, 1);
		return OUTFLOW_OK;
	}
	n = count_digits(++p, s->end);
	p += n;
	if (n > 0 && p < s->end && *p == ',') {
		p++;
		p += count_digits(p, s->end);
	}
	if (n == 0 || p == s->end || *p != '}')
		return refuse(s, s->p, "a count is {2}, {2,} or {2,5}");
	copy(s, (size_t)(p + 1 - s->p));
	return OUTFLOW_OK;
}

/* charClass, NormalChar; of a longer UTF-8 sequence one byte after the other. */
static outflow_status scan_atom(struct scanner *s)
{
	bool is_class;

	switch (*s->p) {
	case '\\':
		return scan_escape(s, &is_class);
	case '[':
		return scan_class(s);
	case ']':
	case '{':
	case '}':
	case '*':
	case '+':
	case '?':
		return refuse(s, s->p,
		              "nothing is there that could be repeated; these characters themselves need a backslash");
	case '.':
		put(s, "[^\\n\\r]");
		break;
	case '^': /* anchors, as the RFC maps them; in groups, so that a quantifier may follow */
		put(s, "(?:^)");
		break;
	case '$':
		put(s, "(?:\\z)");
		break;
	default:
		copy(s, 1);
		return OUTFLOW_OK;
	}
	s->p++;
	return OUTFLOW_OK;
}

static outflow_status scan(struct scanner *s)
{
	bool repeatable = false;
	unsigned depth = 0;
	outflow_status status = OUTFLOW_OK;

	while (s->p < s->end && status == OUTFLOW_OK) {
		char c = *s->p;

		if (repeatable && is_one_of(c, "*+?{")) {
			status = scan_quantifier(s);
			repeatable = false;
		} else if (c == '(') {
			put(s, "(?:");
			s->p++;
			depth++;
			repeatable = false;
		} else if (c == ')') {
			if (depth-- == 0)
				return refuse(s, s->p, "')' without a '(' before it");
			copy(s, 1);
			repeatable = true;
		} else if (c == '|') {
			copy(s, 1);
			repeatable = false;
		} else {
			status = scan_atom(s);
			repeatable = true;
		}
	}
	if (status == OUTFLOW_OK && depth > 0)
		return refuse(s, s->p, "')' is missing");
	return status;
}

outflow_status iregexp_compile(outflow_str text, bool whole, struct regex **r, outflow_error *err)
{
	struct scanner s = { .text = text.ptr, .p = text.ptr, .end = text.ptr + text.len, .err = err };
	outflow_status status;
	char *mapped;

	if (text.len > REGEX_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a regular expression of %zu bytes, more than %u", text.len,
		                    REGEX_MAX);
	mapped = malloc(GROWTH * text.len + AROUND);
	if (mapped == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a regular expression");
	s.out = mapped;
	put(&s, whole ? "\\A(?:" : "(?:");
	status = scan(&s);
	put(&s, whole ? ")\\z" : ")");
	if (status == OUTFLOW_OK)
		status = regex_compile((outflow_str){ mapped, (size_t)(s.out - mapped) }, r, err);
	free(mapped);
	return status;
}
