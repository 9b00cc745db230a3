/* SPDX-License-Identifier: Apache-2.0 */
/* From a pattern's JSON to fields and conditions; the operators are in pattern_operators.c. */
#include "pattern_internal.h"

#include <outflow/util.h>

#include <stdio.h>

/* Writes at's JSON pointer to text and returns its length. */
static size_t write_pointer(const struct place *at, char *text, size_t size)
{
	size_t n = at->up ? write_pointer(at->up, text, size) : 0;

	if (at->up == NULL || n + 2 >= size)
		return n;
	text[n++] = '/';
	if (at->name.ptr == NULL)
		return n + (size_t)snprintf(text + n, size - n, "%ld", at->index);
	for (size_t i = 0; i < at->name.len && n + 3 < size; i++) {
		char c = at->name.ptr[i];

		if (c == '~' || c == '/') {
			text[n++] = '~';
			c = c == '~' ? '0' : '1';
		}
		text[n++] = c;
	}
	return n;
}

outflow_status pattern_refuse(const struct place *at, const char *code, const char *allowed, outflow_error *err)
{
	outflow_str found = outflow_json_raw(at->json, at->token);
	const char *text = at->json->text.ptr;
	char pointer[160];
	size_t line = 1, column = 1, n = write_pointer(at, pointer, sizeof pointer - 16);

	pointer[n < sizeof pointer ? n : sizeof pointer - 1] = '\0';
	for (const char *p = text; p < found.ptr; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	return outflow_fail_native(err, OUTFLOW_E_CONFIG, "pattern", (int32_t)(found.ptr - text),
	                           "%s at %s (line %zu, column %zu): found %.*s%s; %s", code,
	                           n > 0 ? pointer : "the top", line, column, (int)(found.len > 60 ? 60 : found.len),
	                           found.ptr, found.len > 60 ? "..." : "", allowed);
}

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
}

static struct field *find_child(const struct field *parent, outflow_str name, bool is_leaf)
{
	for (struct field *f = parent->children; f != NULL; f = f->next)
		if (f->is_leaf == is_leaf && f->name.len == name.len &&
		    (name.len == 0 || memcmp(f->name.ptr, name.ptr, name.len) == 0))
			return f;
	return NULL;
}

/* The child of that name, made if need be. */
static struct field *child(struct pattern *p, struct field *parent, outflow_str name, bool is_leaf)
{
	struct field *f = find_child(parent, name, is_leaf), **at = &parent->children;

	if (f != NULL)
		return f;
	f = pattern_alloc(p, sizeof *f);
	if (f == NULL)
		return NULL;
	f->name = name;
	f->parent = parent;
	f->is_leaf = is_leaf;
	while (*at != NULL)
		at = &(*at)->next;
	*at = f;
	p->n_fields++;
	return f;
}

/* The field below parent that a name with dots leads to. */
static struct field *descend(struct pattern *p, struct field *parent, outflow_str name, bool is_leaf)
{
	const char *dot;

	while (parent != NULL && (dot = memchr(name.ptr, '.', name.len)) != NULL) {
		outflow_str head = { name.ptr, (size_t)(dot - name.ptr) };

		parent = child(p, parent, head, false);
		name.ptr += head.len + 1;
		name.len -= head.len + 1;
	}
	return parent ? child(p, parent, name, is_leaf) : NULL;
}

static outflow_status add_string(struct pattern *p, struct field *leaf, outflow_str text, size_t room,
                                 outflow_error *err)
{
	if (leaf->strings == NULL) {
		leaf->strings = pattern_alloc(p, room * sizeof *leaf->strings);
		if (leaf->strings == NULL)
			return no_memory(err);
	}
	leaf->strings[leaf->n_strings++] = text;
	return OUTFLOW_OK;
}

