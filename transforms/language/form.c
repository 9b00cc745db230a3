/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"

#include "base64.h"
#include "json_text.h"

#include <outflow/util.h>

#include <stdio.h>

/* ---- configuration ---- */

static outflow_str setting(const outflow_host *h, const outflow_config *c, const char *key, const char *suffix)
{
	outflow_str text = { NULL, 0 };
	char name[96];

	snprintf(name, sizeof name, "%s%s", key, suffix);
	(void)h->config->str(c, name, &text);
	return text;
}

outflow_status form_read(struct form *f, const outflow_host *h, const outflow_config *c, const char *key,
                         enum form_missing missing, outflow_error *err)
{
	struct form_texts texts = {
		.value = setting(h, c, key, ""),
		.form = setting(h, c, key, ".form"),
		.template_text = setting(h, c, key, ".template"),
		.template_type = setting(h, c, key, ".template.type"),
		.missing = setting(h, c, key, ".missing"),
	};
	outflow_status status = form_set(f, &texts, missing, err);

	f->key = key;
	return status;
}

static outflow_status refuse(outflow_error *err, const char *cause)
{
	return outflow_fail(err, OUTFLOW_E_CONFIG, "%s", cause);
}

/* The place of text among names, or -1. */
static int place_of(outflow_str text, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
		if (outflow_equal(text, names[i]))
			return i;
	return -1;
}

static outflow_status choose_kind(struct form *f, const struct form_texts *t, outflow_error *err)
{
	static const char *const names[] = { "", "ORIGINAL", "JSONPATH", "CONSTANT", "TEMPLATE", "BINARY", NULL };
	int kind;

	if (t->form.len > 0) {
		kind = place_of(t->form, names);
		if (kind < 0)
			return outflow_fail(err, OUTFLOW_E_CONFIG,
			                    "form '%.*s' should be ORIGINAL, JSONPATH, CONSTANT, TEMPLATE or BINARY",
			                    (int)t->form.len, t->form.ptr);
		f->kind = (enum form_kind)kind;
	} else if (t->template_text.ptr != NULL || t->template_type.len > 0) {
		f->kind = FORM_TEMPLATE;
	} else if (t->value.ptr != NULL) {
		f->kind = t->value.len > 0 && t->value.ptr[0] == '$' ? FORM_PATH : FORM_CONSTANT;
	}
	return OUTFLOW_OK;
}

static outflow_status choose_missing(struct form *f, outflow_str text, enum form_missing by_default, outflow_error *err)
{
	static const char *const names[] = { "keep", "null", "default", "drop", "fail", NULL };
	int missing = place_of(text, names);

	f->missing = f->kind == FORM_TEMPLATE ? FORM_KEEP : by_default;
	if (text.len == 0)
		return OUTFLOW_OK;
	if (missing < 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "missing '%.*s' should be null, keep, default, drop or fail",
		                    (int)text.len, text.ptr);
	f->missing = (enum form_missing)missing;
	if (f->kind != FORM_TEMPLATE && (f->missing == FORM_KEEP || f->missing == FORM_DEFAULT))
		return refuse(err, "missing may be keep or default of a template alone");
	return OUTFLOW_OK;
}

/* A key that would have no effect is a mistake. */
static outflow_status check_texts(const struct form *f, const struct form_texts *t, outflow_error *err)
{
	size_t n = json_text_characters(t->value);

	if (f->kind == FORM_UNSET)
		return OUTFLOW_OK;
	if (f->kind == FORM_ORIGINAL && t->value.len > 0)
		return refuse(err, "the form ORIGINAL is the complete event and takes no value");
	if (f->kind != FORM_ORIGINAL && f->kind != FORM_TEMPLATE && t->value.ptr == NULL)
		return refuse(err, "the form is given, but not its value");
	if (n > FORM_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a value of %zu characters; at most %u are possible", n,
		                    FORM_MAX);
	if (f->kind == FORM_TEMPLATE && t->template_text.ptr == NULL)
		return refuse(err, "the form TEMPLATE needs a .template beside the variables in its value");
	if (f->kind != FORM_TEMPLATE && (t->template_text.ptr != NULL || t->template_type.len > 0))
		return refuse(err, "a template is given, but the form is not TEMPLATE");
	return OUTFLOW_OK;
}

static outflow_status set_template(struct form *f, const struct form_texts *t, outflow_error *err)
{
	static const char *const names[] = { "auto", "json", "text", NULL };
	static const enum template_missing policies[] = {
		[FORM_KEEP] = TEMPLATE_KEEP,       [FORM_NULL] = TEMPLATE_NULL, [FORM_DROP] = TEMPLATE_DROP,
		[FORM_DEFAULT] = TEMPLATE_DEFAULT, [FORM_FAIL] = TEMPLATE_FAIL,
	};
	outflow_str none = { "{}", 2 };
	int type = t->template_type.len > 0 ? place_of(t->template_type, names) : TEMPLATE_AUTO;

	if (type < 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "template.type '%.*s' should be auto, json or text",
		                    (int)t->template_type.len, t->template_type.ptr);
	return template_compile(t->template_text, t->value.ptr ? t->value : none, (enum template_type)type,
	                        policies[f->missing], &f->template_form, err);
}

