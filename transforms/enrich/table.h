/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h: rows found by a key: made once, row by row, and never changed afterwards.
 *
 * Keys, and fields as JSON text ready to be put into a payload, lie behind each other in one piece of memory; an
 * index of eight bytes a slot leads to them.
 */
#ifndef ENRICH_TABLE_H
#define ENRICH_TABLE_H
#include <outflow/json.h>

#include <stdatomic.h>
#include <stdbool.h>

#define TABLE_COLUMNS_MAX 1000u
#define TABLE_ROW_MAX ((size_t)1 << 20) /* bytes of one row, written as JSON */
#define TABLE_NO_COLUMN UINT32_MAX

/* What a table is made of, and how large it may become. */
struct table_settings {
	outflow_str key;            /* the name of the key's column */
	const outflow_str *columns; /* which to keep */
	size_t n_columns;           /* 0: all but the key */
	uint64_t max_rows, max_bytes;
	const atomic_bool *stop; /* makes each row OUTFLOW_E_CANCELED; may be NULL */
};

struct table;
struct table_maker;

/* A maker belongs to one thread. s must live as long as it. OUTFLOW_E_NOMEM: nothing is made. */
outflow_status table_begin(const struct table_settings *s, struct table_maker **m, outflow_error *err);

/* The number of a column, TABLE_NO_COLUMN for one that is not to be kept. OUTFLOW_E_TASK: too many columns;
 * OUTFLOW_E_NOMEM. */
outflow_status table_column(struct table_maker *m, outflow_str name, uint32_t *column, outflow_error *err);

/* The parts of the next row, copied; of two settings of one part the last counts. A column may be TABLE_NO_COLUMN. Text
 * becomes a JSON string. What does not fit or has no memory is said by table_end_row. */
void table_set_key(struct table_maker *m, outflow_str key);
void table_set_text(struct table_maker *m, uint32_t column, outflow_str text);
void table_set_json(struct table_maker *m, uint32_t column, outflow_str json);

/* Adds the row that was set; place: its line or number, which the errors name, beginning with `unit` ("line"), the same
 * for the whole table. OUTFLOW_E_TASK: the key is missing or there already, the row or the table is too large;
 * OUTFLOW_E_NOMEM; OUTFLOW_E_CANCELED. */
outflow_status table_end_row(struct table_maker *m, const char *unit, uint64_t place, outflow_error *err);

/* Makes *t of the rows; the maker is gone, also after an error. OUTFLOW_E_TASK: a column that is to be kept was in no
 * row; OUTFLOW_E_NOMEM. The caller frees *t with table_free. */
outflow_status table_finish(struct table_maker **m, struct table **t, outflow_error *err);

/* Frees *m or *t and clears it; NULL inside is fine. */
void table_discard(struct table_maker **m);
void table_free(struct table **t);

uint64_t table_rows(const struct table *t);
uint64_t table_bytes(const struct table *t);

/* The fields of a row that table_next has not given out yet. */
struct table_row {
	const struct table *table;
	const char *heads, *text;
	uint32_t left;
};

/* Finds the row of that key; false: there is none. [any] */
bool table_find(const struct table *t, outflow_str key, struct table_row *row);

/* The next field: its name, and its value as JSON. Both live as long as the table. false: there is no more. [any] */
bool table_next(struct table_row *row, outflow_str *name, outflow_str *json);

#endif
