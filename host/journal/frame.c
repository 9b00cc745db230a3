/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/frame.h"

#include "host/base/crc32c.h"

#include <string.h>

/* Of one header, before the names and values. */
struct header_lengths {
	uint32_t name;
	uint32_t value; /* FRAME_NULL: null */
};

static uint64_t unpadded_length(const outflow_record *r)
{
	return (uint64_t)frame_buffer_size(r) + r->value.len;
}

uint64_t frame_length(const outflow_record *r)
{
	uint64_t n = (unpadded_length(r) + FRAME_ALIGN - 1) & ~(uint64_t)(FRAME_ALIGN - 1);

	return n < FRAME_NULL ? n : UINT64_MAX;
}

size_t frame_buffer_size(const outflow_record *r)
{
	size_t n = sizeof(struct frame_head) + r->n_headers * sizeof(struct header_lengths) + r->topic.len + r->key.len;

	for (uint32_t i = 0; i < r->n_headers; i++)
		n += r->headers[i].name.len + r->headers[i].value.len;
	return n;
}

static uint32_t length_of(const void *ptr, size_t len)
{
	return ptr ? (uint32_t)len : FRAME_NULL;
}

static char *put(char *to, const void *from, size_t n)
{
	if (n > 0)
		memcpy(to, from, n);
	return to + n;
}

static void put_body(const outflow_record *r, char *to)
{
	for (uint32_t i = 0; i < r->n_headers; i++) {
		const outflow_header *h = &r->headers[i];
		struct header_lengths lengths = { (uint32_t)h->name.len, length_of(h->value.ptr, h->value.len) };

		to = put(to, &lengths, sizeof lengths);
	}
	for (uint32_t i = 0; i < r->n_headers; i++) {
		to = put(to, r->headers[i].name.ptr, r->headers[i].name.len);
		to = put(to, r->headers[i].value.ptr, r->headers[i].value.len);
	}
	to = put(to, r->topic.ptr, r->topic.len);
	put(to, r->key.ptr, r->key.len);
}

static uint32_t head_crc(const struct frame_head *head)
{
	size_t skip = offsetof(struct frame_head, body_crc);

	return crc32c(0, (const char *)head + skip, sizeof *head - skip);
}

void frame_build(const outflow_record *r, uint64_t sequence, uint32_t mark, char *buffer,
                 struct iovec parts[FRAME_PARTS])
{
	static const char zeros[FRAME_ALIGN];
	size_t size = frame_buffer_size(r), padding = (size_t)(frame_length(r) - unpadded_length(r));
	struct frame_head head = {
		.mark = mark,
		.length = (uint32_t)frame_length(r),
		.sequence = sequence,
		.timestamp_ms = r->timestamp_ms,
		.topic_length = length_of(r->topic.ptr, r->topic.len),
		.key_length = length_of(r->key.ptr, r->key.len),
		.value_length = length_of(r->value.ptr, r->value.len),
		.n_headers = r->n_headers,
	};

	put_body(r, buffer + sizeof head);
	head.body_crc = crc32c(0, buffer + sizeof head, size - sizeof head);
	head.body_crc = crc32c(head.body_crc, r->value.ptr, r->value.len);
	head.body_crc = crc32c(head.body_crc, zeros, padding);
	head.head_crc = head_crc(&head);
	memcpy(buffer, &head, sizeof head);
	parts[0] = (struct iovec){ buffer, size };
	parts[1] = (struct iovec){ (void *)(uintptr_t)r->value.ptr, r->value.len };
	parts[2] = (struct iovec){ (void *)(uintptr_t)zeros, padding };
}

int frame_head_is_good(const struct frame_head *head, uint32_t mark, uint64_t room)
{
	if (room < sizeof *head || (mark != 0 && head->mark != mark))
		return 0;
	return head->length >= sizeof *head && head->length % FRAME_ALIGN == 0 && head->length <= room &&
	       head->head_crc == head_crc(head);
}

/* The next piece of a body, and how much is left. */
struct cursor {
	const char *at;
	size_t left;
	int overrun;
};

static outflow_bytes take(struct cursor *c, uint32_t length)
{
	outflow_bytes piece = { NULL, 0 };

	if (length == FRAME_NULL || c->overrun)
		return piece;
	if (length > c->left) {
		c->overrun = 1;
		return piece;
	}
	piece = (outflow_bytes){ c->at, length };
	c->at += length;
	c->left -= length;
	return piece;
}

static outflow_str take_text(struct cursor *c, uint32_t length)
{
	outflow_bytes piece = take(c, length);

	return (outflow_str){ piece.ptr, piece.len };
}

int frame_decode(const struct frame_head *head, outflow_header *headers, outflow_record *result)
{
	struct cursor body = { (const char *)(head + 1), head->length - sizeof *head, 0 };
	const char *table = body.at;
	outflow_record r = { .partition = -1,
		             .timestamp_ms = head->timestamp_ms,
		             .headers = head->n_headers > 0 ? headers : NULL,
		             .n_headers = head->n_headers,
		             .pos = head->sequence,
		             .next = head->sequence + 1 };

	take(&body, (uint32_t)(head->n_headers * sizeof(struct header_lengths)));
	for (uint32_t i = 0; i < r.n_headers; i++) {
		struct header_lengths lengths;

		memcpy(&lengths, table + i * sizeof lengths, sizeof lengths);
		headers[i].name = take_text(&body, lengths.name);
		headers[i].value = take(&body, lengths.value);
	}
	r.topic = take_text(&body, head->topic_length);
	r.key = take(&body, head->key_length);
	r.value = take(&body, head->value_length);
	*result = r;
	return body.overrun ? -1 : 0;
}

int frame_body_is_good(const struct frame_head *head)
{
	size_t n = head->length - sizeof *head;

	return crc32c(0, head + 1, n) == head->body_crc && frame_has_headers(head);
}

int frame_has_headers(const struct frame_head *head)
{
	return head->n_headers <= (head->length - sizeof *head) / sizeof(struct header_lengths);
}

outflow_status frame_emit(const struct frame_head *head, const outflow_host *h, outflow_batch *out, uint32_t stream)
{
	outflow_status status = OUTFLOW_OK;
	outflow_header *headers = NULL;
	outflow_record r;

	if (!frame_body_is_good(head))
		return OUTFLOW_E_RECORD;
	if (out->n == out->cap)
		status = h->batch->reserve(out, out->n + 1);
	if (status == OUTFLOW_OK && head->n_headers > 0) {
		headers = outflow_alloc(h, out, head->n_headers * sizeof *headers, _Alignof(outflow_header));
		status = headers ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
	}
	if (status != OUTFLOW_OK)
		return status;
	if (frame_decode(head, headers, &r) != 0)
		return OUTFLOW_E_RECORD;
	r.stream = stream;
	return outflow_emit(h, out, &r) ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}
