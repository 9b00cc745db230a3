/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/chain.h"

#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/pipeline/retry.h"

#include <outflow/util.h>

#include <stdlib.h>

/* A stage may make so many records of one batch; more is a mistake in it. */
#define OUTPUTS_MAX (UINT32_C(1) << 20)

/* One stage at work on one batch. */
struct pass {
	struct chain *chain;
	struct instance *stage;
	struct batch out;
	int appended_late;    /* outputs of retried inputs stand at the end */
	int may_pass_through; /* a converter that rejects nothing leaves its input where it is */
	int passed_through;
};

static int is_converter(const struct instance *i)
{
	return i->component.what->kind == OUTFLOW_CONVERTER;
}

static outflow_status emit_decoded(struct pass *p, const outflow_record *in, size_t n)
{
	const struct rejects *r = &p->chain->services->rejects;
	size_t next_reject = 0;

	for (size_t i = 0; i < n; i++) {
		if (next_reject < r->n && r->list[next_reject].index == i) {
			next_reject++;
			continue;
		}
		if (outflow_emit(&p->stage->host, &p->out.plugin, &in[i]) == NULL)
			return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}

/* One call of the plugin. On OUTFLOW_OK the outputs are in p->out and the rejects are listed. */
static outflow_status call(struct pass *p, const outflow_record *in, size_t n, outflow_error *err)
{
	struct rejects *rejects = &p->chain->services->rejects;
	const void *ops = p->stage->component.what->ops;
	void *self = p->stage->self;
	outflow_status status;

	rejects_begin(rejects, in, n);
	if (is_converter(p->stage)) {
		/* The first stage: its inputs are the host's own, and only views are added to them. */
		status = ((const outflow_converter_ops *)ops)
		                 ->decode(self, (outflow_record *)(uintptr_t)in, n, &p->out.plugin, err);
		p->passed_through = status >= 0 && p->may_pass_through && rejects->n == 0;
		if (status >= 0 && !p->passed_through)
			status = emit_decoded(p, in, n);
	} else {
		status = ((const outflow_transform_ops *)ops)->apply(self, in, n, &p->out.plugin, err);
	}
	if (status >= 0 && rejects->lost)
		return outflow_fail(err, OUTFLOW_E_TASK, "a rejected record could not be kept");
	return status < 0 ? status : OUTFLOW_OK;
}

/* Waits and calls again until the input has a verdict other than "try again". */
static outflow_status call_until_settled(struct pass *p, const outflow_record *in, outflow_error *err)
{
	const struct rejects *rejects = &p->chain->services->rejects;
	uint32_t n_before = p->out.plugin.n;
	outflow_status status;

	for (uint32_t attempt = 1;; attempt++) {
		p->out.failed = 0;
		status = call(p, in, 1, err);
		if (status == OUTFLOW_OK && rejects->n > 0) {
			status = rejects->list[0].status;
			*err = rejects->list[0].error;
		}
		if (status < 0)
			p->out.plugin.n = n_before;
		if (status != OUTFLOW_E_RETRY && status != OUTFLOW_E_OUTAGE)
			return status;
		p->chain->faults->retried++;
		log_write(&p->stage->place, OUTFLOW_LOG_WARN, "will be tried again (attempt %u failed): %s", attempt,
		          err->msg);
		status = p->chain->pause(p->chain->pause_ctx, clock_mono_ns() + retry_wait_ns(attempt), err);
		if (status < 0)
			return status == OUTFLOW_E_CANCELED
			               ? outflow_fail(err, status, "stopped while waiting to try again")
			               : OUTFLOW_E_TASK;
	}
}

static outflow_status settle(struct pass *p, const outflow_record *in, outflow_status verdict, outflow_error *err)
{
	switch (verdict) {
	case OUTFLOW_OK:
		return OUTFLOW_OK;
	case OUTFLOW_E_RECORD:
	case OUTFLOW_E_NOMEM:
		return faults_reject(p->chain->faults, in->slot->origin, p->stage, verdict, err);
	case OUTFLOW_E_CANCELED:
		return verdict;
	default:
		return instance_blame(p->stage, verdict, err);
	}
}

static outflow_status one_by_one(struct pass *p, const outflow_record *in, size_t n, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	p->out.plugin.n = 0;
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++)
		status = settle(p, &in[i], call_until_settled(p, &in[i], err), err);
	return status;
}

