/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_internal.h: what the files of the journal share.
 *
 * Three parties meet here: the appender, the readers, the releaser; in interval mode the sync thread is a fourth. The list
 * of segments and the list of readers are under one lock, which no append takes unless it starts a segment or somebody
 * waits. What crosses without the lock is marked atomic: the appender publishes a record by storing first the segment's
 * `end`, then its `size`.
 */
#ifndef HOST_JOURNAL_JOURNAL_INTERNAL_H
#define HOST_JOURNAL_JOURNAL_INTERNAL_H
#include "host/journal/journal.h"
#include "host/journal/segment.h"

#include <pthread.h>

#define JOURNAL_MAGIC 0x6a6f7572u

struct journal_reader {
	unsigned magic;
	int interrupted; /* atomic */
	struct journal *journal;
	struct journal_reader *next; /* under the journal's lock, as is `segment` for others than the reader */
	struct segment *segment;     /* where it stands; NULL: before the first one. Being here keeps it in the list */
	uint64_t at;                 /* its next byte */
	uint64_t expected;           /* number of the record at `at` */
	uint64_t from;               /* records below are skipped */
	uint64_t damaged_from;       /* DAMAGE_NONE, or where a damaged range began that goes up to `at` */
	uint64_t populated;          /* bytes below can be touched */
	uint64_t forgotten;          /* bytes below were given back */
};
#define DAMAGE_NONE UINT64_MAX

/* Newest records that were dropped and that the log has not been told of. */
struct journal_drops {
	uint64_t n;
	uint64_t from, to; /* positions of the next record taken, when the first and the last of them came */
	int64_t since_ms;  /* wall clock */
};

/* How full it is, as the log was told. The watcher's own. */
struct journal_ladder {
	int step;         /* 0: below the soft limit, 1: above it, 2: refuses */
	uint64_t refused; /* as of the last look */
	int64_t next_line_ns, next_drops_line_ns;
};

struct journal {
	unsigned magic;
	struct journal_options options;
	char *dir;
	int dir_fd; /* carries the lock of the directory */
	pthread_mutex_t lock;
	struct segment *oldest, *newest;
	struct segment *writing; /* the newest one, if this opening made it; the appender's, changed under lock */
	struct journal_reader *readers;
	uint64_t released;      /* all below is done */
	uint64_t removed_bytes; /* of records in segments that left the list */

	pthread_cond_t appended; /* for readers */
	int n_waiting;           /* atomic: readers that wait, or are about to */

	pthread_t sync_thread;
	pthread_cond_t sync_wanted;
	int sync_started; /* the appender's */
	int sync_idle;    /* atomic: the thread sleeps until something is appended */
	int sync_failed;  /* atomic: a segment could not be synced, so start another one */
	int closing;      /* under lock */

	/* The appender's own. */
	uint64_t next; /* number of the next record */
	char *buffer;
	size_t buffer_size;
	int tail_is_dirty;      /* bytes beyond the last record could not be cut off yet */
	int must_start_segment; /* numbers were skipped, or a sync failed */

	/* Totals of bytes of records since the opening, what was found then included. */
	uint64_t appended_bytes; /* atomic */
	uint64_t released_bytes; /* atomic; within a segment estimated by number of records */
	uint64_t lost;           /* atomic: records skipped as damaged */
	uint64_t refused;        /* atomic: records not taken */
	uint64_t dropped;        /* atomic: records that on_full dropped */

	struct journal_drops drops; /* under lock */
	struct journal_ladder ladder;
};

/* recover.c: puts the segments in the directory into the list, oldest first, and finds where numbering goes on.
 * OUTFLOW_E_TASK, OUTFLOW_E_NOMEM; what is in the list then is freed by journal_close. */
outflow_status journal_recover(struct journal *j, uint64_t released, outflow_error *err);

/* recover.c: a number above all that can have been given out, on whatever disk state, by an opening that ended with `end`. */
uint64_t journal_jump_above(uint64_t end);

/* journal.c: adds a segment as the newest. [under lock, or before there are others] */
void journal_add_segment(struct journal *j, struct segment *s);

/* journal.c: removes the oldest segments that nobody needs. [any] */
void journal_trim(struct journal *j);

/* full.c: a record of that length would pass the hard limit. OUTFLOW_OK: there is room now; OUTFLOW_AGAIN: it is dropped,
 * and counted; OUTFLOW_E_RETRY. The appender's. */
outflow_status journal_make_room(struct journal *j, uint64_t length, outflow_error *err);

/* full.c: bytes of files that are kept though released. [under lock] */
uint64_t journal_retained(const struct journal *j);

/* full.c: tells the log of all that was dropped. */
void journal_report_drops(struct journal *j);

/* sync.c: fdatasync of a segment, measured. 0, or -1 with errno. [any] */
int journal_sync_data(const struct journal *j, int fd);

/* sync.c: starts the thread of interval mode. 0 or an errno value. */
int journal_start_sync_thread(struct journal *j);
void journal_stop_sync_thread(struct journal *j);

/* sync.c: after a record was published: wakes the thread if it sleeps. */
void journal_want_sync(struct journal *j);

/* sync.c: syncs all that is published now; failures are logged and remembered in the segments. */
void journal_sync_all(struct journal *j);

#endif
