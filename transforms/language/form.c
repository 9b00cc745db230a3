/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"

#include <outflow/util.h>

#include <stdio.h>

static outflow_str setting(const outflow_host *h, const outflow_config *c, const char *key, const char *suffix)
{
	outflow_str text = { "", 0 };
	char name[64];

	snprintf(name, sizeof name, "%s%s", key, suffix);
	(void)h->config->str(c, name, &text);
	return text;
}

outflow_status form_read(struct form *f, const outflow_host *h, const outflow_config *c, const char *key,
                         outflow_error *err)
{
	outflow_str text, form = setting(h, c, key, ".form");

	*f = (struct form){ .key = key };
	if (h->config->str(c, key, &text) == OUTFLOW_OK)
		return form_set(f, text, form, setting(h, c, key, ".missing"), err);
	if (form.len > 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the form is given, but not its value");
	return OUTFLOW_OK;
}

outflow_status form_set(struct form *f, outflow_str text, outflow_str form, outflow_str missing, outflow_error *err)
{
	bool is_path = form.len > 0 ? outflow_equal(form, "JSONPATH") : text.len > 0 && text.ptr[0] == '$';

	if (form.len > 0 && !is_path && !outflow_equal(form, "CONSTANT"))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "form '%.*s' should be JSONPATH or CONSTANT", (int)form.len,
		                    form.ptr);
	f->text = text;
	if (outflow_equal(missing, "drop"))
		f->missing = FORM_DROP;
	else if (outflow_equal(missing, "fail"))
		f->missing = FORM_FAIL;
	else if (missing.len == 0 || outflow_equal(missing, "null"))
		f->missing = FORM_NULL;
	else
		return outflow_fail(err, OUTFLOW_E_CONFIG, "missing '%.*s' should be null, drop or fail",
		                    (int)missing.len, missing.ptr);
	f->kind = is_path ? FORM_PATH : FORM_CONSTANT;
	return is_path ? path_compile(text, &f->path, err) : OUTFLOW_OK;
}

void form_clear(struct form *f)
{
	path_free(&f->path);
	f->kind = FORM_UNSET;
}

static outflow_status no_memory(struct event *e, const struct form *f)
{
	return outflow_fail(e->err, OUTFLOW_E_NOMEM, "%s: no memory", f->key);
}

static outflow_status when_missing(const struct form *f, struct event *e, outflow_bytes *out)
{
	*out = (outflow_bytes){ NULL, 0 };
	switch (f->missing) {
	case FORM_NULL:
		return OUTFLOW_OK;
	case FORM_DROP:
		return OUTFLOW_AGAIN;
	default:
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "%s: there is no value at %.*s", f->key, (int)f->text.len,
		                    f->text.ptr);
	}
}

outflow_status form_evaluate(const struct form *f, struct event *e, outflow_bytes *out)
{
	struct value v;
	char *decoded;

	*out = outflow_text_bytes(f->text);
	if (f->kind == FORM_CONSTANT)
		return OUTFLOW_OK;
	*out = e->record->value;
	if (path_is_body(f->path) && !e->whole)
		return OUTFLOW_OK;
	path_find(f->path, e, &v);
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (v.type == VALUE_MISSING)
		return when_missing(f, e, out);
	*out = (outflow_bytes){ NULL, 0 };
	if (v.type == OUTFLOW_JSON_NULL)
		return OUTFLOW_OK;
	if (value_is_container(&v)) {
		*out = event_value_json(e, &v);
		return e->status;
	}
	*out = outflow_text_bytes(v.text);
	if (v.type != OUTFLOW_JSON_STRING || !v.special)
		return OUTFLOW_OK;
	decoded = outflow_alloc(e->host, e->arena, v.text.len, 1);
	if (decoded == NULL)
		return no_memory(e, f);
	*out = (outflow_bytes){ decoded, outflow_json_decode(v.text, decoded) };
	return OUTFLOW_OK;
}