outflow_status form_set(struct form *f, const struct form_texts *texts, enum form_missing missing, outflow_error *err)
{
	outflow_status status;

	*f = (struct form){ .kind = FORM_UNSET, .text = texts->value };
	status = choose_kind(f, texts, err);
	if (status == OUTFLOW_OK)
		status = check_texts(f, texts, err);
	if (status == OUTFLOW_OK)
		status = choose_missing(f, texts->missing, missing, err);
	if (status == OUTFLOW_OK && f->kind == FORM_TEMPLATE)
		status = set_template(f, texts, err);
	else if (status == OUTFLOW_OK && (f->kind == FORM_PATH || f->kind == FORM_BINARY))
		status = path_compile(texts->value, &f->path, err);
	return status;
}

void form_clear(struct form *f)
{
	path_free(&f->path);
	template_free(&f->template_form);
	f->kind = FORM_UNSET;
}

/* ---- records ---- */

static outflow_status when_missing(const struct form *f, struct event *e)
{
	switch (f->missing) {
	case FORM_DROP:
		return OUTFLOW_AGAIN;
	case FORM_FAIL:
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "%s: there is no value at %.*s", f->key, (int)f->text.len,
		                    f->text.ptr);
	default:
		return OUTFLOW_OK;
	}
}

static outflow_status evaluate_path(const struct form *f, struct event *e, outflow_bytes *out,
                                    enum form_content *content)
{
	struct value v;

	if (path_is_body(f->path) && !e->whole) {
		*out = e->record->value;
		*content = FORM_IS_PAYLOAD;
		return OUTFLOW_OK;
	}
	path_find(f->path, e, &v);
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (v.type == VALUE_MISSING)
		return when_missing(f, e);
	*content = v.type == OUTFLOW_JSON_STRING ? FORM_IS_TEXT : FORM_IS_JSON;
	*out = event_value_text(e, &v);
	return e->status;
}

static outflow_status decode(const struct form *f, struct event *e, outflow_bytes text, outflow_bytes *out)
{
	char *bytes = outflow_alloc(e->host, e->arena, text.len / 4 * 3 + 1, 1);
	size_t n;

	if (bytes == NULL)
		return outflow_fail(e->err, OUTFLOW_E_NOMEM, "%s: no memory", f->key);
	n = base64_read((outflow_str){ text.ptr, text.len }, bytes);
	if (n == SIZE_MAX)
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "%s: the text at %.*s is not Base64", f->key,
		                    (int)f->text.len, f->text.ptr);
	*out = (outflow_bytes){ bytes, n };
	return OUTFLOW_OK;
}

/* The payload of format binary is those bytes already: its Base64 need not be made first. */
static outflow_status evaluate_binary(const struct form *f, struct event *e, outflow_bytes *out)
{
	outflow_bytes text;
	struct value v;

	if (path_is_body(f->path) && event_payload_format(e) == EVENT_BINARY && e->status == OUTFLOW_OK) {
		*out = e->record->value;
		return OUTFLOW_OK;
	}
	path_find(f->path, e, &v);
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (v.type == VALUE_MISSING)
		return when_missing(f, e);
	if (v.type == OUTFLOW_JSON_NULL)
		return OUTFLOW_OK;
	if (v.type != OUTFLOW_JSON_STRING)
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "%s: the value at %.*s is not a string with Base64",
		                    f->key, (int)f->text.len, f->text.ptr);
	text = event_value_text(e, &v);
	return e->status == OUTFLOW_OK ? decode(f, e, text, out) : e->status;
}

outflow_status form_evaluate(const struct form *f, struct event *e, outflow_bytes *out, enum form_content *content)
{
	enum form_content unasked;

	if (content == NULL)
		content = &unasked;
	*out = (outflow_bytes){ NULL, 0 };
	*content = FORM_IS_TEXT;
	switch (f->kind) {
	case FORM_ORIGINAL:
		*content = FORM_IS_JSON;
		*out = event_whole_json(e);
		return e->status;
	case FORM_PATH:
		return evaluate_path(f, e, out, content);
	case FORM_TEMPLATE:
		if (template_is_json(f->template_form))
			*content = FORM_IS_JSON;
		return template_evaluate(f->template_form, f->key, e, out);
	case FORM_BINARY:
		*content = FORM_IS_BYTES;
		return evaluate_binary(f, e, out);
	default:
		*out = outflow_text_bytes(f->text);
		return OUTFLOW_OK;
	}
}
