/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/chain.h"

#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/pipeline/retry.h"
#include "host/pipeline/watch.h"

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

enum { FALSE, TRUE, REJECTED };

/* Asks the stage's predicate about each input. */
static outflow_status ask_predicate(struct pass *p, const outflow_record *in, size_t n, uint8_t *verdicts,
                                    outflow_error *err)
{
	const struct instance *predicate = p->stage->predicate;
	const outflow_predicate_ops *ops = predicate->component.what->ops;
	const struct rejects *r = &p->chain->services->rejects;
	uint32_t n_before = p->out.plugin.n;
	outflow_status status = ops->test(predicate->self, in, n, verdicts, &p->out.plugin, err);

	if (status >= 0 && p->out.plugin.n != n_before)
		status = outflow_fail(err, OUTFLOW_E_TASK, "a predicate says yes or no, but this one emitted a record");
	for (size_t i = 0; i < n; i++)
		verdicts[i] = verdicts[i] ? TRUE : FALSE;
	for (size_t i = 0; i < r->n; i++)
		verdicts[r->list[i].index] = REJECTED;
	return status < 0 ? instance_blame(predicate, status, err) : OUTFLOW_OK;
}

static outflow_status emit_all(struct pass *p, const outflow_record *in, size_t n, outflow_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (outflow_emit(&p->stage->host, &p->out.plugin, &in[i]) == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no room for another record");
	return OUTFLOW_OK;
}

/* Has the stage work on the inputs that its predicate chooses, in runs, so that the outputs keep the order of the inputs. */
static outflow_status apply_where(struct pass *p, const outflow_record *in, size_t n, outflow_error *err)
{
	const outflow_transform_ops *ops = p->stage->component.what->ops;
	uint8_t *verdicts = outflow_alloc(&p->stage->host, &p->out.plugin, n, 1);
	uint8_t chosen = p->stage->model->negate ? FALSE : TRUE;
	outflow_status status;

	if (verdicts == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a predicate's answers");
	memset(verdicts, FALSE, n);
	status = ask_predicate(p, in, n, verdicts, err);
	for (size_t i = 0, end; i < n && status >= 0; i = end) {
		for (end = i + 1; end < n && verdicts[end] == verdicts[i];)
			end++;
		if (verdicts[i] == chosen)
			status = ops->apply(p->stage->self, in + i, end - i, &p->out.plugin, err);
		else if (verdicts[i] != REJECTED)
			status = emit_all(p, in + i, end - i, err);
	}
	return status;
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
	} else if (p->stage->predicate != NULL) {
		status = apply_where(p, in, n, err);
	} else {
		status = ((const outflow_transform_ops *)ops)->apply(self, in, n, &p->out.plugin, err);
	}
	if (status >= 0 && rejects->lost)
		return outflow_fail(err, OUTFLOW_E_TASK, "a rejected record could not be kept");
	return status < 0 ? status : OUTFLOW_OK;
}

/* One input whose call failed: from its first failure to its last. */
struct trouble {
	uint32_t attempts;
	int64_t first_ns, first_ms;
	outflow_status used_up; /* what it still failed with when its retries were used up */
	outflow_status ended;   /* the task ended while it waited */
};

static void count_failure(struct trouble *t)
{
	if (t->attempts++ > 0)
		return;
	t->first_ns = clock_mono_ns();
	t->first_ms = clock_wall_ms();
}

static outflow_status call_once(struct pass *p, const outflow_record *in, outflow_error *err)
{
	const struct rejects *rejects = &p->chain->services->rejects;
	uint32_t n_before = p->out.plugin.n;
	outflow_status status;

	p->out.failed = 0;
	status = call(p, in, 1, err);
	if (status == OUTFLOW_OK && rejects->n > 0) {
		status = rejects->list[0].status;
		*err = rejects->list[0].error;
	}
	if (status < 0)
		p->out.plugin.n = n_before;
	return status;
}

/* Waits and calls again until the input has a verdict other than "try again", or its retries are used up
 * (OUTFLOW_E_RECORD). status: of the call before. */
static outflow_status try_again(struct pass *p, const outflow_record *in, outflow_status status, struct trouble *t,
                                outflow_error *err)
{
	struct chain *c = p->chain;

	/* No memory for a stage's output: that of this record is too large rather than memory short. */
	while (status == OUTFLOW_E_RETRY || status == OUTFLOW_E_OUTAGE) {
		int64_t wait;

		count_failure(t);
		wait = faults_wait_ns(c->faults, status, t->attempts, t->first_ns);
		if (wait == RETRY_NO_MORE) {
			t->used_up = status;
			return OUTFLOW_E_RECORD;
		}
		c->faults->retried++;
		log_write(&p->stage->place, OUTFLOW_LOG_WARN, "will be tried again in %.1f s (attempt %u failed): %s",
		          (double)wait / CLOCK_S, t->attempts, err->msg);
		t->ended = c->pause(c->pause_ctx, clock_mono_ns() + wait, err);
		if (t->ended < 0)
			return t->ended;
		status = call_once(p, in, err);
	}
	if (status < 0)
		count_failure(t);
	return status;
}

/* The stage's last word on one input. */
static outflow_status settle(struct pass *p, const outflow_record *in, outflow_status verdict, const struct trouble *t,
                             outflow_error *err)
{
	struct failure failure = { .where = p->stage,
		                   .status = t->used_up < 0 ? t->used_up : verdict,
		                   .attempts = t->attempts,
		                   .first_ms = t->first_ms,
		                   .last_ms = clock_wall_ms(),
		                   .reason = err };

	if (t->ended < 0)
		return t->ended;
	switch (verdict) {
	case OUTFLOW_OK:
		return OUTFLOW_OK;
	case OUTFLOW_E_RECORD:
	case OUTFLOW_E_NOMEM:
		return faults_reject(p->chain->faults, in->slot->origin, &failure, err);
	default:
		return instance_blame(p->stage, verdict, err);
	}
}

static outflow_status one_by_one(struct pass *p, const outflow_record *in, size_t n, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	p->out.plugin.n = 0;
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		struct trouble trouble = { 0 };
		outflow_status verdict = try_again(p, &in[i], call_once(p, &in[i], err), &trouble, err);

		status = settle(p, &in[i], verdict, &trouble, err);
	}
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
		struct trouble trouble = { 0 };
		outflow_status verdict = mine.list[i].status;

		*err = mine.list[i].error;
		p->appended_late |= faults_is_transient(verdict);
		verdict = try_again(p, r, verdict, &trouble, err);
		status = settle(p, r, verdict, &trouble, err);
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

/* Everything from here on goes by the slot, so a record without one must not get further than the stage that made it. */
static outflow_status check_origins(const struct family *f, const struct pass *p, outflow_error *err)
{
	const struct instance *stage = p->stage;

	for (uint32_t i = 0; i < p->out.plugin.n; i++) {
		const struct outflow_slot *slot = p->out.plugin.recs[i].slot;

		if (slot != NULL && slot->origin->family == f)
			continue;
		instance_misbehaved(stage, "foreign_record", "it emitted a record that comes from no input");
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "%s: emitted a record that comes from no input; start each output "
		                    "with outflow_emit(host, out, input)",
		                    stage->model->name);
	}
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
	if (status == OUTFLOW_OK)
		status = check_origins(f, p, err);
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

static outflow_status hand_over(struct family *f, outflow_record *outputs, uint32_t n, outflow_error *err)
{
	if (n > 0 && ledger_expect(f, outputs, n) == OUTFLOW_OK)
		return OUTFLOW_OK;
	batch_drop_records(&f->memory, outputs);
	return n == 0 ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_TASK, "no memory for the deliveries of a batch");
}

