/* SPDX-License-Identifier: Apache-2.0 */
#include "targets.h"

#include "query.h"

#include <outflow/util.h>

#include <stdlib.h>

struct target {
	struct target *next;
	struct query *query;
	outflow_str text;
	char copy[];
};

struct targets {
	struct target *first, **end;
	size_t n;
};

struct targets *targets_new(void)
{
	struct targets *t = calloc(1, sizeof *t);

	if (t != NULL)
		t->end = &t->first;
	return t;
}

outflow_status targets_add(struct targets *t, outflow_str path, outflow_error *err)
{
	struct target *target = calloc(1, sizeof *target + path.len);
	outflow_status status;

	if (target == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	status = query_compile(path, &target->query, err);
	if (status != OUTFLOW_OK) {
		free(target);
		return status;
	}
	if (path.len > 0)
		memcpy(target->copy, path.ptr, path.len);
	target->text = (outflow_str){ target->copy, path.len };
	*t->end = target;
	t->end = &target->next;
	t->n++;
	return OUTFLOW_OK;
}

void targets_free(struct targets **tp)
{
	struct target *next, *target = *tp ? (*tp)->first : NULL;

	for (; target != NULL; target = next) {
		next = target->next;
		query_free(&target->query);
		free(target);
	}
	free(*tp);
	*tp = NULL;
}

size_t targets_count(const struct targets *t)
{
	return t->n;
}

/* Is v the record's own value, be it JSON or text? What the envelope works out is not, nor is Base64 of the value. */
static bool is_in_payload(const struct event *e, const struct value *v)
{
	return v->json != NULL || (v->text.ptr != NULL && v->text.ptr == e->record->value.ptr);
}

/* One walk along one path. */
struct walk {
	const struct target *target;
	struct event *e;
	target_found *found;
	void *arg;
	outflow_status status;
	bool any;
};

static bool take(void *arg, const struct value *v)
{
	struct walk *w = arg;

	w->any = true;
	if (v->type == OUTFLOW_JSON_NULL && v->json == NULL) /* the payload is null: it holds nothing */
		return true;
	if (is_in_payload(w->e, v))
		w->status = w->found(w->arg, v);
	else
		w->status =
			outflow_fail(w->e->err, OUTFLOW_E_RECORD,
		                     "'%.*s' leads to a part of the event that is not in the payload, and only the "
		                     "payload can be edited: its paths begin with $.data.body",
		                     (int)(w->target->text.len > 200 ? 200 : w->target->text.len), w->target->text.ptr);
	return w->status == OUTFLOW_OK;
}

outflow_status targets_walk(const struct targets *t, struct event *e, target_found *found, void *arg,
                            outflow_str *missing)
{
	struct walk w = { .e = e, .found = found, .arg = arg };

	for (w.target = t->first; w.target != NULL && w.status == OUTFLOW_OK; w.target = w.target->next) {
		w.any = false;
		query_find(w.target->query, e, take, &w);
		if (w.status == OUTFLOW_OK)
			w.status = e->status;
		if (missing != NULL && !w.any && missing->ptr == NULL)
			*missing = w.target->text;
	}
	return w.status;
}
