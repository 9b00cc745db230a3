/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "transforms/language/json_text.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <stdlib.h>

/* In the arena: the head, the key, one field_head for each field, the texts of the fields; each row begins at a
 * multiple of UNIT. */
struct row_head {
	uint32_t place, key_length, n_fields;
};
struct field_head {
	uint32_t column, length;
};
#define UNIT 4u /* offsets count these, so that 32 bits reach 16 GiB */
#define ARENA_MAX ((uint64_t)UINT32_MAX * UNIT)

struct slot {
	uint32_t hash;
	uint32_t at; /* in units; 0: free, the first unit of the arena is not used */
};

struct table {
	char *arena;
	size_t used;
	struct slot *slots;
	uint32_t mask; /* number of slots - 1 */
	uint64_t n_rows;
	outflow_str *columns;
	size_t n_columns;
};

/* A part of the next row, in the maker's scratch. */
struct cell {
	size_t at, length;
	bool set;
	bool seen; /* of a column: was it there at all? */
};

struct table_maker {
	const struct table_settings *settings;
	struct table *table;
	size_t room;
	struct cell *cells; /* one a column */
	struct cell key;
	size_t columns_room; /* of cells and of the table's columns */
	char *scratch;
	size_t scratch_used, scratch_room;
	size_t expected; /* the column that probably comes next */
	bool too_large, no_memory, any_column;
};

/* ---- the index ---- */

static uint32_t hash_of(outflow_str key)
{
	uint64_t sum = key.len * UINT64_C(0x9e3779b97f4a7c15), word;
	size_t i = 0;

	for (; i + sizeof word <= key.len; i += sizeof word) {
		memcpy(&word, key.ptr + i, sizeof word);
		sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
		sum ^= sum >> 32;
	}
	word = 0;
	if (i < key.len)
		memcpy(&word, key.ptr + i, key.len - i);
	sum = (sum ^ word) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(sum ^ sum >> 32);
}

static struct row_head head_at(const struct table *t, uint32_t at)
{
	struct row_head head;

	memcpy(&head, t->arena + (size_t)at * UNIT, sizeof head);
	return head;
}

static const char *key_at(const struct table *t, uint32_t at)
{
	return t->arena + (size_t)at * UNIT + sizeof(struct row_head);
}

/* The slot that has the key, or the free one where it would go. */
static struct slot *slot_of(const struct table *t, outflow_str key, uint32_t hash)
{
	uint32_t i = hash & t->mask;

	for (; t->slots[i].at != 0; i = (i + 1) & t->mask)
		if (t->slots[i].hash == hash && head_at(t, t->slots[i].at).key_length == key.len &&
		    (key.len == 0 || memcmp(key_at(t, t->slots[i].at), key.ptr, key.len) == 0))
			break;
	return &t->slots[i];
}

/* At three quarters full the index doubles. */
static bool make_slots(struct table *t)
{
	size_t n = (size_t)t->mask + 1;
	struct slot *old = t->slots;

	if (t->n_rows + 1 <= n / 4 * 3)
		return true;
	t->slots = calloc(2 * n, sizeof *t->slots);
	if (t->slots == NULL) {
		t->slots = old;
		return false;
	}
	t->mask = (uint32_t)(2 * n - 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t to = old[i].hash & t->mask;

		if (old[i].at == 0)
			continue;
		while (t->slots[to].at != 0)
			to = (to + 1) & t->mask;
		t->slots[to] = old[i];
	}
	free(old);
	return true;
}

/* ---- finding ---- */

bool table_find(const struct table *t, outflow_str key, struct table_row *row)
{
	const struct slot *slot = slot_of(t, key, hash_of(key));

	if (slot->at == 0)
		return false;
	row->table = t;
	row->left = head_at(t, slot->at).n_fields;
	row->heads = key_at(t, slot->at) + key.len;
	row->text = row->heads + row->left * sizeof(struct field_head);
	return true;
}

bool table_next(struct table_row *row, outflow_str *name, outflow_str *json)
{
	struct field_head head;

	if (row->left == 0)
		return false;
	memcpy(&head, row->heads, sizeof head);
	*name = row->table->columns[head.column];
	*json = (outflow_str){ row->text, head.length };
	row->heads += sizeof head;
	row->text += head.length;
	row->left--;
	return true;
}

uint64_t table_rows(const struct table *t)
{
	return t->n_rows;
}

uint64_t table_bytes(const struct table *t)
{
	return t->used + ((uint64_t)t->mask + 1) * sizeof *t->slots;
}

/* ---- making ---- */

void table_free(struct table **tp)
{
	struct table *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_columns; i++)
		free((void *)(uintptr_t)t->columns[i].ptr);
	free(t->columns);
	free(t->slots);
	free(t->arena);
	free(t);
}

void table_discard(struct table_maker **mp)
{
	struct table_maker *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	table_free(&m->table);
	free(m->cells);
	free(m->scratch);
	free(m);
}

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the table");
}

