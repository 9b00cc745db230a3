/* SPDX-License-Identifier: Apache-2.0 */
/* The predicate matches: does a record fit an event pattern? */
#include "components.h"
#include "matcher.h"

#include <outflow/ext/explain.h>
#include <outflow/util.h>

#include <stdlib.h>

static void destroy(void *self)
{
	matcher_clear(self);
	free(self);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct matcher *m = calloc(1, sizeof *m);
	outflow_status status;

	if (m == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the predicate");
	status = matcher_make(m, h, c, err);
	if (status == OUTFLOW_OK)
		*self = m;
	else
		free(m);
	return status;
}

static outflow_status test(void *self, const outflow_record *in, size_t n, uint8_t *match, outflow_batch *scratch,
                           outflow_error *err)
{
	struct matcher *m = self;
	outflow_error cause = { .size = sizeof cause };

	for (size_t i = 0; i < n; i++) {
		struct event e;

		event_begin(&e, m->host, scratch, &m->settings, &in[i], &cause);
		match[i] = pattern_set_match_any(m->set, &e);
		if (e.status == OUTFLOW_E_RECORD)
			m->host->reject(m->host, &in[i], e.status, &cause);
		else if (e.status != OUTFLOW_OK)
			return outflow_fail(err, e.status, "%s", cause.msg);
	}
	return OUTFLOW_OK;
}

/* A predicate has no outputs, only reasons. */
static outflow_status explain(void *self, const outflow_record *in, outflow_batch *out, outflow_bytes *json,
                              outflow_error *err)
{
	struct matcher *m = self;
	struct event e;
	bool fits;

	event_begin(&e, m->host, out, &m->settings, in, err);
	return matcher_explain(m, &e, &fits, json);
}

static const outflow_explain_api explain_api = { sizeof explain_api, explain };

static const void *extension(const char *id)
{
	return strcmp(id, OUTFLOW_EXT_EXPLAIN) == 0 ? &explain_api : NULL;
}

static const outflow_cfg_key keys[] = {
	MATCHER_KEYS,
};

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = matcher_check,
};

static const outflow_predicate_ops ops = {
	.size = sizeof ops,
	.create = create,
	.test = test,
	.destroy = destroy,
};

const outflow_component event_matches = {
	.size = sizeof event_matches,
	.kind = OUTFLOW_PREDICATE,
	.name = "matches",
	.doc = "Is true of the records that fit an event pattern.",
	.config = &config,
	.ops = &ops,
	.extension = extension,
};
