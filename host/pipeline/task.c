/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/task.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/pipeline/chain.h"
#include "host/pipeline/progress.h"

#include <outflow/util.h>

#define TASK_MAGIC 0x7461736bu
#define RECORDS_A_TURN 512u
/* How often a task that waits looks around, and how far behind a checkpoint may be. */
#define TURN_NS (100 * CLOCK_MS)
#define IDLE_NS CLOCK_S
#define FAILED_FLUSH_NS (2 * CLOCK_S)

struct task {
	unsigned magic;
	const struct pipeline_model *model;
	struct services services;
	struct pool *pool;
	struct instance source, sink, dead_letter_sink;
	struct instance *stages;
	struct component *components; /* source, stages, sink, dead-letter sink: as loaded for this task */
	size_t n_stages;
	struct chain chain;
	struct outbox outbox, dead_letters;
	struct faults faults;
	struct progress progress;
	struct log_place place;
	pthread_t thread;
	int thread_started;
	/* The mailbox: what other threads ask for. */
	int stop_requested;           /* atomic */
	int64_t stop_deadline_ns;     /* written before stop_requested */
	uint32_t state;               /* atomic: enum task_state */
	pthread_mutex_t lock;         /* of the next two */
	struct account account;       /* a copy for other threads */
	int interruptible;            /* instances may be interrupted */
	outflow_error reason;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
	uint64_t known_double_resolutions;
	uint32_t expect;              /* records of the last poll: room for the next */
	int source_ended;
	int leaked;                   /* a client may still read what the pool holds */
};

