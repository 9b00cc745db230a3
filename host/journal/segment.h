/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h: one file of a journal: its head (doc/journal-format.md), its mapping, and who still needs it.
 *
 * A segment is written by one opening of the journal only. Its records are numbered without a gap; gaps lie between
 * segments.
 */
#ifndef HOST_JOURNAL_SEGMENT_H
#define HOST_JOURNAL_SEGMENT_H
#include <outflow/abi.h>

#define SEGMENT_FORMAT 1u
#define SEGMENT_NAME_LENGTH 24u /* twenty digits and ".log" */
/* A place where records may begin: everything in a segment is aligned to FRAME_ALIGN. */
#define SEGMENT_HEAD_SIZE sizeof(struct segment_head)

/* magic, version and crc stay where they are in every version of the format. */
struct segment_head {
	uint64_t magic;
	uint32_t version;
	uint32_t mark;   /* of all its frames */
	uint64_t first;  /* number of the first record; also the file's name */
	uint64_t end;    /* once closed: after the last record */
	uint64_t next;   /* once closed: no later segment begins below this */
	uint32_t closed; /* 0: being written, or its writer died */
	uint32_t spare[4];
	uint32_t crc; /* CRC-32C of all before */
};
_Static_assert(sizeof(struct segment_head) == 64, "the format of segments");

struct segment {
	unsigned magic;
	uint32_t references;  /* atomic; the journal's list holds one, each batch with records of it another */
	struct segment *next; /* under the journal's lock, as all below that is not said to be atomic */
	char *path;
	uint64_t first;
	uint32_t mark;     /* 0: unknown, the head is damaged and no record is whole */
	int fd;            /* -1: nothing is written or synced any more */
	uint64_t end;      /* atomic: number after the last record */
	uint64_t size;     /* atomic: bytes that readers may look at */
	uint64_t synced;   /* number below which all is on disk */
	int is_named;      /* its name in the directory is on disk */
	int sync_failed;   /* what was not synced by then never will be */
	uint64_t reported; /* damage below this offset has been reported */
	const char *map;   /* NULL: no reader came here yet */
	size_t capacity;   /* of the mapping */
};

/* The number in a segment's file name. 0; -1: not such a name. [any] */
int segment_parse_name(const char *name, uint64_t *first);

/* Where the segment with that first position lies; malloc'd. NULL: no memory. [any] */
char *segment_path(const char *dir, uint64_t first);

/* An object for the file of that name, without a descriptor, with one reference. NULL: no memory. [any] */
struct segment *segment_new(const char *dir, uint64_t first, size_t capacity);

/* Makes the file, which must not exist, with its head. -1 and errno: it is discarded. [any] */
int segment_create(struct segment *s);

/* Closes and removes a file that was just created; errno stays. [any] */
void segment_discard(struct segment *s);

/* Writes the head of a segment without more records: `end` and `next` are its members. -1 and errno. [any] */
int segment_write_closed(const struct segment *s, int fd, uint64_t end, uint64_t next);

/* Is it a good head? A good one of another format is told apart by its version. [any] */
int segment_head_is_good(const struct segment_head *head);

/* Maps it for reading, if it is not. -1 and errno. [under the journal's lock] */
int segment_map(struct segment *s);

/* Makes sure that bytes [from, to) of the mapping can be touched: pages that the disk cannot deliver are an error here
 * and a SIGBUS anywhere else. -1 and errno. [any] */
int segment_populate(const struct segment *s, uint64_t from, uint64_t to);

/* Bytes [from, to) of the mapping need not count as our memory; touching them again is fine. [any] */
void segment_forget(const struct segment *s, uint64_t from, uint64_t to);

/* Bytes of records in it. [any] */
uint64_t segment_record_bytes(const struct segment *s);

void segment_hold(struct segment *s);

/* Lets go; the last one unmaps and closes. Takes a struct segment *, as outflow_batch_api.attach wants it. [any] */
void segment_release(void *segment);

#endif
