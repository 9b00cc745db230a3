/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a query (RFC 9535, section 2) to segments and selectors. */
#include "query_internal.h"

#include <outflow/util.h>

outflow_status query_refuse(const struct query_parser *s, const char *at, const char *cause)
{
	return outflow_fail(s->err, OUTFLOW_E_CONFIG, "column %zu of path '%.*s': %s", (size_t)(at - s->text) + 1,
	                    (int)(s->end - s->text > 200 ? 200 : s->end - s->text), s->text, cause);
}

outflow_status query_no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
}

void query_skip_blanks(struct query_parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool is_next(const struct query_parser *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static bool is_digit(const struct query_parser *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool is_name_byte(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80 ||
	       (!first && c >= '0' && c <= '9');
}

static const char several[] =
	"this selects several values, and only a path to a single one is possible here: .name, ['name'] or [index]";

/* ---- strings ---- */

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
static outflow_status parse_unicode(struct query_parser *s, char **out)
{
	int unit = hex_value(s->p + 2, s->end), low;
	size_t n = 6;

	if (unit < 0)
		return query_refuse(s, s->p, "\\u needs four hexadecimal digits");
	if (unit >= 0xdc00 && unit < 0xe000)
		return query_refuse(s, s->p, "half a pair of surrogates");
	if (unit >= 0xd800 && unit < 0xdc00) {
		low = s->end - s->p >= 12 && s->p[6] == '\\' && s->p[7] == 'u' ? hex_value(s->p + 8, s->end) : -1;
		if (low < 0xdc00 || low >= 0xe000)
			return query_refuse(s, s->p, "half a pair of surrogates");
		n = 12;
	}
	*out += outflow_json_decode((outflow_str){ s->p, n }, *out);
	s->p += n;
	return OUTFLOW_OK;
}

static outflow_status parse_escape(struct query_parser *s, char quote, char **out)
{
	static const char plain[] = "\\/bfnrt";
	char c = s->end - s->p > 1 ? s->p[1] : '\0';

	if (c == 'u')
		return parse_unicode(s, out);
	if (c != quote && (c == '\0' || strchr(plain, c) == NULL))
		return query_refuse(s, s->p, "unknown escape");
	if (c == quote)
		*(*out)++ = c;
	else
		*out += outflow_json_decode((outflow_str){ s->p, 2 }, *out);
	s->p += 2;
	return OUTFLOW_OK;
}

outflow_status query_parse_string(struct query_parser *s, outflow_str *text)
{
	const char *start = s->p++, *close = s->p;
	char quote = *start, *out;
	outflow_status status;

	while (close < s->end && *close != quote)
		close += *close == '\\' && close + 1 < s->end ? 2 : 1;
	if (close == s->end)
		return query_refuse(s, s->end, "the quote of a name or string is not closed");
	out = query_alloc(s->query, (size_t)(close - start));
	if (out == NULL)
		return query_no_memory(s->err);
	text->ptr = out;
	while (s->p < close) {
		if ((unsigned char)*s->p < ' ')
			return query_refuse(s, s->p, "a control character in a name or string must be escaped");
		if (*s->p != '\\') {
			*out++ = *s->p++;
			continue;
		}
		status = parse_escape(s, quote, &out);
		if (status != OUTFLOW_OK)
			return status;
	}
	text->len = (size_t)(out - text->ptr);
	s->p++;
	return OUTFLOW_OK;
}

/* ---- selectors ---- */

static outflow_status parse_integer(struct query_parser *s, int64_t *value)
{
	const char *start = s->p, *digits;
	bool negative = is_next(s, '-');

	*value = 0;
	s->p += negative;
	for (digits = s->p; is_digit(s); s->p++)
		if (*value <= QUERY_INTEGER_MAX)
			*value = *value * 10 + (*s->p - '0');
	if (s->p == digits || (*digits == '0' && (s->p - digits > 1 || negative)))
		return query_refuse(s, start,
		                    "not an index: digits without leading zeros, with a minus to count from the end");
	if (*value > QUERY_INTEGER_MAX)
		return query_refuse(s, start, "an index beyond 2^53 - 1");
	if (negative)
		*value = -*value;
	return OUTFLOW_OK;
}

/* An integer of a slice, which may be absent. */
static outflow_status parse_bound(struct query_parser *s, bool *has, int64_t *value)
{
	outflow_status status;

	*has = is_digit(s) || is_next(s, '-');
	if (!*has)
		return OUTFLOW_OK;
	status = parse_integer(s, value);
	query_skip_blanks(s);
	return status;
}

/* From the first colon on; the start is there. Blanks at its end are taken, too. */
static outflow_status parse_slice(struct query_parser *s, struct selector *selector)
{
	struct slice *slice = &selector->slice;
	bool has_step = false;
	outflow_status status;

	if (s->single)
		return query_refuse(s, s->p, several);
	selector->kind = SELECT_SLICE;
	slice->step = 1;
	s->p++;
	query_skip_blanks(s);
	status = parse_bound(s, &slice->has_end, &slice->end);
	if (status != OUTFLOW_OK || !is_next(s, ':'))
		return status;
	s->p++;
	query_skip_blanks(s);
	return parse_bound(s, &has_step, &slice->step);
}

static outflow_status parse_index_or_slice(struct query_parser *s, struct selector *selector)
{
	bool has = false;
	int64_t value = 0;
	outflow_status status = parse_bound(s, &has, &value);

	if (status != OUTFLOW_OK)
		return status;
	if (is_next(s, ':')) {
		selector->slice = (struct slice){ .has_start = has, .start = value };
		return parse_slice(s, selector);
	}
	selector->kind = SELECT_INDEX;
	selector->index = value;
	return OUTFLOW_OK;
}

static outflow_status parse_selector(struct query_parser *s, struct selector *selector)
{
	char c = s->p < s->end ? *s->p : '\0';

	if (c == '\'' || c == '"') {
		selector->kind = SELECT_NAME;
		return query_parse_string(s, &selector->name);
	}
	if (c == '-' || c == ':' || is_digit(s))
		return parse_index_or_slice(s, selector);
	if (c != '*' && c != '?')
		return query_refuse(s, s->p,
		                    s->single ? "a quoted name or an index is missing in the brackets"
		                              : "a quoted name, an index, a slice, * or a filter (?) is missing in "
		                                "the brackets");
	if (s->single)
		return query_refuse(s, s->p, several);
	s->p++;
	if (c == '*') {
		selector->kind = SELECT_ALL;
		return OUTFLOW_OK;
	}
	selector->kind = SELECT_FILTER;
	return query_parse_filter(s, &selector->filter);
}

/* After an opening bracket. */
static outflow_status parse_bracket(struct query_parser *s, struct selector *selector)
{
	outflow_status status;

	for (;;) {
		query_skip_blanks(s);
		status = parse_selector(s, selector);
		if (status != OUTFLOW_OK)
			return status;
		query_skip_blanks(s);
		if (!is_next(s, ','))
			break;
		if (s->single)
			return query_refuse(s, s->p, several);
		s->p++;
		selector->next = query_alloc(s->query, sizeof *selector);
		selector = selector->next;
		if (selector == NULL)
			return query_no_memory(s->err);
	}
	if (!is_next(s, ']'))
		return query_refuse(s, s->p, "']' is missing");
	s->p++;
	return OUTFLOW_OK;
}

/* After the dot or dots. */
static outflow_status parse_shorthand(struct query_parser *s, struct selector *selector)
{
	const char *start = s->p;

	if (is_next(s, '*')) {
		if (s->single)
			return query_refuse(s, s->p, several);
		s->p++;
		selector->kind = SELECT_ALL;
		return OUTFLOW_OK;
	}
	if (s->p == s->end || !is_name_byte(*s->p, true))
		return query_refuse(s, s->p,
		                    "a name is missing after the dot; one with other characters than letters, digits "
		                    "and _ is written ['name']");
	while (s->p < s->end && is_name_byte(*s->p, false))
		s->p++;
	selector->kind = SELECT_NAME;
	selector->name = (outflow_str){ start, (size_t)(s->p - start) };
	return OUTFLOW_OK;
}

/* ---- segments ---- */

/* s->p is at a dot or a bracket. */
static outflow_status parse_segment(struct query_parser *s, struct segment *segment)
{
	if (*s->p++ == '[')
		return parse_bracket(s, &segment->selector);
	if (is_next(s, '.')) {
		if (s->single)
			return query_refuse(s, s->p, several);
		segment->descendant = true;
		s->p++;
		if (is_next(s, '[')) {
			s->p++;
			return parse_bracket(s, &segment->selector);
		}
	}
	return parse_shorthand(s, &segment->selector);
}

static bool is_singular(const struct segment *segment)
{
	const struct selector *selector = &segment->selector;

	return !segment->descendant && selector->next == NULL &&
	       (selector->kind == SELECT_NAME || selector->kind == SELECT_INDEX);
}

/* Follows the first segments into the envelope, as far as they can be known before there is a record. */
static void enter_envelope(struct nodes_query *q)
{
	q->field = ENVELOPE_EVENT;
	q->inside = q->first;
	while (q->inside != NULL && envelope_is_container(q->field) && q->field != ENVELOPE_USER_PROPERTIES &&
	       is_singular(q->inside)) {
		const struct selector *selector = &q->inside->selector;

		q->field = selector->kind == SELECT_NAME ? envelope_member(q->field, selector->name) : ENVELOPE_NONE;
		q->inside = q->inside->next;
	}
}

outflow_status query_parse_nodes(struct query_parser *s, struct nodes_query *q)
{
	struct segment **last = &q->first;
	outflow_status status;

	q->relative = *s->p++ == '@';
	q->singular = true;
	for (;;) {
		const char *blanks = s->p;

		query_skip_blanks(s);
		if (!is_next(s, '.') && !is_next(s, '[')) {
			s->p = blanks;
			break;
		}
		*last = query_alloc(s->query, sizeof **last);
		if (*last == NULL)
			return query_no_memory(s->err);
		status = parse_segment(s, *last);
		if (status != OUTFLOW_OK)
			return status;
		q->singular = q->singular && is_singular(*last);
		last = &(*last)->next;
	}
	if (!q->relative)
		enter_envelope(q);
	return OUTFLOW_OK;
}

static outflow_status parse(struct query_parser *s)
{
	outflow_bytes bytes = { s->text, (size_t)(s->end - s->text) };
	size_t bad = bytes.len > 0 ? outflow_utf8_check(bytes) : 0;
	outflow_status status;
	const char *blanks;

	if (bytes.len > QUERY_MAX)
		return outflow_fail(s->err, OUTFLOW_E_CONFIG, "a path of %zu bytes, more than %u", bytes.len,
		                    QUERY_MAX);
	if (bad < bytes.len)
		return query_refuse(s, s->text + bad, "not valid UTF-8");
	if (!is_next(s, '$'))
		return query_refuse(s, s->p, "a path begins with $");
	status = query_parse_nodes(s, &s->query->root);
	if (status != OUTFLOW_OK || s->p == s->end)
		return status;
	blanks = s->p;
	query_skip_blanks(s);
	return s->p == s->end ? query_refuse(s, blanks, "blanks at the end")
	                      : query_refuse(s, s->p, "'.' or '[' should be here");
}

outflow_status query_read(struct query *q, outflow_str text, bool single, outflow_error *err)
{
	struct query_parser s = { .query = q, .single = single, .err = err };
	char *copy;

	if (text.len > QUERY_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a path of %zu bytes, more than %u", text.len, QUERY_MAX);
	copy = query_alloc(q, text.len + 1);
	if (copy == NULL)
		return query_no_memory(err);
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	q->text = (outflow_str){ copy, text.len };
	s.text = s.p = copy;
	s.end = copy + text.len;
	return parse(&s);
}
