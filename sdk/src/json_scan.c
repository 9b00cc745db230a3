/* SPDX-License-Identifier: Apache-2.0 */
#include <outflow/json.h>
#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#include "json_utf8.h"

#if defined(__SSE2__) && !defined(OUTFLOW_JSON_PORTABLE)
#include <emmintrin.h>
#define HAVE_SSE2 1
#else
#define HAVE_SSE2 0
#endif

#define ON_STACK 256u /* tokens; most payloads need fewer, and their tape is then copied in its exact size */
#define NO_CONTAINER UINT32_MAX

struct scanner {
	const char *text, *end;
	outflow_json_token *tokens;
	size_t n, cap, depth,
		max_depth;        /* not of the type of a token's members, so that writing one cannot change them */
	const outflow_host *host; /* NULL: memory from malloc */
	outflow_batch *batch;
	const char *at, *cause; /* of the error */
	outflow_json_token few[ON_STACK];
};

static const char *refuse(struct scanner *s, const char *at, const char *cause)
{
	s->at = at;
	s->cause = cause;
	return NULL;
}

static inline const char *skip_space(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#if HAVE_SSE2
/* Jumps over whole vectors of plain string bytes: not a quote, backslash or control, and below 0x80. Seen as signed,
 * the last two classes are one comparison. */
static inline const char *skip_plain(const char *p, const char *end)
{
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, space),
		                           _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
		int mask = _mm_movemask_epi8(odd);

		if (mask != 0)
			return p + __builtin_ctz((unsigned)mask);
		p += 16;
	}
	return p;
}
#else
/* The same, eight bytes at a time in a plain register. */
static inline const char *skip_plain(const char *p, const char *end)
{
	const uint64_t ones = UINT64_MAX / 255, tops = ones * 0x80;

	while (end - p >= 8) {
		uint64_t v, quote, backslash;

		memcpy(&v, p, sizeof v);
		quote = v ^ (ones * '"');
		backslash = v ^ (ones * '\\');
		if (((v - ones * ' ') | (quote - ones) | (backslash - ones) | v) & tops)
			break;
		p += 8;
	}
	return p;
}
#endif

static int hex_digits(const char *p, const char *end)
{
	if (end - p < 4)
		return 0;
	for (int i = 0; i < 4; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || ((p[i] | 32) >= 'a' && (p[i] | 32) <= 'f')))
			return 0;
	return 1;
}

/* p is at a backslash; returns what follows the escape. */
static const char *scan_escape(struct scanner *s, const char *p)
{
	if (p + 1 == s->end)
		return refuse(s, s->end, "the text ends inside a string");
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		if (!hex_digits(p + 2, s->end))
			return refuse(s, p, "\\u needs four hexadecimal digits");
		return p + 6;
	default:
		return refuse(s, p, "unknown escape");
	}
}

/* p is after the opening quote; returns the closing one, and in *special whether there are escapes. */
static inline const char *scan_string(struct scanner *s, const char *p, uint32_t *special)
{
	const char *end = s->end;

	*special = 0;
	for (;;) {
		unsigned char c;
		size_t n;

		p = skip_plain(p, end);
		if (p == end)
			return refuse(s, end, "the text ends inside a string");
		c = (unsigned char)*p;
		if (c == '"')
			return p;
		if (c == '\\') {
			*special = OUTFLOW_JSON_SPECIAL;
			p = scan_escape(s, p);
			if (p == NULL)
				return NULL;
		} else if (c >= 0x80) {
			n = utf8_length(p, end);
			if (n == 0)
				return refuse(s, p, "not valid UTF-8");
			p += n;
		} else if (c < ' ') {
			return refuse(s, p, "a control character in a string must be escaped");
		} else {
			p++; /* in the last few bytes, which skip_plain leaves alone */
		}
	}
}

static inline const char *skip_digits(const char *p, const char *end)
{
	while (p < end && (unsigned)(*p - '0') < 10)
		p++;
	return p;
}

/* p is at the minus sign or the first digit; returns what follows the number. */
static inline const char *scan_number(struct scanner *s, const char *p, uint32_t *special)
{
	const char *end = s->end, *digits;

	*special = 0;
	if (*p == '-')
		p++;
	digits = p;
	p = skip_digits(p, end);
	if (p == digits)
		return refuse(s, p, "a digit is missing in a number");
	if (*digits == '0' && p - digits > 1)
		return refuse(s, digits, "a number has a leading zero");
	if (p < end && *p == '.') {
		*special = OUTFLOW_JSON_SPECIAL;
		digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits)
			return refuse(s, p, "a digit is missing after the decimal point");
	}
	if (p < end && (*p | 32) == 'e') {
		*special = OUTFLOW_JSON_SPECIAL;
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(p, end);
		if (p == digits)
			return refuse(s, p, "a digit is missing in an exponent");
	}
	return p;
}

