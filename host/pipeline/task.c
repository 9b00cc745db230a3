/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/config/schema.h"
#include "host/pipeline/plan.h"
#include "host/pipeline/task_internal.h"

#include <outflow/util.h>

#include <stdlib.h>

#define TASK_MAGIC 0x7461736bu
/* What sinks get at least to end their clients, and a failed task to send what it has. */
#define STOP_NS (2 * CLOCK_S)

static const char *const state_names[] = {
	"STARTING", "RUNNING", "PAUSED", "STOPPING", "STOPPED", "COMPLETED", "READY", "STARTING_FAILED", "FAILED",
};

const char *task_state_name(enum task_state state)
{
	return state_names[state];
}

int task_state_is_final(enum task_state state)
{
	return state >= TASK_STOPPED;
}

enum task_state task_state(const struct task *t)
{
	return (enum task_state)__atomic_load_n(&t->state, __ATOMIC_ACQUIRE);
}

void task_set_state(struct task *t, enum task_state state)
{
	int failed = state >= TASK_READY;

	/* Elsewhere it holds what was last handled, not a reason. */
	if (!failed)
		t->reason.msg[0] = '\0';
	log_write(&t->place, failed ? OUTFLOW_LOG_ERROR : OUTFLOW_LOG_INFO, "%s%s%s", state_names[state],
	          failed ? ": " : "", t->reason.msg);
	__atomic_store_n(&t->state, (uint32_t)state, __ATOMIC_RELEASE);
	t->on_change(t->on_change_ctx);
}

/* While instances come and go nobody else may call them. */
static void set_interruptible(struct task *t, int interruptible)
{
	pthread_mutex_lock(&t->interrupting);
	t->interruptible = interruptible;
	pthread_mutex_unlock(&t->interrupting);
}

static void log_account(struct task *t)
{
	const struct account *a = &t->figures.account;

	log_write(&t->place, OUTFLOW_LOG_INFO,
	          "account: received=%llu filtered=%llu delivered=%llu dead_lettered=%llu dropped=%llu "
	          "in_flight=%llu retried=%llu",
	          (unsigned long long)a->received, (unsigned long long)a->filtered, (unsigned long long)a->delivered,
	          (unsigned long long)a->dead_lettered, (unsigned long long)a->dropped,
	          (unsigned long long)a->in_flight, (unsigned long long)t->faults.retried);
}

/* Everything up to where the source may be polled. */
static outflow_status start(struct task *t)
{
	const struct services *s = &t->services;
	outflow_status status = task_load_components(t, &t->reason);

	if (status == OUTFLOW_OK)
		status = plan_source_config(t->model, s->task, s->n_tasks, &t->source_model.config, &t->reason);
	return status == OUTFLOW_OK ? task_start_instances(t) : status;
}

static enum task_state live(struct task *t)
{
	outflow_status status = start(t);
	int64_t deadline;

	if (status != OUTFLOW_OK) {
		t->cause = status;
		task_stop_instances(t, clock_mono_ns() + STOP_NS);
		return TASK_STARTING_FAILED;
	}
	set_interruptible(t, 1);
	task_set_state(t, TASK_RUNNING);
	status = task_run(t);
	/* Nobody asked to stop: a plugin gave up on its own. */
	if (status == OUTFLOW_E_CANCELED && !task_stop_requested(t))
		status = OUTFLOW_E_TASK;
	if (status == OUTFLOW_OK || status == OUTFLOW_E_CANCELED) {
		if (task_stop_requested(t))
			task_set_state(t, TASK_STOPPING);
		status = task_drain(t);
	}
	set_interruptible(t, 0);
	deadline = clock_mono_ns() + STOP_NS;
	if (task_stop_requested(t) && t->stop_deadline_ns > deadline)
		deadline = t->stop_deadline_ns;
	if (status != OUTFLOW_OK)
		task_flush(t, deadline);
	task_stop_instances(t, deadline);
	log_account(t);
	t->cause = status;
	if (status != OUTFLOW_OK)
		return status == OUTFLOW_E_RECORD ? TASK_READY : TASK_FAILED;
	return t->source_ended && t->figures.account.in_flight == 0 ? TASK_COMPLETED : TASK_STOPPED;
}

