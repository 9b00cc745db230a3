/* SPDX-License-Identifier: Apache-2.0 */
/* A line that line_append_record made, or one like it, back into a record. */
#include "connectors/file/file.h"

#include <outflow/json.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* One line being read. */
struct reading {
	const outflow_host *host;
	outflow_batch *batch;
	const outflow_json *json;
	outflow_error *err;
};

static outflow_status no_memory(const struct reading *rd)
{
	return outflow_fail(rd->err, OUTFLOW_E_NOMEM, "no memory for a record");
}

/* The value of a digit of base64; -1: it is none. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648, section 4, with its padding. Returns the length, or SIZE_MAX: not base64. */
static size_t decode_base64(outflow_str text, unsigned char *out)
{
	size_t n = 0, padding = 0;
	unsigned long bits = 0;

	if (text.len % 4 != 0)
		return SIZE_MAX;
	while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.len; i++) {
		int value = i < text.len - padding ? digit(text.ptr[i]) : 0;

		if (value < 0)
			return SIZE_MAX;
		bits = bits << 6 | (unsigned long)value;
		if (i % 4 != 3)
			continue;
		out[n++] = (unsigned char)(bits >> 16);
		out[n++] = (unsigned char)(bits >> 8);
		out[n++] = (unsigned char)bits;
		bits = 0;
	}
	return n - padding;
}

static outflow_status read_string(const struct reading *rd, uint32_t i, int is_base64, outflow_bytes *to)
{
	outflow_str text = outflow_json_text(rd->json, i);
	char *bytes = outflow_alloc(rd->host, rd->batch, text.len + 1, 1);
	size_t n;

	if (bytes == NULL)
		return no_memory(rd);
	if (is_base64)
		n = outflow_json_is_plain(rd->json, i) ? decode_base64(text, (unsigned char *)bytes) : SIZE_MAX;
	else
		n = outflow_json_decode(text, bytes);
	if (n == SIZE_MAX)
		return outflow_fail(rd->err, OUTFLOW_E_RECORD, "what is marked as base64 is not");
	*to = (outflow_bytes){ bytes, n };
	return OUTFLOW_OK;
}

/* null, a text, or {"base64": text}. */
static outflow_status read_bytes(const struct reading *rd, const char *what, uint32_t i, outflow_bytes *to)
{
	const outflow_json *j = rd->json;

	switch (outflow_json_type(j, i)) {
	case OUTFLOW_JSON_NULL:
		*to = (outflow_bytes){ NULL, 0 };
		return OUTFLOW_OK;
	case OUTFLOW_JSON_STRING:
		return read_string(rd, i, 0, to);
	case OUTFLOW_JSON_OBJECT:
		/* OBJECT, key, value, END. */
		if (outflow_json_next(j, i) == i + 4 && outflow_json_equal(j, i + 1, outflow_text("base64")) &&
		    outflow_json_type(j, i + 2) == OUTFLOW_JSON_STRING)
			return read_string(rd, i + 2, 1, to);
		break;
	default:
		break;
	}
	return outflow_fail(rd->err, OUTFLOW_E_RECORD, "%s is neither null nor a text nor {\"base64\": ...}", what);
}

static outflow_status read_text(const struct reading *rd, const char *what, uint32_t i, outflow_str *to)
{
	outflow_bytes bytes = { NULL, 0 };
	outflow_status status = read_bytes(rd, what, i, &bytes);

	*to = (outflow_str){ bytes.ptr, bytes.len };
	return status;
}

static outflow_status read_header(const struct reading *rd, uint32_t i, outflow_header *to)
{
	const outflow_json *j = rd->json;
	uint32_t value = outflow_json_element(j, i, 1);
	outflow_status status;

	if (value == 0 || outflow_json_element(j, i, 2) != 0 || outflow_json_type(j, i + 1) == OUTFLOW_JSON_NULL)
		return outflow_fail(rd->err, OUTFLOW_E_RECORD, "a header is not [name, value]");
	status = read_text(rd, "a header's name", i + 1, &to->name);
	return status == OUTFLOW_OK ? read_bytes(rd, "a header's value", value, &to->value) : status;
}

