/* SPDX-License-Identifier: Apache-2.0 */
/* The transform filter: lets through what fits an event pattern, or one of several, and says which. */
#include "components.h"
#include "matcher.h"

#include <outflow/ext/explain.h>
#include <outflow/util.h>

#include <stdlib.h>

struct filter {
	struct matcher matcher;
	outflow_str header; /* of the names of the patterns that fit; empty: none */
	bool keeps_others;  /* what fits none goes on as well */
};

static void destroy(void *self)
{
	struct filter *f = self;

	matcher_clear(&f->matcher);
	free(f);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct filter *f = calloc(1, sizeof *f);
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the filter");
	status = matcher_make(&f->matcher, h, c, err);
	if (status != OUTFLOW_OK) {
		free(f);
		return status;
	}
	f->header = outflow_config_text(h, c, "matched.header");
	f->keeps_others = outflow_equal(outflow_config_text(h, c, "unmatched"), "pass");
	*self = f;
	return OUTFLOW_OK;
}

/* The names of the patterns that fit, with commas between them; ptr NULL: no memory. */
static outflow_bytes join_names(const struct matcher *m, outflow_batch *out, const uint32_t *matched, size_t n)
{
	size_t length = n;
	char *text, *to;

	for (size_t i = 0; i < n; i++)
		length += pattern_set_name(m->set, matched[i]).len;
	text = to = outflow_alloc(m->host, out, length, 1);
	for (size_t i = 0; i < n && text != NULL; i++) {
		outflow_str name = pattern_set_name(m->set, matched[i]);

		if (i > 0)
			*to++ = ',';
		memcpy(to, name.ptr, name.len);
		to += name.len;
	}
	return (outflow_bytes){ text, text ? (size_t)(to - text) : 0 };
}

/* Emits in. A tape that had to be made for it goes along, for the stages behind. */
static outflow_status pass(const struct filter *f, const outflow_record *in, const struct event *e,
                           const uint32_t *matched, size_t n, outflow_batch *out, outflow_error *err)
{
	const struct matcher *m = &f->matcher;
	outflow_record *r = outflow_emit(m->host, out, in);
	outflow_header header = { .name = f->header };

	if (r == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no room for another record");
	if (e->json != NULL) {
		r->view = e->json;
		r->view_tag = m->settings.json_tag;
	}
	if (!m->has_names || f->header.len == 0 || n == 0)
		return OUTFLOW_OK;
	header.value = join_names(m, out, matched, n);
	if (header.value.ptr == NULL || outflow_add_headers(m->host, out, r, &header, 1) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the names of patterns");
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct filter *f = self;
	struct matcher *m = &f->matcher;
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		const uint32_t *matched;
		struct event e;
		size_t fits;

		event_begin(&e, m->host, out, &m->settings, &in[i], &cause);
		fits = pattern_set_match(m->set, &e, &matched);
		if (e.status == OUTFLOW_E_RECORD)
			m->host->reject(m->host, &in[i], e.status, &cause);
		else if (e.status != OUTFLOW_OK)
			status = outflow_fail(err, e.status, "%s", cause.msg);
		else if (fits > 0 || f->keeps_others)
			status = pass(f, &in[i], &e, matched, fits, out, err);
	}
	return status;
}

static outflow_status explain(void *self, const outflow_record *in, outflow_batch *out, outflow_bytes *json,
                              outflow_error *err)
{
	struct filter *f = self;
	const uint32_t *matched;
	struct event e;
	bool fits;
	size_t n;
	outflow_status status;

	event_begin(&e, f->matcher.host, out, &f->matcher.settings, in, err);
	status = matcher_explain(&f->matcher, &e, &fits, json);
	if (status != OUTFLOW_OK || !(fits || f->keeps_others))
		return status;
	n = pattern_set_match(f->matcher.set, &e, &matched);
	return pass(f, in, &e, matched, n, out, err);
}

static const outflow_explain_api explain_api = { sizeof explain_api, explain };

static const void *extension(const char *id)
{
	return strcmp(id, OUTFLOW_EXT_EXPLAIN) == 0 ? &explain_api : NULL;
}

static const char *const others[] = { "drop", "pass", NULL };

static const outflow_cfg_key keys[] = {
	MATCHER_KEYS,
	{ "matched.header", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_LOW, 0, "outflow.matched", 0, 0, NULL, "Patterns",
	  "The header that tells which of patterns.<name> fit: their names, with commas between them. Empty: none." },
	{ "unmatched", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_LOW, 0, "drop", 0, 0, others, "Patterns",
	  "What becomes of a record that fits no pattern: drop filters it, pass lets it go on without that header." },
};

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = matcher_check,
};

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component event_filter = {
	.size = sizeof event_filter,
	.kind = OUTFLOW_TRANSFORM,
	.name = "filter",
	.doc = "Lets through the records that fit an event pattern.",
	.config = &config,
	.ops = &ops,
	.extension = extension,
};
