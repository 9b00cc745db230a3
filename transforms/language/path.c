/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <outflow/util.h>

#include <stdlib.h>

#define INDEX_MAX 9007199254740991 /* 2^53 - 1, the largest that RFC 9535 has */

/* A segment with its one selector. */
struct step {
	bool is_name;
	outflow_str name; /* escapes decoded, in path.names */
	int64_t index;
};

struct path {
	struct step *steps;
	size_t n, room;
	char *names;
	size_t names_used;
	enum envelope_field field; /* where the first steps lead inside the envelope */
	size_t n_envelope;         /* how many these are */
};

struct parser {
	const char *text, *p, *end;
	struct path *path;
	outflow_error *err;
};

static outflow_status refuse(const struct parser *s, const char *at, const char *cause)
{
	return outflow_fail(s->err, OUTFLOW_E_CONFIG, "column %zu of path '%.*s': %s", (size_t)(at - s->text) + 1,
	                    (int)(s->end - s->text > 200 ? 200 : s->end - s->text), s->text, cause);
}

static void skip_blanks(struct parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static outflow_status add_step(struct parser *s, struct step step)
{
	struct path *path = s->path;
	struct step *larger;

	if (path->n == path->room) {
		larger = realloc(path->steps, (2 * path->room + 8) * sizeof *larger);
		if (larger == NULL)
			return outflow_fail(s->err, OUTFLOW_E_NOMEM, "no memory for a path");
		path->steps = larger;
		path->room = 2 * path->room + 8;
	}
	path->steps[path->n++] = step;
	return OUTFLOW_OK;
}

static outflow_status add_name(struct parser *s, size_t start)
{
	struct path *path = s->path;
	struct step step = { .is_name = true, .name = { path->names + start, path->names_used - start } };

	return add_step(s, step);
}

static bool is_name_byte(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80 ||
	       (!first && c >= '0' && c <= '9');
}

static const char several[] =
	"this selects several values, and only a path to a single one is possible here: .name, ['name'] or [index]";

/* After a dot. */
static outflow_status parse_shorthand(struct parser *s)
{
	size_t start = s->path->names_used;

	if (s->p < s->end && (*s->p == '.' || *s->p == '*'))
		return refuse(s, s->p, several);
	if (s->p == s->end || !is_name_byte(*s->p, true))
		return refuse(s, s->p,
		              "a name is missing after the dot; one with other characters than letters, digits "
		              "and _ is written ['name']");
	for (; s->p < s->end && is_name_byte(*s->p, false); s->p++)
		s->path->names[s->path->names_used++] = *s->p;
	return add_name(s, start);
}

static int hex_value(const char *p, const char *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i] | 32;

		if (p[i] >= '0' && p[i] <= '9')
			value = value << 4 | (p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* s->p is at the backslash of \uXXXX; pairs of surrogates must be whole. Decoded by the JSON reader, whose
 * escape it is. */
static outflow_status parse_unicode(struct parser *s)
{
	int unit = hex_value(s->p + 2, s->end), low;
	size_t n = 6;

	if (unit < 0)
		return refuse(s, s->p, "\\u needs four hexadecimal digits");
	if (unit >= 0xdc00 && unit < 0xe000)
		return refuse(s, s->p, "half a pair of surrogates");
	if (unit >= 0xd800 && unit < 0xdc00) {
		low = s->end - s->p >= 12 && s->p[6] == '\\' && s->p[7] == 'u' ? hex_value(s->p + 8, s->end) : -1;
		if (low < 0xdc00 || low >= 0xe000)
			return refuse(s, s->p, "half a pair of surrogates");
		n = 12;
	}
	s->path->names_used += outflow_json_decode((outflow_str){ s->p, n }, s->path->names + s->path->names_used);
	s->p += n;
	return OUTFLOW_OK;
}

static outflow_status parse_escape(struct parser *s, char quote)
{
	static const char plain[] = "\\/bfnrt";
	char c = s->end - s->p > 1 ? s->p[1] : '\0';

	if (c == 'u')
		return parse_unicode(s);
	if (c != quote && (c == '\0' || strchr(plain, c) == NULL))
		return refuse(s, s->p, "unknown escape");
	if (c == quote)
		s->path->names[s->path->names_used++] = c;
	else
		s->path->names_used +=
			outflow_json_decode((outflow_str){ s->p, 2 }, s->path->names + s->path->names_used);
	s->p += 2;
	return OUTFLOW_OK;
}

/* s->p is at the quote. */
static outflow_status parse_quoted(struct parser *s)
{
	size_t start = s->path->names_used;
	char quote = *s->p++;
	outflow_status status;

	while (s->p < s->end && *s->p != quote) {
		if ((unsigned char)*s->p < ' ')
			return refuse(s, s->p, "a control character in a name must be escaped");
		if (*s->p != '\\') {
			s->path->names[s->path->names_used++] = *s->p++;
			continue;
		}
		status = parse_escape(s, quote);
		if (status != OUTFLOW_OK)
			return status;
	}
	if (s->p == s->end)
		return refuse(s, s->p, "the quote of a name is not closed");
	s->p++;
	return add_name(s, start);
}

static outflow_status parse_index(struct parser *s)
{
	const char *start = s->p;
	struct step step = { .is_name = false };
	bool negative = *s->p == '-';
	const char *digits = start + negative;

	for (s->p = digits; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
		if (step.index <= INDEX_MAX)
			step.index = step.index * 10 + (*s->p - '0');
	if (s->p == digits || (*digits == '0' && (s->p - digits > 1 || negative)))
		return refuse(s, start,
		              "not an index: digits without leading zeros, with a minus to count from the end");
	if (step.index > INDEX_MAX)
		return refuse(s, start, "an index beyond 2^53 - 1");
	if (negative)
		step.index = -step.index;
	return add_step(s, step);
}

/* After an opening bracket. */
static outflow_status parse_bracket(struct parser *s)
{
	outflow_status status;
	char c;

	skip_blanks(s);
	c = s->p < s->end ? *s->p : '\0';
	if (c == '\'' || c == '"')
		status = parse_quoted(s);
	else if (c == '-' || (c >= '0' && c <= '9'))
		status = parse_index(s);
	else if (c == '*' || c == '?' || c == ':')
		status = refuse(s, s->p, several);
	else
		status = refuse(s, s->p, "a quoted name or an index is missing in the brackets");
	if (status != OUTFLOW_OK)
		return status;
	skip_blanks(s);
	if (s->p < s->end && (*s->p == ',' || *s->p == ':'))
		return refuse(s, s->p, several);
	if (s->p == s->end || *s->p != ']')
		return refuse(s, s->p, "']' is missing");
	s->p++;
	return OUTFLOW_OK;
}

static outflow_status parse(struct parser *s)
{
	outflow_bytes bytes = { s->text, (size_t)(s->end - s->text) };
	size_t bad = bytes.len > 0 ? outflow_utf8_check(bytes) : 0;
	outflow_status status = OUTFLOW_OK;

	if (bad < bytes.len)
		return refuse(s, s->text + bad, "not valid UTF-8");
	if (s->p == s->end || *s->p != '$')
		return refuse(s, s->p, "a path begins with $");
	s->p++;
	while (s->p < s->end && status == OUTFLOW_OK) {
		const char *blank = s->p;

		skip_blanks(s);
		if (s->p == s->end)
			return refuse(s, blank, "blanks at the end");
		if (*s->p == '.') {
			s->p++;
			status = parse_shorthand(s);
		} else if (*s->p == '[') {
			s->p++;
			status = parse_bracket(s);
		} else {
			return refuse(s, s->p, "'.' or '[' should be here");
		}
	}
	return status;
}

/* Follows the first steps into the envelope, as far as they can be known before there is a record. */
static void enter_envelope(struct path *p)
{
	p->field = ENVELOPE_EVENT;
	while (p->n_envelope < p->n && envelope_is_container(p->field) && p->field != ENVELOPE_USER_PROPERTIES) {
		const struct step *s = &p->steps[p->n_envelope++];

		p->field = s->is_name ? envelope_member(p->field, s->name) : ENVELOPE_NONE;
	}
}

outflow_status path_compile(outflow_str text, struct path **result, outflow_error *err)
{
	struct parser s = { .text = text.ptr, .p = text.ptr, .end = text.ptr + text.len, .err = err };
	outflow_status status;

	s.path = calloc(1, sizeof *s.path);
	if (s.path != NULL)
		s.path->names = malloc(text.len + 1);
	if (s.path == NULL || s.path->names == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	else
		status = parse(&s);
	if (status != OUTFLOW_OK) {
		path_free(&s.path);
		return status;
	}
	enter_envelope(s.path);
	*result = s.path;
	return OUTFLOW_OK;
}

void path_free(struct path **pp)
{
	struct path *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	free(p->steps);
	free(p->names);
	free(p);
}

bool path_is_body(const struct path *p)
{
	return p->field == ENVELOPE_BODY && p->n_envelope == p->n;
}

static void take_step(struct event *e, const struct step *s, struct value *v)
{
	uint32_t found = 0;

	if (v->json != NULL) {
		found = s->is_name ? outflow_json_member(v->json, v->token, s->name)
		                   : outflow_json_element(v->json, v->token, s->index);
		*v = found ? value_of_token(v->json, found) : (struct value){ .type = VALUE_MISSING };
	} else if (v->field == ENVELOPE_USER_PROPERTIES && !s->is_name) {
		envelope_user_property(e, s->index, v);
	} else if (v->field == ENVELOPE_USER_PROPERTY && s->is_name) {
		struct value property = *v;

		envelope_user_part(e, &property, envelope_member(ENVELOPE_USER_PROPERTY, s->name), v);
	} else {
		v->type = VALUE_MISSING; /* a scalar has no inside */
	}
}

void path_find(const struct path *p, struct event *e, struct value *v)
{
	const outflow_json *json;
	size_t i = p->n_envelope;

	*v = (struct value){ .type = VALUE_MISSING };
	if (!e->whole) {
		envelope_get(e, p->field, v);
	} else {
		json = event_tape(e);
		if (json == NULL)
			return;
		*v = value_of_token(json, 0);
		i = 0;
	}
	for (; i < p->n && v->type != VALUE_MISSING; i++)
		take_step(e, &p->steps[i], v);
}
