/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload.h: a table that follows its file.
 *
 * A thread of its own looks at the file now and then, reads a changed one aside, and leaves the new table for the task
 * to take between two records. A file is read when it looked the same at two looks in a row, so that one that is just
 * being written is left alone.
 */
#ifndef ENRICH_RELOAD_H
#define ENRICH_RELOAD_H
#include "source.h"

struct reload;

/* Reads the first table, then starts to watch; s belongs to r from here on, also after an error. Errors as for
 * source_load, never OUTFLOW_AGAIN. The caller frees *r with reload_end. [task] */
outflow_status reload_begin(struct reload **r, const outflow_host *h, struct source *s, int64_t interval_ms,
                            outflow_error *err);

/* The newest table, which stays valid until the next call. [task] */
const struct table *reload_table(struct reload *r);

/* Ends the thread, frees *r with its tables and source, and clears it; NULL inside is fine. [task] */
void reload_end(struct reload **r);

/* Frees what a source holds, and s itself. [any] */
void source_free(struct source *s);

#endif
