/* SPDX-License-Identifier: Apache-2.0 */
#include <outflow/json.h>
#include <outflow/util.h>

#include <stdlib.h>

#include "json_utf8.h"

outflow_status outflow_json_of(const outflow_host *h, outflow_batch *b, uint32_t json_tag, const outflow_record *r,
                               const outflow_json **json, outflow_error *err)
{
	const outflow_json *view = r->view;

	/* A stage that changed the value and forgot the view must not make the next ones read the old one. */
	if (view != NULL && r->view_tag == json_tag &&
	    (r->flags & OUTFLOW_REC_VALUE_STALE ||
	     (view->text.ptr == r->value.ptr && view->text.len == r->value.len))) {
		*json = view;
		return OUTFLOW_OK;
	}
	return outflow_json_scan(h, b, r->value, OUTFLOW_JSON_DEPTH, json, err);
}

void outflow_json_free(outflow_json **json)
{
	free(*json);
	*json = NULL;
}

size_t outflow_utf8_check(outflow_bytes text)
{
	const uint64_t tops = UINT64_MAX / 255 * 0x80;
	const char *start = text.len ? text.ptr : "", *p = start, *end = start + text.len;
	uint64_t word;
	size_t n;

	while (p < end) {
		if (end - p >= 8) {
			memcpy(&word, p, sizeof word);
			if (!(word & tops)) {
				p += 8;
				continue;
			}
		}
		n = (unsigned char)*p < 0x80 ? 1 : utf8_length(p, end);
		if (n == 0)
			break;
		p += n;
	}
	return (size_t)(p - start);
}

outflow_str outflow_json_raw(const outflow_json *j, uint32_t i)
{
	outflow_json_token t = j->tokens[i];
	outflow_str raw = { j->text.ptr + t.start, t.info >> 4 };

	switch (t.info & 7u) {
	case OUTFLOW_JSON_STRING:
		raw.len += 2;
		break;
	case OUTFLOW_JSON_OBJECT:
	case OUTFLOW_JSON_ARRAY:
		raw.len = j->tokens[(t.info >> 4) - 1].start + 1 - t.start;
		break;
	default:
		break;
	}
	return raw;
}

uint32_t outflow_json_member(const outflow_json *j, uint32_t i, outflow_str name)
{
	uint32_t found = 0;

	if (outflow_json_type(j, i) != OUTFLOW_JSON_OBJECT)
		return 0;
	for (i++; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1))
		if (outflow_json_equal(j, i, name))
			found = i + 1;
	return found;
}

uint32_t outflow_json_element(const outflow_json *j, uint32_t i, int64_t at)
{
	uint32_t end = outflow_json_next(j, i) - 1, first = i + 1;
	int64_t n = 0;

	if (outflow_json_type(j, i) != OUTFLOW_JSON_ARRAY)
		return 0;
	if (at < 0) {
		for (i = first; i < end; i = outflow_json_next(j, i))
			n++;
		at += n;
		if (at < 0)
			return 0;
	}
	for (i = first; i < end && at > 0; i = outflow_json_next(j, i))
		at--;
	return i < end ? i : 0;
}

static unsigned hex(const char *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return value;
}

static size_t encode_utf8(unsigned c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Decodes the escape at *p, moves *p behind it and returns how many bytes of out, at most four, it became. */
static size_t decode_escape(const char **p, const char *end, char *out)
{
	static const char plain[] = "\"\\/bfnrt", value[] = "\"\\/\b\f\n\r\t";
	const char *s = *p;
	unsigned c, low;

	if (s[1] != 'u') {
		*p = s + 2;
		out[0] = value[strchr(plain, s[1]) - plain];
		return 1;
	}
	c = hex(s + 2);
	s += 6;
	if (c >= 0xd800 && c < 0xe000) {
		low = c < 0xdc00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u' ? hex(s + 2) : 0;
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			s += 6;
		} else {
			c = 0xfffd;
		}
	}
	*p = s;
	return encode_utf8(c, out);
}

size_t outflow_json_decode(outflow_str text, char *out)
{
	const char *p = text.len ? text.ptr : "", *end = p + text.len;
	char *start = out;

	while (p < end) {
		if (*p == '\\')
			out += decode_escape(&p, end, out);
		else
			*out++ = *p++;
	}
	return (size_t)(out - start);
}

static int equal_decoded(outflow_str text, outflow_str s)
{
	const char *p = text.ptr, *end = p + text.len;
	size_t at = 0, n;
	char unit[4];

	while (p < end) {
		n = 1;
		if (*p == '\\')
			n = decode_escape(&p, end, unit);
		else
			unit[0] = *p++;
		if (n > s.len - at || memcmp(unit, s.ptr + at, n) != 0)
			return 0;
		at += n;
	}
	return at == s.len;
}

int outflow_json_equal(const outflow_json *j, uint32_t i, outflow_str s)
{
	outflow_str text = outflow_json_text(j, i);

	if (outflow_json_is_plain(j, i))
		return text.len == s.len && (s.len == 0 || memcmp(text.ptr, s.ptr, s.len) == 0);
	return equal_decoded(text, s);
}

outflow_str outflow_json_string(const outflow_host *h, outflow_batch *b, const outflow_json *j, uint32_t i)
{
	outflow_str text = outflow_json_text(j, i);
	char *out;

	if (outflow_json_is_plain(j, i))
		return text;
	out = outflow_alloc(h, b, text.len, 1);
	return (outflow_str){ out, out ? outflow_json_decode(text, out) : 0 };
}