static outflow_json_token *more_tokens(struct scanner *s, const outflow_json_token *old, uint32_t cap)
{
	size_t size = (size_t)cap * sizeof *old;
	outflow_json_token *tokens;

	if (s->host == NULL && old != s->few)
		return realloc(s->tokens, size);
	tokens = s->host ? outflow_alloc(s->host, s->batch, size, _Alignof(outflow_json_token)) : malloc(size);
	if (tokens != NULL)
		memcpy(tokens, old, s->n * sizeof *old);
	return tokens;
}

/* Makes room for four more tokens, guessing the rest of the tape from the part of the text that is done. */
static int grow(struct scanner *s, const char *p)
{
	uint64_t done = (uint64_t)(p - s->text) + 1, length = (uint64_t)(s->end - s->text);
	uint64_t guess = (uint64_t)s->n * length / done;
	uint64_t cap = guess + guess / 8 + 64, most = length + 4;
	outflow_json_token *tokens;

	if (cap < 2 * (uint64_t)s->n)
		cap = 2 * (uint64_t)s->n;
	if (cap > most) /* no text has more tokens than bytes */
		cap = most;
	tokens = more_tokens(s, s->tokens, (uint32_t)cap);
	if (tokens == NULL) {
		refuse(s, p, NULL);
		return -1;
	}
	s->tokens = tokens;
	s->cap = (size_t)cap;
	return 0;
}

static inline void push(struct scanner *s, const char *start, uint32_t info)
{
	s->tokens[s->n].start = (uint32_t)(start - s->text);
	s->tokens[s->n++].info = info;
}

static inline uint32_t length_bits(const char *from, const char *to)
{
	return (uint32_t)(to - from) << 4;
}

/* p is at a byte that begins no string and no container; returns what follows the scalar. */
static inline const char *scan_scalar(struct scanner *s, const char *p)
{
	static const struct {
		char text[6];
		uint8_t length, type;
	} words[] = {
		{ "true", 4, OUTFLOW_JSON_TRUE },
		{ "false", 5, OUTFLOW_JSON_FALSE },
		{ "null", 4, OUTFLOW_JSON_NULL },
	};
	uint32_t special;
	const char *end;

	if (*p == '-' || (unsigned)(*p - '0') < 10) {
		end = scan_number(s, p, &special);
		if (end != NULL)
			push(s, p, length_bits(p, end) | special | OUTFLOW_JSON_NUMBER);
		return end;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = words[i].length;

		if (*p == words[i].text[0] && (size_t)(s->end - p) >= n && memcmp(p, words[i].text, n) == 0) {
			push(s, p, (uint32_t)n << 4 | words[i].type);
			return p + n;
		}
	}
	return refuse(s, p, "a value should begin here");
}

/* p is at the quote of a key; returns where its value should begin. */
static inline const char *scan_key(struct scanner *s, const char *p)
{
	const char *start = p;
	uint32_t special;

	if (p == s->end || *p != '"')
		return refuse(s, p, p < s->end && *p == '}' ? "a comma before '}'" : "a name in quotes is missing");
	p = scan_string(s, p + 1, &special);
	if (p == NULL)
		return NULL;
	push(s, start, length_bits(start + 1, p) | special | OUTFLOW_JSON_STRING);
	p = skip_space(p + 1, s->end);
	if (p == s->end || *p != ':')
		return refuse(s, p, "a colon is missing after a name");
	return skip_space(p + 1, s->end);
}

/* The grammar as three states: before a key, before a value, after a value. An open container's token holds the
 * index of the one around it until its own END is known, so the tape is the stack. Ends at the last byte that
 * was used. */
