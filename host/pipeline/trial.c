/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/trial.h"

#include "host/base/clock.h"
#include "host/config/schema.h"
#include "host/pipeline/dead_letter.h"
#include "host/pipeline/trial_ends.h"

#include <outflow/ext/explain.h>
#include <outflow/util.h>

#include <stdlib.h>

#define EXPLAIN_OUTPUTS_MAX 4096u

static void on_ledger_news(void *ctx)
{
	(void)ctx;
}

/* ---- what the chain tells ---- */

/* NULL: no memory. */
static struct trial_failure *add_failure(struct trial *t, const char *stage, outflow_status status,
                                         const outflow_error *reason)
{
	struct trial_outcome *o = &t->outcome;
	struct trial_failure *list = realloc(o->failures, (o->n_failures + 1) * sizeof *list);

	if (list == NULL)
		return NULL;
	o->failures = list;
	list += o->n_failures++;
	*list = (struct trial_failure){ .stage = stage, .status = status, .reason = *reason };
	return list;
}

static void on_failure(void *ctx, const struct slot *slot, const struct failure *failure, enum outcome outcome)
{
	struct trial *t = ctx;

	(void)slot;
	(void)outcome;
	if (add_failure(t, failure->where->model->name, failure->status, failure->reason) == NULL)
		t->services.rejects.lost = 1;
}

static void on_stage(void *ctx, struct instance *stage, const outflow_record *in, uint32_t n, const outflow_record *out,
                     uint32_t n_out)
{
	struct trial *t = ctx;

	t->n_done++;
	if (t->on_stage != NULL)
		t->on_stage(t->ctx, t, stage, in, n, out, n_out);
}

/* Nobody waits here; err holds why the stage wants to be asked again. */
static outflow_status on_pause(void *ctx, int64_t deadline_ns, outflow_error *err)
{
	struct trial *t = ctx;

	(void)deadline_ns;
	(void)err;
	t->outcome.postponed = 1;
	return OUTFLOW_E_CANCELED;
}

/* ---- a stage that is left out ---- */

static outflow_status left_out_create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	(void)c;
	(void)err;
	*self = (void *)(uintptr_t)h;
	return OUTFLOW_OK;
}

static outflow_status left_out_apply(void *self, const outflow_record *in, size_t n, outflow_batch *out,
                                     outflow_error *err)
{
	(void)self;
	(void)in;
	(void)n;
	(void)out;
	return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
	                    "calls another program, which a trial does not: what would come of it is not known");
}

static void left_out_destroy(void *self)
{
	(void)self;
}

static const outflow_transform_ops left_out_ops = {
	.size = sizeof left_out_ops, .create = left_out_create, .apply = left_out_apply, .destroy = left_out_destroy
};
static const outflow_component left_out = {
	.size = sizeof left_out, .kind = OUTFLOW_TRANSFORM, .name = "left out", .ops = &left_out_ops
};

/* ---- making it ---- */

/* Alone each stage has the only instance of its component: the shared copy will do for one that wants its own, too. */
static outflow_status choose_component(struct trial *t, const struct stage_model *m, struct component *c,
                                       outflow_error *err)
{
	*c = m->component;
	if (t->whom == TRIAL_FOR_USER)
		return OUTFLOW_OK;
	if (!(c->what->flags & OUTFLOW_CALLS_OUT))
		return inventory_instance(t->environment.inventory, &m->component, c, err);
	if (c->what->kind != OUTFLOW_TRANSFORM)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "calls another program, which a trial does not");
	c->what = &left_out;
	return OUTFLOW_OK;
}

static void release(struct trial *t, struct instance *i)
{
	instance_destroy(i);
	if (t->whom == TRIAL_FOR_CLIENT)
		inventory_release(t->environment.inventory, &i->component, 1);
	i->component = (struct component){ 0 };
}

static outflow_status create(struct trial *t, struct instance *i, const struct stage_model *m, outflow_error *err)
{
	struct component c;
	outflow_status status = choose_component(t, m, &c, err);

	if (status == OUTFLOW_OK) {
		status = instance_create(i, &t->services, m, &c, err);
		i->component = c;
	}
	if (status == OUTFLOW_OK && m->predicate != NULL)
		i->predicate = &t->predicates[m->predicate - t->model->predicates];
	return status;
}

static outflow_status create_all(struct trial *t, struct instance *instances, const struct stage_model *models,
                                 size_t n, outflow_error *err)
{
	for (size_t i = 0; i < n; i++) {
		outflow_status status = create(t, &instances[i], &models[i], err);

		if (status != OUTFLOW_OK) {
			instances[i].model = &models[i];
			return instance_blame(&instances[i], status, err);
		}
	}
	return OUTFLOW_OK;
}

