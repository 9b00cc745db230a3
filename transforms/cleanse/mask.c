/* SPDX-License-Identifier: Apache-2.0 */
/* The transform mask: values of the payload are hidden, wholly, in part, or behind a digest. */
#include "components.h"
#include "digest.h"
#include "transforms/language/reading.h"
#include "transforms/language/rewrite.h"
#include "transforms/language/stage.h"
#include "transforms/language/targets.h"

#include <outflow/json.h>

#include <stdlib.h>

enum method { METHOD_REPLACE, METHOD_PARTIAL, METHOD_SHA256, METHOD_HMAC };
enum missing { MISSING_SKIP, MISSING_FAIL };
static const char *const method_names[] = { "replace", "partial", "sha256", "hmac-sha256", NULL };
static const char *const missing_names[] = { "skip", "fail", NULL };

struct mask {
	const outflow_host *host;
	struct event_settings settings;
	struct targets *targets;
	enum method method;
	enum missing missing;
	outflow_str with;      /* METHOD_REPLACE: the text; METHOD_PARTIAL: what stands for a hidden character */
	int64_t first, last;   /* METHOD_PARTIAL: characters that stay */
	struct digest *digest; /* METHOD_SHA256, METHOD_HMAC */
};

/* ---- configuration ---- */

static void read_paths(struct mask *m, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_str path;
	outflow_status status;

	m->targets = targets_new();
	if (m->targets == NULL) {
		reading_problem(r, "paths", OUTFLOW_E_NOMEM, "no memory for the paths");
		return;
	}
	for (size_t i = 0; i < r->host->config->list(r->config, "paths", i, &path); i++) {
		status = targets_add(m->targets, path, &err);
		if (status != OUTFLOW_OK)
			reading_problem(r, "paths", status, "%s", err.msg);
	}
	if (r->host->config->list(r->config, "paths", SIZE_MAX, &path) == 0)
		reading_problem(r, "paths", OUTFLOW_E_CONFIG, "at least one path is needed");
}

/* A key that belongs to other methods alone would have no effect. */
static void refuse_idle(struct reading *r, const char *key, bool has_effect, const char *methods)
{
	outflow_str text;

	if (!has_effect && reading_text(r, key, false, &text))
		reading_problem(r, key, OUTFLOW_E_CONFIG, "has no effect unless method is %s", methods);
}

static void read_digest(struct mask *m, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_str key = { NULL, 0 };
	outflow_status status;

	if (m->method == METHOD_HMAC && !reading_text(r, "secret", true, &key))
		return;
	if (m->method == METHOD_HMAC && key.len == 0) {
		reading_problem(r, "secret", OUTFLOW_E_CONFIG, "is empty: anybody could make the same digests");
		return;
	}
	status = digest_new(key, &m->digest, &err);
	if (status != OUTFLOW_OK)
		reading_problem(r, "method", status, "%s", err.msg);
}

static void read_mask(struct mask *m, struct reading *r)
{
	read_paths(m, r);
	m->method = reading_choice(r, "method", method_names, METHOD_REPLACE);
	m->missing = reading_choice(r, "missing", missing_names, MISSING_SKIP);
	m->with = outflow_text(m->method == METHOD_PARTIAL ? "*" : "***");
	(void)reading_text(r, "with", false, &m->with);
	(void)r->host->config->i64(r->config, "keep.first", &m->first);
	(void)r->host->config->i64(r->config, "keep.last", &m->last);
	if (outflow_utf8_check(outflow_text_bytes(m->with)) < m->with.len)
		reading_problem(r, "with", OUTFLOW_E_CONFIG, "is not valid UTF-8");
	refuse_idle(r, "with", m->method == METHOD_REPLACE || m->method == METHOD_PARTIAL, "replace or partial");
	refuse_idle(r, "keep.first", m->method == METHOD_PARTIAL, "partial");
	refuse_idle(r, "keep.last", m->method == METHOD_PARTIAL, "partial");
	refuse_idle(r, "secret", m->method == METHOD_HMAC, "hmac-sha256");
	if (m->method == METHOD_SHA256 || m->method == METHOD_HMAC)
		read_digest(m, r);
}

static void clear(struct mask *m)
{
	targets_free(&m->targets);
	digest_free(&m->digest);
}

static outflow_status check(const outflow_host *h, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct mask m = { .host = h };

	read_mask(&m, &r);
	clear(&m);
	return r.status;
}

static void destroy(void *self)
{
	clear(self);
	free(self);
}

