/* SPDX-License-Identifier: Apache-2.0 */
#include "replacement.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <stdlib.h>

/* A text, or with ptr NULL a group. */
struct piece {
	outflow_str text;
	size_t group;
};

struct replacement {
	struct piece *pieces;
	size_t n;
	char *text; /* where the pieces' texts are */
};

/* ---- compiling ---- */

struct parser {
	const char *start, *p, *end;
	const struct regex *regex;
	struct replacement *to;
	outflow_error *err;
};

static outflow_status refuse(const struct parser *s, const char *at, const char *cause)
{
	return outflow_fail(s->err, OUTFLOW_E_CONFIG, "byte %zu of the replacement '%.*s': %s", (size_t)(at - s->start),
	                    (int)(s->end - s->start > 200 ? 200 : s->end - s->start), s->start, cause);
}

static void add_text(struct parser *s, const char *from, const char *to)
{
	if (to > from)
		s->to->pieces[s->to->n++].text = (outflow_str){ from, (size_t)(to - from) };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static outflow_status add_number(struct parser *s, const char *at, outflow_str digits)
{
	size_t group = 0;

	for (size_t i = 0; i < digits.len && group < regex_n_groups(s->regex); i++)
		group = 10 * group + (size_t)(digits.ptr[i] - '0');
	if (group >= regex_n_groups(s->regex))
		return outflow_fail(
			s->err, OUTFLOW_E_CONFIG,
			"byte %zu of the replacement '%.*s': the regular expression has no group %.*s, it has "
			"%zu; a digit behind a group is written ${1}2",
			(size_t)(at - s->start), (int)(s->end - s->start > 200 ? 200 : s->end - s->start), s->start,
			(int)(digits.len > 20 ? 20 : digits.len), digits.ptr, regex_n_groups(s->regex) - 1);
	s->to->pieces[s->to->n++].group = group;
	return OUTFLOW_OK;
}

/* s->p is behind "${". */
static outflow_status parse_braces(struct parser *s, const char *at)
{
	const char *close = memchr(s->p, '}', (size_t)(s->end - s->p));
	outflow_str name = { s->p, close ? (size_t)(close - s->p) : 0 };
	size_t i = 0, group;

	if (close == NULL)
		return refuse(s, at, "'}' is missing");
	s->p = close + 1;
	while (i < name.len && is_digit(name.ptr[i]))
		i++;
	if (i > 0 && i == name.len)
		return add_number(s, at, name);
	if (!regex_group_number(s->regex, name, &group))
		return refuse(s, at, "the regular expression has no group of this name");
	s->to->pieces[s->to->n++].group = group;
	return OUTFLOW_OK;
}

/* s->p is at a dollar sign. */
static outflow_status parse_dollar(struct parser *s)
{
	const char *at = s->p++, *digits = s->p;

	if (s->p < s->end && *s->p == '$') {
		add_text(s, s->p, s->p + 1);
		s->p++;
		return OUTFLOW_OK;
	}
	if (s->p < s->end && *s->p == '{') {
		s->p++;
		return parse_braces(s, at);
	}
	while (s->p < s->end && is_digit(*s->p))
		s->p++;
	if (s->p == digits)
		return refuse(s, at,
		              "a dollar sign is followed by a group ($1, ${name}); the sign itself is written $$");
	return add_number(s, at, (outflow_str){ digits, (size_t)(s->p - digits) });
}

static outflow_status parse(struct parser *s)
{
	outflow_status status = OUTFLOW_OK;

	while (s->p < s->end && status == OUTFLOW_OK) {
		const char *dollar = memchr(s->p, '$', (size_t)(s->end - s->p));

		add_text(s, s->p, dollar ? dollar : s->end);
		s->p = dollar ? dollar : s->end;
		if (dollar != NULL)
			status = parse_dollar(s);
	}
	return status;
}

outflow_status replacement_compile(outflow_str text, const struct regex *r, struct replacement **result,
                                   outflow_error *err)
{
	struct parser s = { .regex = r, .err = err };
	outflow_status status;

	if (text.len > REGEX_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a replacement of %zu bytes, more than %u", text.len,
		                    REGEX_MAX);
	s.to = calloc(1, sizeof *s.to);
	if (s.to != NULL) {
		s.to->text = malloc(text.len + 1);
		s.to->pieces = calloc(text.len + 1, sizeof *s.to->pieces);
	}
	if (s.to == NULL || s.to->text == NULL || s.to->pieces == NULL) {
		replacement_free(&s.to);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a replacement");
	}
	if (text.len > 0)
		memcpy(s.to->text, text.ptr, text.len);
	s.start = s.p = s.to->text;
	s.end = s.p + text.len;
	if (outflow_utf8_check((outflow_bytes){ s.start, text.len }) < text.len)
		status = refuse(&s, s.start, "not valid UTF-8");
	else
		status = parse(&s);
	if (status != OUTFLOW_OK) {
		replacement_free(&s.to);
		return status;
	}
	*result = s.to;
	return OUTFLOW_OK;
}

void replacement_free(struct replacement **pp)
{
	struct replacement *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	free(p->pieces);
	free(p->text);
	free(p);
}

/* ---- applying ---- */

/* The outcome, growing in the arena. */
struct output {
	const outflow_host *host;
	outflow_batch *batch;
	outflow_error *err;
	char *out;
	size_t n, cap;
};

static outflow_status grow(struct output *o, size_t n)
{
	size_t cap = 2 * o->cap + n + 64;
	char *larger;

	if (cap > REPLACED_MAX)
		cap = REPLACED_MAX;
	if (n > REPLACED_MAX - o->n)
		return outflow_fail(o->err, OUTFLOW_E_RECORD, "with its replacements the text is larger than %zu MiB",
		                    REPLACED_MAX >> 20);
	larger = outflow_alloc(o->host, o->batch, cap, 1);
	if (larger == NULL)
		return outflow_fail(o->err, OUTFLOW_E_NOMEM, "no memory for a text with replacements");
	if (o->n > 0)
		memcpy(larger, o->out, o->n);
	o->out = larger;
	o->cap = cap;
	return OUTFLOW_OK;
}

static outflow_status append(struct output *o, const char *text, size_t n)
{
	outflow_status status = n > o->cap - o->n ? grow(o, n) : OUTFLOW_OK;

	if (status == OUTFLOW_OK && n > 0) {
		memcpy(o->out + o->n, text, n);
		o->n += n;
	}
	return status;
}

static outflow_status append_pieces(struct output *o, const struct replacement *p, const struct regex *r,
                                    outflow_str subject)
{
	outflow_status status = OUTFLOW_OK;
	size_t from, to;

	for (size_t i = 0; i < p->n && status == OUTFLOW_OK; i++) {
		const struct piece *piece = &p->pieces[i];

		if (piece->text.ptr != NULL)
			status = append(o, piece->text.ptr, piece->text.len);
		else if (regex_group(r, piece->group, &from, &to) && to > from)
			status = append(o, subject.ptr + from, to - from);
	}
	return status;
}

outflow_status replacement_apply(const struct replacement *p, struct regex *r, const outflow_host *h, outflow_batch *b,
                                 outflow_str subject, struct regex_budget *budget, outflow_str *out, outflow_error *err)
{
	struct output o = { .host = h, .batch = b, .err = err };
	struct regex_walk walk = { .budget = budget };
	size_t done = 0, from, to;
	outflow_status status;

	*out = (outflow_str){ NULL, 0 };
	while ((status = regex_next(r, subject, &walk, err)) == OUTFLOW_OK) {
		(void)regex_group(r, 0, &from, &to);
		if (o.out == NULL)
			status = grow(&o, subject.len);
		if (status == OUTFLOW_OK)
			status = append(&o, subject.ptr + done, from - done);
		if (status == OUTFLOW_OK)
			status = append_pieces(&o, p, r, subject);
		if (status != OUTFLOW_OK)
			return status;
		done = to;
	}
	if (status != OUTFLOW_AGAIN || o.out == NULL)
		return status == OUTFLOW_AGAIN ? OUTFLOW_OK : status;
	status = append(&o, subject.ptr + done, subject.len - done);
	*out = (outflow_str){ o.out, o.n };
	return status;
}