static const char *const state_names[] = {
	"STARTING", "RUNNING", "STOPPING", "STOPPED", "COMPLETED", "STARTING_FAILED", "FAILED",
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

static void set_state(struct task *t, enum task_state state)
{
	__atomic_store_n(&t->state, (uint32_t)state, __ATOMIC_RELEASE);
	log_write(&t->place, OUTFLOW_LOG_INFO, "%s%s%s", state_names[state], t->reason.msg[0] ? ": " : "",
	          t->reason.msg);
}

static int stop_requested(const struct task *t)
{
	return __atomic_load_n(&t->stop_requested, __ATOMIC_ACQUIRE);
}

/* ---- the turn ---- */

static void publish_account(struct task *t)
{
	pthread_mutex_lock(&t->lock);
	ledger_account(t->services.ledger, &t->account);
	pthread_mutex_unlock(&t->lock);
}

static void watch_for_misbehaviour(struct task *t)
{
	uint64_t n = ledger_double_resolutions(t->services.ledger);

	if (n == t->known_double_resolutions)
		return;
	log_write(&t->sink.place, OUTFLOW_LOG_ERROR,
	          "plugin misbehaving: %llu resolution(s) of records that were not open, ignored",
	          (unsigned long long)(n - t->known_double_resolutions));
	t->known_double_resolutions = n;
}

/* Everything but polling: what came back from the sinks, what waits to be put, checkpoints. */
static outflow_status look_after(struct task *t, outflow_error *err)
{
	int64_t now = clock_mono_ns();
	outflow_status status;

	ledger_collect(t->services.ledger);
	status = faults_handle(&t->faults, now, err);
	if (status != OUTFLOW_OK)
		return status;
	timers_run(&t->services.timers, now);
	outbox_put(&t->outbox);
	if (t->faults.dead_letters != NULL)
		outbox_put(&t->dead_letters);
	status = progress_tick(&t->progress, now, err);
	if (status != OUTFLOW_OK)
		return status;
	if (progress_is_new_turn(&t->progress)) {
		publish_account(t);
		watch_for_misbehaviour(t);
	}
	return OUTFLOW_OK;
}

static int has_room(const struct task *t)
{
	const struct ledger *l = t->services.ledger;

	return outbox_is_empty(&t->outbox) && outbox_is_empty(&t->dead_letters) &&
	       ledger_in_flight_records(l) < t->model->inflight_records &&
	       ledger_in_flight_bytes(l) < t->model->inflight_bytes;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until when there is nothing to do unless somebody signals. */
static int64_t next_turn(const struct task *t)
{
	int64_t now = clock_mono_ns();
	int busy = ledger_in_flight_records(t->services.ledger) > 0 || progress_is_pending(&t->progress);
	int64_t next = now + (busy ? TURN_NS : IDLE_NS);

	return earlier(next, earlier(timers_next(&t->services.timers), faults_next(&t->faults)));
}

static const outflow_source_ops *source_ops(const struct task *t)
{
	return t->components[0].what->ops;
}

/* Keeps the client of a source alive that may emit nothing now. */
static outflow_status poll_without_room(struct task *t, outflow_error *err)
{
	struct family_memory nothing = { .pool = t->pool };
	struct batch b;
	outflow_status status;

	batch_begin(&b, &nothing, 0, 0);
	status = source_ops(t)->poll(t->source.self, &b.plugin, clock_mono_ns(), err);
	batch_end(&b);
	family_memory_release(&nothing);
	if (status == OUTFLOW_EOF)
		t->source_ended = 1;
	return status < 0 && status != OUTFLOW_E_CANCELED ? status : OUTFLOW_OK;
}

static outflow_status pause_chain(void *ctx, int64_t deadline_ns)
{
	struct task *t = ctx;
	outflow_error err = { .size = sizeof err };

	while (clock_mono_ns() < deadline_ns) {
		if (stop_requested(t))
			return OUTFLOW_E_CANCELED;
		if (!t->source_ended)
			poll_without_room(t, &err);
		wakeup_wait(&t->services.wakeup, earlier(deadline_ns, clock_mono_ns() + TURN_NS));
	}
	return stop_requested(t) ? OUTFLOW_E_CANCELED : OUTFLOW_OK;
}

/* ---- one batch ---- */

static outflow_status poll_once(struct task *t, struct batch *b, int64_t deadline_ns, outflow_error *err)
{
	outflow_status status = source_ops(t)->poll(t->source.self, &b->plugin, deadline_ns, err);

	if (status == OUTFLOW_EOF)
		t->source_ended = 1;
	if (status < 0 && status != OUTFLOW_E_CANCELED && status != OUTFLOW_E_RETRY)
		return instance_blame(&t->source, status, err);
	if (status == OUTFLOW_E_RETRY)
		log_write(&t->source.place, OUTFLOW_LOG_WARN, "%s", err->msg);
	return OUTFLOW_OK;
}

static uint64_t bytes_of(const struct batch *b, uint32_t from)
{
	uint64_t bytes = 0;

	for (uint32_t i = from; i < b->plugin.n; i++)
		bytes += b->plugin.recs[i].key.len + b->plugin.recs[i].value.len;
	return bytes;
}

/* Fills one batch: what is there, or, with batch.messages set, until it is full, batch.interval after its first record
 * is over, it holds batch.bytes, or the task shall stop. */
static outflow_status fill_batch(struct task *t, struct batch *b, int64_t deadline_ns, outflow_error *err)
{
	const struct pipeline_model *m = t->model;
	outflow_status status = poll_once(t, b, deadline_ns, err);
	int64_t until = clock_mono_ns() + m->batch_interval_ns;
	uint64_t bytes = bytes_of(b, 0);

	if (m->batch_messages == 0 || b->plugin.n == 0)
		return status;
	while (status == OUTFLOW_OK && b->plugin.n < m->batch_messages && bytes < m->batch_bytes &&
	       !t->source_ended && !stop_requested(t)) {
		uint32_t before = b->plugin.n;

		if (before > 0 && clock_mono_ns() >= until)
			break;
		status = poll_once(t, b, earlier(until, clock_mono_ns() + TURN_NS), err);
		bytes += bytes_of(b, before);
		if (b->plugin.n == before) {
			wakeup_wait(&t->services.wakeup, earlier(until, clock_mono_ns() + TURN_NS));
			if (look_after(t, err) != OUTFLOW_OK)
				return OUTFLOW_E_TASK;
		}
	}
	return status;
}

static outflow_status work_on(struct task *t, struct family *f, struct batch *b, outflow_error *err)
{
	outflow_status status = ledger_admit(t->services.ledger, f, b->plugin.recs, b->plugin.n);

	if (status == OUTFLOW_E_RECORD) {
		outflow_fail(err, OUTFLOW_E_TASK, "plugin misbehaving: a record names a stream that is not open");
		status = instance_blame(&t->source, OUTFLOW_E_TASK, err);
	} else if (status != OUTFLOW_OK) {
		outflow_fail(err, OUTFLOW_E_TASK, "no memory for a batch");
	}
	if (status != OUTFLOW_OK) {
		batch_drop_records(&f->memory, b->plugin.recs);
		family_discard(f);
		return status;
	}
	status = chain_run(&t->chain, f, err);
	if (status != OUTFLOW_OK)
		return status;
	if (f->n_outputs > 0)
		outbox_add_family(&t->outbox, f);
	/* After this the family may complete at any moment, but only this thread collects it. */
	ledger_publish(f);
	faults_published(&t->faults);
	return look_after(t, err);
}

/* Polls one batch and sees it through to the sink. *worked: did anything come? */
static outflow_status take_batch(struct task *t, int64_t deadline_ns, int *worked, outflow_error *err)
{
	uint32_t limit = t->model->batch_messages > 0 ? t->model->batch_messages : RECORDS_A_TURN;
	struct family *f = family_new(t->services.ledger);
	struct batch b;
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a batch");
	if (batch_begin(&b, &f->memory, t->expect, limit) != OUTFLOW_OK) {
		family_discard(f);
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a batch");
	}
	status = fill_batch(t, &b, deadline_ns, err);
	batch_end(&b);
	*worked = b.plugin.n > 0;
	if (status != OUTFLOW_OK || b.plugin.n == 0) {
		batch_drop_records(&f->memory, b.plugin.recs);
		family_discard(f);
		return status;
	}
	t->expect = b.plugin.n;
	return work_on(t, f, &b, err);
}

static outflow_status run(struct task *t, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	int worked;

	while (status == OUTFLOW_OK && !stop_requested(t) && !t->source_ended) {
		int64_t until;

		status = look_after(t, err);
		if (status != OUTFLOW_OK)
			break;
		until = next_turn(t);
		worked = 0;
		if (has_room(t))
			status = take_batch(t, until, &worked, err);
		else
			status = poll_without_room(t, err);
		/* A source may come back early with nothing; a full sink signals when it has room. */
		if (status == OUTFLOW_OK && !worked && !t->source_ended && !stop_requested(t) &&
		    clock_mono_ns() < until)
			wakeup_wait(&t->services.wakeup, until);
	}
	return status;
}

/* ---- start and stop ---- */

static outflow_status create(struct task *t, struct instance *i, const struct stage_model *m, const struct component *c)
{
	outflow_status status = instance_create(i, &t->services, m, c, &t->reason);

	return status == OUTFLOW_OK ? status : instance_blame(i, status, &t->reason);
}

static outflow_status create_instances(struct task *t)
{
	const struct pipeline_model *m = t->model;
	outflow_status status = create(t, &t->sink, &m->sink, &t->components[t->n_stages + 1]);

	if (status == OUTFLOW_OK && m->deadletter.name != NULL)
		status = create(t, &t->dead_letter_sink, &m->deadletter, &t->components[t->n_stages + 2]);
	for (size_t i = 0; i < t->n_stages && status == OUTFLOW_OK; i++)
		status = create(t, &t->stages[i], &m->stages[i], &t->components[i + 1]);
	if (status == OUTFLOW_OK)
		status = create(t, &t->source, &m->source, &t->components[0]);
	return status;
}

/* start is the same member of both tables but for its place in them. */
static outflow_status start(struct instance *i, outflow_status (*function)(void *self, outflow_error *err),
                            outflow_error *err)
{
	outflow_status status = function ? function(i->self, err) : OUTFLOW_OK;

	if (status < 0)
		return instance_blame(i, status, err);
	i->started = 1;
	return OUTFLOW_OK;
}

static outflow_status start_sink(struct task *t, struct instance *sink)
{
	const outflow_sink_ops *ops = sink->component.what->ops;

	return start(sink, OUTFLOW_HAS(outflow_sink_ops, ops, start) ? ops->start : NULL, &t->reason);
}

/* Sinks first: the source may have something to deliver at once. */
static outflow_status start_instances(struct task *t)
{
	const outflow_source_ops *ops = source_ops(t);
	outflow_status status = start_sink(t, &t->sink);

	if (status == OUTFLOW_OK && t->dead_letter_sink.self != NULL)
		status = start_sink(t, &t->dead_letter_sink);
	if (status == OUTFLOW_OK)
		status = start(&t->source, OUTFLOW_HAS(outflow_source_ops, ops, start) ? ops->start : NULL,
		               &t->reason);
	return status;
}

static void flush(struct instance *sink, int64_t deadline_ns)
{
	const outflow_sink_ops *ops = sink->self ? sink->component.what->ops : NULL;
	outflow_error err = { .size = sizeof err };

	if (OUTFLOW_HAS(outflow_sink_ops, ops, flush) && ops->flush(sink->self, deadline_ns, &err) < 0)
		log_write(&sink->place, OUTFLOW_LOG_WARN, "flush: %s", err.msg);
}

/* Sees what is in flight through: to its end when the source ended by itself, else until the deadline. */
static outflow_status drain(struct task *t, outflow_error *err)
{
	outflow_status status = look_after(t, err);

	flush(&t->sink, clock_mono_ns());
	while (status == OUTFLOW_OK && ledger_in_flight_records(t->services.ledger) > 0) {
		if (stop_requested(t) && clock_mono_ns() >= t->stop_deadline_ns)
			break;
		wakeup_wait(&t->services.wakeup, next_turn(t));
		status = look_after(t, err);
	}
	return status;
}

static void stop_sink(struct task *t, struct instance *sink, int64_t deadline_ns)
{
	const outflow_sink_ops *ops = sink->self ? sink->component.what->ops : NULL;
	outflow_error err = { .size = sizeof err };

	if (ops == NULL)
		return;
	if (sink->started && OUTFLOW_HAS(outflow_sink_ops, ops, stop) &&
	    ops->stop(sink->self, deadline_ns, &err) < 0) {
		log_write(&sink->place, OUTFLOW_LOG_ERROR, "did not stop in time, its memory is given up: %s",
		          err.msg);
		t->leaked = 1;
		return;
	}
	instance_destroy(sink);
}

static void stop_source(struct task *t, int64_t deadline_ns)
{
	const outflow_source_ops *ops;
	outflow_error err = { .size = sizeof err };

	if (t->source.self == NULL)
		return;
	ops = source_ops(t);
	if (t->source.started && OUTFLOW_HAS(outflow_source_ops, ops, stop) &&
	    ops->stop(t->source.self, deadline_ns, &err) < 0)
		log_write(&t->source.place, OUTFLOW_LOG_WARN, "stop: %s", err.msg);
	instance_destroy(&t->source);
}

static void log_account(struct task *t)
{
	const struct account *a = &t->account;

	log_write(&t->place, OUTFLOW_LOG_INFO,
	          "account: received=%llu filtered=%llu delivered=%llu dead_lettered=%llu dropped=%llu "
	          "in_flight=%llu retried=%llu",
	          (unsigned long long)a->received, (unsigned long long)a->filtered,
	          (unsigned long long)a->delivered, (unsigned long long)a->dead_lettered,
	          (unsigned long long)a->dropped, (unsigned long long)a->in_flight,
	          (unsigned long long)t->faults.retried);
}

/* The order matters: nothing may be resolved after the last checkpoint, and the source is told before it goes. */
static void stop_instances(struct task *t, int64_t deadline_ns)
{
	outflow_error err = { .size = sizeof err };

	stop_sink(t, &t->sink, deadline_ns);
	stop_sink(t, &t->dead_letter_sink, deadline_ns);
	ledger_collect(t->services.ledger);
	if (t->source.self != NULL && progress_finish(&t->progress, &err) != OUTFLOW_OK)
		log_write(&t->place, OUTFLOW_LOG_ERROR, "the last checkpoint was not stored: %s", err.msg);
	publish_account(t);
	watch_for_misbehaviour(t);
	stop_source(t, deadline_ns);
	for (size_t i = t->n_stages; i-- > 0;)
		instance_destroy(&t->stages[i]);
}

/* While instances come and go nobody else may call them. */
static void set_interruptible(struct task *t, int interruptible)
{
	pthread_mutex_lock(&t->lock);
	t->interruptible = interruptible;
	pthread_mutex_unlock(&t->lock);
}

static enum task_state live(struct task *t)
{
	outflow_status status = create_instances(t);
	int64_t deadline;

	if (status == OUTFLOW_OK)
		status = start_instances(t);
	if (status != OUTFLOW_OK) {
		stop_instances(t, clock_mono_ns() + FAILED_FLUSH_NS);
		return TASK_STARTING_FAILED;
	}
	set_interruptible(t, 1);
	set_state(t, TASK_RUNNING);
	status = run(t, &t->reason);
	if (status == OUTFLOW_OK || status == OUTFLOW_E_CANCELED) {
		t->reason.msg[0] = '\0';
		if (stop_requested(t))
			set_state(t, TASK_STOPPING);
		status = drain(t, &t->reason);
	}
	set_interruptible(t, 0);
	deadline = stop_requested(t) ? t->stop_deadline_ns : clock_mono_ns() + FAILED_FLUSH_NS;
	if (status != OUTFLOW_OK)
		flush(&t->sink, deadline);
	stop_instances(t, deadline);
	log_account(t);
	if (status != OUTFLOW_OK)
		return TASK_FAILED;
	return t->source_ended && t->account.in_flight == 0 ? TASK_COMPLETED : TASK_STOPPED;
}

static void *thread_main(void *arg)
{
	struct task *t = arg;

	set_state(t, live(t));
	t->on_end(t->on_end_ctx);
	return NULL;
}

/* ---- for other threads ---- */

static void on_ledger_news(void *ctx)
{
	struct task *t = ctx;

	wakeup_signal(&t->services.wakeup);
}

static outflow_status load_component(struct task *t, const struct stage_model *m, size_t i, outflow_error *err)
{
	return inventory_instance(t->services.environment->inventory, &m->component, t->model->name, m->name,
	                          t->services.task, &t->components[i], err);
}

static outflow_status load_components(struct task *t, outflow_error *err)
{
	const struct pipeline_model *m = t->model;
	outflow_status status = load_component(t, &m->source, 0, err);

	for (size_t i = 0; i < t->n_stages && status == OUTFLOW_OK; i++)
		status = load_component(t, &m->stages[i], i + 1, err);
	if (status == OUTFLOW_OK)
		status = load_component(t, &m->sink, t->n_stages + 1, err);
	if (status == OUTFLOW_OK && m->deadletter.name != NULL)
		status = load_component(t, &m->deadletter, t->n_stages + 2, err);
	return status;
}

static int allocate(struct task *t)
{
	t->n_stages = t->model->n_stages;
	t->stages = calloc(t->n_stages + 1, sizeof *t->stages);
	t->components = calloc(t->n_stages + 3, sizeof *t->components);
	t->pool = pool_new();
	t->services.ledger = t->pool ? ledger_new(t->pool, on_ledger_news, t) : NULL;
	return t->stages && t->components && t->services.ledger && wakeup_init(&t->services.wakeup) == 0 &&
	       pthread_mutex_init(&t->lock, NULL) == 0;
}

static void connect_parts(struct task *t)
{
	struct services *s = &t->services;
	int has_dead_letters = t->model->deadletter.name != NULL;

	outbox_init(&t->outbox, &t->sink, s->ledger);
	outbox_init(&t->dead_letters, &t->dead_letter_sink, s->ledger);
	faults_init(&t->faults, s, &t->outbox, has_dead_letters ? &t->dead_letters : NULL);
	progress_init(&t->progress, s, &t->source);
	t->chain = (struct chain){ .services = s, .faults = &t->faults, .stages = t->stages,
	                           .n_stages = t->n_stages, .pause = pause_chain, .pause_ctx = t };
}

outflow_status task_new(const struct pipeline_model *model, const struct environment *environment, uint32_t number,
                        uint32_t n_tasks, void (*on_end)(void *ctx), void *ctx, struct task **result,
                        outflow_error *err)
{
	struct task *t = calloc(1, sizeof *t);
	outflow_status status;

	if (t == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a task");
	t->magic = TASK_MAGIC;
	t->model = model;
	t->services.environment = environment;
	t->services.model = model;
	t->services.task = number;
	t->services.n_tasks = n_tasks;
	t->place = (struct log_place){ model->name, NULL, number };
	t->on_end = on_end;
	t->on_end_ctx = ctx;
	t->reason.size = sizeof t->reason;
	status = allocate(t) ? load_components(t, err) : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a task");
	if (status != OUTFLOW_OK) {
		task_free(&t);
		return status;
	}
	connect_parts(t);
	*result = t;
	return OUTFLOW_OK;
}

outflow_status task_start(struct task *t, outflow_error *err)
{
	int rc = pthread_create(&t->thread, NULL, thread_main, t);

	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "cannot start a thread");
	t->thread_started = 1;
	return OUTFLOW_OK;
}

void task_stop(struct task *t, int64_t deadline_ns)
{
	const outflow_source_ops *source = source_ops(t);

	CHECK_OBJ(t, TASK_MAGIC);
	if (stop_requested(t))
		return;
	t->stop_deadline_ns = deadline_ns;
	__atomic_store_n(&t->stop_requested, 1, __ATOMIC_RELEASE);
	wakeup_signal(&t->services.wakeup);
	pthread_mutex_lock(&t->lock);
	if (t->interruptible && OUTFLOW_HAS(outflow_source_ops, source, interrupt))
		source->interrupt(t->source.self);
	pthread_mutex_unlock(&t->lock);
}

void task_interrupt(struct task *t)
{
	const outflow_sink_ops *sink = t->sink.component.what ? t->sink.component.what->ops : NULL;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; t->interruptible && i < t->n_stages; i++) {
		const outflow_transform_ops *ops = t->stages[i].component.what->ops;

		if (t->stages[i].component.what->kind == OUTFLOW_TRANSFORM &&
		    OUTFLOW_HAS(outflow_transform_ops, ops, interrupt))
			ops->interrupt(t->stages[i].self);
	}
	if (t->interruptible && OUTFLOW_HAS(outflow_sink_ops, sink, interrupt))
		sink->interrupt(t->sink.self);
	pthread_mutex_unlock(&t->lock);
}

void task_account(struct task *t, struct account *result)
{
	pthread_mutex_lock(&t->lock);
	*result = t->account;
	pthread_mutex_unlock(&t->lock);
}

const char *task_reason(const struct task *t)
{
	return t->reason.msg;
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
	/* A client that could not be stopped may still read records and resolve them. */
	if (t->leaked)
		return;
	ledger_free(&t->services.ledger);
	pool_free(&t->pool);
	progress_clear(&t->progress);
	timers_clear(&t->services.timers);
	rejects_clear(&t->services.rejects);
	wakeup_destroy(&t->services.wakeup);
	pthread_mutex_destroy(&t->lock);
	free(t->stages);
	free(t->components);
	t->magic = 0;
	free(t);
}