static bool make_columns(struct table_maker *m)
{
	struct table *t = m->table;
	size_t room = 2 * m->columns_room + 16;
	outflow_str *columns;
	struct cell *cells;

	if (t->n_columns < m->columns_room)
		return true;
	columns = realloc(t->columns, room * sizeof *columns);
	if (columns == NULL)
		return false;
	t->columns = columns;
	cells = realloc(m->cells, room * sizeof *cells);
	if (cells == NULL)
		return false;
	m->cells = cells;
	m->columns_room = room;
	return true;
}

static outflow_status add_column(struct table_maker *m, outflow_str name, outflow_error *err)
{
	struct table *t = m->table;
	char *copy;

	if (t->n_columns == TABLE_COLUMNS_MAX)
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "more than %u columns; say with `columns` which are to be kept", TABLE_COLUMNS_MAX);
	copy = make_columns(m) ? malloc(name.len + 1) : NULL;
	if (copy == NULL)
		return no_memory(err);
	if (name.len > 0)
		memcpy(copy, name.ptr, name.len);
	m->cells[t->n_columns] = (struct cell){ 0 };
	t->columns[t->n_columns++] = (outflow_str){ copy, name.len };
	return OUTFLOW_OK;
}

outflow_status table_begin(const struct table_settings *s, struct table_maker **result, outflow_error *err)
{
	struct table_maker *m = calloc(1, sizeof *m);
	outflow_status status = OUTFLOW_OK;
	struct table *t;

	*result = m;
	if (m == NULL)
		return no_memory(err);
	m->settings = s;
	m->table = t = calloc(1, sizeof *t);
	if (t != NULL) {
		t->slots = calloc(8, sizeof *t->slots);
		t->mask = 7;
		t->used = UNIT;
	}
	if (t == NULL || t->slots == NULL)
		status = no_memory(err);
	for (size_t i = 0; status == OUTFLOW_OK && i < s->n_columns; i++)
		status = add_column(m, s->columns[i], err);
	if (status != OUTFLOW_OK)
		table_discard(result);
	return status;
}

static bool same(outflow_str a, outflow_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

outflow_status table_column(struct table_maker *m, outflow_str name, uint32_t *column, outflow_error *err)
{
	struct table *t = m->table;
	outflow_status status;
	size_t i = m->expected;

	m->any_column = true;
	*column = TABLE_NO_COLUMN;
	if (i >= t->n_columns || !same(t->columns[i], name))
		for (i = 0; i < t->n_columns && !same(t->columns[i], name);)
			i++;
	if (i == t->n_columns) {
		if (m->settings->n_columns > 0 || same(name, m->settings->key))
			return OUTFLOW_OK;
		status = add_column(m, name, err);
		if (status != OUTFLOW_OK)
			return status;
	}
	m->cells[i].seen = true;
	m->expected = i + 1;
	*column = (uint32_t)i;
	return OUTFLOW_OK;
}

/* Room for n bytes of a cell; NULL: the row is too large, or there is no memory. */
static char *begin_cell(struct table_maker *m, struct cell *cell, size_t n)
{
	size_t room = m->scratch_room;
	char *larger;

	m->too_large |= n > TABLE_ROW_MAX - m->scratch_used;
	if (m->too_large)
		return NULL;
	while (room <= m->scratch_used + n)
		room = 2 * room + 256;
	larger = room == m->scratch_room ? m->scratch : realloc(m->scratch, room);
	if (larger == NULL) {
		m->no_memory = true;
		return NULL;
	}
	m->scratch = larger;
	m->scratch_room = room;
	cell->at = m->scratch_used;
	cell->length = n;
	cell->set = true;
	m->scratch_used += n;
	return m->scratch + cell->at;
}

static void set(struct table_maker *m, struct cell *cell, outflow_str text)
{
	char *to = begin_cell(m, cell, text.len);

	if (to != NULL && text.len > 0)
		memcpy(to, text.ptr, text.len);
}

void table_set_key(struct table_maker *m, outflow_str key)
{
	set(m, &m->key, key);
}

void table_set_json(struct table_maker *m, uint32_t column, outflow_str json)
{
	if (column != TABLE_NO_COLUMN)
		set(m, &m->cells[column], json);
}

void table_set_text(struct table_maker *m, uint32_t column, outflow_str text)
{
	char *to = column == TABLE_NO_COLUMN ? NULL : begin_cell(m, &m->cells[column], json_text_length(text) + 2);

	if (to == NULL)
		return;
	*to = '"';
	to = json_text_write(text, to + 1);
	*to = '"';
}

/* Makes the arena larger by at least n bytes. */
static outflow_status make_room(struct table_maker *m, size_t n, outflow_error *err)
{
	struct table *t = m->table;
	size_t room = m->room;
	char *larger;

	while (room < t->used + n)
		room = 2 * room + 4096;
	if (room == m->room)
		return OUTFLOW_OK;
	larger = realloc(t->arena, room);
	if (larger == NULL)
		return no_memory(err);
	t->arena = larger;
	m->room = room;
	return OUTFLOW_OK;
}

static char *append(char *to, const void *from, size_t n)
{
	if (n > 0)
		memcpy(to, from, n);
	return to + n;
}

/* Writes the row to the end of the arena, where there is room for it. */
static void write_row(struct table_maker *m, const struct row_head *head)
{
	struct table *t = m->table;
	char *to = t->arena + t->used;

	to = append(to, head, sizeof *head);
	to = append(to, m->scratch + m->key.at, head->key_length);
	for (uint32_t i = 0; i < t->n_columns; i++) {
		struct field_head field = { i, (uint32_t)m->cells[i].length };

		if (m->cells[i].set)
			to = append(to, &field, sizeof field);
	}
	for (uint32_t i = 0; i < t->n_columns; i++)
		if (m->cells[i].set)
			to = append(to, m->scratch + m->cells[i].at, m->cells[i].length);
	while ((size_t)(to - t->arena) % UNIT != 0)
		*to++ = '\0';
	t->used = (size_t)(to - t->arena);
}

static outflow_status check_limits(const struct table_maker *m, size_t row, const char *unit, uint64_t place,
                                   outflow_error *err)
{
	const struct table_settings *s = m->settings;

	if (m->table->n_rows == s->max_rows)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s %" PRIu64 ": more than max.rows = %" PRIu64 " rows", unit,
		                    place, s->max_rows);
	if (table_bytes(m->table) + row > s->max_bytes || m->table->used + row > ARENA_MAX)
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "%s %" PRIu64 ": the table needs more memory than max.bytes = %" PRIu64, unit,
		                    place, s->max_bytes);
	return OUTFLOW_OK;
}

