/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h: the memory of the records of one poll.
 *
 * All arrays of records and all bytes that one poll and its stages make form a family and are let go together, when
 * every record is resolved. A batch is the family's window for one call of a plugin: an array that grows and the
 * family's arena. Only the owning task touches either.
 */
#ifndef HOST_RECORD_BATCH_H
#define HOST_RECORD_BATCH_H
#include "host/record/pool.h"

#include <outflow/abi.h>

/* One family makes no more than this in its arena; a stage that wants more gets OUTFLOW_E_NOMEM. */
#define FAMILY_BYTES_MAX ((size_t)64 << 20)

struct attachment;
struct chunk;

struct family_memory {
	struct pool *pool;
	struct chunk *chunks;
	struct attachment *attachments;
	char *cur, *end; /* the arena's cursor while no batch has it */
	size_t bytes;
};

struct batch {
	outflow_batch plugin; /* what the plugin sees; its `host` points here */
	struct family_memory *memory;
	uint32_t limit; /* records */
	int failed;     /* sticky */
};

/* The functions behind outflow_host.batch. */
extern const outflow_batch_api batch_api;

/* Lends the family's arena to b until batch_end. expect: room for so many records at once (0: none); limit: no more
 * than this. OUTFLOW_E_NOMEM. [task] */
outflow_status batch_begin(struct batch *b, struct family_memory *memory, uint32_t expect, uint32_t limit);

/* Gives the arena back; the array stays, b->plugin.recs and n say where. [task] */
void batch_end(struct batch *b);

/* Lets an array go that no later record needs. [task] */
void batch_drop_records(struct family_memory *memory, outflow_record *records);

/* n bytes from the arena while no batch has it. NULL: no memory. [task] */
void *family_alloc(struct family_memory *memory, size_t n, size_t align);

/* Releases attachments, chunks and nothing else. [task] */
void family_memory_release(struct family_memory *memory);

#endif
