/* SPDX-License-Identifier: Apache-2.0 */
#include "location.h"

#include "path.h"

#include <outflow/util.h>

#include <stdlib.h>

struct location {
	struct path *path;
	size_t n; /* steps of path */
	outflow_str text;
	char copy[];
};

outflow_status location_compile(outflow_str path, struct location **result, outflow_error *err)
{
	struct location *l = calloc(1, sizeof *l + path.len);
	outflow_status status;

	if (l == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	if (path.len > 0)
		memcpy(l->copy, path.ptr, path.len);
	l->text = (outflow_str){ l->copy, path.len };
	status = path_compile(path, &l->path, err);
	if (status == OUTFLOW_OK) {
		l->n = path_length(l->path);
		if (l->n == 0)
			status =
				outflow_fail(err, OUTFLOW_E_CONFIG,
			                     "'$' is the whole event; a path into the payload begins with $.data.body");
	}
	if (status != OUTFLOW_OK) {
		location_free(&l);
		return status;
	}
	*result = l;
	return OUTFLOW_OK;
}

void location_free(struct location **lp)
{
	struct location *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	path_free(&l->path);
	free(l);
}

outflow_str location_text(const struct location *l)
{
	return l->text;
}

outflow_str location_name(const struct location *l)
{
	return path_name(l->path, l->n - 1);
}

static outflow_status refuse(const struct location *l, struct event *e, const char *cause)
{
	return outflow_fail(e->err, OUTFLOW_E_RECORD, "%.*s: %s", (int)(l->text.len > 200 ? 200 : l->text.len),
	                    l->text.ptr, cause);
}

outflow_status location_find(const struct location *l, struct event *e, struct location_found *found)
{
	struct value v;

	*found = (struct location_found){ .json = event_tape(e) };
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (found->json == NULL)
		return refuse(l, e, "the payload is not JSON");
	path_find(l->path, e, &v);
	if (e->status == OUTFLOW_OK && v.type != VALUE_MISSING && v.json == found->json) {
		found->is_there = true;
		found->value = v.token;
		return OUTFLOW_OK;
	}
	if (e->status == OUTFLOW_OK && v.type == VALUE_MISSING)
		path_find_first(l->path, l->n - 1, e, &v);
	if (e->status != OUTFLOW_OK || v.type == VALUE_MISSING)
		return e->status;
	if (v.json != found->json)
		return refuse(l, e,
		              "this is not in the payload, and only the payload can be edited: its paths begin with "
		              "$.data.body");
	found->has_container = true;
	found->has_object = v.type == OUTFLOW_JSON_OBJECT && location_name(l).ptr != NULL;
	found->object = v.token;
	return OUTFLOW_OK;
}
