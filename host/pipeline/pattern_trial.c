/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/pattern_trial.h"

#include <outflow/util.h>

#include <stdlib.h>

static outflow_status make_model(struct pattern_trial *p, const struct pattern_setting *s, outflow_error *err)
{
	struct settings keys = { 0 };
	struct problems problems = { 0 };
	outflow_status status = settings_set(&keys, "filter.pattern", "", NULL, 0);

	if (status == OUTFLOW_OK)
		status = settings_set(&keys, "source.format", s->format ? s->format : "json", NULL, 0);
	if (status == OUTFLOW_OK)
		status = trial_pipeline_new(s->host, s->inventory, &keys, &problems, &p->model);
	settings_clear(&keys);
	if (status != OUTFLOW_OK)
		outflow_fail(err, status, "no memory for a filter");
	else if (p->model == NULL)
		status = outflow_fail(err, OUTFLOW_E_CONFIG, "no filter can be made: %s",
		                      problems.n > 0 ? problems.list[0].message : "no memory");
	problems_clear(&problems);
	while (status == OUTFLOW_OK && strcmp(p->model->stages[p->filter].name, "filter") != 0)
		p->filter++;
	return status;
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

outflow_status pattern_trial_open(struct pattern_trial *p, const struct pattern_setting *setting, outflow_error *err)
{
	outflow_status status = make_model(p, setting, err);

	if (status == OUTFLOW_OK)
		status = trial_open(&p->trial, setting->host, setting->inventory, p->model, setting->whom, err);
	p->trial.on_stage = on_stage;
	p->trial.ctx = p;
	return status;
}

outflow_status pattern_trial_use(struct pattern_trial *p, const struct text *pattern, const char *dialect,
                                 outflow_error *err)
{
	struct settings keys = { 0 };
	outflow_status status = OUTFLOW_OK;

	if (memchr(pattern->ptr, '\0', pattern->n) != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "pattern.json: the pattern holds a NUL byte");
	if (settings_set(&keys, "pattern", pattern->ptr, NULL, 0) != OUTFLOW_OK ||
	    (dialect != NULL && settings_set(&keys, "dialect", dialect, NULL, 0) != OUTFLOW_OK))
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	if (status == OUTFLOW_OK)
		status = trial_change(&p->trial, p->filter, &keys, err);
	settings_clear(&keys);
	return status;
}

enum pattern_verdict pattern_trial_ask(struct pattern_trial *p, struct message *m, outflow_error *err)
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
	p->explanation = NULL;
	trial_close(&p->trial);
	pipeline_model_free(&p->model);
}
