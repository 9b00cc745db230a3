/* SPDX-License-Identifier: Apache-2.0 */
/* readers.h: what a table can be read from. */
#ifndef ENRICH_READERS_H
#define ENRICH_READERS_H
#include "table.h"

/* Adds the rows of a CSV text (RFC 4180; lines may also end with LF alone, blank lines are skipped) whose first line
 * names the columns. The text is UTF-8, a byte order mark at its beginning is skipped; it is changed. typed: a cell that
 * is a JSON number, true, false or null is kept as that, else all cells are text. OUTFLOW_E_TASK: the error says in
 * which line and why; OUTFLOW_E_NOMEM; OUTFLOW_E_CANCELED. */
outflow_status csv_read(char *text, size_t n, char delimiter, bool typed, outflow_str key, struct table_maker *m,
                        outflow_error *err);

/* Adds the rows of a JSON Lines text: one object a line, whose members are the columns; blank lines are skipped. Errors
 * as for csv_read. */
outflow_status jsonl_read(outflow_str text, outflow_str key, struct table_maker *m, outflow_error *err);

/* Adds what `query` selects from the SQLite database in `path`, which is opened for reading only. A query that takes
 * longer than a minute is given up. Errors as for csv_read, with the number of the row instead of the line; and
 * OUTFLOW_E_TASK: SQLite refuses the file or the query; OUTFLOW_E_RETRY: somebody has it locked. */
outflow_status sqlite_read(const char *path, const char *query, const atomic_bool *stop, outflow_str key,
                           struct table_maker *m, outflow_error *err);

#endif