static outflow_status add_row(struct table_maker *m, const char *unit, uint64_t place, outflow_error *err)
{
	struct table *t = m->table;
	outflow_str key = { m->scratch + m->key.at, m->key.length };
	struct row_head head = { (uint32_t)place, (uint32_t)key.len, 0 };
	uint32_t hash = hash_of(key);
	size_t size = sizeof head + key.len + UNIT;
	outflow_status status;
	struct slot *slot;

	for (size_t i = 0; i < t->n_columns; i++) {
		head.n_fields += m->cells[i].set;
		size += m->cells[i].set ? sizeof(struct field_head) + m->cells[i].length : 0;
	}
	status = check_limits(m, size, unit, place, err);
	if (status == OUTFLOW_OK)
		status = make_room(m, size, err);
	if (status != OUTFLOW_OK)
		return status;
	if (!make_slots(t))
		return no_memory(err);
	slot = slot_of(t, key, hash);
	if (slot->at != 0)
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "%s %" PRIu64 ": the key '%.*s' is in %s %" PRIu32 " already; it may be there once",
		                    unit, place, (int)(key.len > 100 ? 100 : key.len), key.ptr, unit,
		                    head_at(t, slot->at).place);
	*slot = (struct slot){ hash, (uint32_t)(t->used / UNIT) };
	write_row(m, &head);
	t->n_rows++;
	return OUTFLOW_OK;
}

outflow_status table_end_row(struct table_maker *m, const char *unit, uint64_t place, outflow_error *err)
{
	const struct table_settings *s = m->settings;
	outflow_status status = OUTFLOW_OK;

	if (s->stop != NULL && atomic_load_explicit(s->stop, memory_order_relaxed))
		return outflow_fail(err, OUTFLOW_E_CANCELED, "stopped");
	if (m->no_memory)
		status = no_memory(err);
	else if (m->too_large)
		status = outflow_fail(err, OUTFLOW_E_TASK, "%s %" PRIu64 ": a row of more than %zu bytes", unit, place,
		                      TABLE_ROW_MAX);
	else if (!m->key.set)
		status = outflow_fail(err, OUTFLOW_E_TASK, "%s %" PRIu64 ": there is no '%.*s', the key", unit, place,
		                      (int)s->key.len, s->key.ptr);
	else
		status = add_row(m, unit, place, err);
	for (size_t i = 0; i < m->table->n_columns; i++)
		m->cells[i].set = false;
	m->key.set = false;
	m->scratch_used = 0;
	m->expected = 0;
	return status;
}

outflow_status table_finish(struct table_maker **mp, struct table **t, outflow_error *err)
{
	struct table_maker *m = *mp;
	char *exact;

	for (size_t i = 0; m->any_column && i < m->settings->n_columns; i++) {
		outflow_str name = m->settings->columns[i];

		if (m->cells[i].seen)
			continue;
		table_discard(mp);
		return outflow_fail(err, OUTFLOW_E_TASK, "there is no column '%.*s'", (int)name.len, name.ptr);
	}
	exact = realloc(m->table->arena, m->table->used);
	if (exact == NULL && m->table->arena == NULL) {
		table_discard(mp);
		return no_memory(err);
	}
	if (exact != NULL)
		m->table->arena = exact;
	*t = m->table;
	m->table = NULL;
	table_discard(mp);
	return OUTFLOW_OK;
}
