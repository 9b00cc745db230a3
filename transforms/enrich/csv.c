/* SPDX-License-Identifier: Apache-2.0 */
#include "readers.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <stdlib.h>

struct csv {
	char *p, *end;
	char delimiter;
	bool typed;
	uint64_t line;        /* where p is */
	uint64_t record_line; /* where its record began */
	uint32_t *columns;    /* what each field of a record goes to */
	size_t n, room;
	size_t key; /* the number of the key's field */
	struct table_maker *maker;
	outflow_error *err;
};

static outflow_status refuse_at(const struct csv *c, uint64_t line, const char *cause)
{
	return outflow_fail(c->err, OUTFLOW_E_TASK, "line %" PRIu64 ": %s", line, cause);
}

static outflow_status refuse(const struct csv *c, const char *cause)
{
	return refuse_at(c, c->line, cause);
}

static outflow_status refuse_record(const struct csv *c, const char *cause)
{
	return refuse_at(c, c->record_line, cause);
}

/* At the end of a field: steps over what stands there. */
static outflow_status end_field(struct csv *c, bool *last)
{
	*last = true;
	if (c->p == c->end)
		return OUTFLOW_OK;
	if (*c->p == c->delimiter) {
		*last = false;
		c->p++;
		return OUTFLOW_OK;
	}
	if (*c->p == '\r' && c->p + 1 < c->end && c->p[1] == '\n')
		c->p++;
	if (*c->p != '\n')
		return refuse(c, *c->p == '\r' ? "a carriage return that ends no line must be inside quotes"
		                               : "something follows a closing quote; a quote in a field is doubled");
	c->p++;
	c->line++;
	return OUTFLOW_OK;
}

/* c->p is behind the opening quote. Doubled quotes become one in place. */
static outflow_status read_quoted(struct csv *c, outflow_str *field)
{
	char *to = c->p;

	field->ptr = to;
	for (; c->p < c->end; *to++ = *c->p++) {
		if (*c->p == '\n')
			c->line++;
		if (*c->p != '"')
			continue;
		c->p++;
		if (c->p < c->end && *c->p == '"')
			continue;
		field->len = (size_t)(to - field->ptr);
		return OUTFLOW_OK;
	}
	return refuse_record(c, "a quote that is opened in this record is not closed");
}

static outflow_status read_field(struct csv *c, outflow_str *field, bool *last)
{
	outflow_status status = OUTFLOW_OK;

	if (c->p < c->end && *c->p == '"') {
		c->p++;
		status = read_quoted(c, field);
		return status == OUTFLOW_OK ? end_field(c, last) : status;
	}
	field->ptr = c->p;
	while (c->p < c->end && *c->p != c->delimiter && *c->p != '\n' && *c->p != '\r') {
		if (*c->p == '"')
			return refuse(c, "a quote inside a field without quotes around it");
		c->p++;
	}
	field->len = (size_t)(c->p - field->ptr);
	return end_field(c, last);
}

static void skip_blank_lines(struct csv *c)
{
	while (c->p < c->end) {
		char *p = c->p + (*c->p == '\r' && c->p + 1 < c->end);

		if (*p != '\n')
			break;
		c->p = p + 1;
		c->line++;
	}
	c->record_line = c->line;
}

