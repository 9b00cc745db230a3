/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"

#include "name_set.h"

#include <outflow/util.h>

enum edit_kind { REPLACE, REMOVE, ADD };

struct rewrite_edit {
	uint32_t token;
	enum edit_kind kind;
	outflow_str plain_name, name; /* of a member to add; name: as JSON */
	outflow_str text;
};

void rewrite_begin(struct rewrite *w, const outflow_host *h, outflow_batch *b, const outflow_json *json)
{
	*w = (struct rewrite){ .host = h, .batch = b, .json = json, .sorted = true };
}

static struct rewrite_edit *room_for_edits(struct rewrite *w, size_t n)
{
	return outflow_alloc(w->host, w->batch, n * sizeof(struct rewrite_edit), _Alignof(struct rewrite_edit));
}

static void add_edit(struct rewrite *w, struct rewrite_edit edit)
{
	if (w->failed)
		return;
	if (w->n == w->room) {
		uint32_t room = 2 * w->room + 8;
		struct rewrite_edit *larger = room_for_edits(w, room);

		if (larger == NULL) {
			w->failed = true;
			return;
		}
		if (w->n > 0)
			memcpy(larger, w->edits, w->n * sizeof *larger);
		w->edits = larger;
		w->room = room;
	}
	if (w->n > 0 && w->edits[w->n - 1].token > edit.token)
		w->sorted = false;
	w->edits[w->n++] = edit;
	w->growth += edit.name.len + edit.text.len + 2;
}

void rewrite_replace(struct rewrite *w, uint32_t token, outflow_str json_text)
{
	add_edit(w, (struct rewrite_edit){ .token = token, .kind = REPLACE, .text = json_text });
}

void rewrite_remove(struct rewrite *w, uint32_t token)
{
	if (token != 0)
		add_edit(w, (struct rewrite_edit){ .token = token, .kind = REMOVE });
}

void rewrite_add_member(struct rewrite *w, uint32_t object, outflow_str name, outflow_str json_text)
{
	struct rewrite_edit edit = { .token = object, .kind = ADD, .plain_name = name, .text = json_text };
	outflow_json_writer writer;
	outflow_bytes quoted;

	outflow_json_begin(&writer, w->host, w->batch, name.len + 2);
	outflow_json_put_string(&writer, name);
	quoted = outflow_json_finish(&writer);
	edit.name = (outflow_str){ quoted.ptr, quoted.len };
	if (quoted.ptr == NULL)
		w->failed = true;
	add_edit(w, edit);
}

bool rewrite_is_empty(const struct rewrite *w)
{
	return w->n == 0 && !w->failed;
}

bool rewrite_covers(const struct rewrite *w, uint32_t token)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (w->edits[i].kind != ADD && w->edits[i].token <= token &&
		    token < outflow_json_next(w->json, w->edits[i].token))
			return true;
	return false;
}

bool rewrite_has_added(const struct rewrite *w, uint32_t object, outflow_str name)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct rewrite_edit *e = &w->edits[i];

		if (e->kind == ADD && e->token == object && e->plain_name.len == name.len &&
		    (name.len == 0 || memcmp(e->plain_name.ptr, name.ptr, name.len) == 0))
			return true;
	}
	return false;
}

/* ---- order ---- */

static void merge(const struct rewrite_edit *from, size_t middle, size_t end, struct rewrite_edit *to)
{
	size_t a = 0, b = middle;

	for (size_t i = 0; i < end; i++)
		to[i] = a < middle && (b == end || from[a].token <= from[b].token) ? from[a++] : from[b++];
}

/* By token; edits of one token stay in the order in which they came. The library's qsort is not stable and may
 * allocate. */
static void sort(struct rewrite *w)
{
	struct rewrite_edit *from = w->edits, *to, *swap;
	size_t n = w->n;

	if (w->sorted || w->failed)
		return;
	to = room_for_edits(w, n);
	if (to == NULL) {
		w->failed = true;
		return;
	}
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t at = 0; at < n; at += 2 * run) {
			size_t left = n - at;

			merge(from + at, left < run ? left : run, left < 2 * run ? left : 2 * run, to + at);
		}
		swap = from;
		from = to;
		to = swap;
	}
	w->edits = from;
	w->sorted = true;
}

/* ---- writing ---- */

/* The text being written: input up to `at` is done. */
struct output {
	const outflow_json *json;
	const struct rewrite_edit *edit, *last; /* the next one, the end of all */
	struct rewrite *rewrite;
	size_t at, n;
	char *out;
};

static void append(struct output *o, outflow_str text)
{
	if (text.len > 0)
		memcpy(o->out + o->n, text.ptr, text.len);
	o->n += text.len;
}

static void copy_until(struct output *o, size_t offset)
{
	append(o, (outflow_str){ o->json->text.ptr + o->at, offset - o->at });
	o->at = offset;
}

static size_t start_of(const struct output *o, uint32_t token)
{
	return o->json->tokens[token].start;
}

static size_t end_of(const struct output *o, uint32_t token)
{
	outflow_str raw = outflow_json_raw(o->json, token);

	return (size_t)(raw.ptr - o->json->text.ptr) + raw.len;
}

/* What is to be done with one value. */
struct verdict {
	const struct rewrite_edit *change;       /* the replacement or removal that counts; NULL: none */
	const struct rewrite_edit *adds, *after; /* all edits of the token, among them the members to add */
};

static struct verdict judge(struct output *o, uint32_t token)
{
	struct verdict v = { .change = NULL };

	while (o->edit < o->last && o->edit->token < token)
		o->edit++; /* inside something that went */
	v.adds = o->edit;
	for (; o->edit < o->last && o->edit->token == token; o->edit++)
		if (o->edit->kind != ADD)
			v.change = o->edit;
	v.after = o->edit;
	return v;
}

