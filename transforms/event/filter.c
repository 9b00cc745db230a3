/* SPDX-License-Identifier: Apache-2.0 */
/* The transform filter: lets through what fits an event pattern. */
#include "components.h"
#include "transforms/language/explain.h"
#include "transforms/language/pattern.h"

#include <outflow/ext/explain.h>
#include <outflow/util.h>

#include <stdlib.h>

struct filter {
	const outflow_host *host;
	struct event_settings settings;
	struct pattern *pattern;
};

static void destroy(void *self)
{
	struct filter *f = self;

	pattern_free(&f->pattern);
	free(f);
}

static outflow_status compile(const outflow_host *h, const outflow_config *c, struct pattern **p, outflow_error *err)
{
	return pattern_compile(outflow_config_text(h, c, "pattern"),
	                       pattern_dialect_of(outflow_config_text(h, c, "dialect")), p, err);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct filter *f = calloc(1, sizeof *f);
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the filter");
	f->host = h;
	event_settings_read(&f->settings, h, c, "source.");
	status = compile(h, c, &f->pattern, err);
	if (status != OUTFLOW_OK) {
		destroy(f);
		return status;
	}
	if (pattern_warning(f->pattern) != NULL)
		outflow_log(h, OUTFLOW_LOG_WARN, "pattern: %s", pattern_warning(f->pattern));
	*self = f;
	return OUTFLOW_OK;
}

/* Emits in when it was found to fit. A tape that had to be made for it goes along, for the stages behind. */
static outflow_status pass(const struct filter *f, const outflow_record *in, const struct event *e, outflow_batch *out,
                           outflow_error *err)
{
	outflow_record *r = outflow_emit(f->host, out, in);

	if (r == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no room for another record");
	if (e->json != NULL) {
		r->view = e->json;
		r->view_tag = f->settings.json_tag;
	}
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct filter *f = self;
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		struct event e;
		bool fits;

		event_begin(&e, f->host, out, &f->settings, &in[i], &cause);
		fits = pattern_match(f->pattern, &e, NULL, NULL);
		if (e.status == OUTFLOW_E_RECORD)
			f->host->reject(f->host, &in[i], e.status, &cause);
		else if (e.status != OUTFLOW_OK)
			status = outflow_fail(err, e.status, "%s", cause.msg);
		else if (fits)
			status = pass(f, &in[i], &e, out, err);
	}
	return status;
}

static outflow_status explain(void *self, const outflow_record *in, outflow_batch *out, outflow_bytes *json,
                              outflow_error *err)
{
	struct filter *f = self;
	struct event e;
	bool fits;
	outflow_status status;

	event_begin(&e, f->host, out, &f->settings, in, err);
	status = explain_match(f->pattern, &e, &fits, json);
	return status == OUTFLOW_OK && fits ? pass(f, in, &e, out, err) : status;
}

static const outflow_explain_api explain_api = { sizeof explain_api, explain };

static const void *extension(const char *id)
{
	return strcmp(id, OUTFLOW_EXT_EXPLAIN) == 0 ? &explain_api : NULL;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	struct pattern *pattern = NULL;
	outflow_status status = compile(h, c, &pattern, &cause);

	pattern_free(&pattern);
	if (status == OUTFLOW_OK)
		return OUTFLOW_OK;
	h->problem(h, "pattern", cause.msg);
	return outflow_fail(err, OUTFLOW_E_CONFIG, "%s", cause.msg);
}

static const outflow_cfg_key keys[] = {
	{ "pattern", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, "", 0, 0, NULL, "Filter",
	  "An event pattern as JSON: the nesting of the event, with an array of values and operators (prefix, numeric, exists, "
	  "anything-but...) for each field that must fit. Empty lets everything pass." },
	{ "dialect", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "union", 0, 0, pattern_dialects, "Filter",
	  "How patterns are read and values compared: union takes what either of the others takes, aws and alibaba are exactly "
	  "as Amazon EventBridge and Alibaba Cloud EventBridge." },
};

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
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