/* The rest of the family, without what the source has rejected: that is settled here. */
static outflow_status leave_out_rejected(struct chain *c, struct family *f, struct batch *rest, outflow_error *err)
{
	const struct rejects *r = &c->services->rejects;
	outflow_status status = batch_begin(rest, &f->memory, f->n_slots, f->n_slots);
	int64_t now = clock_wall_ms();
	size_t next = 0;

	if (status != OUTFLOW_OK || r->lost)
		status = outflow_fail(err, OUTFLOW_E_TASK, "no memory for the records that the source rejected");
	for (uint32_t i = 0; i < f->n_slots && status == OUTFLOW_OK; i++) {
		struct failure failure = { .where = c->source,
			                   .status = OUTFLOW_E_RECORD,
			                   .attempts = 1,
			                   .first_ms = now,
			                   .last_ms = now,
			                   .reason = &r->list[next].error };

		if (next == r->n || r->list[next].index != i) {
			rest->plugin.recs[rest->plugin.n++] = f->records[i];
			continue;
		}
		status = faults_reject(c->faults, &f->slots[i], &failure, err);
		while (next < r->n && r->list[next].index <= i)
			next++;
	}
	batch_end(rest);
	if (status != OUTFLOW_OK)
		batch_drop_records(&f->memory, rest->plugin.recs);
	return status;
}

static void show_polled(const struct chain *c, const outflow_record *in, uint32_t n)
{
	const struct watch *w = watch_of(c->services);

	if (w != NULL && w->polled != NULL)
		w->polled(w->ctx, c->source, in, n);
}

static void show_stage(const struct chain *c, const struct pass *p, const outflow_record *in, uint32_t n)
{
	const outflow_record *out = p->passed_through ? in : p->out.plugin.recs;
	const struct watch *w = watch_of(c->services);

	if (w != NULL)
		w->stage(w->ctx, p->stage, in, n, out, p->passed_through ? n : p->out.plugin.n);
}

static void show_handed_over(const struct chain *c, const outflow_record *out, uint32_t n)
{
	const struct watch *w = watch_of(c->services);

	if (w != NULL && w->handed_over != NULL)
		w->handed_over(w->ctx, out, n);
}

outflow_status chain_run(struct chain *c, struct family *f, outflow_error *err)
{
	outflow_record *in = f->records;
	uint32_t n = f->n_slots;
	struct pass p;

	if (c->services->rejects.n > 0 || c->services->rejects.lost) {
		outflow_status status = leave_out_rejected(c, f, &p.out, err);

		if (status != OUTFLOW_OK)
			return status;
		in = p.out.plugin.recs;
		n = p.out.plugin.n;
	}
	show_polled(c, in, n);
	for (size_t i = 0; i < c->n_stages && n > 0; i++) {
		outflow_status status = run_stage(c, f, &c->stages[i], in, n, &p, err);

		if (status == OUTFLOW_OK)
			show_stage(c, &p, in, n);
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
	show_handed_over(c, in, n);
	return hand_over(f, in, n, err);
}
