/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <outflow/util.h>

#include <stdlib.h>

struct place {
	struct path *path; /* NULL: the payload itself */
	size_t n;          /* steps of path */
	outflow_str text;
	char copy[];
};

outflow_status place_compile(outflow_str path, struct place **result, outflow_error *err)
{
	struct place *p = calloc(1, sizeof *p + path.len);
	outflow_status status;

	*result = p;
	if (p == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	if (path.len == 0)
		return OUTFLOW_OK;
	memcpy(p->copy, path.ptr, path.len);
	p->text = (outflow_str){ p->copy, path.len };
	status = path_compile(path, &p->path, err);
	if (status == OUTFLOW_OK)
		p->n = path_length(p->path);
	else
		place_free(result);
	return status;
}

void place_free(struct place **pp)
{
	struct place *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	path_free(&p->path);
	free(p);
}

static outflow_status refuse(struct event *e, const struct place *p, const char *cause)
{
	outflow_str path = p->text.len > 0 ? p->text : outflow_text("the payload");

	return outflow_fail(e->err, OUTFLOW_E_RECORD, "target %.*s: %s", (int)(path.len > 200 ? 200 : path.len),
	                    path.ptr, cause);
}

static outflow_status take(const struct place *p, struct event *e, const struct value *v, struct place_found *found)
{
	if (v->json == NULL || v->json != found->json)
		return refuse(e, p, "this is not in the payload; a path into it begins with $.data.body");
	if (v->type != OUTFLOW_JSON_OBJECT)
		return refuse(e, p,
		              found->n_missing > 0 ? "something that is no object is in the way"
		                                   : "there is something else than an object");
	found->object = v->token;
	return OUTFLOW_OK;
}

outflow_status place_find(const struct place *p, struct event *e, struct place_found *found)
{
	struct value v;

	*found = (struct place_found){ .json = event_tape(e) };
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (found->json == NULL)
		return refuse(e, p, "the payload is not JSON");
	if (p->path == NULL) {
		v = value_of_token(found->json, 0);
		return take(p, e, &v, found);
	}
	for (size_t n = p->n;; n--, found->n_missing++) {
		path_find_first(p->path, n, e, &v);
		if (e->status != OUTFLOW_OK)
			return e->status;
		if (v.type != VALUE_MISSING)
			return take(p, e, &v, found);
		if (path_name(p->path, n - 1).ptr == NULL)
			return refuse(e, p, "there is no such element");
	}
}

outflow_str place_missing(const struct place *p, const struct place_found *found, size_t i)
{
	return path_name(p->path, p->n - found->n_missing + i);
}
