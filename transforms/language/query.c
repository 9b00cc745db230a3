/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation of a query, one node after the other: what a selector finds goes through the rest of the segments before
 * the selector goes on. That gives the order of RFC 9535 and needs no lists of nodes.
 */
#include "query_filter.h"

#include <outflow/util.h>

#include <stddef.h>
#include <stdlib.h>

struct query_block {
	struct query_block *next;
	max_align_t memory[];
};

void *query_alloc(struct query *q, size_t n)
{
	struct query_block *block = calloc(1, sizeof *block + n);

	if (block == NULL)
		return NULL;
	block->next = q->blocks;
	q->blocks = block;
	return block->memory;
}

void query_clear(struct query *q)
{
	struct query_block *block;

	for (struct query_regex *regex = q->regexes; regex != NULL; regex = regex->next) {
		regex_free(&regex->regex);
		free(regex->text);
	}
	while ((block = q->blocks) != NULL) {
		q->blocks = block->next;
		free(block);
	}
}

outflow_status query_compile(outflow_str text, struct query **result, outflow_error *err)
{
	struct query *q = calloc(1, sizeof *q);
	outflow_status status;

	if (q == NULL)
		return query_no_memory(err);
	status = query_read(q, text, false, err);
	if (status != OUTFLOW_OK)
		query_free(&q);
	else
		*result = q;
	return status;
}

void query_free(struct query **qp)
{
	struct query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	query_clear(q);
	free(q);
}

bool query_is_singular(const struct query *q)
{
	return q->root.singular;
}

enum envelope_field query_field(const struct query *q)
{
	return q->root.field;
}

/* ---- evaluation ---- */

/* The nodes of one query on their way to a callback. */
struct walk {
	struct query_run *run;
	query_found *found;
	void *arg;
};

/* Answers of these: false when the walk must end. */
static bool visit(const struct walk *w, const struct segment *s, const struct value *v);

static bool visit_children(const struct walk *w, const struct segment *s, const struct selector *selector,
                           const struct value *v)
{
	struct query_run *r = w->run;
	struct query_children c;
	struct value child;

	if (!query_children_begin(r, &c, v))
		return false;
	while (query_children_next(r, &c, NULL, &child)) {
		if (selector->kind == SELECT_FILTER && !query_filter_holds(r, selector->filter, &child))
			continue;
		if (!visit(w, s->next, &child))
			return false;
	}
	return r->e->status == OUTFLOW_OK;
}

/* A bound of a slice, from the end when negative, between low and high. */
static int64_t within(int64_t bound, int64_t length, int64_t low, int64_t high)
{
	int64_t i = bound < 0 ? bound + length : bound;

	if (i < low)
		return low;
	return i > high ? high : i;
}

/* RFC 9535, 2.3.4.2.2. */
static bool visit_slice(const struct walk *w, const struct segment *s, const struct slice *slice,
                        const struct value *array)
{
	int64_t length, step = slice->step, i, end;
	struct value element = *array;

	if (array->type != OUTFLOW_JSON_ARRAY || step == 0)
		return true;
	if (!query_length(w->run, array, &length))
		return false;
	if (step > 0) {
		i = slice->has_start ? within(slice->start, length, 0, length) : 0;
		end = slice->has_end ? within(slice->end, length, 0, length) : length;
	} else {
		i = slice->has_start ? within(slice->start, length, -1, length - 1) : length - 1;
		end = slice->has_end ? within(slice->end, length, -1, length - 1) : -1;
	}
	if (step > 0 ? i < end : i > end)
		query_element(w->run, array, i, &element);
	while (step > 0 ? i < end : i > end) {
		if (element.type == VALUE_MISSING || !visit(w, s->next, &element))
			return false;
		i += step;
		if (step > 0 ? i < end : i > end)
			query_move(w->run, array, i, step, &element);
	}
	return true;
}

static bool visit_selected(const struct walk *w, const struct segment *s, const struct value *v)
{
	struct value found;

	for (const struct selector *selector = &s->selector; selector != NULL; selector = selector->next) {
		bool goes_on = true;

		switch (selector->kind) {
		case SELECT_NAME:
		case SELECT_INDEX:
			found = *v;
			query_step(w->run, selector, &found);
			if (found.type != VALUE_MISSING)
				goes_on = visit(w, s->next, &found);
			break;
		case SELECT_SLICE:
			goes_on = visit_slice(w, s, &selector->slice, v);
			break;
		default:
			goes_on = visit_children(w, s, selector, v);
			break;
		}
		if (!goes_on || w->run->e->status != OUTFLOW_OK)
			return false;
	}
	return true;
}