/* The call went through; its rejects are looked at one by one. */
static outflow_status settle_rejects(struct pass *p, const outflow_record *in, outflow_error *err)
{
	struct rejects *shared = &p->chain->services->rejects;
	struct rejects mine = *shared;
	outflow_status status = OUTFLOW_OK;

	if (mine.n == 0)
		return OUTFLOW_OK;
	/* Retrying calls the plugin, which fills the list anew. */
	*shared = (struct rejects){ 0 };
	for (size_t i = 0; i < mine.n && status == OUTFLOW_OK; i++) {
		const outflow_record *r = &in[mine.list[i].index];
		outflow_status verdict = mine.list[i].status;

		*err = mine.list[i].error;
		if (verdict == OUTFLOW_E_RETRY || verdict == OUTFLOW_E_OUTAGE) {
			verdict = call_until_settled(p, r, err);
			p->appended_late = 1;
		}
		status = settle(p, r, verdict, err);
	}
	rejects_clear(&mine);
	return status;
}

/* Back into the order of emission, outputs of one origin as they came: a counting sort by origin. */
static outflow_status restore_order(struct family *f, struct batch *out)
{
	outflow_record *recs = out->plugin.recs;
	uint32_t n = out->plugin.n, sum = 0;
	outflow_record *sorted = pool_get(f->memory.pool, n * sizeof *sorted, NULL);
	uint32_t *at = calloc(f->n_slots, sizeof *at);

	if (sorted == NULL || at == NULL) {
		pool_put(f->memory.pool, sorted);
		free(at);
		return OUTFLOW_E_NOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		at[recs[i].slot->origin->index]++;
	for (uint32_t slot = 0; slot < f->n_slots; slot++) {
		uint32_t count = at[slot];

		at[slot] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < n; i++)
		sorted[at[recs[i].slot->origin->index]++] = recs[i];
	memcpy(recs, sorted, n * sizeof *recs);
	pool_put(f->memory.pool, sorted);
	free(at);
	return OUTFLOW_OK;
}

static outflow_status run_stage(struct chain *c, struct family *f, struct instance *stage, const outflow_record *in,
                                uint32_t n, struct pass *p, outflow_error *err)
{
	outflow_status status;

	*p = (struct pass){ .chain = c, .stage = stage, .may_pass_through = is_converter(stage) };
	status = batch_begin(&p->out, &f->memory, is_converter(stage) ? 0 : n, OUTPUTS_MAX);
	if (status != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: no memory for a batch", stage->model->name);
	status = call(p, in, n, err);
	p->may_pass_through = 0;
	if (status < 0)
		status = one_by_one(p, in, n, err);
	else
		status = settle_rejects(p, in, err);
	if (status == OUTFLOW_OK && p->appended_late)
		status = restore_order(f, &p->out);
	batch_end(&p->out);
	return status;
}

/* The sink gets an array of its own even when no stage made one: its cells replace the slots. */
static outflow_status copy_records(struct family *f, struct batch *out)
{
	outflow_status status = batch_begin(out, &f->memory, f->n_slots, f->n_slots);

	if (status != OUTFLOW_OK)
		return status;
	memcpy(out->plugin.recs, f->records, f->n_slots * sizeof *f->records);
	out->plugin.n = f->n_slots;
	batch_end(out);
	return OUTFLOW_OK;
}

static outflow_status hand_over(struct chain *c, struct family *f, outflow_record *outputs, uint32_t n,
                                outflow_error *err)
{
	const struct instance *last = c->n_stages > 0 ? &c->stages[c->n_stages - 1] : NULL;
	outflow_status status;

	if (n == 0) {
		batch_drop_records(&f->memory, outputs);
		return OUTFLOW_OK;
	}
	status = ledger_expect(f, outputs, n);
	if (status == OUTFLOW_OK)
		return OUTFLOW_OK;
	batch_drop_records(&f->memory, outputs);
	if (status == OUTFLOW_E_NOMEM || last == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for the deliveries of a batch");
	log_write(&last->place, OUTFLOW_LOG_ERROR, "plugin misbehaving: it emitted a record that comes from no input");
	return outflow_fail(err, OUTFLOW_E_TASK,
	                    "%s: emitted a record that comes from no input; start each output "
	                    "with outflow_emit(host, out, input)",
	                    last->model->name);
}

outflow_status chain_run(struct chain *c, struct family *f, outflow_error *err)
{
	outflow_record *in = f->records;
	uint32_t n = f->n_slots;
	struct pass p;

	for (size_t i = 0; i < c->n_stages && n > 0; i++) {
		outflow_status status = run_stage(c, f, &c->stages[i], in, n, &p, err);

		if (p.passed_through)
			continue;
		/* What a stage was given is not needed once it is through: a dead letter is made from the origin. */
		if (in != f->records)
			batch_drop_records(&f->memory, in);
		if (status != OUTFLOW_OK) {
			batch_drop_records(&f->memory, p.out.plugin.recs);
			return status;
		}
		in = p.out.plugin.recs;
		n = p.out.plugin.n;
	}
	CRASH_POINT("chain.after_transform");
	if (in == f->records) {
		if (copy_records(f, &p.out) != OUTFLOW_OK)
			return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a batch");
		in = p.out.plugin.recs;
	}
	return hand_over(c, f, in, n, err);
}
