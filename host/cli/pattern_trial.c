/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/pattern.h"

#include "host/base/log.h"
#include "host/cli/tool.h"

#include <stdlib.h>

static int make_model(struct pattern_trial *p, const struct pattern_options *o)
{
	struct settings keys = { 0 };
	outflow_status status = settings_set(&keys, "filter.pattern", "", NULL, 0);

	if (status == OUTFLOW_OK)
		status = settings_set(&keys, "source.format", o->format ? o->format : "json", NULL, 0);
	if (status == OUTFLOW_OK)
		status = trial_pipeline_new(&p->configuration, &keys, &p->model);
	settings_clear(&keys);
	if (status != OUTFLOW_OK)
		return tool_fail(o->json, PATTERN_ENVIRONMENT, "no memory for a filter");
	if (p->model == NULL)
		return tool_fail(o->json, PATTERN_ENVIRONMENT, "no filter can be made: %s",
		                 p->configuration.problems.n > 0 ? p->configuration.problems.list[0].message
		                                                 : "no memory");
	while (strcmp(p->model->stages[p->filter].name, "filter") != 0)
		p->filter++;
	return EXIT_OK;
}

static void on_stage(void *ctx, struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                     const outflow_record *out, uint32_t n_out)
{
	struct pattern_trial *p = ctx;
	outflow_error err = { .size = sizeof err };
	outflow_bytes json;

	(void)out;
	(void)n_out;
	if (!p->wants_explanation || stage != &t->stages[p->filter] || n != 1)
		return;
	if (trial_explain(t, stage, in, &json, &err) == OUTFLOW_OK)
		p->explanation = strndup(json.ptr, json.len);
}

int pattern_trial_open(struct pattern_trial *p, const struct pattern_options *o)
{
	outflow_error err = { .size = sizeof err };
	int status = trial_configuration(&p->configuration, &o->config, o->json);

	if (status == EXIT_OK)
		status = make_model(p, o);
	if (status != EXIT_OK)
		return status;
	log_set_level(o->lines || o->batch ? OUTFLOW_LOG_ERROR : OUTFLOW_LOG_WARN);
	if (trial_open(&p->trial, &p->configuration, p->model, &err) != OUTFLOW_OK)
		return tool_fail(o->json, PATTERN_ENVIRONMENT, "%s", err.msg);
	p->trial.on_stage = on_stage;
	p->trial.ctx = p;
	return EXIT_OK;
}

int pattern_trial_use(struct pattern_trial *p, const struct text *pattern, const char *dialect, outflow_error *err)
{
	struct settings keys = { 0 };
	outflow_status status = OUTFLOW_OK;

	p->ready = 0;
	if (memchr(pattern->ptr, '\0', pattern->n) != NULL) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "pattern.json: the pattern holds a NUL byte");
		return PATTERN_REFUSED;
	}
	if (settings_set(&keys, "pattern", pattern->ptr, NULL, 0) != OUTFLOW_OK ||
	    (dialect != NULL && settings_set(&keys, "dialect", dialect, NULL, 0) != OUTFLOW_OK))
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	if (status == OUTFLOW_OK)
		status = trial_change(&p->trial, p->filter, &keys, err);
	settings_clear(&keys);
	p->ready = status == OUTFLOW_OK;
	return p->ready ? PATTERN_MATCH : PATTERN_REFUSED;
}

int pattern_trial_ask(struct pattern_trial *p, struct message *m, outflow_error *err)
{
	const struct trial_outcome *outcome;
	outflow_record r;
	outflow_status status = message_record(m, NULL, &r);

	free(p->explanation);
	p->explanation = NULL;
	if (status == OUTFLOW_OK)
		status = trial_run(&p->trial, &r, &outcome, err);
	else
		outflow_fail(err, status, "no memory for an event");
	if (status != OUTFLOW_OK)
		return PATTERN_REFUSED;
	if (outcome->n_failures == 0)
		return outcome->n_outputs > 0 ? PATTERN_MATCH : PATTERN_NO_MATCH;
	outflow_fail(err, OUTFLOW_E_RECORD, "%s: %s", m->is_event ? "event" : "payload",
	             outcome->failures[0].reason.msg);
	return PATTERN_REFUSED;
}

void pattern_trial_close(struct pattern_trial *p)
{
	free(p->explanation);
	trial_close(&p->trial);
	pipeline_model_free(&p->model);
	configuration_clear(&p->configuration);
}
