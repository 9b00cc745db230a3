/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <outflow/util.h>

#include <stdlib.h>

/* The path up to one of its segments. */
struct stop {
	struct path *path;
	outflow_str name; /* of that segment, in place.text; ptr NULL: an index */
};

/* From "$" to the whole path. */
struct place {
	struct stop *stops;
	size_t n;
	outflow_str text; /* empty: the payload itself */
	char copy[];
};

/* Where the segment at `from` ends, in a text that is known to be a path; and its name. */
static size_t segment_end(outflow_str text, size_t from, outflow_str *name)
{
	size_t i = from + 1;
	char quote;

	*name = (outflow_str){ NULL, 0 };
	if (text.ptr[from] == '.') {
		while (i < text.len && text.ptr[i] != '.' && text.ptr[i] != '[')
			i++;
		*name = (outflow_str){ text.ptr + from + 1, i - from - 1 };
		return i;
	}
	while (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\n' || text.ptr[i] == '\r')
		i++;
	quote = text.ptr[i];
	if (quote == '\'' || quote == '"') {
		size_t start = ++i;

		while (text.ptr[i] != quote)
			i += text.ptr[i] == '\\' ? 2 : 1;
		*name = (outflow_str){ text.ptr + start, i - start };
	}
	while (text.ptr[i] != ']')
		i++;
	return i + 1;
}

static outflow_status add_stop(struct place *p, size_t end, outflow_str name, outflow_error *err)
{
	struct stop *larger = realloc(p->stops, (p->n + 1) * sizeof *larger);

	if (larger == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	p->stops = larger;
	p->stops[p->n] = (struct stop){ .name = name };
	if (name.ptr != NULL && memchr(name.ptr, '\\', name.len) != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.*s': a name with a backslash cannot be made here",
		                    (int)name.len, name.ptr);
	return path_compile((outflow_str){ p->text.ptr, end }, &p->stops[p->n++].path, err);
}

outflow_status place_compile(outflow_str path, struct place **result, outflow_error *err)
{
	struct place *p = calloc(1, sizeof *p + path.len);
	struct path *whole = NULL;
	outflow_status status = OUTFLOW_OK;
	outflow_str name = { NULL, 0 };
	size_t end = 1;

	*result = p;
	if (p == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	if (path.len == 0)
		return OUTFLOW_OK;
	memcpy(p->copy, path.ptr, path.len);
	p->text = (outflow_str){ p->copy, path.len };
	status = path_compile(path, &whole, err);
	path_free(&whole);
	if (status == OUTFLOW_OK)
		status = add_stop(p, 1, name, err);
	while (status == OUTFLOW_OK && end < path.len) {
		if (p->copy[end] != '.' && p->copy[end] != '[') {
			end++; /* a blank between segments */
			continue;
		}
		end = segment_end(p->text, end, &name);
		status = add_stop(p, end, name, err);
	}
	if (status != OUTFLOW_OK)
		place_free(result);
	return status;
}

void place_free(struct place **pp)
{
	struct place *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		path_free(&p->stops[i].path);
	free(p->stops);
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
	if (p->n == 0) {
		v = value_of_token(found->json, 0);
		return take(p, e, &v, found);
	}
	for (;; found->n_missing++) {
		const struct stop *stop = &p->stops[p->n - 1 - found->n_missing];

		path_find(stop->path, e, &v);
		if (e->status != OUTFLOW_OK)
			return e->status;
		if (v.type != VALUE_MISSING)
			return take(p, e, &v, found);
		if (stop->name.ptr == NULL)
			return refuse(e, p, "there is no such element");
	}
}

outflow_str place_missing(const struct place *p, const struct place_found *found, size_t i)
{
	return p->stops[p->n - found->n_missing + i].name;
}
