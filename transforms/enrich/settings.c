/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "reload.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define KEY(NAME, TYPE, FLAGS, IMPORTANCE, DOC)                                                                        \
	.name = NAME, .type = OUTFLOW_T_##TYPE, .flags = FLAGS, .importance = OUTFLOW_IMPORTANCE_##IMPORTANCE,         \
	.group = "Enrichment", .doc = DOC

static const char *const formats[] = { "csv", "jsonl", "sqlite", NULL };
static const char *const types[] = { "text", "json", NULL };
static const char *const missing[] = { "pass", "drop", "fail", "default", NULL };

static const outflow_cfg_key keys[] = {
	{ KEY("file", STRING, OUTFLOW_K_REQUIRED, HIGH,
	      "The file that the table is in. It may be replaced at any time, best in one step by renaming: the new table "
	      "is read aside and used from some record on; one with a mistake is reported, and the old one stays.") },
	{ KEY("format", ENUM, 0, MEDIUM,
	      "csv: RFC 4180, the first line names the columns; jsonl: one JSON object a line; sqlite: a database. Unset: "
	      "by the file's name (.csv; .jsonl, .ndjson; .db, .sqlite, .sqlite3)."),
	  .choices = formats },
	{ KEY("key", STRING, OUTFLOW_K_REQUIRED, HIGH,
	      "The path to what is looked up, such as $.data.body.ip or $.data.props.topic: text, a number, true or false.") },
	{ KEY("index", STRING, OUTFLOW_K_REQUIRED, HIGH,
	      "The column that it is looked up in. Texts must be equal, byte by byte; no key may be there twice.") },
	{ KEY("columns", LIST, 0, MEDIUM, "The columns that go into the payload. Unset: all but the key's.") },
	{ KEY("target", STRING, 0, MEDIUM,
	      "The path to the object in the payload that gets the columns as members; a member of that name is replaced, "
	      "objects on the way are made. Unset: the payload itself.") },
	{ KEY("missing", ENUM, 0, HIGH,
	      "What a record comes to whose key is in no row, or that has no key: pass, it goes on unchanged; drop; fail, it is "
	      "a bad record; default, it gets the members of default."),
	  .dflt = "pass", .choices = missing },
	{ KEY("default", STRING, 0, MEDIUM, "A JSON object, for missing = \"default\".") },
	{ KEY("delimiter", STRING, 0, LOW, "CSV: the character between two fields."), .dflt = "," },
	{ KEY("types", ENUM, 0, LOW,
	      "CSV: what a field becomes. text: always a string; json: one that is a JSON number, true, false or null is that, "
	      "any other a string."),
	  .dflt = "text", .choices = types },
	{ KEY("table", STRING, 0, MEDIUM, "SQLite: the table whose rows are read.") },
	{ KEY("query", STRING, 0, MEDIUM, "SQLite: instead of `table`, a SELECT that gives the rows.") },
	{ KEY("reload.interval", DURATION_MS, 0, LOW,
	      "How often to look at the file; a change is read once the file has looked the same twice."),
	  .dflt = "1s", .min = 10, .max = 86400000 },
	{ KEY("max.rows", INT, 0, LOW, "A table with more rows is refused."), .dflt = "1000000", .min = 1,
	  .max = 100000000 },
	{ KEY("max.bytes", SIZE, 0, LOW,
	      "A larger file is refused, and a table that needs more memory. While a new table is read the old one and the "
	      "file's text are in memory too."),
	  .dflt = "256MiB", .min = 4096, .max = INT64_C(1) << 33 },
};

/* One reading of the configuration, which goes on after a problem. */
struct reader {
	struct settings *s;
	const outflow_host *h;
	const outflow_config *c;
	bool tell;
	outflow_status status;
	outflow_error *err;
};

static void complain(struct reader *r, const char *key, outflow_status status, const char *cause)
{
	if (status == OUTFLOW_OK)
		return;
	if (r->tell && status == OUTFLOW_E_CONFIG)
		r->h->problem(r->h, key, cause);
	r->status = outflow_fail(r->err, status, "%s: %s", key, cause);
}

static void refuse(struct reader *r, const char *key, const char *cause)
{
	complain(r, key, OUTFLOW_E_CONFIG, cause);
}

static bool is_set(const struct reader *r, const char *key)
{
	outflow_str text;

	return r->h->config->str(r->c, key, &text) == OUTFLOW_OK;
}