static void *thread_main(void *arg)
{
	struct task *t = arg;

	task_set_state(t, live(t));
	return NULL;
}

/* ---- for other threads ---- */

static void on_ledger_news(void *ctx)
{
	struct task *t = ctx;

	wakeup_signal(&t->services.wakeup);
}

static int allocate(struct task *t)
{
	t->n_stages = t->model->n_stages;
	t->stages = calloc(t->n_stages + 1, sizeof *t->stages);
	t->predicates = calloc(t->model->n_predicates + 1, sizeof *t->predicates);
	t->components = calloc(t->n_stages + 3 + t->model->n_predicates, sizeof *t->components);
	t->pool = pool_new();
	t->services.ledger = t->pool ? ledger_new(t->pool, on_ledger_news, t) : NULL;
	return t->stages && t->predicates && t->components && t->services.ledger &&
	       wakeup_init(&t->services.wakeup) == 0 && pthread_mutex_init(&t->looking, NULL) == 0 &&
	       pthread_mutex_init(&t->interrupting, NULL) == 0 &&
	       order_init(&t->order, t->model->order, &t->outbox, t->services.ledger) == OUTFLOW_OK;
}

static void connect_parts(struct task *t)
{
	struct services *s = &t->services;
	int has_dead_letters = t->model->deadletter.name != NULL;

	outbox_init(&t->outbox, &t->sink, s->ledger, &t->order);
	outbox_init(&t->dead_letters, &t->dead_letter_sink, s->ledger, NULL);
	faults_init(&t->faults, s, &t->outbox, has_dead_letters ? &t->dead_letters : NULL, &t->order);
	progress_init(&t->progress, s, &t->source);
	t->chain = (struct chain){ .services = s,
		                   .faults = &t->faults,
		                   .source = &t->source,
		                   .stages = t->stages,
		                   .n_stages = t->n_stages,
		                   .pause = task_pause,
		                   .pause_ctx = t };
}

static void open_metrics(struct task *t)
{
	struct task_histograms *histograms;

	t->services.metrics = task_metrics_open(&t->place);
	histograms = task_metrics_histograms(t->services.metrics);
	if (histograms != NULL)
		ledger_measure(t->services.ledger, &histograms->end_to_end, &histograms->sink);
}

outflow_status task_new(const struct pipeline_model *model, const struct environment *environment, uint32_t number,
                        uint32_t n_tasks, void (*on_change)(void *ctx), void *ctx, struct task **result,
                        outflow_error *err)
{
	struct task *t = calloc(1, sizeof *t);

	if (t == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a task");
	t->magic = TASK_MAGIC;
	t->model = model;
	t->services.environment = environment;
	t->services.model = model;
	t->services.task = number;
	t->services.n_tasks = n_tasks;
	t->place = (struct log_place){ model->name, NULL, number };
	log_logger_open(&t->place);
	t->on_change = on_change;
	t->on_change_ctx = ctx;
	t->reason.size = sizeof t->reason;
	t->source_model = model->source;
	t->source_model.config = NULL;
	if (!allocate(t)) {
		task_free(&t);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a task");
	}
	connect_parts(t);
	throttle_init(&t->throttle, model->throttle_per_second, n_tasks, model->batch_messages);
	open_metrics(t);
	*result = t;
	return OUTFLOW_OK;
}

void task_tap(struct task *t, struct taps *taps)
{
	taps_look(taps, t->services.task, &t->taps);
	t->services.watch = &t->taps.watch;
}

outflow_status task_start(struct task *t, outflow_error *err)
{
	int rc = pthread_create(&t->thread, NULL, thread_main, t);

	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "cannot start a thread");
	t->thread_started = 1;
	return OUTFLOW_OK;
}

