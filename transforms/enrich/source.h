/* SPDX-License-Identifier: Apache-2.0 */
/* source.h: the file that a table comes from: what it looks like, and the table in it. */
#ifndef ENRICH_SOURCE_H
#define ENRICH_SOURCE_H
#include "table.h"

#include <sys/types.h>
#include <time.h>

enum source_format { SOURCE_CSV, SOURCE_JSONL, SOURCE_SQLITE };

struct source {
	char *file;
	enum source_format format;
	char delimiter; /* of CSV */
	bool typed;     /* of CSV, see csv_read */
	char *query;    /* of SQLite */
	struct table_settings table;
};

/* What tells one state of a file from another without reading it; of SQLite also of its write-ahead log. */
struct stamp {
	struct file_stamp {
		dev_t device;
		ino_t inode;
		off_t size;
		struct timespec modified, changed;
	} file, log;
};

/* OUTFLOW_E_TASK: the file is not there or cannot be looked at. [any] */
outflow_status source_stamp(const struct source *s, struct stamp *stamp, outflow_error *err);

bool source_same(const struct stamp *a, const struct stamp *b);

/* Reads the table, and the stamp that the file had before. The caller frees *t with table_free. OUTFLOW_AGAIN: the file
 * was changed meanwhile, nothing is made. OUTFLOW_E_TASK: the file cannot be read, is too large, or there is a mistake in
 * it; the error names file, line and cause. OUTFLOW_E_RETRY: a database is locked. OUTFLOW_E_NOMEM, OUTFLOW_E_CANCELED.
 * [any] */
outflow_status source_load(const struct source *s, struct table **t, struct stamp *stamp, outflow_error *err);

#endif
