/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/base/heap.h"
#include "host/base/metrics.h"
#include "host/pipeline/task_internal.h"

#include <outflow/util.h>

#define RECORDS_A_TURN 512u
/* How often a task that waits looks around, busy and idle. */
#define TURN_NS (100 * CLOCK_MS)
#define IDLE_NS CLOCK_S
/* A record that is under way for so long is worth a log line. */
#define STALL_NS (60 * CLOCK_S)
/* How often a source is asked how far it is behind. */
#define LAG_NS (1 * CLOCK_S)
/* How long memory may lie idle before it goes back to the system. */
#define SHRINK_NS (10 * CLOCK_S)

static void watch_for_misbehaviour(struct task *t)
{
	uint64_t n = ledger_double_resolutions(t->services.ledger);

	if (n == t->known_double_resolutions)
		return;
	instance_misbehaved(&t->sink, "resolved_twice", "%llu resolution(s) of records that were not open, ignored",
	                    (unsigned long long)(n - t->known_double_resolutions));
	t->known_double_resolutions = n;
}

static int64_t oldest_age_ns(const struct task *t)
{
	int64_t oldest = ledger_oldest_ns(t->services.ledger);

	return oldest == CLOCK_NEVER ? 0 : clock_mono_ns() - oldest;
}

static int64_t or_nothing(int64_t value, int64_t nothing)
{
	return value == nothing ? 0 : value;
}

/* What the source says of upstream; else the journal counts what is not released; what is resolved but not on disk in a
 * checkpoint does not lag behind. */
static int64_t lag_records(const struct task *t)
{
	uint64_t unacked = ledger_untold(t->services.ledger), in_flight = t->figures.account.in_flight;
	int64_t resolved = (int64_t)(unacked - in_flight);
	int64_t waiting = t->services.journal_numbers.gauges[TASK_JOURNAL_RECORDS] - resolved;

	if (t->lag.unit == LAG_RECORDS && t->lag.sum > in_flight)
		return t->lag.sum < INT64_MAX ? (int64_t)t->lag.sum : INT64_MAX;
	if (t->services.journals == NULL || waiting < (int64_t)in_flight)
		return (int64_t)in_flight;
	return waiting;
}

static void publish_numbers(struct task *t)
{
	const struct account *a = &t->figures.account;
	const struct ledger *l = t->services.ledger;
	struct task_numbers n = t->services.journal_numbers;
	uint64_t dropped_by_journal = n.counters[TASK_DROPPED_JOURNAL], unacked = ledger_untold(l);
	int64_t arrival = ledger_oldest_arrival_ms(l);

	n.counters[TASK_RECEIVED] = a->received;
	n.counters[TASK_FILTERED] = a->filtered;
	n.counters[TASK_DELIVERED] = a->delivered;
	n.counters[TASK_DEAD_LETTERED] = a->dead_lettered;
	n.counters[TASK_DROPPED] = a->dropped - dropped_by_journal;
	n.counters[TASK_RETRIED] = t->faults.retried;
	n.counters[TASK_ACKED] = t->progress.acked;
	n.counters[TASK_BREACHES] = t->breaches;
	n.gauges[TASK_IN_FLIGHT] = (int64_t)a->in_flight;
	n.gauges[TASK_IN_FLIGHT_BYTES] = (int64_t)ledger_in_flight_bytes(l);
	n.gauges[TASK_UNACKED] = (int64_t)unacked;
	n.gauges[TASK_LAG_RECORDS] = (int64_t)t->figures.lag_records;
	n.gauges[TASK_LAG_BYTES] = t->lag.unit == LAG_BYTES ? (int64_t)t->lag.sum : -1;
	n.gauges[TASK_OLDEST_NS] = or_nothing(ledger_oldest_ns(l), CLOCK_NEVER);
	n.gauges[TASK_OLDEST_ARRIVAL_MS] = arrival >= 0 ? arrival : journal_service_oldest_ms(&t->services);
	task_metrics_set(t->services.metrics, &n);
}