static const char *scan_text(struct scanner *s)
{
	const char *p = skip_space(s->text, s->end), *q;
	uint32_t open = NO_CONTAINER, special, type, outer;

value:
	if (p == s->end)
		return refuse(s, p, "the text ends where a value should begin");
	if (s->cap - s->n < 4 && grow(s, p) < 0)
		return NULL;
	if (*p == '"') {
		q = scan_string(s, p + 1, &special);
		if (q == NULL)
			return NULL;
		push(s, p, length_bits(p + 1, q) | special | OUTFLOW_JSON_STRING);
		p = q + 1;
	} else if (*p == '{' || *p == '[') {
		if (++s->depth > s->max_depth)
			return refuse(s, p, "nested too deep");
		type = *p == '{' ? OUTFLOW_JSON_OBJECT : OUTFLOW_JSON_ARRAY;
		push(s, p, (open & OUTFLOW_JSON_MAX_LENGTH) << 4 | type);
		open = (uint32_t)s->n - 1;
		p = skip_space(p + 1, s->end);
		if (p < s->end && *p == (type == OUTFLOW_JSON_OBJECT ? '}' : ']'))
			goto close;
		if (type == OUTFLOW_JSON_OBJECT)
			goto key;
		goto value;
	} else {
		p = scan_scalar(s, p);
		if (p == NULL)
			return NULL;
	}
after:
	if (open == NO_CONTAINER)
		return p;
	p = skip_space(p, s->end);
	if (p == s->end)
		return refuse(s, p, "the text ends inside an object or array");
	type = s->tokens[open].info & 7u;
	if (*p == ',') {
		p = skip_space(p + 1, s->end);
		if (type == OUTFLOW_JSON_ARRAY)
			goto value;
		goto key;
	}
	if (*p != (type == OUTFLOW_JSON_OBJECT ? '}' : ']'))
		return refuse(s, p, type == OUTFLOW_JSON_OBJECT ? "',' or '}' is missing" : "',' or ']' is missing");
close:
	outer = s->tokens[open].info >> 4;
	if (s->cap - s->n < 4 && grow(s, p) < 0)
		return NULL;
	push(s, p, open << 4 | OUTFLOW_JSON_END);
	s->tokens[open].info = (uint32_t)s->n << 4 | (s->tokens[open].info & 7u);
	open = outer == OUTFLOW_JSON_MAX_LENGTH ? NO_CONTAINER : outer;
	s->depth--;
	p++;
	goto after;
key:
	p = scan_key(s, p);
	if (p == NULL)
		return NULL;
	goto value;
}

static outflow_status report(const struct scanner *s, outflow_error *err)
{
	size_t offset = (size_t)(s->at - s->text);
	unsigned char c = s->at < s->end ? (unsigned char)*s->at : 0;
	char found[24] = "";

	if (s->cause == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the JSON tape");
	if (s->at < s->end)
		snprintf(found, sizeof found, c > ' ' && c < 0x7f ? ", found '%c'" : ", found 0x%02x", c);
	return outflow_fail_native(err, OUTFLOW_E_RECORD, "json", (int32_t)offset, "not JSON: byte %zu: %s%s", offset,
	                           s->cause, found);
}

static outflow_status scan(struct scanner *s, outflow_bytes text, uint32_t max_depth, outflow_error *err)
{
	const char *p;

	s->text = text.ptr;
	s->end = s->text + text.len;
	s->tokens = s->few;
	s->n = s->depth = 0;
	s->cap = ON_STACK;
	s->max_depth = max_depth;
	if (text.ptr == NULL)
		return outflow_fail(err, OUTFLOW_E_RECORD, "not JSON: the value is null");
	if (text.len > OUTFLOW_JSON_MAX_LENGTH)
		return outflow_fail(err, OUTFLOW_E_RECORD, "not JSON: %zu bytes are more than %u", text.len,
		                    OUTFLOW_JSON_MAX_LENGTH);
	p = scan_text(s);
	if (p != NULL) {
		p = skip_space(p, s->end);
		if (p == s->end)
			return OUTFLOW_OK;
		refuse(s, p, "the text goes on after its value");
	}
	return report(s, err);
}

outflow_status outflow_json_scan(const outflow_host *h, outflow_batch *b, outflow_bytes text, uint32_t max_depth,
                                 const outflow_json **json, outflow_error *err)
{
	struct scanner s;
	outflow_json *j;
	outflow_json_token *tokens;
	outflow_status status;

	s.host = h;
	s.batch = b;
	status = scan(&s, text, max_depth, err);
	if (status != OUTFLOW_OK)
		return status;
	j = outflow_alloc(h, b, sizeof *j + (s.tokens == s.few ? s.n * sizeof *tokens : 0), _Alignof(outflow_json));
	if (j == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the JSON tape");
	tokens = s.tokens;
	if (tokens == s.few) {
		tokens = (outflow_json_token *)(j + 1);
		memcpy(tokens, s.few, s.n * sizeof *tokens);
	}
	*j = (outflow_json){ { text.ptr, text.len }, tokens, (uint32_t)s.n, 0 };
	*json = j;
	return OUTFLOW_OK;
}

outflow_status outflow_json_parse(outflow_str text, outflow_json **json, outflow_error *err)
{
	struct scanner s;
	outflow_json *j = NULL;
	outflow_status status;

	s.host = NULL;
	status = scan(&s, outflow_text_bytes(text), OUTFLOW_JSON_DEPTH, err);
	if (status == OUTFLOW_OK) {
		j = malloc(sizeof *j + s.n * sizeof *s.tokens);
		status = j ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the JSON tape");
	}
	if (j != NULL) {
		memcpy(j + 1, s.tokens, s.n * sizeof *s.tokens);
		*j = (outflow_json){ text, (outflow_json_token *)(j + 1), (uint32_t)s.n, 0 };
		*json = j;
	}
	if (s.tokens != s.few)
		free(s.tokens);
	return status == OUTFLOW_E_RECORD ? OUTFLOW_E_CONFIG : status;
}
