/* SPDX-License-Identifier: Apache-2.0 */
#include "template_internal.h"

#include "json_text.h"

#include <outflow/util.h>

#include <stdlib.h>

void template_free(struct template_form **pt)
{
	struct template_form *t = *pt;

	*pt = NULL;
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_paths; i++)
		path_free(&t->paths[i]);
	free(t->paths);
	free(t->pieces);
	free(t->texts);
	free(t);
}

bool template_is_json(const struct template_form *t)
{
	return t->is_json;
}

static outflow_status no_memory(struct event *e, const char *what)
{
	return outflow_fail(e->err, OUTFLOW_E_NOMEM, "%s: no memory for a template", what);
}

static outflow_str slice(const struct template_form *t, struct template_slice s)
{
	return (outflow_str){ t->texts + s.at, s.n };
}

static outflow_status escape(struct event *e, const char *what, outflow_str *text)
{
	size_t n = json_text_length(*text);
	char *escaped;

	if (n == text->len)
		return OUTFLOW_OK;
	escaped = outflow_alloc(e->host, e->arena, n, 1);
	if (escaped == NULL)
		return no_memory(e, what);
	json_text_write(*text, escaped);
	*text = (outflow_str){ escaped, n };
	return OUTFLOW_OK;
}

/* The value as it stands in a JSON string: one from a payload is escaped already. */
static outflow_status in_string(struct event *e, const char *what, const struct value *v, outflow_str *text)
{
	outflow_bytes json;

	*text = v->text;
	if (value_is_container(v)) {
		json = event_value_json(e, v);
		*text = (outflow_str){ json.ptr, json.len };
		return e->status == OUTFLOW_OK ? escape(e, what, text) : e->status;
	}
	return v->type == OUTFLOW_JSON_STRING && v->json == NULL ? escape(e, what, text) : OUTFLOW_OK;
}

static outflow_status when_missing(const struct template_form *t, const struct template_piece *p, struct event *e,
                                   const char *what, outflow_str *text)
{
	outflow_str name = slice(t, p->name);

	*text = slice(t, p->instead);
	if (p->has_instead)
		return OUTFLOW_OK;
	if (t->missing == TEMPLATE_DROP)
		return OUTFLOW_AGAIN;
	return outflow_fail(e->err, OUTFLOW_E_RECORD, "%s: there is no value for ${%.*s}", what,
	                    name.len > 100 ? 100 : (int)name.len, name.ptr);
}

/* What stands in the place of a variable. */
static outflow_status resolve(const struct template_form *t, const struct template_piece *p, struct event *e,
                              const char *what, outflow_str *text)
{
	outflow_bytes bytes = { "null", 4 };
	struct value v;

	path_find(p->path, e, &v);
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (v.type == VALUE_MISSING)
		return when_missing(t, p, e, what, text);
	if (p->place == TEMPLATE_IN_STRING)
		return in_string(e, what, &v, text);
	if (p->place == TEMPLATE_AS_VALUE)
		bytes = event_value_json(e, &v);
	else if (v.type != OUTFLOW_JSON_NULL)
		bytes = event_value_text(e, &v);
	*text = (outflow_str){ bytes.ptr, bytes.len };
	return e->status;
}

static char *append(char *to, outflow_str s)
{
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	return to + s.len;
}

outflow_status template_evaluate(const struct template_form *t, const char *what, struct event *e, outflow_bytes *out)
{
	size_t n = t->n_text;
	outflow_str *values = outflow_alloc(e->host, e->arena, t->n_pieces * sizeof *values, _Alignof(outflow_str));
	outflow_status status = values ? OUTFLOW_OK : no_memory(e, what);
	char *text, *to;

	for (size_t i = 0; i < t->n_pieces && status == OUTFLOW_OK; i++) {
		values[i] = (outflow_str){ NULL, 0 };
		if (t->pieces[i].path != NULL)
			status = resolve(t, &t->pieces[i], e, what, &values[i]);
		n += values[i].len;
	}
	if (status != OUTFLOW_OK)
		return status;
	text = to = outflow_alloc(e->host, e->arena, n, 1);
	if (text == NULL)
		return no_memory(e, what);
	for (size_t i = 0; i < t->n_pieces; i++)
		to = append(append(to, slice(t, t->pieces[i].text)), values[i]);
	*out = (outflow_bytes){ text, n };
	return OUTFLOW_OK;
}
