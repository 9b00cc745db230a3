/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include "query_internal.h"

#include <stdlib.h>

struct path {
	struct query query;
};

outflow_status path_compile(outflow_str text, struct path **result, outflow_error *err)
{
	struct path *p = calloc(1, sizeof *p);
	outflow_status status;

	if (p == NULL)
		return query_no_memory(err);
	status = query_read(&p->query, text, true, err);
	if (status != OUTFLOW_OK)
		path_free(&p);
	else
		*result = p;
	return status;
}

void path_free(struct path **pp)
{
	struct path *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	query_clear(&p->query);
	free(p);
}

bool path_is_body(const struct path *p)
{
	return p->query.root.field == ENVELOPE_BODY && p->query.root.inside == NULL;
}

size_t path_length(const struct path *p)
{
	size_t n = 0;

	for (const struct segment *s = p->query.root.first; s != NULL; s = s->next)
		n++;
	return n;
}

outflow_str path_name(const struct path *p, size_t i)
{
	const struct segment *s = p->query.root.first;

	while (i-- > 0)
		s = s->next;
	return s->selector.kind == SELECT_NAME ? s->selector.name : (outflow_str){ NULL, 0 };
}

void path_find_first(const struct path *p, size_t n, struct event *e, struct value *v)
{
	static const struct nodes_query everything = { .singular = true, .field = ENVELOPE_EVENT };
	struct query_run r = { .query = &p->query, .e = e, .steps = UINT64_MAX };
	const struct segment *s = p->query.root.first;

	query_single(&r, &everything, NULL, v);
	for (; n > 0 && v->type != VALUE_MISSING; n--, s = s->next)
		query_step(&r, &s->selector, v);
}

void path_find(const struct path *p, struct event *e, struct value *v)
{
	struct query_run r = { .query = &p->query, .e = e, .steps = UINT64_MAX };

	query_single(&r, &p->query.root, NULL, v);
}
