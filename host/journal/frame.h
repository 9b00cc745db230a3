/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h: one record as it lies in a segment (doc/journal-format.md): a head of fixed size, then headers, topic, key and
 * value, then zeros up to a multiple of FRAME_ALIGN.
 *
 * Head and body have a checksum each: a damaged body is stepped over by the length in its head, which can be trusted,
 * and only a damaged head makes a reader look for the next frame.
 */
#ifndef HOST_JOURNAL_FRAME_H
#define HOST_JOURNAL_FRAME_H
#include <outflow/abi.h>

#include <sys/uio.h>

#define FRAME_ALIGN 8u
#define FRAME_NULL UINT32_MAX /* a length: null, which differs from empty */
#define FRAME_PARTS 3

/* Numbers are in the machine's order; a segment of another machine fails its own magic. */
struct frame_head {
	uint32_t mark;     /* the segment's: a segment inside a record's value is not mistaken for records */
	uint32_t head_crc; /* CRC-32C of the rest of the head */
	uint32_t body_crc; /* CRC-32C of what follows the head */
	uint32_t length;   /* of head, body and padding */
	uint64_t sequence;
	int64_t timestamp_ms;
	uint32_t topic_length; /* FRAME_NULL: null; key and value too */
	uint32_t key_length;
	uint32_t value_length;
	uint32_t n_headers;
};
_Static_assert(sizeof(struct frame_head) == 48, "the format of frames");

/* How long a record's frame is; UINT64_MAX: longer than any frame can be. [any] */
uint64_t frame_length(const outflow_record *r);

/* How much of it frame_build puts into its buffer: all but the value. [any] */
size_t frame_buffer_size(const outflow_record *r);

/* Lays the frame out in parts for one write: the buffer, the record's own value, padding. [any] */
void frame_build(const outflow_record *r, uint64_t sequence, uint32_t mark, char *buffer,
                 struct iovec parts[FRAME_PARTS]);

/* Is this the whole head of a frame that ends within room bytes? mark 0: of any segment. [any] */
int frame_head_is_good(const struct frame_head *head, uint32_t mark, uint64_t room);

/* Are there, by its length, as many headers as its head says? [any] */
int frame_has_headers(const struct frame_head *head);

/* Is what follows the head as it was written? [any] */
int frame_body_is_good(const struct frame_head *head);

/* Lays a record over a whole frame with a good body; headers has room for head->n_headers. -1: lengths that do not fit, as
 * no writer makes them. [any] */
int frame_decode(const struct frame_head *head, outflow_header *headers, outflow_record *result);

/* Emits the frame as a record of that stream. The record points into the frame, its header array lies in the batch.
 * OUTFLOW_E_RECORD: the body is damaged; OUTFLOW_AGAIN: the batch is full; OUTFLOW_E_NOMEM. Nothing is emitted then. [task] */
outflow_status frame_emit(const struct frame_head *head, const outflow_host *h, outflow_batch *out, uint32_t stream);

#endif
