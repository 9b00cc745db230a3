/* SPDX-License-Identifier: Apache-2.0 */
#include "edit.h"

#include <outflow/util.h>

#include <stdbool.h>
#include <stdlib.h>

/* A name on one level of an object. */
struct rule {
	struct rule *next, *children;
	bool chosen;          /* a field ends here, not only passes */
	outflow_str name, to; /* to: the new name of a chosen one */
	char text[];
};

struct edit {
	enum edit_kind kind;
	struct rule *rules;
};

struct edit *edit_new(enum edit_kind kind)
{
	struct edit *e = calloc(1, sizeof *e);

	if (e != NULL)
		e->kind = kind;
	return e;
}

static void free_rules(struct rule *r)
{
	while (r != NULL) {
		struct rule *next = r->next;

		free_rules(r->children);
		if (r->to.ptr != NULL)
			free((void *)(uintptr_t)r->to.ptr);
		free(r);
		r = next;
	}
}

void edit_free(struct edit **ep)
{
	struct edit *e = *ep;

	*ep = NULL;
	if (e == NULL)
		return;
	free_rules(e->rules);
	free(e);
}

static bool same(outflow_str a, outflow_str b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* The rule of that name in the list, made if need be; NULL: no memory. */
static struct rule *rule_of(struct rule **list, outflow_str name)
{
	while (*list != NULL && !same((*list)->name, name))
		list = &(*list)->next;
	if (*list == NULL)
		*list = calloc(1, sizeof **list + name.len);
	if (*list != NULL && (*list)->name.ptr == NULL) {
		memcpy((*list)->text, name.ptr, name.len);
		(*list)->name = (outflow_str){ (*list)->text, name.len };
	}
	return *list;
}

static size_t until(outflow_str s, char c)
{
	const char *at = memchr(s.ptr, c, s.len);

	return at ? (size_t)(at - s.ptr) : s.len;
}

static outflow_str after(outflow_str s, size_t n)
{
	return (outflow_str){ s.ptr + n, s.len - n };
}

static outflow_status refuse(outflow_str item, const char *cause, outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.*s': %s", (int)(item.len > 100 ? 100 : item.len), item.ptr,
	                    cause);
}

/* Splits "a.b:c" or "a.b:a.c" into the field and its new name. */
static outflow_status split(outflow_str item, outflow_str *from, outflow_str *to, outflow_error *err)
{
	size_t colon = until(item, ':'), parent;

	if (colon == item.len || until(after(item, colon + 1), ':') < item.len - colon - 1)
		return refuse(item, "a field to rename is written old:new", err);
	*from = (outflow_str){ item.ptr, colon };
	*to = after(item, colon + 1);
	for (parent = from->len; parent > 0 && from->ptr[parent - 1] != '.';)
		parent--;
	if (until(*to, '.') < to->len) {
		if (to->len < parent || memcmp(to->ptr, from->ptr, parent) != 0)
			return refuse(item, "a field is renamed where it is; it cannot move to another object", err);
		*to = after(*to, parent);
	}
	if (to->len == 0 || until(*to, '.') < to->len)
		return refuse(item, "the new name is missing", err);
	return OUTFLOW_OK;
}

static outflow_status choose(struct rule *list, struct rule *r, outflow_str to, outflow_str item, outflow_error *err)
{
	char *copy;

	if (r->chosen)
		return refuse(item, "the field is given twice", err);
	for (; to.ptr != NULL && list != NULL; list = list->next)
		if (list->chosen && same(list->to, to))
			return refuse(item, "two fields cannot get the same name", err);
	r->chosen = true;
	if (to.ptr == NULL)
		return OUTFLOW_OK;
	copy = malloc(to.len);
	if (copy == NULL) {
		r->chosen = false;
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a field");
	}
	memcpy(copy, to.ptr, to.len);
	r->to = (outflow_str){ copy, to.len };
	return OUTFLOW_OK;
}