static outflow_status create(const outflow_host *h, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct mask *m = calloc(1, sizeof *m);

	if (m == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	m->host = h;
	event_settings_read(&m->settings, h, config, "source.");
	read_mask(m, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(m);
		return r.status;
	}
	*self = m;
	return OUTFLOW_OK;
}

/* ---- records ---- */

struct work {
	const struct mask *mask;
	struct event e;
	struct rewrite rewrite;
	bool rewriting;
	outflow_str payload; /* a payload that is no JSON, hidden; ptr NULL: it was not */
};

static outflow_status no_memory(struct work *w)
{
	return outflow_fail(w->e.err, OUTFLOW_E_NOMEM, "no memory for a hidden value");
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* Keeps characters at both ends; a text that has no more than these is hidden wholly, or short ones would show. */
static outflow_status hide_part(struct work *w, outflow_str text, outflow_str *hidden)
{
	const struct mask *m = w->mask;
	size_t n = 0, at = 0, first = (size_t)m->first, last = (size_t)m->last;
	char *out = outflow_alloc(m->host, w->e.arena, text.len * (m->with.len + 1) + 1, 1), *to = out;

	if (out == NULL)
		return no_memory(w);
	for (size_t i = 0; i < text.len; i++)
		n += begins_character(text.ptr[i]);
	if (n <= first + last)
		first = last = 0;
	for (size_t i = 0; i < text.len; i++) {
		bool begins = begins_character(text.ptr[i]);

		at += begins;
		if (at <= first || at > n - last) {
			*to++ = text.ptr[i];
		} else if (begins && m->with.len > 0) {
			memcpy(to, m->with.ptr, m->with.len);
			to += m->with.len;
		}
	}
	*hidden = (outflow_str){ out, (size_t)(to - out) };
	return OUTFLOW_OK;
}

static outflow_status hide(struct work *w, outflow_str text, outflow_str *hidden)
{
	const struct mask *m = w->mask;
	char *hex;

	*hidden = m->with;
	if (m->method == METHOD_REPLACE)
		return OUTFLOW_OK;
	if (m->method == METHOD_PARTIAL)
		return hide_part(w, text, hidden);
	hex = outflow_alloc(m->host, w->e.arena, DIGEST_HEX, 1);
	if (hex == NULL)
		return no_memory(w);
	*hidden = (outflow_str){ hex, DIGEST_HEX };
	return digest_write(m->digest, text, hex, w->e.err);
}

static outflow_status mask_value(void *arg, const struct value *v)
{
	struct work *w = arg;
	outflow_json_writer writer;
	outflow_str hidden;
	outflow_bytes json, text;
	outflow_status status;

	if (v->type == OUTFLOW_JSON_NULL)
		return OUTFLOW_OK;
	if (value_is_container(v) && w->mask->method == METHOD_PARTIAL)
		return outflow_fail(
			w->e.err, OUTFLOW_E_RECORD,
			"an object or array cannot be hidden in part; the path should lead to what is inside");
	text = event_value_text(&w->e, v);
	status = w->e.status;
	if (status == OUTFLOW_OK)
		status = hide(w, (outflow_str){ text.ptr, text.len }, &hidden);
	if (status != OUTFLOW_OK)
		return status;
	if (v->json == NULL) {
		w->payload = hidden;
		return OUTFLOW_OK;
	}
	outflow_json_begin(&writer, w->mask->host, w->e.arena, hidden.len + 8);
	outflow_json_put_string(&writer, hidden);
	json = outflow_json_finish(&writer);
	if (json.ptr == NULL)
		return no_memory(w);
	if (!w->rewriting)
		rewrite_begin(&w->rewrite, w->mask->host, w->e.arena, v->json);
	w->rewriting = true;
	rewrite_replace(&w->rewrite, v->token, (outflow_str){ json.ptr, json.len });
	return OUTFLOW_OK;
}

static outflow_status mask_record(struct work *w)
{
	outflow_str missing = { NULL, 0 };
	outflow_bytes text;
	outflow_status status = targets_walk(w->mask->targets, &w->e, mask_value, w, &missing);

	if (status == OUTFLOW_OK && missing.ptr != NULL && w->mask->missing == MISSING_FAIL)
		status = outflow_fail(w->e.err, OUTFLOW_E_RECORD, "%.*s: there is nothing to hide",
		                      (int)(missing.len > 200 ? 200 : missing.len), missing.ptr);
	if (status != OUTFLOW_OK || !w->rewriting)
		return status;
	text = rewrite_finish(&w->rewrite);
	w->payload = (outflow_str){ text.ptr, text.len };
	return text.ptr ? OUTFLOW_OK : no_memory(w);
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct mask *m = self;
	struct work w = { .mask = m };
	outflow_status status = OUTFLOW_OK;
	outflow_record *r;

	event_begin(&w.e, m->host, out, &m->settings, in, err);
	if (in->value.ptr != NULL) /* null hides already */
		status = mask_record(&w);
	if (status != OUTFLOW_OK)
		return status;
	if (w.payload.ptr == NULL)
		return stage_emit(m->host, out, in, &r, err);
	return stage_emit_value(m->host, out, in, outflow_text_bytes(w.payload), err);
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct mask *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "paths", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Mask",
	  "JSONPath queries: the values that they find are hidden. Numbers, true and false become strings, objects and arrays "
	  "too; null stays." },
	{ "method", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_HIGH, 0, "replace", 0, 0, method_names, "Mask",
	  "By a constant, in part, or by a digest in hexadecimal: SHA-256, or HMAC-SHA-256, which nobody can make without the "
	  "secret. A digest without a secret of something with few possible values (a telephone number) hides little." },
	{ "with", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, NULL, "Mask",
	  "replace: the text in the place of the value (***). partial: what stands for each hidden character (*)." },
	{ "keep.first", OUTFLOW_T_INT, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 1000, NULL, "Mask",
	  "partial: how many characters at the beginning stay (0). A text that has no more than those that stay is hidden "
	  "wholly." },
	{ "keep.last", OUTFLOW_T_INT, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 1000, NULL, "Mask",
	  "partial: how many characters at the end stay (0)." },
	{ "secret", OUTFLOW_T_STRING, OUTFLOW_K_SECRET, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Mask",
	  "hmac-sha256: the key." },
	{ "missing", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "skip", 0, 0, missing_names, "Mask",
	  "What happens when a path finds nothing: nothing, or the record fails." },
};
static const outflow_cfg_def config = { sizeof config, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component cleanse_mask = {
	.size = sizeof cleanse_mask,
	.kind = OUTFLOW_TRANSFORM,
	.name = "mask",
	.doc = "Hides values of the payload.",
	.config = &config,
	.ops = &ops,
};
