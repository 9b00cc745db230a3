/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h: looks through all files of a journal without changing or opening it, for the tools. What is damaged is found by
 * the rules of recovery and reading; memory is a window and the longest record, whatever the size of the journal.
 */
#ifndef HOST_JOURNAL_WALK_H
#define HOST_JOURNAL_WALK_H
#include <outflow/abi.h>

/* One segment after all of it was looked through. */
struct walk_segment {
	const char *path;
	uint64_t first, end; /* positions: of its first record, after its last one */
	uint64_t bytes;      /* of the file */
	uint64_t records;    /* whole ones */
	int closed;
	int64_t from_ms, to_ms; /* of the time stamps that there are, -1: none */
};

enum walk_damage_kind {
	WALK_HEAD,      /* the segment's head; its records are found without it */
	WALK_RECORDS,   /* records that are damaged or cut off */
	WALK_TAIL,      /* the end of a segment that was not closed is no whole record, as a crash leaves it */
	WALK_MISPLACED, /* the head names another position than the file */
	WALK_FOREIGN,   /* a file that is no segment: no damage, only said */
};

struct walk_damage {
	enum walk_damage_kind kind;
	const char *path;
	uint64_t from, to;    /* bytes of the file */
	uint64_t first, lost; /* WALK_RECORDS: so many records are lost, from this position on */
};

/* What may be NULL is not called. */
struct walk_visitor {
	void *ctx;
	/* Every whole record in order of positions; the bytes are valid during the call. Not OUTFLOW_OK: the walk ends and
	 * returns it. */
	outflow_status (*record)(void *ctx, const outflow_record *r);
	void (*segment)(void *ctx, const struct walk_segment *s);
	void (*damage)(void *ctx, const struct walk_damage *d);
};

/* Looks through the journal in dir. OUTFLOW_E_TASK: a file cannot be read or has a newer format, the error names it;
 * OUTFLOW_E_NOMEM; else what `record` returned. [any] */
outflow_status journal_walk(const char *dir, const struct walk_visitor *visitor, outflow_error *err);

#endif