static bool ends_with(outflow_str text, const char *end)
{
	size_t n = strlen(end);

	return text.len >= n && memcmp(text.ptr + text.len - n, end, n) == 0;
}

static void read_format(struct reader *r)
{
	outflow_str file = outflow_config_text(r->h, r->c, "file"), name;
	enum source_format *format = &r->s->source->format;

	*format = SOURCE_CSV;
	if (r->h->config->str(r->c, "format", &name) == OUTFLOW_OK)
		*format = outflow_equal(name, "csv")     ? SOURCE_CSV
		          : outflow_equal(name, "jsonl") ? SOURCE_JSONL
		                                         : SOURCE_SQLITE;
	else if (ends_with(file, ".jsonl") || ends_with(file, ".ndjson"))
		*format = SOURCE_JSONL;
	else if (ends_with(file, ".db") || ends_with(file, ".sqlite") || ends_with(file, ".sqlite3"))
		*format = SOURCE_SQLITE;
	else if (!ends_with(file, ".csv"))
		refuse(r, "format", "the file's name does not tell it: csv, jsonl or sqlite");
#ifndef HAVE_SQLITE
	if (*format == SOURCE_SQLITE)
		refuse(r, "format", "this program was built without SQLite");
#endif
}

static void read_csv(struct reader *r)
{
	outflow_str delimiter = outflow_config_text(r->h, r->c, "delimiter");

	if (delimiter.len != 1 || strchr("\"\r\n", delimiter.ptr[0]) != NULL || (delimiter.ptr[0] & 0x80) != 0)
		refuse(r, "delimiter", "one ASCII character, and no quote or line end");
	else
		r->s->source->delimiter = delimiter.ptr[0];
	r->s->source->typed = outflow_equal(outflow_config_text(r->h, r->c, "types"), "json");
}

/* SELECT * FROM a name in quotes, in which quotes are doubled. */
static char *select_all(outflow_str table)
{
	static const char head[] = "SELECT * FROM \"";
	char *text = malloc(sizeof head + 2 * table.len + 2), *to;

	if (text == NULL)
		return NULL;
	memcpy(text, head, sizeof head - 1);
	to = text + sizeof head - 1;
	for (size_t i = 0; i < table.len; i++) {
		if (table.ptr[i] == '"')
			*to++ = '"';
		*to++ = table.ptr[i];
	}
	memcpy(to, "\"", 2);
	return text;
}

static void read_sqlite(struct reader *r)
{
	struct source *source = r->s->source;
	outflow_str table;
	bool has_table = r->h->config->str(r->c, "table", &table) == OUTFLOW_OK, has_query = is_set(r, "query");

	if (source->format != SOURCE_SQLITE) {
		if (has_table)
			refuse(r, "table", "only a SQLite database has tables");
		if (has_query)
			refuse(r, "query", "only a SQLite database can be queried");
		return;
	}
	if (has_table == has_query) {
		refuse(r, "table", "a SQLite database needs either `table` or `query`");
		return;
	}
	source->query = has_table ? select_all(table) : outflow_config_string(r->h, r->c, "query");
	if (source->query == NULL)
		complain(r, "query", OUTFLOW_E_NOMEM, "no memory");
}

static void read_columns(struct reader *r)
{
	struct table_settings *t = &r->s->source->table;
	size_t n = r->h->config->list(r->c, "columns", SIZE_MAX, NULL);
	outflow_str *columns = n > 0 ? calloc(n, sizeof *columns) : NULL;

	t->key = outflow_config_text(r->h, r->c, "index");
	t->max_rows = (uint64_t)outflow_config_number(r->h, r->c, "max.rows");
	t->max_bytes = (uint64_t)outflow_config_number(r->h, r->c, "max.bytes");
	if (n > TABLE_COLUMNS_MAX)
		refuse(r, "columns", "too many; 1,000 are possible");
	if (n > 0 && columns == NULL)
		complain(r, "columns", OUTFLOW_E_NOMEM, "no memory");
	if (n == 0 || columns == NULL || n > TABLE_COLUMNS_MAX) {
		free(columns);
		return;
	}
	t->columns = columns;
	t->n_columns = n;
	for (size_t i = 0; i < n; i++) {
		r->h->config->list(r->c, "columns", i, &columns[i]);
		for (size_t j = 0; j < i; j++)
			if (columns[i].len == columns[j].len &&
			    memcmp(columns[i].ptr, columns[j].ptr, columns[i].len) == 0)
				refuse(r, "columns", "a column is given twice");
	}
}