static outflow_status read_headers(const struct reading *rd, uint32_t array, outflow_record *r)
{
	const outflow_json *j = rd->json;
	outflow_status status = OUTFLOW_OK;
	outflow_header *headers;
	uint32_t n = 0;

	r->n_headers = 0;
	if (outflow_json_type(j, array) != OUTFLOW_JSON_ARRAY)
		return outflow_fail(rd->err, OUTFLOW_E_RECORD, "headers is not a list of [name, value]");
	for (uint32_t i = array + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i))
		n++;
	if (n == 0)
		return OUTFLOW_OK;
	headers = outflow_alloc(rd->host, rd->batch, n * sizeof *headers, _Alignof(outflow_header));
	if (headers == NULL)
		return no_memory(rd);
	r->headers = headers;
	r->n_headers = n;
	for (uint32_t i = array + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END && status == OUTFLOW_OK;
	     i = outflow_json_next(j, i))
		status = read_header(rd, i, headers++);
	return status;
}

static outflow_status read_timestamp(const struct reading *rd, uint32_t i, outflow_record *r)
{
	outflow_str text = outflow_json_text(rd->json, i);
	char digits[24];

	if (outflow_json_type(rd->json, i) == OUTFLOW_JSON_NULL)
		return OUTFLOW_OK;
	if (outflow_json_type(rd->json, i) != OUTFLOW_JSON_NUMBER || !outflow_json_is_plain(rd->json, i) ||
	    text.len >= sizeof digits)
		return outflow_fail(rd->err, OUTFLOW_E_RECORD, "timestamp is neither null nor a whole number");
	memcpy(digits, text.ptr, text.len);
	digits[text.len] = '\0';
	errno = 0;
	r->timestamp_ms = strtoll(digits, NULL, 10);
	if (errno != 0 || r->timestamp_ms < 0)
		return outflow_fail(rd->err, OUTFLOW_E_RECORD, "timestamp %s is out of range", digits);
	return OUTFLOW_OK;
}

static outflow_status read_member(const struct reading *rd, uint32_t key, outflow_record *r)
{
	outflow_str name = outflow_json_text(rd->json, key);

	if (outflow_equal(name, "topic"))
		return read_text(rd, "topic", key + 1, &r->topic);
	if (outflow_equal(name, "key"))
		return read_bytes(rd, "key", key + 1, &r->key);
	if (outflow_equal(name, "value"))
		return read_bytes(rd, "value", key + 1, &r->value);
	if (outflow_equal(name, "headers"))
		return read_headers(rd, key + 1, r);
	if (outflow_equal(name, "timestamp"))
		return read_timestamp(rd, key + 1, r);
	return outflow_fail(rd->err, OUTFLOW_E_RECORD, "'%.*s' is no part of a record",
	                    name.len < 40 ? (int)name.len : 40, name.ptr);
}

outflow_status line_read_record(const outflow_host *h, outflow_batch *out, outflow_str line, outflow_record *r,
                                outflow_error *err)
{
	outflow_json *json = NULL;
	struct reading rd = { .host = h, .batch = out, .err = err };
	outflow_status status = outflow_json_parse(line, &json, err);

	if (status != OUTFLOW_OK)
		return status == OUTFLOW_E_NOMEM ? status : OUTFLOW_E_RECORD;
	rd.json = json;
	r->topic = (outflow_str){ NULL, 0 };
	r->key = r->value = (outflow_bytes){ NULL, 0 };
	r->timestamp_ms = -1;
	if (outflow_json_type(json, 0) != OUTFLOW_JSON_OBJECT)
		status =
			outflow_fail(err, OUTFLOW_E_RECORD, "not an object with topic, key, value, headers, timestamp");
	else
		for (uint32_t i = 1; outflow_json_type(json, i) != OUTFLOW_JSON_END && status == OUTFLOW_OK;
		     i = outflow_json_next(json, i + 1))
			status = read_member(&rd, i, r);
	outflow_json_free(&json);
	return status;
}
