/* SPDX-License-Identifier: Apache-2.0 */
/* journal_internal.h: what the files of the journal share. */
#ifndef HOST_JOURNAL_JOURNAL_INTERNAL_H
#define HOST_JOURNAL_JOURNAL_INTERNAL_H
#include "host/journal/journal.h"
#include "host/journal/segment.h"

#include <outflow/util.h>

#include <pthread.h>

#define JOURNAL_MAGIC 0x6a6f7572u
/* After a crash numbering goes on at the next multiple of this: no number is used twice, whatever the crash took. */
#define SEQUENCE_JUMP (UINT64_C(1) << 20)

/* How far the first reader had come when a read ended: what a release may count as done. */
struct mark {
	uint64_t sequence;
	uint64_t bytes;          /* in the journal's count */
	struct segment *segment; /* held */
	uint64_t offset;
};

struct journal_reader {
	struct journal *journal;
	struct journal_reader *next; /* under the journal's lock */
	struct segment *segment;     /* held */
	uint64_t offset;
	uint64_t from;     /* records below this are skipped */
	uint64_t expected; /* sequence numbers do not go back */
	int interrupted;   /* atomic */
	int leaves_marks;  /* the first reader: the one whose records are released */
};

struct journal {
	unsigned magic;
	struct journal_options options;
	char *dir;
	int lock_fd;
	int may_wait;         /* atomic: a reader waits, or is about to */
	pthread_mutex_t lock; /* of the list of segments, the readers, and the conditions */
	pthread_cond_t appended;
	pthread_cond_t ending; /* ends the sync thread's wait */
	struct segment *oldest, *newest;
	struct journal_reader *readers;
	/* The appender's own. */
	uint64_t next; /* atomic: sequence number of the next record */
	char *scratch;
	size_t scratch_size;
	int tail_is_dirty; /* bytes beyond the end may be there: cut before the next append */
	/* Shared. */
	uint64_t appended_bytes; /* atomic, in this opening's count */
	uint64_t released_bytes; /* atomic */
	uint64_t released;       /* atomic: everything below is done */
	uint64_t durable;        /* atomic */
	/* The releasing task's own: a ring of marks. */
	struct mark *marks;
	size_t first_mark, n_marks, marks_room;
	pthread_t sync_thread;
	int sync_thread_started;
	int closing; /* under lock */
};

/* recover.c: finds what is in the directory. *next: where numbering goes on; the list is in order, its last segment's
 * records are whole. */
outflow_status journal_recover(struct journal *j, uint64_t released, uint64_t *next, outflow_error *err);

/* journal.c: the marks up to `next` are passed: their bytes are done, their pages needed by nobody. [task] */
void journal_pass_marks(struct journal *j, uint64_t next);

#endif
