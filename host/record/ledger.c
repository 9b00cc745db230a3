/* SPDX-License-Identifier: Apache-2.0 */
#include "host/record/ledger.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/record/streams.h"

#include <outflow/util.h>

#include <string.h>

#define LEDGER_MAGIC 0x6c656467u
#define FAMILY_MAGIC 0x66616d69u
#define SLOT_IN_CHAIN UINT32_MAX

enum delivery_state { DELIVERY_OPEN, DELIVERY_FAILED, DELIVERY_RESOLVED };

struct ledger {
	unsigned magic;
	struct pool *pool;
	void (*wake)(void *ctx);
	void *wake_ctx;
	struct family *oldest, *newest;
	struct streams streams;
	uint64_t emitted;       /* records so far; their numbers */
	struct account account; /* without in_flight */
	uint64_t in_flight_bytes;
	void (*before_release)(void *ctx);
	void *before_release_ctx;
	int wake_always;
	struct histogram *end_to_end, *sink; /* NULL: nothing is measured */
	/* Shared with the threads that resolve. */
	struct family *done;         /* atomic stack */
	struct delivery *failed;     /* atomic stack */
	uint64_t double_resolutions; /* atomic */
};

struct ledger *ledger_new(struct pool *pool, void (*wake)(void *ctx), void *ctx)
{
	struct ledger *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->magic = LEDGER_MAGIC;
	l->pool = pool;
	l->wake = wake;
	l->wake_ctx = ctx;
	return l;
}

/* ---- families ---- */

struct family *family_new(struct ledger *l)
{
	struct family *f = pool_get(l->pool, sizeof *f, NULL);

	CHECK_OBJ(l, LEDGER_MAGIC);
	if (f == NULL)
		return NULL;
	*f = (struct family){ .magic = FAMILY_MAGIC, .ledger = l, .unresolved = 1 };
	f->memory.pool = l->pool;
	return f;
}

static void release_memory(struct family *f)
{
	struct pool *pool = f->memory.pool;

	family_memory_release(&f->memory);
	pool_put(pool, f->records);
	pool_put(pool, f->outputs);
	pool_put(pool, f->deliveries);
	f->records = f->outputs = NULL;
	f->deliveries = NULL;
}

static void release_family(struct family *f)
{
	struct pool *pool = f->memory.pool;

	release_memory(f);
	pool_put(pool, f->slots);
	f->magic = 0;
	pool_put(pool, f);
}

void family_discard(struct family *f)
{
	CHECK_OBJ(f, FAMILY_MAGIC);
	CHECK(f->slots == NULL);
	release_family(f);
}

static const outflow_bytes *copy_pos_ext(struct family *f, const outflow_bytes *from)
{
	outflow_bytes *copy = family_alloc(&f->memory, sizeof *copy + from->len, _Alignof(outflow_bytes));

	if (copy == NULL)
		return NULL;
	copy->ptr = copy + 1;
	copy->len = from->len;
	memcpy(copy + 1, from->ptr, from->len);
	f->keeps_arena = 1;
	return copy;
}

/* 0 without a timestamp, or with one that another clock has made. */
static uint32_t age_of(const outflow_record *r, int64_t now_ms)
{
	int64_t age = r->timestamp_ms < 0 ? 0 : now_ms - r->timestamp_ms;

	return age < 0 ? 0 : age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

outflow_status ledger_admit(struct ledger *l, struct family *f, outflow_record *records, uint32_t n)
{
	struct slot *slots = pool_get(l->pool, n * sizeof *slots, NULL);
	int64_t now_ms = clock_wall_ms();
	uint64_t bytes = 0;

	CHECK_OBJ(f, FAMILY_MAGIC);
	if (slots == NULL)
		return OUTFLOW_E_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		outflow_record *r = &records[i];
		struct slot *s = &slots[i];

		if (streams_emit(&l->streams, r->stream, l->emitted + i) != 0) {
			pool_put(l->pool, slots);
			return OUTFLOW_E_RECORD;
		}
		*s = (struct slot){ .family = f,
			            .next = r->next ? r->next : r->pos + 1,
			            .stream = r->stream,
			            .pending = SLOT_IN_CHAIN,
			            .index = i,
			            .age_ms = age_of(r, now_ms) };
		if (r->pos_ext != NULL && (s->pos_ext = copy_pos_ext(f, r->pos_ext)) == NULL) {
			pool_put(l->pool, slots);
			return OUTFLOW_E_NOMEM;
		}
		s->cell.origin = s;
		r->slot = &s->cell;
		bytes += r->key.len + r->value.len;
	}
	f->slots = slots;
	f->n_slots = n;
	f->records = records;
	f->first = l->emitted;
	f->bytes = bytes;
	f->admitted_ns = clock_mono_ns();
	f->admitted_ms = now_ms;
	if (l->newest != NULL)
		l->newest->next = f;
	else
		l->oldest = f;
	l->newest = f;
	l->emitted += n;
	l->account.received += n;
	l->in_flight_bytes += bytes;
	return OUTFLOW_OK;
}