/* The plugin is asked without the lock. */
static void publish_lag(struct task *t)
{
	int64_t now = clock_mono_ns();
	int may_ask = t->source.self != NULL && t->source.started;
	struct lag lag = { 0 }, old;

	if (may_ask && now < t->next_lag_ns)
		return;
	t->next_lag_ns = now + LAG_NS;
	if (may_ask)
		lag_ask(&lag, &t->source);
	pthread_mutex_lock(&t->looking);
	old = t->lag;
	t->lag = lag;
	pthread_mutex_unlock(&t->looking);
	lag_clear(&old);
}

void task_publish_account(struct task *t)
{
	int64_t off;

	publish_lag(t);

	journal_service_watch(&t->services, clock_mono_ns());
	ledger_count_dropped(t->services.ledger, t->services.journal_dropped);
	t->services.journal_dropped = 0;
	pthread_mutex_lock(&t->looking);
	off = ledger_account(t->services.ledger, &t->figures.account);
	t->figures.retried = t->faults.retried;
	t->figures.oldest_ns = oldest_age_ns(t);
	t->figures.lag_records = (uint64_t)lag_records(t);
	pthread_mutex_unlock(&t->looking);
	if (off != 0) {
		log_write(&t->place, OUTFLOW_LOG_ERROR,
		          "defect of this program: the account is off by %lld record(s); please report it",
		          (long long)off);
		t->breaches++;
	}
	publish_numbers(t);
	watch_for_misbehaviour(t);
}

/* A sink that takes and never answers looks like one that works. */
static outflow_status watch_for_stall(struct task *t, int64_t now_ns, outflow_error *err)
{
	int64_t limit = t->model->delivery_timeout_ns;
	int64_t age = oldest_age_ns(t);

	if (limit > 0 && age >= limit)
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "%s: a record waits for its delivery for %.1f s, longer than "
		                    "delivery.timeout",
		                    t->sink.model->name, (double)age / CLOCK_S);
	if (age < STALL_NS || now_ns < t->next_stall_line_ns)
		return OUTFLOW_OK;
	t->next_stall_line_ns = now_ns + STALL_NS;
	log_write(&t->sink.place, OUTFLOW_LOG_WARN, "stalled: the oldest of %llu record(s) under way waits for %.0f s",
	          (unsigned long long)ledger_in_flight_records(t->services.ledger), (double)age / CLOCK_S);
	return OUTFLOW_OK;
}

/* Every stall leaves the heap as large as it was then, and later ones only add to it: blocks that stay in use hold it up,
 * and malloc goes round all that is free in it. */
static void give_memory_back(struct task *t, int64_t now_ns)
{
	if (now_ns >= t->next_shrink_ns) {
		t->next_shrink_ns = now_ns + SHRINK_NS;
		t->owes_trim |= pool_shrink(t->pool) > 0 || t->figures.account.received != t->received_at_shrink;
		t->received_at_shrink = t->figures.account.received;
	}
	if (t->owes_trim && heap_trim(now_ns))
		t->owes_trim = 0;
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
	order_release(&t->order);
	outbox_put(&t->outbox);
	if (t->faults.dead_letters != NULL)
		outbox_put(&t->dead_letters);
	status = progress_tick(&t->progress, now, err);
	if (status != OUTFLOW_OK)
		return status;
	if (!progress_is_new_turn(&t->progress))
		return OUTFLOW_OK;
	task_publish_account(t);
	give_memory_back(t, now);
	return watch_for_stall(t, now, err);
}

/* How many records the next batch may have; 0: the source waits. While a sink resolves one record after the other the
 * source would be asked for one at a time, each with a batch of its own: so there has to be room for some. */
