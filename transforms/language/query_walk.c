/* SPDX-License-Identifier: Apache-2.0 */
/* Steps from a value to its children, on a tape and in the envelope, each of them counted. */
#include "query_internal.h"

#include <outflow/util.h>

bool query_charge(struct query_run *r, uint64_t n)
{
	if (n <= r->steps) {
		r->steps -= n;
		return true;
	}
	r->steps = 0;
	if (r->e->status == OUTFLOW_OK)
		r->e->status =
			outflow_fail(r->e->err, OUTFLOW_E_RECORD,
		                     "path '%.*s' would take more than %u steps through this record, and %u more for "
		                     "each byte of it; one with fewer .. and nested filters takes less",
		                     (int)(r->query->text.len > 200 ? 200 : r->query->text.len), r->query->text.ptr,
		                     QUERY_STEPS, QUERY_STEPS_PER_BYTE);
	return false;
}

/* ---- one child ---- */

static uint32_t find_member(struct query_run *r, const outflow_json *j, uint32_t object, outflow_str name)
{
	uint32_t wanted = (uint32_t)name.len << 4 | OUTFLOW_JSON_STRING, found = 0, end, n = 1, i;

	if (outflow_json_type(j, object) != OUTFLOW_JSON_OBJECT)
		return 0;
	end = outflow_json_next(j, object) - 1;
	for (i = object + 1; i < end; i = outflow_json_next(j, i + 1), n++) {
		uint32_t info = j->tokens[i].info;

		/* No names are shorter than they are spelled, so that a longer one of escapes may be the same. */
		if (info == wanted ? memcmp(j->text.ptr + j->tokens[i].start + 1, name.ptr, name.len) == 0
		                   : info & OUTFLOW_JSON_SPECIAL && outflow_json_equal(j, i, name))
			found = i + 1;
	}
	return query_charge(r, n) ? found : 0;
}

/* The n-th sibling of an array's element after it (or before it, when n is negative); it must be there. */
static uint32_t move(const outflow_json *j, uint32_t token, int64_t n)
{
	for (; n > 0; n--)
		token = outflow_json_next(j, token);
	for (; n < 0; n++) {
		token--;
		if (outflow_json_type(j, token) == OUTFLOW_JSON_END)
			token = j->tokens[token].info >> 4;
	}
	return token;
}

static uint32_t find_element(struct query_run *r, const outflow_json *j, uint32_t array, int64_t at)
{
	uint32_t end = outflow_json_next(j, array) - 1, i = at < 0 ? end : array + 1, n = 1;

	if (outflow_json_type(j, array) != OUTFLOW_JSON_ARRAY)
		return 0;
	for (; at > 0 && i < end; at--, n++)
		i = outflow_json_next(j, i);
	for (; at < 0 && i > array + 1; at++, n++)
		i = move(j, i, -1);
	return query_charge(r, n) && at == 0 && i < end ? i : 0;
}

void query_element(struct query_run *r, const struct value *array, int64_t at, struct value *v)
{
	uint32_t token;

	if (array->json == NULL) {
		envelope_user_property(r->e, at, v);
		if (!query_charge(r, 1 + r->e->record->n_headers))
			v->type = VALUE_MISSING;
		return;
	}
	token = find_element(r, array->json, array->token, at);
	*v = token ? value_of_token(array->json, token) : (struct value){ .type = VALUE_MISSING };
}

void query_move(struct query_run *r, const struct value *array, int64_t at, int64_t n, struct value *v)
{
	if (array->json == NULL)
		query_element(r, array, at, v);
	else if (query_charge(r, (uint64_t)(n < 0 ? -n : n)))
		*v = value_of_token(array->json, move(array->json, v->token, n));
	else
		v->type = VALUE_MISSING;
}

void query_step(struct query_run *r, const struct selector *s, struct value *v)
{
	struct value container = *v;
	enum envelope_field field;
	uint32_t token;

	if (s->kind == SELECT_INDEX && v->type == OUTFLOW_JSON_ARRAY) {
		query_element(r, &container, s->index, v);
	} else if (s->kind == SELECT_INDEX || v->type != OUTFLOW_JSON_OBJECT) {
		v->type = VALUE_MISSING;
	} else if (v->json != NULL) {
		token = find_member(r, v->json, v->token, s->name);
		*v = token ? value_of_token(v->json, token) : (struct value){ .type = VALUE_MISSING };
	} else if (v->field == ENVELOPE_USER_PROPERTY) {
		envelope_user_part(r->e, &container, envelope_member(ENVELOPE_USER_PROPERTY, s->name), v);
	} else {
		field = envelope_member(v->field, s->name);
		if (field == ENVELOPE_EXTENSION)
			envelope_extension(r->e, s->name, v);
		else
			envelope_get(r->e, field, v);
	}
}

/* ---- all children ---- */

bool query_children_begin(struct query_run *r, struct query_children *c, const struct value *container)
{
	*c = (struct query_children){ .container = *container };
	if (container->json == NULL)
		return true;
	c->at = container->token + 1;
	c->end = outflow_json_next(container->json, container->token) - 1;
	return container->type == OUTFLOW_JSON_ARRAY || query_know_duplicates(r, container->json);
}

static bool next_of_envelope(struct query_run *r, struct query_children *c, struct value *name, struct value *child)
{
	outflow_str text = { NULL, 0 };

	if (c->container.field == ENVELOPE_USER_PROPERTIES) {
		query_element(r, &c->container, (int64_t)c->number++, child);
		return child->type != VALUE_MISSING;
	}
	if (!envelope_next(r->e, &c->container, &c->number, &text, child) || !query_charge(r, 1))
		return false;
	if (name != NULL)
		*name = (struct value){ .type = OUTFLOW_JSON_STRING, .text = text };
	return true;
}

bool query_children_next(struct query_run *r, struct query_children *c, struct value *name, struct value *child)
{
	const outflow_json *json = c->container.json;
	bool is_object = c->container.type == OUTFLOW_JSON_OBJECT;
	uint32_t at;

	if (r->e->status != OUTFLOW_OK)
		return false;
	if (json == NULL)
		return next_of_envelope(r, c, name, child);
	do {
		if (c->at == c->end || !query_charge(r, 1))
			return false;
		at = c->at + is_object;
		c->at = outflow_json_next(json, at);
	} while (is_object && query_is_overridden(r, at));
	if (name != NULL && is_object)
		*name = value_of_token(json, at - 1);
	*child = value_of_token(json, at);
	return true;
}

bool query_length(struct query_run *r, const struct value *container, int64_t *length)
{
	struct query_children c;
	struct value child;

	*length = 0;
	if (!query_children_begin(r, &c, container))
		return false;
	while (query_children_next(r, &c, NULL, &child))
		++*length;
	return r->e->status == OUTFLOW_OK;
}