static void connect_parts(struct trial *t)
{
	static const int always = 1;
	const struct pipeline_model *m = t->model;

	t->sink = (struct instance){ .services = &t->services,
		                     .model = &m->sink,
		                     .component = m->sink.component,
		                     .place = { m->name, m->sink.name, 0 } };
	if (t->services.apart)
		t->sink.place = log_trial_place;
	faults_init(&t->faults, &t->services, NULL, m->deadletter.name != NULL ? &t->dead_letters : NULL, NULL);
	t->watch = (struct watch){ .on = &always, .stage = on_stage, .failure = on_failure, .ctx = t };
	t->services.watch = &t->watch;
	t->chain = (struct chain){ .services = &t->services,
		                   .faults = &t->faults,
		                   .source = &t->sink,
		                   .stages = t->stages,
		                   .n_stages = m->n_stages,
		                   .pause = on_pause,
		                   .pause_ctx = t };
}

outflow_status trial_pipeline_new(const struct host_model *host, const struct inventory *inventory,
                                  struct settings *keys, struct problems *problems, struct pipeline_model **result)
{
	const struct declarations none = { 0 };
	struct declaration d = { .name = (char *)(uintptr_t) "test" };
	outflow_status status = settings_set(keys, "source.class", "gen/source", NULL, 0);

	*result = NULL;
	if (status == OUTFLOW_OK)
		status = settings_set(keys, "sink.class", "null/sink", NULL, 0);
	if (status == OUTFLOW_OK)
		status = settings_set(keys, "name", d.name, NULL, 0);
	/* Who tries something has limits of their own. */
	if (status == OUTFLOW_OK)
		status = settings_set(keys, "source.event.max.bytes", "128MiB", NULL, 0);
	d.settings = *keys;
	return status == OUTFLOW_OK ? pipeline_model_new(&d, &none, host, inventory, problems, result) : status;
}