static uint32_t room_for(const struct task *t)
{
	const struct pipeline_model *m = t->model;
	const struct ledger *l = t->services.ledger;
	uint64_t records = ledger_in_flight_records(l), bytes = ledger_in_flight_bytes(l) + pool_used(t->pool);
	uint64_t most = m->batch_messages > 0 ? m->batch_messages : RECORDS_A_TURN;
	uint64_t fewest = m->batch_messages > 0 ? m->inflight_records : m->inflight_records / 4 + 1;
	uint64_t room = records < m->inflight_records ? m->inflight_records - records : 0;
	uint64_t left = bytes < m->inflight_bytes ? m->inflight_bytes - bytes : 0;
	uint32_t allowed = throttle_room(&t->throttle);

	if (fewest > most)
		fewest = most;
	if (!outbox_is_empty(&t->outbox) || !outbox_is_empty(&t->dead_letters) || left == 0 || room < fewest ||
	    allowed == 0)
		return 0;
	if (most > allowed)
		most = allowed;
	/* As large as those of the last batch, the records of the next fill what is left of the bytes. */
	if (t->expect_bytes > 0 && room > left / t->expect_bytes) {
		room = left / t->expect_bytes + 1;
		if (records > 0 && room < fewest && left < m->inflight_bytes / 4)
			return 0;
	}
	return (uint32_t)(room < most ? room : most);
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

	if (t->throttle.next_ns > now)
		next = earlier(next, t->throttle.next_ns);
	return earlier(next, earlier(timers_next(&t->services.timers), faults_next(&t->faults)));
}

/* Negative only when the task has to end: a source that has trouble for a while says so and is asked again. */
static outflow_status poll_source(struct task *t, struct batch *b, int64_t deadline_ns, outflow_error *err)
{
	outflow_status status = task_source_ops(t)->poll(t->source.self, &b->plugin, deadline_ns, err);

	if (status == OUTFLOW_EOF)
		t->source_ended = 1;
	/* What interrupted the source gave it something to do: it is asked again at once, not after the idle wait. */
	if (status == OUTFLOW_E_CANCELED)
		wakeup_signal(&t->services.wakeup);
	if (status >= 0 || status == OUTFLOW_E_CANCELED)
		return OUTFLOW_OK;
	if (!faults_is_transient(status))
		return instance_blame(&t->source, status, err);
	faults_log_source(&t->faults, &t->source, err);
	return OUTFLOW_OK;
}

/* Keeps the client of a source alive that may emit nothing now. */
static outflow_status poll_without_room(struct task *t, outflow_error *err)
{
	struct family_memory nothing = { .pool = t->pool };
	struct batch b;
	outflow_status status;

	batch_begin(&b, &nothing, 0, 0);
	status = poll_source(t, &b, clock_mono_ns(), err);
	batch_end(&b);
	family_memory_release(&nothing);
	return status;
}

outflow_status task_pause(void *ctx, int64_t deadline_ns, outflow_error *err)
{
	struct task *t = ctx;
	outflow_status status = OUTFLOW_OK;

	while (status == OUTFLOW_OK && clock_mono_ns() < deadline_ns && !task_stop_requested(t)) {
		if (!t->source_ended)
			status = poll_without_room(t, err);
		if (status == OUTFLOW_OK)
			status = look_after(t, err);
		if (status == OUTFLOW_OK)
			wakeup_wait(&t->services.wakeup, earlier(deadline_ns, clock_mono_ns() + TURN_NS));
	}
	return status == OUTFLOW_OK && task_stop_requested(t) ? OUTFLOW_E_CANCELED : status;
}

/* ---- one batch ---- */

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
	outflow_status status = poll_source(t, b, deadline_ns, err);
	int64_t until = clock_mono_ns() + m->batch_interval_ns;
	uint64_t bytes = bytes_of(b, 0);

	if (m->batch_messages == 0 || b->plugin.n == 0)
		return status;
	while (status == OUTFLOW_OK && b->plugin.n < b->limit && bytes < m->batch_bytes && !t->source_ended &&
	       !task_stop_requested(t) && !task_is_paused(t)) {
		uint32_t before = b->plugin.n;

		if (before > 0 && clock_mono_ns() >= until)
			break;
		status = poll_source(t, b, earlier(until, clock_mono_ns() + TURN_NS), err);
		bytes += bytes_of(b, before);
		if (status == OUTFLOW_OK && b->plugin.n == before) {
			wakeup_wait(&t->services.wakeup, earlier(until, clock_mono_ns() + TURN_NS));
			status = look_after(t, err);
		}
	}
	return status;
}

