/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_MAX 16384
#define DEPTH_MAX 64u
#define VALUES_MAX 100000u

static void forget_body(struct response *r)
{
	free(r->bytes);
	r->bytes = NULL;
	r->length = 0;
	r->type = NULL;
	r->out_of_memory = 0;
	if (r->stream != NULL)
		stream_end(r->stream);
	stream_release(&r->stream);
}

void response_bytes(struct response *r, int status, const char *type, char *bytes, size_t length)
{
	forget_body(r);
	r->status = status;
	r->type = type;
	r->bytes = bytes;
	r->length = length;
	r->out_of_memory = bytes == NULL;
}

void response_json(struct response *r, int status, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(value);
	response_bytes(r, status, "application/json", text, text ? strlen(text) : 0);
}

void response_text(struct response *r, int status, const char *type, const char *text)
{
	response_bytes(r, status, type, strdup(text), strlen(text));
}

void response_empty(struct response *r, int status)
{
	forget_body(r);
	r->status = status;
}

void response_error(struct response *r, int status, const char *format, ...)
{
	char *message = malloc(MESSAGE_MAX);
	json_t *text = NULL;
	va_list args;

	if (message != NULL) {
		va_start(args, format);
		(void)vsnprintf(message, MESSAGE_MAX, format, args);
		va_end(args);
		text = json_string(message);
		/* A text of a client or plugin that is not UTF-8, or was cut within a character. */
		for (char *p = message; text == NULL && *p != '\0'; p++)
			if ((unsigned char)*p >= 0x80)
				*p = '?';
		if (text == NULL)
			text = json_string(message);
	}
	free(message);
	response_json(r, status, json_pack("{s:i, s:o}", "error_code", status, "message", text));
}

void response_stream(struct response *r, const char *type, struct stream *s)
{
	forget_body(r);
	r->status = 200;
	r->type = type;
	r->stream = s;
	r->out_of_memory = s == NULL;
}

void response_header(struct response *r, const char *name, const char *value)
{
	if (fields_add(&r->headers, name, value) != OUTFLOW_OK)
		return;
	for (char *p = r->headers.list[r->headers.n - 1].value; *p != '\0'; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
}

void response_clear(struct response *r)
{
	forget_body(r);
	fields_clear(&r->headers);
	*r = (struct response){ 0 };
}

/* A parsed value costs a hundred times its text: bounds are checked before. */
static const char *excess(const char *text, size_t n)
{
	size_t depth = 0, values = 1;
	int in_string = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '\\' && in_string)
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if ((c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return "it is nested more than 64 deep";
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (!in_string && (c == ',' || c == ':' || c == '[') && ++values > VALUES_MAX)
			return "it has more than 100000 values";
	}
	return NULL;
}

json_t *json_bounded(const char *text, size_t n, char *why, size_t size)
{
	const char *too_much = excess(text, n);
	json_error_t err;
	json_t *value = NULL;

	if (too_much != NULL)
		snprintf(why, size, "is refused: %s", too_much);
	else if ((value = json_loadb(text, n, JSON_DECODE_ANY, &err)) == NULL)
		snprintf(why, size, "is not JSON: %s (line %d, column %d)", err.text, err.line, err.column);
	return value;
}

json_t *request_json(const struct request *q, struct response *r, int status)
{
	char why[300];
	json_t *value;

	if (q->body_length == 0)
		return json_null();
	value = json_bounded(q->body, q->body_length, why, sizeof why);
	if (value == NULL)
		response_error(r, status, "the body %s", why);
	return value;
}