/* The names of the object's members in which something is replaced or removed. */
static struct name_set changed_names(struct output *o, uint32_t object, outflow_str *room)
{
	struct name_set names = { .names = room };
	const struct rewrite_edit *edit = o->edit;
	uint32_t next = object + 1;

	for (uint32_t i = next; edit < o->last && outflow_json_type(o->json, i) != OUTFLOW_JSON_END; i = next) {
		bool changes = false;

		next = outflow_json_next(o->json, i + 1);
		for (; edit < o->last && edit->token < next; edit++)
			changes = changes || edit->kind != ADD;
		if (!changes)
			continue;
		names.names[names.n] = outflow_json_string(o->rewrite->host, o->rewrite->batch, o->json, i);
		if (names.names[names.n++].ptr == NULL)
			o->rewrite->failed = true;
	}
	name_set_sort(&names);
	return names;
}

static struct name_set changed_members(struct output *o, uint32_t object)
{
	const struct rewrite_edit *end = o->edit;
	outflow_str *room;

	while (end < o->last && end->token < outflow_json_next(o->json, object))
		end++;
	if (end == o->edit)
		return (struct name_set){ .n = 0 };
	room = outflow_alloc(o->rewrite->host, o->rewrite->batch, (size_t)(end - o->edit) * sizeof *room,
	                     _Alignof(outflow_str));
	if (room != NULL)
		return changed_names(o, object, room);
	o->rewrite->failed = true;
	return (struct name_set){ .n = 0 };
}

/* Where the item with value `last` ends; 0: where the container begins. */
static size_t end_of_last(const struct output *o, uint32_t container, uint32_t last)
{
	return last ? end_of(o, last) : (size_t)start_of(o, container) + 1;
}

static bool is_among(struct output *o, const struct name_set *names, uint32_t key)
{
	outflow_str name;

	if (names->n == 0)
		return false;
	name = outflow_json_string(o->rewrite->host, o->rewrite->batch, o->json, key);
	o->rewrite->failed = o->rewrite->failed || name.ptr == NULL;
	return name.ptr != NULL && name_set_has(names, name);
}

static void write_value(struct output *o, uint32_t token, const struct verdict *v);

/* Behind the last member that stays. */
static void write_added(struct output *o, const struct verdict *v, bool first)
{
	for (const struct rewrite_edit *e = v->adds; e < v->after; e++) {
		if (e->kind != ADD)
			continue;
		if (!first)
			append(o, outflow_text(","));
		append(o, e->name);
		append(o, outflow_text(":"));
		append(o, e->text);
		first = false;
	}
}

/* Is there an edit of one of these tokens? Those of earlier ones are inside something that went. */
static bool is_touched(struct output *o, uint32_t from, uint32_t to)
{
	while (o->edit < o->last && o->edit->token < from)
		o->edit++;
	return o->edit < o->last && o->edit->token < to;
}

/* A removed item takes along what stands between it and the one before; an item that becomes the first loses what stands
 * before it. */
static void write_items(struct output *o, uint32_t container, const struct verdict *of_container)
{
	const outflow_json *j = o->json;
	uint32_t is_object = outflow_json_type(j, container) == OUTFLOW_JSON_OBJECT, last = 0; /* the value before */
	bool adds = is_object && of_container->adds < of_container->after, kept = false, removed = false;
	struct name_set changed = is_object ? changed_members(o, container) : (struct name_set){ .n = 0 };

	for (uint32_t i = container + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(j, i + is_object)) {
		uint32_t value = i + is_object;
		bool touched = is_touched(o, i, outflow_json_next(j, value));
		struct verdict v = { .change = NULL };

		if (touched)
			v = judge(o, value);
		if (touched ? v.change != NULL && v.change->kind == REMOVE : is_object && is_among(o, &changed, i)) {
			copy_until(o, end_of_last(o, container, last));
			o->at = end_of(o, value);
			removed = true;
			last = value;
			continue;
		}
		if (removed && !kept)
			o->at = start_of(o, i);
		kept = true;
		if (touched)
			write_value(o, value, &v);
		last = value;
		if (o->edit == o->last && !adds)
			return; /* the rest stays: a name is never there again behind its last member */
	}
	if (adds) {
		copy_until(o, end_of_last(o, container, last));
		write_added(o, of_container, !kept);
	}
}

static void write_value(struct output *o, uint32_t token, const struct verdict *v)
{
	uint32_t type = outflow_json_type(o->json, token);

	if (v->change != NULL) {
		copy_until(o, start_of(o, token));
		append(o, v->change->text);
		o->at = end_of(o, token);
		return;
	}
	if (type != OUTFLOW_JSON_OBJECT && type != OUTFLOW_JSON_ARRAY)
		return;
	if (v->adds < v->after || (o->edit < o->last && o->edit->token < outflow_json_next(o->json, token)))
		write_items(o, token, v);
}

outflow_bytes rewrite_finish(struct rewrite *w)
{
	struct output o = { .json = w->json, .rewrite = w };
	struct verdict v;

	if (rewrite_is_empty(w))
		return outflow_text_bytes(w->json->text);
	sort(w);
	if (!w->failed)
		o.out = outflow_alloc(w->host, w->batch, w->json->text.len + w->growth, 1);
	if (o.out == NULL)
		return (outflow_bytes){ NULL, 0 };
	o.edit = w->edits;
	o.last = w->edits + w->n;
	v = judge(&o, 0);
	write_value(&o, 0, &v);
	copy_until(&o, w->json->text.len);
	if (w->failed)
		return (outflow_bytes){ NULL, 0 };
	return (outflow_bytes){ o.out, o.n };
}