outflow_status edit_add(struct edit *e, outflow_str item, outflow_error *err)
{
	outflow_str rest = item, to = { NULL, 0 };
	struct rule **list = &e->rules, *r;
	outflow_status status = OUTFLOW_OK;

	if (e->kind == EDIT_RENAME)
		status = split(item, &rest, &to, err);
	if (status != OUTFLOW_OK)
		return status;
	if (outflow_utf8_check(outflow_text_bytes(item)) < item.len)
		return refuse(item, "not valid UTF-8", err);
	for (;;) {
		size_t n = until(rest, '.');
		outflow_str name = { rest.ptr, n };

		if (n == 0)
			return refuse(item, "a name is missing", err);
		r = rule_of(list, name);
		if (r == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a field");
		if (n == rest.len)
			return choose(*list, r, to, item, err);
		rest = after(rest, n + 1);
		list = &r->children;
	}
}

/* ---- applying ---- */

static const struct rule *find(const struct rule *list, const outflow_json *j, uint32_t key)
{
	while (list != NULL && !outflow_json_equal(j, key, list->name))
		list = list->next;
	return list;
}

static bool is_object(const outflow_json *j, uint32_t i)
{
	return outflow_json_type(j, i) == OUTFLOW_JSON_OBJECT;
}

/* Is any chosen field there? */
static bool concerns(const struct rule *list, const outflow_json *j, uint32_t object)
{
	const struct rule *r;

	for (uint32_t i = object + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		r = find(list, j, i);
		if (r != NULL && (r->chosen || (is_object(j, i + 1) && concerns(r->children, j, i + 1))))
			return true;
	}
	return false;
}

/* Does a field of this object get the name that `key` has? Then the new one replaces it. */
static bool is_replaced(const struct rule *list, const outflow_json *j, uint32_t object, uint32_t key)
{
	for (; list != NULL; list = list->next)
		if (list->chosen && outflow_json_equal(j, key, list->to) &&
		    outflow_json_member(j, object, list->name) != 0)
			return true;
	return false;
}

static void edit_object(const struct edit *e, outflow_json_writer *w, const struct rule *list, const outflow_json *j,
                        uint32_t object);

/* Writes a member that does not simply stay, or leaves it out. */
static void edit_member(const struct edit *e, outflow_json_writer *w, const struct rule *r, const outflow_json *j,
                        uint32_t key)
{
	if (e->kind == EDIT_DROP && r->chosen)
		return;
	if (e->kind == EDIT_RENAME && r->chosen)
		outflow_json_put_key(w, r->to);
	else
		outflow_json_put_raw_key(w, outflow_json_raw(j, key));
	if (r->children != NULL && is_object(j, key + 1))
		edit_object(e, w, r->children, j, key + 1);
	else
		outflow_json_put_raw(w, outflow_json_raw(j, key + 1));
}

/* Members that stay next to each other are copied as one piece, with what stands between them. */
static void edit_object(const struct edit *e, outflow_json_writer *w, const struct rule *list, const outflow_json *j,
                        uint32_t object)
{
	outflow_str piece = { NULL, 0 };

	outflow_json_bracket(w, '{');
	for (uint32_t i = object + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		const struct rule *r = find(list, j, i);
		bool inside = r != NULL && r->children != NULL && is_object(j, i + 1);
		bool stays = e->kind == EDIT_KEEP ? r != NULL && r->chosen : r == NULL || (!r->chosen && !inside);
		bool replaced = e->kind == EDIT_RENAME && (r == NULL || !r->chosen) && is_replaced(list, j, object, i);

		if (stays && !replaced) {
			outflow_str value = outflow_json_raw(j, i + 1);

			if (piece.ptr == NULL)
				piece.ptr = outflow_json_raw(j, i).ptr;
			piece.len = (size_t)(value.ptr + value.len - piece.ptr);
			continue;
		}
		if (piece.ptr != NULL)
			outflow_json_put_raw(w, piece);
		piece.ptr = NULL;
		if (!replaced && (e->kind != EDIT_KEEP || inside))
			edit_member(e, w, r, j, i);
	}
	if (piece.ptr != NULL)
		outflow_json_put_raw(w, piece);
	outflow_json_bracket(w, '}');
}

outflow_status edit_apply(const struct edit *e, const outflow_host *h, outflow_batch *b, const outflow_json *j,
                          outflow_bytes *text, outflow_error *err)
{
	outflow_json_writer w;

	*text = (outflow_bytes){ NULL, 0 };
	if (!is_object(j, 0))
		return outflow_fail(err, OUTFLOW_E_RECORD, "the payload is not a JSON object, it begins with '%c'",
		                    j->text.ptr[j->tokens[0].start]);
	if (e->kind != EDIT_KEEP && !concerns(e->rules, j, 0))
		return OUTFLOW_OK;
	outflow_json_begin(&w, h, b, j->text.len + 64);
	edit_object(e, &w, e->rules, j, 0);
	*text = outflow_json_finish(&w);
	return text->ptr ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the edited payload");
}