static bool same(outflow_str a, outflow_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static outflow_status add_heading(struct csv *c, outflow_str name, outflow_str key)
{
	size_t room = 2 * c->room + 16;
	uint32_t *larger;

	if (name.len == 0)
		return refuse_record(c, "a column without a name");
	if (c->n == c->room) {
		larger = realloc(c->columns, room * sizeof *larger);
		if (larger == NULL)
			return outflow_fail(c->err, OUTFLOW_E_NOMEM, "no memory for the columns");
		c->columns = larger;
		c->room = room;
	}
	if (same(name, key)) {
		if (c->key != SIZE_MAX)
			return refuse_record(c, "the key's column is there twice");
		c->key = c->n;
	}
	return table_column(c->maker, name, &c->columns[c->n++], c->err);
}

/* Two columns of one name would be one to the table. */
static outflow_status check_headings(struct csv *c, outflow_str key)
{
	bool *taken = calloc(TABLE_COLUMNS_MAX, sizeof *taken);
	outflow_status status = OUTFLOW_OK;

	if (taken == NULL)
		return outflow_fail(c->err, OUTFLOW_E_NOMEM, "no memory for the columns");
	for (size_t i = 0; i < c->n && status == OUTFLOW_OK; i++) {
		if (c->columns[i] == TABLE_NO_COLUMN)
			continue;
		if (taken[c->columns[i]])
			status = refuse_record(c, "two columns have the same name");
		taken[c->columns[i]] = true;
	}
	free(taken);
	if (status == OUTFLOW_OK && c->key == SIZE_MAX)
		status = outflow_fail(c->err, OUTFLOW_E_TASK, "line %" PRIu64 ": there is no column '%.*s', the key",
		                      c->record_line, (int)key.len, key.ptr);
	return status;
}

static outflow_status read_header(struct csv *c, outflow_str key)
{
	outflow_status status = OUTFLOW_OK;
	outflow_str name;
	bool last = false;

	skip_blank_lines(c);
	if (c->p == c->end)
		return refuse(c, "the file is empty; its first line must name the columns");
	while (status == OUTFLOW_OK && !last) {
		status = read_field(c, &name, &last);
		if (status == OUTFLOW_OK)
			status = add_heading(c, name, key);
	}
	return status == OUTFLOW_OK ? check_headings(c, key) : status;
}

/* Is it a JSON text other than a string, an object or an array? */
static bool is_json_scalar(outflow_str cell)
{
	outflow_json *json = NULL;
	bool is;

	if (cell.len == 0 || (strchr("-tfn", cell.ptr[0]) == NULL && (cell.ptr[0] < '0' || cell.ptr[0] > '9')))
		return false;
	is = outflow_json_parse(cell, &json, NULL) == OUTFLOW_OK && outflow_json_raw(json, 0).len == cell.len;
	outflow_json_free(&json);
	return is;
}

static void set_cell(struct csv *c, size_t i, outflow_str cell)
{
	if (i == c->key)
		table_set_key(c->maker, cell);
	if (c->columns[i] == TABLE_NO_COLUMN)
		return;
	if (c->typed && is_json_scalar(cell))
		table_set_json(c->maker, c->columns[i], cell);
	else
		table_set_text(c->maker, c->columns[i], cell);
}

static outflow_status read_record(struct csv *c)
{
	outflow_status status;
	outflow_str cell;
	bool last = false;
	size_t n = 0;

	for (; !last; n++) {
		status = read_field(c, &cell, &last);
		if (status != OUTFLOW_OK)
			return status;
		if (n < c->n)
			set_cell(c, n, cell);
	}
	if (n != c->n)
		return outflow_fail(c->err, OUTFLOW_E_TASK, "line %" PRIu64 ": %zu field(s), but %zu column(s)",
		                    c->record_line, n, c->n);
	return table_end_row(c->maker, "line", c->record_line, c->err);
}

static outflow_status check_utf8(const struct csv *c)
{
	outflow_bytes text = { c->p, (size_t)(c->end - c->p) };
	size_t bad = text.len > 0 ? outflow_utf8_check(text) : 0;
	uint64_t line = 1;

	if (bad == text.len)
		return OUTFLOW_OK;
	for (size_t i = 0; i < bad; i++)
		line += c->p[i] == '\n';
	return outflow_fail(c->err, OUTFLOW_E_TASK, "line %" PRIu64 ": not valid UTF-8 (byte %zu of the file)", line,
	                    bad);
}

outflow_status csv_read(char *text, size_t n, char delimiter, bool typed, outflow_str key, struct table_maker *m,
                        outflow_error *err)
{
	struct csv c = { .p = text,
		         .end = text + n,
		         .delimiter = delimiter,
		         .typed = typed,
		         .line = 1,
		         .key = SIZE_MAX,
		         .maker = m,
		         .err = err };
	outflow_status status = check_utf8(&c);

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		c.p += 3;
	if (status == OUTFLOW_OK)
		status = read_header(&c, key);
	while (status == OUTFLOW_OK && (skip_blank_lines(&c), c.p < c.end))
		status = read_record(&c);
	free(c.columns);
	return status;
}