/* Ends a wait of the task and of its source. */
static void wake(struct task *t)
{
	const outflow_source_ops *source;

	wakeup_signal(&t->services.wakeup);
	pthread_mutex_lock(&t->interrupting);
	source = t->interruptible ? task_source_ops(t) : NULL;
	if (OUTFLOW_HAS(outflow_source_ops, source, interrupt))
		source->interrupt(t->source.self);
	pthread_mutex_unlock(&t->interrupting);
}

void task_stop(struct task *t, int64_t deadline_ns)
{
	CHECK_OBJ(t, TASK_MAGIC);
	if (task_stop_requested(t))
		return;
	t->stop_deadline_ns = deadline_ns;
	__atomic_store_n(&t->stop_requested, 1, __ATOMIC_RELEASE);
	wake(t);
}

void task_set_paused(struct task *t, int paused)
{
	CHECK_OBJ(t, TASK_MAGIC);
	if (__atomic_exchange_n(&t->paused, paused, __ATOMIC_ACQ_REL) != paused)
		wake(t);
}

void task_interrupt(struct task *t)
{
	const outflow_sink_ops *sink;

	pthread_mutex_lock(&t->interrupting);
	sink = t->interruptible ? t->sink.component.what->ops : NULL;
	for (size_t i = 0; t->interruptible && i < t->n_stages; i++) {
		const outflow_transform_ops *ops = t->stages[i].component.what->ops;

		if (t->stages[i].component.what->kind == OUTFLOW_TRANSFORM &&
		    OUTFLOW_HAS(outflow_transform_ops, ops, interrupt))
			ops->interrupt(t->stages[i].self);
	}
	if (OUTFLOW_HAS(outflow_sink_ops, sink, interrupt))
		sink->interrupt(t->sink.self);
	pthread_mutex_unlock(&t->interrupting);
}

void task_look(struct task *t, struct task_figures *result)
{
	pthread_mutex_lock(&t->looking);
	*result = t->figures;
	pthread_mutex_unlock(&t->looking);
}

outflow_status task_look_lag(struct task *t, struct lag *result)
{
	outflow_status status;

	pthread_mutex_lock(&t->looking);
	status = lag_copy(&t->lag, result);
	pthread_mutex_unlock(&t->looking);
	return status;
}

const char *task_reason(const struct task *t)
{
	return t->reason.msg;
}

int task_may_recover(const struct task *t)
{
	enum task_state state = task_state(t);

	return (state == TASK_FAILED || state == TASK_STARTING_FAILED) && t->cause != OUTFLOW_E_CONFIG &&
	       t->cause != OUTFLOW_E_UNSUPPORTED;
}

int task_leaks(const struct task *t)
{
	return t->leaked;
}

void task_free(struct task **pt)
{
	struct task *t = *pt;

	*pt = NULL;
	if (t == NULL)
		return;
	CHECK_OBJ(t, TASK_MAGIC);
	if (t->thread_started)
		pthread_join(t->thread, NULL);
	task_metrics_close(t->services.metrics, t->leaked);
	log_logger_close(&t->place);
	/* A client that could not be stopped may still read records and resolve them. */
	if (t->leaked)
		return;
	ledger_free(&t->services.ledger);
	pool_free(&t->pool);
	order_clear(&t->order);
	progress_clear(&t->progress);
	lag_clear(&t->lag);
	timers_clear(&t->services.timers);
	rejects_clear(&t->services.rejects);
	wakeup_destroy(&t->services.wakeup);
	pthread_mutex_destroy(&t->looking);
	pthread_mutex_destroy(&t->interrupting);
	instance_config_free(&t->source_model.config);
	free(t->stages);
	free(t->predicates);
	free(t->components);
	t->magic = 0;
	free(t);
}
