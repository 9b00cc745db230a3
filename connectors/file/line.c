/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/file/file.h"

#include <outflow/json.h>

#include <stdio.h>
#include <stdlib.h>

void line_append(struct line *l, const void *bytes, size_t n)
{
	if (l->failed || n == 0)
		return;
	if (n > l->room - l->n) {
		size_t room = (l->n + n) * 2;
		char *text = realloc(l->text, room);

		if (text == NULL) {
			l->failed = 1;
			return;
		}
		l->text = text;
		l->room = room;
	}
	memcpy(l->text + l->n, bytes, n);
	l->n += n;
}

static void append_text(struct line *l, const char *text)
{
	line_append(l, text, strlen(text));
}

void line_append_string(struct line *l, const char *s, size_t n)
{
	size_t plain = 0;

	append_text(l, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[8];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		line_append(l, s + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\')
			snprintf(escape, sizeof escape, "\\%c", c);
		else
			snprintf(escape, sizeof escape, "\\u%04x", c);
		append_text(l, escape);
	}
	line_append(l, s + plain, n - plain);
	append_text(l, "\"");
}

static void append_base64(struct line *l, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	append_text(l, "{\"base64\":\"");
	for (; n > 0; p += 3, n -= n < 3 ? n : 3) {
		unsigned long three =
			(unsigned long)p[0] << 16 | (n > 1 ? (unsigned long)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
		char four[4] = { digits[three >> 18], digits[three >> 12 & 63], n > 1 ? digits[three >> 6 & 63] : '=',
			         n > 2 ? digits[three & 63] : '=' };

		line_append(l, four, sizeof four);
	}
	append_text(l, "\"}");
}

static void append_bytes(struct line *l, outflow_bytes b)
{
	if (b.ptr == NULL)
		append_text(l, "null");
	else if (outflow_utf8_check(b) == b.len)
		line_append_string(l, b.ptr, b.len);
	else
		append_base64(l, b.ptr, b.len);
}

void line_append_record(struct line *l, const outflow_record *r)
{
	char number[64];

	append_text(l, "{\"topic\":");
	append_bytes(l, outflow_text_bytes(r->topic));
	append_text(l, ",\"key\":");
	append_bytes(l, r->key);
	append_text(l, ",\"value\":");
	append_bytes(l, r->value);
	append_text(l, ",\"headers\":[");
	for (uint32_t i = 0; i < r->n_headers; i++) {
		append_text(l, i > 0 ? ",[" : "[");
		append_bytes(l, outflow_text_bytes(r->headers[i].name));
		append_text(l, ",");
		append_bytes(l, r->headers[i].value);
		append_text(l, "]");
	}
	if (r->timestamp_ms >= 0)
		snprintf(number, sizeof number, "],\"timestamp\":%lld}", (long long)r->timestamp_ms);
	else
		snprintf(number, sizeof number, "],\"timestamp\":null}");
	append_text(l, number);
}
