/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h: one file of a journal: its format (doc/journal-format.md), its mapping, and who still needs it. */
#ifndef HOST_JOURNAL_SEGMENT_H
#define HOST_JOURNAL_SEGMENT_H
#include <outflow/abi.h>

#define SEGMENT_FILE_MAGIC UINT64_C(0x314c4e524a464f) /* "OFJRNL1" */
#define SEGMENT_VERSION 1u
#define RECORD_MAGIC 0x4452464fu /* "OFRD" */
#define RECORD_ALIGN 8u
#define LENGTH_NULL UINT32_MAX

/* All numbers in the files are in the machine's order; a file of another order fails its magic. */
struct segment_head {
	uint64_t magic;
	uint32_t version;
	uint32_t crc;        /* CRC-32C of the head with this member 0 */
	uint64_t first;      /* sequence number of the first record */
	uint64_t end;        /* after a clean close: sequence number after the last record, else 0 */
	uint64_t end_offset; /* and where it ended; a longer file was written to since */
	uint64_t spare[3];
};

/* Followed by n_headers pairs of lengths (u32 name, u32 value), the names and values in turn, topic, key, value, and zeros
 * up to a multiple of RECORD_ALIGN. */
struct record_head {
	uint32_t magic;
	uint32_t crc;    /* CRC-32C of all after this member, padding too */
	uint32_t length; /* of all of it */
	uint32_t n_headers;
	uint64_t sequence;
	int64_t timestamp_ms;
	uint32_t topic_length;
	uint32_t key_length;     /* LENGTH_NULL: null */
	uint32_t value_length;   /* LENGTH_NULL: null */
	uint32_t headers_length; /* names and values together */
};

struct segment {
	unsigned magic;
	uint32_t references;  /* atomic; the journal's list holds one */
	struct segment *next; /* under the journal's lock */
	char *path;
	int fd;
	uint64_t first;
	uint64_t base;   /* bytes of all segments before it, in this opening's count */
	uint64_t end;    /* atomic: bytes that readers may look at */
	const char *map; /* NULL until a reader needs it */
	size_t map_length;
	uint64_t advised; /* bytes below this are no longer resident for us */
};

/* Makes a new file, which must not exist. -1 and errno. */
int segment_create(const char *dir, uint64_t first, size_t capacity, struct segment **result);

/* Opens a file for reading. 0; -1 and errno; 1: its head is not good. */
int segment_open(const char *path, struct segment **result, struct segment_head *head);

/* Maps it, if it is not. -1 and errno. */
int segment_map(struct segment *s);

/* Tells the kernel that nothing below offset is needed any more. */
void segment_forget_below(struct segment *s, uint64_t offset);

/* Marks it as closed in order: records up to `end`. -1 and errno. */
int segment_mark_closed(struct segment *s, uint64_t end);

struct segment *segment_hold(struct segment *s);

/* Lets go; the last one unmaps and closes. Takes a struct segment *, for outflow_batch_api.attach. [any] */
void segment_release(void *segment);

/* Is there a whole and good record at offset of a mapped segment, below limit? NULL: no. */
const struct record_head *segment_record(const struct segment *s, uint64_t offset, uint64_t limit);

/* The next good record after offset whose sequence number is at least `least`; limit: none. */
uint64_t segment_next_good(const struct segment *s, uint64_t offset, uint64_t limit, uint64_t least);

#endif