outflow_status trial_open(struct trial *t, const struct host_model *host, struct inventory *inventory,
                          const struct pipeline_model *m, enum trial_for whom, outflow_error *err)
{
	outflow_status status;

	*t = (struct trial){ .model = m, .whom = whom };
	t->environment = (struct environment){ .inventory = inventory, .host = host };
	t->services = (struct services){
		.environment = &t->environment, .model = m, .n_tasks = 1, .apart = whom == TRIAL_FOR_CLIENT
	};
	t->pool = pool_new();
	t->stages = calloc(m->n_stages + 1, sizeof *t->stages);
	t->predicates = calloc(m->n_predicates + 1, sizeof *t->predicates);
	t->changed = calloc(m->n_stages + 1, sizeof *t->changed);
	if (t->pool == NULL || t->stages == NULL || t->predicates == NULL || t->changed == NULL ||
	    wakeup_init(&t->services.wakeup) != 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a trial");
	connect_parts(t);
	status = create_all(t, t->predicates, m->predicates, m->n_predicates, err);
	return status == OUTFLOW_OK ? create_all(t, t->stages, m->stages, m->n_stages, err) : status;
}

outflow_status trial_change(struct trial *t, size_t stage, const struct settings *keys, outflow_error *err)
{
	struct stage_model *changed = &t->changed[stage];

	release(t, &t->stages[stage]);
	instance_config_free(&changed->config);
	*changed = t->model->stages[stage];
	changed->config = NULL;
	if (instance_config_copy(t->model->stages[stage].config, keys, &changed->config, err) != OUTFLOW_OK)
		return OUTFLOW_E_CONFIG;
	return create(t, &t->stages[stage], changed, err);
}

void trial_close(struct trial *t)
{
	if (t->model == NULL)
		return;
	for (size_t i = t->stages && t->changed ? t->model->n_stages : 0; i-- > 0;) {
		release(t, &t->stages[i]);
		instance_config_free(&t->changed[i].config);
	}
	for (size_t i = t->predicates ? t->model->n_predicates : 0; i-- > 0;)
		release(t, &t->predicates[i]);
	ledger_free(&t->services.ledger);
	pool_free(&t->pool);
	timers_clear(&t->services.timers);
	rejects_clear(&t->services.rejects);
	free(t->outcome.failures);
	free(t->stages);
	free(t->predicates);
	free(t->changed);
	*t = (struct trial){ .model = NULL };
}

/* ---- running it ---- */

/* A ledger for each run: whatever is still owed of the last one goes with it. */
static outflow_status begin(struct trial *t, const outflow_record *r)
{
	outflow_bytes none = { NULL, 0 };
	outflow_resume resume;
	struct batch b;

	ledger_free(&t->services.ledger);
	t->family = NULL;
	t->n_done = 0;
	t->faults.unpublished = NULL;
	t->outcome = (struct trial_outcome){ .failures = t->outcome.failures };
	rejects_begin(&t->services.rejects, NULL, 0);
	t->services.ledger = ledger_new(t->pool, on_ledger_news, t);
	if (t->services.ledger == NULL ||
	    ledger_stream_open(t->services.ledger, outflow_text("{}"), 0, none, &t->stream, &resume) != OUTFLOW_OK ||
	    (t->family = family_new(t->services.ledger)) == NULL)
		return OUTFLOW_E_NOMEM;
	if (batch_begin(&b, &t->family->memory, 1, 1) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	b.plugin.recs[b.plugin.n] = *r;
	b.plugin.recs[b.plugin.n++].stream = t->stream;
	batch_end(&b);
	return ledger_admit(t->services.ledger, t->family, b.plugin.recs, b.plugin.n);
}

/* The chain has listed its dead letters newest first. */
static void collect_dead_letters(struct trial *t)
{
	size_t i = t->outcome.n_failures;

	for (const struct delivery *d = t->faults.unpublished; d != NULL && i > 0; d = d->next)
		t->outcome.failures[--i].dead_letter = d->record;
}

/* What the sink would say of a record before it sends it. */
static outflow_status ask_sink(struct trial *t, outflow_error *err)
{
	struct trial_outcome *o = &t->outcome;
	outflow_record *kept = t->family->outputs;

	o->outputs = kept;
	for (uint32_t i = 0; i < t->family->n_outputs; i++) {
		const outflow_record *r = &t->family->outputs[i];
		outflow_error reason = { .size = sizeof reason };
		struct failure failure = {
			.where = &t->sink, .status = OUTFLOW_E_RECORD, .attempts = 1, .reason = &reason
		};
		struct trial_failure *refused;

		if (trial_sink_takes(&t->model->sink, r, &reason)) {
			kept[o->n_outputs++] = *r;
			continue;
		}
		refused = add_failure(t, t->model->sink.name, OUTFLOW_E_RECORD, &reason);
		if (refused == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a failure");
		o->stopped |= t->model->tolerance == TOLERANCE_NONE;
		failure.first_ms = failure.last_ms = clock_wall_ms();
		if (!o->stopped && t->faults.dead_letters != NULL)
			refused->dead_letter = dead_letter_new(&t->services, r->slot->origin, &failure);
	}
	return OUTFLOW_OK;
}

outflow_status trial_run(struct trial *t, const outflow_record *r, const struct trial_outcome **outcome,
                         outflow_error *err)
{
	outflow_status status = begin(t, r);

	*outcome = &t->outcome;
	if (status != OUTFLOW_OK)
		return outflow_fail(err, status, "no memory for a record");
	status = chain_run(&t->chain, t->family, err);
	if (status == OUTFLOW_E_CANCELED && t->outcome.postponed) {
		if (add_failure(t, t->stages[t->n_done].model->name, OUTFLOW_E_RETRY, err) == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a failure");
		return OUTFLOW_OK;
	}
	if (status == OUTFLOW_E_UNSUPPORTED && t->stages[t->n_done].component.what == &left_out) {
		outflow_error reason = { .size = sizeof reason };

		t->outcome.unknown = 1;
		(void)left_out_apply(NULL, NULL, 0, NULL, &reason);
		if (add_failure(t, t->stages[t->n_done].model->name, status, &reason) == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a failure");
		return OUTFLOW_OK;
	}
	if (status == OUTFLOW_E_RECORD && t->outcome.n_failures > 0) {
		t->outcome.stopped = 1;
		return OUTFLOW_OK;
	}
	if (status != OUTFLOW_OK)
		return status;
	collect_dead_letters(t);
	return ask_sink(t, err);
}

outflow_status trial_explain(struct trial *t, struct instance *stage, const outflow_record *in, outflow_bytes *json,
                             outflow_error *err)
{
	const outflow_component *what = stage->component.what;
	const outflow_explain_api *api =
		OUTFLOW_HAS(outflow_component, what, extension) ? what->extension(OUTFLOW_EXT_EXPLAIN) : NULL;
	struct batch b;
	outflow_status status;

	if (!OUTFLOW_HAS(outflow_explain_api, api, explain))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s/%s does not say why",
		                    stage->component.module->plugin->id, what->name);
	if (batch_begin(&b, &t->family->memory, 1, EXPLAIN_OUTPUTS_MAX) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for an explanation");
	rejects_begin(&t->services.rejects, in, 1);
	status = api->explain(stage->self, in, &b.plugin, json, err);
	batch_end(&b);
	batch_drop_records(&t->family->memory, b.plugin.recs);
	return status;
}

int trial_chooses(struct trial *t, struct instance *stage, const outflow_record *in)
{
	const struct instance *predicate = stage->predicate;
	outflow_error err = { .size = sizeof err };
	uint8_t match = 0;
	struct batch b;
	outflow_status status;

	if (predicate == NULL)
		return 1;
	if (batch_begin(&b, &t->family->memory, 0, 1) != OUTFLOW_OK)
		return -1;
	rejects_begin(&t->services.rejects, in, 1);
	status = ((const outflow_predicate_ops *)predicate->component.what->ops)
	                 ->test(predicate->self, in, 1, &match, &b.plugin, &err);
	batch_end(&b);
	batch_drop_records(&t->family->memory, b.plugin.recs);
	if (status < 0 || t->services.rejects.n > 0)
		return -1;
	return (match != 0) != (stage->model->negate != 0);
}