static outflow_status work_on(struct task *t, struct family *f, struct batch *b, outflow_error *err)
{
	outflow_status status = ledger_admit(t->services.ledger, f, b->plugin.recs, b->plugin.n);

	if (status == OUTFLOW_E_RECORD) {
		metrics_count_misbehaviour(t->source.component.module->plugin->id, "closed_stream");
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
	if (status != OUTFLOW_OK) {
		t->abandoned += f->n_slots;
		return status;
	}
	if (f->n_outputs > 0)
		outbox_add_family(&t->outbox, f);
	/* After this the family may complete at any moment, but only this thread collects it. */
	ledger_publish(f);
	faults_published(&t->faults);
	return look_after(t, err);
}

/* Polls one batch of up to limit records and sees it through to the sink. *worked: did anything come? */
static outflow_status take_batch(struct task *t, uint32_t limit, int64_t deadline_ns, int *worked, outflow_error *err)
{
	uint32_t expect = t->expect > 0 ? t->expect : 1;
	struct family *f = family_new(t->services.ledger);
	struct batch b;
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a batch");
	if (batch_begin(&b, &f->memory, expect < limit ? expect : limit, limit) != OUTFLOW_OK) {
		family_discard(f);
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a batch");
	}
	rejects_begin_poll(&t->services.rejects, &b.plugin);
	status = fill_batch(t, &b, deadline_ns, err);
	batch_end(&b);
	throttle_spend(&t->throttle, b.plugin.n);
	*worked = b.plugin.n > 0;
	if (status != OUTFLOW_OK || b.plugin.n == 0) {
		batch_drop_records(&f->memory, b.plugin.recs);
		family_discard(f);
		return status;
	}
	t->expect = b.plugin.n;
	t->expect_bytes = bytes_of(&b, 0) / b.plugin.n;
	return work_on(t, f, &b, err);
}

static void show_whether_paused(struct task *t)
{
	enum task_state state = task_is_paused(t) ? TASK_PAUSED : TASK_RUNNING;

	if (task_state(t) != state)
		task_set_state(t, state);
}

outflow_status task_run(struct task *t)
{
	outflow_error *err = &t->reason;
	outflow_status status = OUTFLOW_OK;
	uint32_t room;
	int worked;

	while (status == OUTFLOW_OK && !task_stop_requested(t) && !t->source_ended) {
		int64_t until;

		status = look_after(t, err);
		if (status != OUTFLOW_OK)
			break;
		until = next_turn(t);
		worked = 0;
		show_whether_paused(t);
		room = task_is_paused(t) ? 0 : room_for(t);
		if (room > 0)
			status = take_batch(t, room, until, &worked, err);
		else
			status = poll_without_room(t, err);
		/* A source may come back early with nothing, and with a timer; a full sink signals when it has room. */
		if (status == OUTFLOW_OK && !worked && !t->source_ended && !task_stop_requested(t) &&
		    clock_mono_ns() < until)
			wakeup_wait(&t->services.wakeup, earlier(until, timers_next(&t->services.timers)));
	}
	return status;
}

outflow_status task_drain(struct task *t)
{
	outflow_error *err = &t->reason;
	outflow_status status = look_after(t, err);

	task_flush(t, clock_mono_ns());
	while (status == OUTFLOW_OK && ledger_in_flight_records(t->services.ledger) > t->abandoned) {
		if (task_stop_requested(t) && clock_mono_ns() >= t->stop_deadline_ns)
			break;
		wakeup_wait(&t->services.wakeup, next_turn(t));
		status = look_after(t, err);
	}
	return status;
}
