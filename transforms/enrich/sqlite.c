/* SPDX-License-Identifier: Apache-2.0 */
#include "readers.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BUSY_MS 5000
#define QUERY_SECONDS 60
#define LOOK_EVERY 10000 /* steps of SQLite's machine */

struct query {
	sqlite3 *database;
	sqlite3_stmt *rows;
	const atomic_bool *stop;
	time_t deadline;
	uint32_t *columns; /* what each column of a row goes to */
	int n, key;
	struct table_maker *maker;
	outflow_error *err;
};

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int is_over(void *arg)
{
	const struct query *q = arg;

	return now() >= q->deadline || (q->stop != NULL && atomic_load(q->stop));
}

/* What SQLite says to a call that failed. */
static outflow_status refuse(const struct query *q, int code)
{
	int primary = code & 0xff;

	if (primary == SQLITE_NOMEM)
		return outflow_fail(q->err, OUTFLOW_E_NOMEM, "no memory for the query");
	if (primary == SQLITE_INTERRUPT && now() >= q->deadline)
		return outflow_fail(q->err, OUTFLOW_E_TASK, "the query takes longer than %d s", QUERY_SECONDS);
	if (primary == SQLITE_INTERRUPT)
		return outflow_fail(q->err, OUTFLOW_E_CANCELED, "stopped");
	return outflow_fail_native(
		q->err, primary == SQLITE_BUSY || primary == SQLITE_LOCKED ? OUTFLOW_E_RETRY : OUTFLOW_E_TASK, "sqlite",
		code, "SQLite: %s", q->database ? sqlite3_errmsg(q->database) : sqlite3_errstr(code));
}

static outflow_status open_database(struct query *q, const char *path)
{
	int code = sqlite3_open_v2(path, &q->database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (code != SQLITE_OK)
		return refuse(q, code);
	sqlite3_busy_timeout(q->database, BUSY_MS);
	sqlite3_limit(q->database, SQLITE_LIMIT_LENGTH, (int)TABLE_ROW_MAX);
	sqlite3_db_config(q->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(q->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_progress_handler(q->database, LOOK_EVERY, is_over, q);
	return OUTFLOW_OK;
}

static outflow_status add_columns(struct query *q, outflow_str key)
{
	outflow_status status = OUTFLOW_OK;

	q->n = sqlite3_column_count(q->rows);
	q->key = -1;
	q->columns = calloc((size_t)q->n + 1, sizeof *q->columns);
	if (q->columns == NULL)
		return outflow_fail(q->err, OUTFLOW_E_NOMEM, "no memory for the columns");
	for (int i = 0; i < q->n && status == OUTFLOW_OK; i++) {
		outflow_str name = outflow_text(sqlite3_column_name(q->rows, i));

		if (name.len == key.len && memcmp(name.ptr, key.ptr, key.len) == 0)
			q->key = i;
		status = table_column(q->maker, name, &q->columns[i], q->err);
	}
	if (status == OUTFLOW_OK && q->key < 0)
		status = outflow_fail(q->err, OUTFLOW_E_TASK, "the rows have no column '%.*s', the key", (int)key.len,
		                      key.ptr);
	return status;
}

static outflow_status prepare(struct query *q, const char *text)
{
	const char *rest;
	int code = sqlite3_prepare_v2(q->database, text, -1, &q->rows, &rest);

	if (code != SQLITE_OK)
		return refuse(q, code);
	if (q->rows == NULL || rest[strspn(rest, " \t\r\n;")] != '\0')
		return outflow_fail(q->err, OUTFLOW_E_TASK, "query: one SELECT is expected");
	if (!sqlite3_stmt_readonly(q->rows))
		return outflow_fail(q->err, OUTFLOW_E_TASK, "query: it would write; only reading is possible");
	return OUTFLOW_OK;
}

/* The shortest text that is this number again. */
static outflow_str number_text(double number, char text[40])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, 40, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return outflow_text(text);
}

static outflow_status set_cell(struct query *q, int i, uint64_t row)
{
	int type = sqlite3_column_type(q->rows, i);
	outflow_str value = { NULL, 0 };
	char number[40];

	switch (type) {
	case SQLITE_INTEGER:
		snprintf(number, sizeof number, "%" PRId64, (int64_t)sqlite3_column_int64(q->rows, i));
		value = outflow_text(number);
		break;
	case SQLITE_FLOAT:
		if (!isfinite(sqlite3_column_double(q->rows, i)))
			type = SQLITE_NULL; /* JSON has no such number */
		else
			value = number_text(sqlite3_column_double(q->rows, i), number);
		break;
	case SQLITE_TEXT:
		value.ptr = (const char *)sqlite3_column_text(q->rows, i);
		value.len = (size_t)sqlite3_column_bytes(q->rows, i);
		if (value.ptr == NULL)
			return outflow_fail(q->err, OUTFLOW_E_NOMEM, "no memory for a row");
		if (value.len > 0 && outflow_utf8_check(outflow_text_bytes(value)) < value.len)
			return outflow_fail(q->err, OUTFLOW_E_TASK, "row %" PRIu64 ": '%s' is not valid UTF-8", row,
			                    sqlite3_column_name(q->rows, i));
		break;
	case SQLITE_BLOB:
		return outflow_fail(q->err, OUTFLOW_E_TASK,
		                    "row %" PRIu64 ": '%s' is a BLOB, which JSON cannot hold; leave it out with "
		                    "`columns`, or select hex() of it",
		                    row, sqlite3_column_name(q->rows, i));
	default:
		break;
	}
	if (i == q->key && type != SQLITE_NULL)
		table_set_key(q->maker, value);
	if (type == SQLITE_TEXT)
		table_set_text(q->maker, q->columns[i], value);
	else
		table_set_json(q->maker, q->columns[i], type == SQLITE_NULL ? outflow_text("null") : value);
	return OUTFLOW_OK;
}

static outflow_status read_rows(struct query *q)
{
	outflow_status status = OUTFLOW_OK;
	int code = SQLITE_ROW;

	for (uint64_t row = 1; status == OUTFLOW_OK; row++) {
		code = sqlite3_step(q->rows);
		if (code != SQLITE_ROW)
			break;
		for (int i = 0; i < q->n && status == OUTFLOW_OK; i++)
			if (i == q->key || q->columns[i] != TABLE_NO_COLUMN)
				status = set_cell(q, i, row);
		if (status == OUTFLOW_OK)
			status = table_end_row(q->maker, "row", row, q->err);
	}
	return status == OUTFLOW_OK && code != SQLITE_DONE ? refuse(q, code) : status;
}

outflow_status sqlite_read(const char *path, const char *query, const atomic_bool *stop, outflow_str key,
                           struct table_maker *m, outflow_error *err)
{
	struct query q = { .stop = stop, .deadline = now() + QUERY_SECONDS, .maker = m, .err = err };
	outflow_status status = open_database(&q, path);

	if (status == OUTFLOW_OK)
		status = prepare(&q, query);
	if (status == OUTFLOW_OK)
		status = add_columns(&q, key);
	if (status == OUTFLOW_OK)
		status = read_rows(&q);
	free(q.columns);
	sqlite3_finalize(q.rows);
	sqlite3_close(q.database);
	return status;
}