/* Makes the table of one row that default is. */
static outflow_status make_fallback(struct settings *s, const outflow_json *json, outflow_error *err)
{
	struct table_settings one = { .max_rows = 1, .max_bytes = UINT64_C(1) << 24 };
	struct table_maker *m;
	outflow_status status = table_begin(&one, &m, err);

	if (status != OUTFLOW_OK)
		return status;
	table_set_key(m, (outflow_str){ "", 0 });
	for (uint32_t i = 1; status == OUTFLOW_OK && outflow_json_type(json, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(json, i + 1)) {
		outflow_str text = outflow_json_text(json, i);
		char *name = malloc(text.len + 1);
		uint32_t column = TABLE_NO_COLUMN;

		status = name ? table_column(m, (outflow_str){ name, outflow_json_decode(text, name) }, &column, err)
		              : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
		free(name);
		table_set_json(m, column, outflow_json_raw(json, i + 1));
	}
	if (status == OUTFLOW_OK)
		status = table_end_row(m, "row", 1, err);
	if (status == OUTFLOW_OK)
		return table_finish(&m, &s->fallback, err);
	table_discard(&m);
	return status == OUTFLOW_E_NOMEM ? status : OUTFLOW_E_CONFIG;
}

static void read_missing(struct reader *r)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_str name = outflow_config_text(r->h, r->c, "missing"), text;
	bool has_default = r->h->config->str(r->c, "default", &text) == OUTFLOW_OK;
	outflow_json *json = NULL;
	outflow_status status;

	r->s->missing = outflow_equal(name, "drop")      ? MISSING_DROP
	                : outflow_equal(name, "fail")    ? MISSING_FAIL
	                : outflow_equal(name, "default") ? MISSING_DEFAULT
	                                                 : MISSING_PASS;
	if (has_default != (r->s->missing == MISSING_DEFAULT)) {
		refuse(r, "default",
		       has_default ? "has no effect unless missing = \"default\""
		                   : "is needed for missing = \"default\"");
		return;
	}
	if (!has_default)
		return;
	status = outflow_json_parse(text, &json, &cause);
	if (status == OUTFLOW_OK && outflow_json_type(json, 0) != OUTFLOW_JSON_OBJECT)
		status = outflow_fail(&cause, OUTFLOW_E_CONFIG, "not a JSON object");
	if (status == OUTFLOW_OK)
		status = make_fallback(r->s, json, &cause);
	outflow_json_free(&json);
	complain(r, "default", status, cause.msg);
}

static void read_paths(struct reader *r)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_str target = { "", 0 };
	bool has_target = r->h->config->str(r->c, "target", &target) == OUTFLOW_OK;

	r->s->key_text = outflow_config_text(r->h, r->c, "key");
	complain(r, "key", path_compile(r->s->key_text, &r->s->key, &cause), cause.msg);
	if (has_target && target.len == 0)
		refuse(r, "target", "a path is missing; leave `target` out for the payload itself");
	else
		complain(r, "target", place_compile(target, &r->s->target, &cause), cause.msg);
}

outflow_status settings_read(struct settings *s, const outflow_host *h, const outflow_config *c, bool tell,
                             outflow_error *err)
{
	struct reader r = { .s = s, .h = h, .c = c, .tell = tell, .err = err };

	*s = (struct settings){ .source = calloc(1, sizeof *s->source) };
	if (s->source == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the settings");
	s->source->file = outflow_config_string(h, c, "file");
	if (s->source->file == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the settings");
	s->interval_ms = outflow_config_number(h, c, "reload.interval");
	read_format(&r);
	read_csv(&r);
	read_sqlite(&r);
	read_columns(&r);
	read_missing(&r);
	read_paths(&r);
	return r.status;
}

void settings_clear(struct settings *s)
{
	path_free(&s->key);
	place_free(&s->target);
	table_free(&s->fallback);
	source_free(s->source);
	s->source = NULL;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct settings s;
	outflow_status status = settings_read(&s, h, c, true, err);

	settings_clear(&s);
	return status;
}

const outflow_cfg_def settings_schema = {
	.size = sizeof settings_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};