static void open_delivery(struct delivery *d, struct slot *s, outflow_record *r)
{
	*d = (struct delivery){ .cell = { s }, .record = r };
	if (s->outcome < OUTCOME_DELIVERED)
		s->outcome = OUTCOME_DELIVERED;
	s->pending = s->pending == SLOT_IN_CHAIN ? 1 : s->pending + 1;
	r->slot = &d->cell;
}

outflow_status ledger_expect(struct family *f, outflow_record *outputs, uint32_t n)
{
	struct delivery *deliveries = pool_get(f->memory.pool, n * sizeof *deliveries, NULL);

	CHECK_OBJ(f, FAMILY_MAGIC);
	if (deliveries == NULL)
		return OUTFLOW_E_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (outputs[i].slot == NULL || outputs[i].slot->origin->family != f) {
			pool_put(f->memory.pool, deliveries);
			return OUTFLOW_E_RECORD;
		}
	for (uint32_t i = 0; i < n; i++)
		open_delivery(&deliveries[i], outputs[i].slot->origin, &outputs[i]);
	f->outputs = outputs;
	f->n_outputs = n;
	f->deliveries = deliveries;
	f->unresolved += n;
	return OUTFLOW_OK;
}

static void worsen(struct slot *s, enum outcome outcome)
{
	if (s->outcome < outcome)
		s->outcome = (uint8_t)outcome;
}

struct delivery *ledger_add_dead_letter(struct slot *s, outflow_record *dead_letter)
{
	struct family *f = s->family;
	struct delivery *d = family_alloc(&f->memory, sizeof *d, _Alignof(struct delivery));

	if (d == NULL)
		return NULL;
	open_delivery(d, s, dead_letter);
	d->dead_letter = 1;
	worsen(s, OUTCOME_DEAD_LETTERED);
	f->unresolved++;
	return d;
}

void ledger_drop(struct slot *s)
{
	worsen(s, OUTCOME_DROPPED);
}

/* The last one to leave hands the family to the task; it may be gone when this returns. */
static int leave_family(struct family *f, uint32_t n)
{
	struct ledger *l = f->ledger;

	if (__atomic_sub_fetch(&f->unresolved, n, __ATOMIC_ACQ_REL) != 0)
		return 0;
	f->next_done = __atomic_load_n(&l->done, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&l->done, &f->next_done, f, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return 1;
}

void ledger_publish(struct family *f)
{
	CHECK_OBJ(f, FAMILY_MAGIC);
	for (uint32_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].pending == SLOT_IN_CHAIN)
			f->slots[i].pending = 0;
	leave_family(f, 1);
}

/* ---- resolving ---- */

static void drop_note(struct note *note)
{
	if (note != NULL && __atomic_sub_fetch(&note->references, 1, __ATOMIC_ACQ_REL) == 0)
		free(note);
}

