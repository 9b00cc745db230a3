/* SPDX-License-Identifier: Apache-2.0 */
/* response.h: what is answered; filled by a handler, sent by the server. */
#ifndef HOST_API_RESPONSE_H
#define HOST_API_RESPONSE_H
#include "host/api/request.h"
#include "host/api/stream.h"

#include <outflow/util.h>

#include <jansson.h>

/* Zeroed is "200, nothing in it". The last call of response_* counts. */
struct response {
	int status;
	char *bytes; /* malloc'd */
	size_t length;
	const char *type; /* media type of bytes or stream; a literal */
	struct stream *stream;
	struct fields headers;
	int out_of_memory; /* what was to be said is lost: 500 */
};

/* A JSON value, whose reference is taken over; NULL: no memory. [any] */
void response_json(struct response *r, int status, json_t *value);

/* A text of any media type; type is a literal. [any] */
void response_text(struct response *r, int status, const char *type, const char *text);

/* The same with bytes that the response frees. [any] */
void response_bytes(struct response *r, int status, const char *type, char *bytes, size_t length);

/* Nothing but a status: 202, 204. [any] */
void response_empty(struct response *r, int status);

/* {"error_code": status, "message": the printf text}, as all of Kafka Connect's errors. [any] */
void response_error(struct response *r, int status, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* What will come later, until stream_end or the client goes; takes a reference to it over. [any] */
void response_stream(struct response *r, const char *type, struct stream *s);

/* Adds a header; line breaks in it become spaces. [any] */
void response_header(struct response *r, const char *name, const char *value);

void response_clear(struct response *r);

/* A text as JSON, for the caller to release. NULL: why says what it is, "is not JSON: ...": that, nested too deeply, too many
 * values. [any] */
json_t *json_bounded(const char *text, size_t n, char *why, size_t size);

/* The body as JSON, for the caller to release. NULL: r says 400 (or what `status` says) and why: not JSON, nested too
 * deeply, too many values. An empty body is JSON's null. [any] */
json_t *request_json(const struct request *q, struct response *r, int status);

#endif