/* A container and all containers in it, which on a tape lie behind it in this order. */
static bool visit_tape(const struct walk *w, const struct segment *s, const struct value *v)
{
	const outflow_json *json = v->json;
	uint32_t end = outflow_json_next(json, v->token);
	struct value inner;

	if (!query_know_duplicates(w->run, json) || !query_charge(w->run, end - v->token))
		return false;
	for (uint32_t i = v->token; i < end; i++) {
		uint32_t type = outflow_json_type(json, i);

		if (type != OUTFLOW_JSON_OBJECT && type != OUTFLOW_JSON_ARRAY)
			continue;
		if (query_is_overridden(w->run, i)) {
			i = outflow_json_next(json, i) - 1;
			continue;
		}
		inner = value_of_token(json, i);
		if (!visit_selected(w, s, &inner))
			return false;
	}
	return true;
}

static bool visit_descendants(const struct walk *w, const struct segment *s, const struct value *v);

/* The containers that are members of v; scalars need not be worked out. */
static bool visit_members(const struct walk *w, const struct segment *s, const struct value *v)
{
	static const enum envelope_field inner[] = { ENVELOPE_DATA, ENVELOPE_PROPS, ENVELOPE_BODY,
		                                     ENVELOPE_USER_PROPERTIES };
	enum envelope_field container;
	struct value child;

	for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
		(void)envelope_name(inner[i], &container);
		if (container != v->field)
			continue;
		envelope_get(w->run->e, inner[i], &child);
		if (value_is_container(&child) && !visit_descendants(w, s, &child))
			return false;
	}
	return w->run->e->status == OUTFLOW_OK;
}

static bool visit_descendants(const struct walk *w, const struct segment *s, const struct value *v)
{
	struct query_children c;
	struct value child;

	if (v->json != NULL)
		return visit_tape(w, s, v);
	if (!visit_selected(w, s, v))
		return false;
	if (v->type == OUTFLOW_JSON_OBJECT)
		return visit_members(w, s, v);
	if (!query_children_begin(w->run, &c, v))
		return false;
	while (query_children_next(w->run, &c, NULL, &child))
		if (!visit_descendants(w, s, &child))
			return false;
	return w->run->e->status == OUTFLOW_OK;
}

static bool visit(const struct walk *w, const struct segment *s, const struct value *v)
{
	if (s == NULL)
		return w->found(w->arg, v) && w->run->e->status == OUTFLOW_OK;
	if (!value_is_container(v))
		return true;
	return s->descendant ? visit_descendants(w, s, v) : visit_selected(w, s, v);
}

/* Where q begins, and what is then left of it. */
static const struct segment *begin(struct query_run *r, const struct nodes_query *q, const struct value *current,
                                   struct value *v)
{
	const outflow_json *json;

	*v = (struct value){ .type = VALUE_MISSING };
	if (q->relative) {
		*v = *current;
		return q->first;
	}
	if (!r->e->whole) {
		if (q->field == ENVELOPE_EXTENSION)
			envelope_extension(r->e, q->first->selector.name, v);
		else
			envelope_get(r->e, q->field, v);
		return q->inside;
	}
	json = event_tape(r->e);
	if (json != NULL)
		*v = value_of_token(json, 0);
	return q->first;
}

bool query_nodes(struct query_run *r, const struct nodes_query *q, const struct value *current, query_found *found,
                 void *arg)
{
	struct walk w = { r, found, arg };
	struct value v;
	const struct segment *s = begin(r, q, current, &v);

	return v.type == VALUE_MISSING || visit(&w, s, &v);
}

void query_single(struct query_run *r, const struct nodes_query *q, const struct value *current, struct value *v)
{
	const struct segment *s = begin(r, q, current, v);

	for (; s != NULL && v->type != VALUE_MISSING; s = s->next)
		query_step(r, &s->selector, v);
}

void query_find(const struct query *q, struct event *e, query_found *found, void *arg)
{
	struct query_run r = { .query = q, .e = e };

	r.steps = QUERY_STEPS + (uint64_t)QUERY_STEPS_PER_BYTE * e->record->value.len;
	if (query_filter_begin(&r))
		(void)query_nodes(&r, &q->root, NULL, found, arg);
}