static void push_failed(struct ledger *l, struct delivery *d, outflow_status status, struct note *note)
{
	d->status = status;
	d->note = note;
	d->next = __atomic_load_n(&l->failed, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&l->failed, &d->next, d, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static struct delivery *close_delivery(struct ledger *l, const outflow_record *r, enum delivery_state state)
{
	struct delivery *d = (struct delivery *)(void *)r->slot;
	uint32_t open = DELIVERY_OPEN;

	if (__atomic_compare_exchange_n(&d->state, &open, (uint32_t)state, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return d;
	__atomic_add_fetch(&l->double_resolutions, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void resolve_failed(struct ledger *l, outflow_record *const *recs, size_t n, outflow_status status,
                           const outflow_error *err)
{
	struct note *note = err ? malloc(sizeof *note) : NULL;
	struct delivery *d;

	if (note != NULL) {
		note->error = *err;
		note->references = 1;
	}
	for (size_t i = 0; i < n; i++) {
		d = close_delivery(l, recs[i], DELIVERY_FAILED);
		if (d == NULL)
			continue;
		if (note != NULL)
			__atomic_add_fetch(&note->references, 1, __ATOMIC_RELAXED);
		push_failed(l, d, status, note);
	}
	drop_note(note);
	l->wake(l->wake_ctx);
}

/* ---- how long it took ---- */

void ledger_measure(struct ledger *l, struct histogram *end_to_end, struct histogram *sink)
{
	l->end_to_end = end_to_end;
	l->sink = sink;
}

static int64_t us_since(int64_t then_ns, int64_t now_ns)
{
	return (now_ns - then_ns) / (CLOCK_MS / 1000);
}

void ledger_note_put(struct delivery *first, size_t n)
{
	int64_t us = us_since(first->cell.origin->family->admitted_ns, clock_mono_ns());

	for (size_t i = 0; i < n; i++)
		first[i].put_us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

/* Of one call of ledger_resolve. */
struct measurement {
	struct histogram_run end_to_end, sink;
	int64_t now_ns;
};

static void measure(struct measurement *m, const struct delivery *d, int is_last)
{
	const struct slot *s = d->cell.origin;
	int64_t us = us_since(s->family->admitted_ns, m->now_ns);

	if (!d->dead_letter)
		histogram_run_add(&m->sink, us - d->put_us);
	if (is_last && s->outcome == OUTCOME_DELIVERED)
		histogram_run_add(&m->end_to_end, us + (int64_t)s->age_ms * 1000);
}

static void end_measurement(struct measurement *m)
{
	histogram_flush(&m->end_to_end);
	histogram_flush(&m->sink);
}

void ledger_resolve(struct ledger *l, outflow_record *const *recs, size_t n, outflow_status status,
                    const outflow_error *err)
{
	struct measurement m = { .end_to_end = HISTOGRAM_RUN(l->end_to_end), .sink = HISTOGRAM_RUN(l->sink) };
	struct family *family = NULL;
	uint32_t resolved = 0;
	int finished = 0;

	CHECK_OBJ(l, LEDGER_MAGIC);
	CRASH_POINT("resolve.before_slot");
	if (status < 0) {
		resolve_failed(l, recs, n, status, err);
		return;
	}
	m.now_ns = l->end_to_end ? clock_mono_ns() : 0;
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = close_delivery(l, recs[i], DELIVERY_RESOLVED);
		struct slot *s;
		int is_last;

		if (d == NULL)
			continue;
		s = d->cell.origin;
		is_last = __atomic_sub_fetch(&s->pending, 1, __ATOMIC_ACQ_REL) == 0;
		if (l->end_to_end != NULL)
			measure(&m, d, is_last);
		/* One decrement a family, not a record: after the last one it may be gone. */
		if (s->family != family && resolved > 0) {
			finished |= leave_family(family, resolved);
			resolved = 0;
		}
		family = s->family;
		resolved++;
	}
	end_measurement(&m);
	if (resolved > 0)
		finished |= leave_family(family, resolved);
	CRASH_POINT("resolve.after_slot");
	if (finished || l->wake_always)
		l->wake(l->wake_ctx);
}

struct delivery *ledger_take_failed(struct ledger *l)
{
	struct delivery *d = __atomic_exchange_n(&l->failed, NULL, __ATOMIC_ACQUIRE);
	struct delivery *oldest_first = NULL;

	while (d != NULL) {
		struct delivery *next = d->next;

		d->next = oldest_first;
		oldest_first = d;
		d = next;
	}
	return oldest_first;
}

void delivery_take_reason(struct delivery *d, outflow_error *err)
{
	if (d->note != NULL)
		*err = d->note->error;
	else
		outflow_fail(err, d->status, "no reason given");
	drop_note(d->note);
	d->note = NULL;
}

void delivery_reopen(struct delivery *d)
{
	__atomic_store_n(&d->state, DELIVERY_OPEN, __ATOMIC_RELEASE);
}

int delivery_is_resolved(const struct delivery *d)
{
	return __atomic_load_n(&d->state, __ATOMIC_ACQUIRE) == DELIVERY_RESOLVED;
}

void ledger_watch_resolved(struct ledger *l, void (*call)(void *ctx), void *ctx)
{
	l->before_release = call;
	l->before_release_ctx = ctx;
	l->wake_always = 1;
}

void ledger_finish(struct delivery *d, enum outcome outcome)
{
	struct slot *s = d->cell.origin;

	__atomic_store_n(&d->state, DELIVERY_RESOLVED, __ATOMIC_RELEASE);
	worsen(s, outcome);
	__atomic_sub_fetch(&s->pending, 1, __ATOMIC_RELEASE);
	leave_family(s->family, 1);
}

struct delivery *ledger_pass_on(struct delivery *d, outflow_record *dead_letter)
{
	struct slot *s = d->cell.origin;
	struct delivery *heir = family_alloc(&s->family->memory, sizeof *heir, _Alignof(struct delivery));

	if (heir == NULL)
		return NULL;
	*heir = (struct delivery){ .cell = { s }, .record = dead_letter, .dead_letter = 1 };
	dead_letter->slot = &heir->cell;
	__atomic_store_n(&d->state, DELIVERY_RESOLVED, __ATOMIC_RELEASE);
	worsen(s, OUTCOME_DEAD_LETTERED);
	return heir;
}

/* ---- collecting ---- */

/* Returns how many are open. */
static uint32_t count_resolved(struct account *a, const struct family *f)
{
	uint64_t *const counters[] = {
		[OUTCOME_NONE] = &a->filtered,
		[OUTCOME_DELIVERED] = &a->delivered,
		[OUTCOME_DEAD_LETTERED] = &a->dead_lettered,
		[OUTCOME_DROPPED] = &a->dropped,
	};
	uint32_t open = 0;

	for (uint32_t i = 0; i < f->n_slots; i++)
		if (__atomic_load_n(&f->slots[i].pending, __ATOMIC_ACQUIRE) == 0)
			++*counters[f->slots[i].outcome];
		else
			open++;
	return open;
}

static void advance(struct ledger *l, int only_done)
{
	uint32_t waiting = streams_begin_advance(&l->streams);

	for (struct family *f = l->oldest; f != NULL && waiting > 0 && (f->done || !only_done); f = f->next)
		for (uint32_t i = 0; i < f->n_slots && waiting > 0; i++) {
			const struct slot *s = &f->slots[i];

			if (__atomic_load_n(&s->pending, __ATOMIC_ACQUIRE) == 0)
				waiting -= streams_move(&l->streams, s->stream, f->first + i, s->next, s->pos_ext);
			else
				waiting -= streams_block(&l->streams, s->stream);
		}
	while (l->oldest != NULL && l->oldest->done) {
		struct family *f = l->oldest;

		l->oldest = f->next;
		if (l->oldest == NULL)
			l->newest = NULL;
		release_family(f);
	}
}

void ledger_collect(struct ledger *l)
{
	struct family *f = __atomic_exchange_n(&l->done, NULL, __ATOMIC_ACQUIRE);

	CHECK_OBJ(l, LEDGER_MAGIC);
	if (f != NULL && l->before_release != NULL)
		l->before_release(l->before_release_ctx);
	while (f != NULL) {
		struct family *next = f->next_done;

		count_resolved(&l->account, f);
		l->in_flight_bytes -= f->bytes;
		f->done = 1;
		if (!f->keeps_arena)
			release_memory(f);
		f = next;
	}
	/* Only these can go. What is resolved behind them waits for ledger_advance, which costs a walk. */
	if (l->oldest != NULL && l->oldest->done)
		advance(l, 1);
}

void ledger_advance(struct ledger *l)
{
	advance(l, 0);
}

/* ---- reading ---- */

static uint64_t in_flight(const struct account *a)
{
	return a->received - a->filtered - a->delivered - a->dead_lettered - a->dropped;
}

int64_t ledger_account(const struct ledger *l, struct account *result)
{
	struct account a = l->account;

	/* The records of families that still wait for others are counted one by one: in_flight is a count, not what is
	 * missing from the sum. */
	for (const struct family *f = l->oldest; f != NULL; f = f->next)
		if (!f->done)
			a.in_flight += count_resolved(&a, f);
	*result = a;
	return (int64_t)(in_flight(&a) - a.in_flight);
}

void ledger_count_dropped(struct ledger *l, uint64_t n)
{
	l->account.received += n;
	l->account.dropped += n;
}

int64_t ledger_oldest_ns(const struct ledger *l)
{
	const struct family *f = l->oldest;

	while (f != NULL && f->done)
		f = f->next;
	return f != NULL ? f->admitted_ns : CLOCK_NEVER;
}

int64_t ledger_oldest_arrival_ms(const struct ledger *l)
{
	for (const struct family *f = l->oldest; f != NULL; f = f->next)
		for (uint32_t i = 0; !f->done && i < f->n_slots; i++)
			if (__atomic_load_n(&f->slots[i].pending, __ATOMIC_ACQUIRE) != 0)
				return f->admitted_ms - f->slots[i].age_ms;
	return -1;
}

outflow_str ledger_stream_name(const struct ledger *l, uint32_t stream)
{
	return streams_name(&l->streams, stream);
}

uint64_t ledger_stream_passed(const struct ledger *l, uint32_t stream)
{
	return streams_passed(&l->streams, stream);
}

void ledger_stream_told(struct ledger *l, uint32_t stream, uint64_t passed)
{
	streams_told(&l->streams, stream, passed);
}

uint64_t ledger_untold(const struct ledger *l)
{
	return streams_untold(&l->streams);
}

uint64_t ledger_in_flight_records(const struct ledger *l)
{
	return in_flight(&l->account);
}

uint64_t ledger_in_flight_bytes(const struct ledger *l)
{
	return l->in_flight_bytes;
}

uint64_t ledger_double_resolutions(const struct ledger *l)
{
	return __atomic_load_n(&l->double_resolutions, __ATOMIC_RELAXED);
}

const outflow_record *ledger_origin(const outflow_record *r)
{
	const struct slot *s = r->slot ? r->slot->origin : NULL;

	return s ? &s->family->records[s->index] : NULL;
}

/* ---- streams ---- */

outflow_status ledger_stream_open(struct ledger *l, outflow_str json, uint64_t next, outflow_bytes pos_ext,
                                  uint32_t *stream, outflow_resume *resume)
{
	return streams_open(&l->streams, json, next, pos_ext, stream, resume);
}

outflow_status ledger_stream_close(struct ledger *l, uint32_t stream)
{
	return streams_close(&l->streams, stream);
}

outflow_status ledger_stream_position(struct ledger *l, uint32_t stream, uint64_t *next)
{
	ledger_collect(l);
	ledger_advance(l);
	return streams_position(&l->streams, stream, next);
}

void ledger_moved_streams(struct ledger *l,
                          void (*visit)(void *ctx, uint32_t stream, outflow_str json, uint64_t next,
                                        const outflow_bytes *pos_ext),
                          void *ctx)
{
	streams_visit_moved(&l->streams, visit, ctx);
}

void ledger_free(struct ledger **pl)
{
	struct ledger *l = *pl;
	struct delivery *d;

	*pl = NULL;
	if (l == NULL)
		return;
	CHECK_OBJ(l, LEDGER_MAGIC);
	for (d = l->failed; d != NULL; d = d->next)
		drop_note(d->note);
	while (l->oldest != NULL) {
		struct family *f = l->oldest;

		l->oldest = f->next;
		release_family(f);
	}
	streams_clear(&l->streams);
	l->magic = 0;
	free(l);
}
