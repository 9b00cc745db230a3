/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h: a durable log of records in one directory, in segments; one writer thread, one or more readers.
 *
 * Records are numbered upwards; the numbers (positions) may have gaps and are never used again: numbering goes on without
 * a gap after a clean close, and far above the last one after a crash. Everything that is on disk and above the released
 * position is read again after a restart. The files are described in doc/journal-format.md.
 */
#ifndef HOST_JOURNAL_JOURNAL_H
#define HOST_JOURNAL_JOURNAL_H
#include "host/base/histogram.h"
#include "host/base/log.h"

#include <outflow/abi.h>

enum journal_sync {
	JOURNAL_SYNC_NONE,     /* survives the process, not the machine */
	JOURNAL_SYNC_INTERVAL, /* a thread syncs every sync_interval_ns */
	JOURNAL_SYNC_ALWAYS,   /* each append waits for the disk */
};

/* What append does with a record that would pass hard_bytes. */
enum journal_full {
	JOURNAL_FULL_BLOCK,       /* refuses it: the source has to offer it again */
	JOURNAL_FULL_DROP_OLDEST, /* drops the oldest segments that no reader has come to, and takes it */
	JOURNAL_FULL_DROP_NEWEST, /* drops it */
};

struct journal_options {
	const char *dir; /* exists or can be created (its parents too) */
	enum journal_sync sync;
	int64_t sync_interval_ns;
	uint64_t segment_bytes; /* a new segment begins when a record would pass this */
	uint64_t soft_bytes;    /* not released: append says OUTFLOW_SLOW above it, unless on_full drops */
	uint64_t hard_bytes;    /* not released: on_full counts above it */
	enum journal_full on_full;
	uint64_t retain_bytes;  /* released segments stay while they are together no longer than this */
	struct log_place place; /* for log lines; the texts outlive the journal */
	struct histogram
		*sync_times; /* what each sync of a segment took goes here, and it outlives the journal; NULL */
};

struct journal;
struct journal_reader;

/* Recovers what is in the directory and opens it for appending. Everything below `released` counts as done; 0: nothing
 * is. A torn tail is cut off and reported in the log with its exact range. The directory is locked against a second
 * opening. The options are copied, except for the texts of place. OUTFLOW_E_TASK: cannot be used, the error names file and
 * cause; OUTFLOW_E_NOMEM. [task] */
outflow_status journal_open(const struct journal_options *options, uint64_t released, struct journal **result,
                            outflow_error *err);

/* As outflow_journal_api.append; OUTFLOW_E_NOMEM as well. A record that on_full drops is counted, and *pos is the position
 * that the next one gets. [any, one caller at a time] */
outflow_status journal_append(struct journal *j, const outflow_record *r, uint64_t *pos, outflow_error *err);

/* Everything below `next` is done: it no longer counts against the limits, and segments that hold nothing else are
 * removed as soon as no reader needs them, except for the newest and for what retain_bytes keeps. [any] */
void journal_release(struct journal *j, uint64_t next);

/* As outflow_journal_api.durable and .level; in a segment that is released in part, bytes are estimated by the number of
 * records. [any] */
uint64_t journal_durable(struct journal *j);
void journal_level(struct journal *j, uint64_t *records, uint64_t *bytes, uint64_t *limit_bytes);

/* Records found damaged by readers since the opening; each was reported in the log. [any] */
uint64_t journal_lost(struct journal *j);

struct journal_status {
	uint64_t records, bytes, limit_bytes; /* as journal_level */
	uint64_t retained_bytes;              /* of segments that are kept though released */
	uint64_t segments;                    /* files, the retained ones included */
	uint64_t refused, dropped, lost;      /* records since the opening: not taken, dropped by on_full, damaged */
};

void journal_status(struct journal *j, struct journal_status *result);

/* Writes the log lines that are due: the level has passed a limit, or came back; which records on_full dropped. Each kind at
 * most every ten seconds; what was dropped is said completely, at the latest by journal_close. [any, one at a time] */
void journal_watch(struct journal *j, int64_t now_ns);

/* A reader that begins at the first record whose position is at least `from`. It belongs to one thread at a time and is
 * closed before the journal. OUTFLOW_E_NOMEM. [task] */
outflow_status journal_reader_open(struct journal *j, uint64_t from, struct journal_reader **result,
                                   outflow_error *err);

/* As outflow_journal_api.read; records get the given stream handle, pos and next. Segments are attached to the batch
 * through h->batch->attach, so that their mapping outlives the reader and the journal. OUTFLOW_AGAIN also when the batch
 * is full; OUTFLOW_E_NOMEM. [task] */
outflow_status journal_read(struct journal_reader *reader, const outflow_host *h, outflow_batch *out, uint32_t stream,
                            uint32_t max, int64_t deadline_ns, outflow_error *err);

/* When the record was appended that a read would give next, by its timestamp; -1: there is none, or it has no timestamp.
 * [task] */
int64_t journal_reader_next_ms(struct journal_reader *reader);

/* Ends a read that waits, now or the next one: one read returns OUTFLOW_E_CANCELED. [any] */
void journal_interrupt(struct journal_reader *reader);

/* Both clear the pointer and accept NULL inside. No append may be running or follow; readers are closed first. Mappings
 * that records still use stay until the batch lets go. [task] */
void journal_reader_close(struct journal_reader **reader);
void journal_close(struct journal **j);

#endif