/* One member of a leaf's array. room: how many members there are. */
static outflow_status parse_alternative(struct pattern *p, struct field *leaf, const struct place *at, size_t room,
                                        outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);
	struct condition *c, **last = &leaf->conditions;
	outflow_status status;

	if (type == OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.nested", "an array of values cannot hold another array", err);
	c = pattern_alloc(p, sizeof *c);
	if (c == NULL)
		return no_memory(err);
	if (type == OUTFLOW_JSON_OBJECT) {
		status = pattern_parse_condition(p, at, &c->tests, err);
	} else {
		c->tests = pattern_alloc(p, sizeof *c->tests);
		status = c->tests ? pattern_parse_value(p, at, c->tests, err) : no_memory(err);
	}
	if (status != OUTFLOW_OK)
		return status;
	if (c->tests->kind == TEST_STRING)
		return add_string(p, leaf, c->tests->text, room, err);
	while (*last != NULL)
		last = &(*last)->next;
	*last = c;
	return OUTFLOW_OK;
}

static outflow_status parse_leaf(struct pattern *p, struct field *leaf, const struct place *at, outflow_error *err)
{
	const outflow_json *j = at->json;
	uint32_t end = outflow_json_next(j, at->token) - 1;
	struct place inside = { .up = at, .json = j };
	outflow_status status = OUTFLOW_OK;

	if (at->token + 1 == end)
		return pattern_refuse(at, "pattern.value", "an array of values needs at least one, or nothing can fit",
		                      err);
	leaf->conditions = NULL; /* the same name again: the last one wins */
	leaf->strings = NULL;
	leaf->n_strings = 0;
	leaf->source = outflow_json_raw(j, at->token);
	for (uint32_t i = at->token + 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i)) {
		inside.token = i;
		status = parse_alternative(p, leaf, &inside, end - at->token, err);
		inside.index++;
	}
	return status;
}

static outflow_status parse_object(struct pattern *p, struct field *field, const struct place *at, outflow_error *err);

static outflow_status parse_member(struct pattern *p, struct field *parent, const struct place *at, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);
	struct field *field;

	if (type != OUTFLOW_JSON_OBJECT && type != OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.value",
		                      "a field needs an array of values, such as [\"on\"], or an object "
		                      "with further fields",
		                      err);
	field = descend(p, parent, at->name, type == OUTFLOW_JSON_ARRAY);
	if (field == NULL)
		return no_memory(err);
	if (type == OUTFLOW_JSON_ARRAY)
		return parse_leaf(p, field, at, err);
	if (outflow_json_type(at->json, at->token + 1) == OUTFLOW_JSON_END)
		return pattern_refuse(at, "pattern.data.empty", "an object inside a pattern needs at least one field",
		                      err);
	return parse_object(p, field, at, err);
}

/* A name, unescaped, in the pattern's own memory where it must be. ptr NULL: no memory. */
static outflow_str name_at(struct pattern *p, const outflow_json *j, uint32_t i)
{
	outflow_str text = outflow_json_text(j, i);
	char *decoded;

	if (outflow_json_is_plain(j, i))
		return text;
	decoded = pattern_alloc(p, text.len);
	return (outflow_str){ decoded, decoded ? outflow_json_decode(text, decoded) : 0 };
}

static outflow_status parse_object(struct pattern *p, struct field *field, const struct place *at, outflow_error *err)
{
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j };
	outflow_status status = OUTFLOW_OK;
	uint32_t i = at->token + 1;

	for (; status == OUTFLOW_OK && outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		inside.name = name_at(p, j, i);
		inside.token = i + 1;
		if (inside.name.ptr == NULL)
			return no_memory(err);
		if (outflow_json_member(j, at->token, inside.name) == i + 1) /* else a later one of that name wins */
			status = parse_member(p, field, &inside, err);
	}
	return status;
}

outflow_status pattern_parse(struct pattern *p, outflow_error *err)
{
	struct place top = { .json = p->json, .index = -1 };

	if (outflow_json_type(p->json, 0) != OUTFLOW_JSON_OBJECT)
		return pattern_refuse(&top, "pattern.not_object", "a pattern is a JSON object", err);
	return parse_object(p, &p->root, &top, err);
}
