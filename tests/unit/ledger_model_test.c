/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_model_test.c: whatever happens to records and in whatever order, the ledger says the same as a list of them that
 * is looked through from the front: positions, the account, what may be forgotten.
 *
 * OUTFLOW_TEST_SEED repeats a run; the seed is printed.
 */
#include "host/base/clock.h"
#include "host/record/ledger.h"

#include <outflow/util.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define STREAMS 3u
#define RECORDS 3000u
#define DELIVERIES (RECORDS * 4)
#define FAMILIES RECORDS
#define UNDER_WAY 48u /* deliveries; no new records above it */

/* ---- the model: plain lists ---- */

struct model_record {
	uint32_t handle; /* of its stream */
	uint64_t next;
	uint32_t family;
	unsigned owed;
	enum outcome outcome;
};

enum model_state { MODEL_OPEN, MODEL_FAILED, MODEL_SETTLED };

struct model_delivery {
	uint32_t record;
	outflow_record *real;
	struct delivery *taken; /* failed, and taken from the ledger */
	enum model_state state;
};

struct model_family {
	unsigned owed;
	uint32_t n_records;
	int released; /* by the ledger */
};

struct model_stream {
	uint32_t handle;
	uint64_t begin, emitted, visited;
	int open;
};

struct world {
	struct pool *pool;
	struct ledger *ledger;
	struct model_record records[RECORDS];
	struct model_delivery deliveries[DELIVERIES];
	struct model_family families[FAMILIES];
	struct model_stream streams[STREAMS];
	uint32_t n_records, n_deliveries, n_families;
	uint32_t first_owed; /* no delivery before this is owed */
	uint64_t dropped_unseen, doubles;
	unsigned wakes;
};

static uint64_t random_state;

static uint32_t chance(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % below;
}

static void seed_from(uint64_t fallback)
{
	const char *given = getenv("OUTFLOW_TEST_SEED");

	random_state = given ? strtoull(given, NULL, 10) : fallback;
	print_message("OUTFLOW_TEST_SEED=%llu\n", (unsigned long long)random_state);
}

static void on_wake(void *ctx)
{
	__atomic_add_fetch(&((struct world *)ctx)->wakes, 1, __ATOMIC_RELAXED);
}

static void on_release(void *object)
{
	struct model_family *f = object;

	assert_false(f->released);
	assert_int_equal(f->owed, 0);
	f->released = 1;
}

static void open_stream(struct world *w, uint32_t which, uint64_t at)
{
	struct model_stream *s = &w->streams[which];
	outflow_resume resume;
	char json[20];

	snprintf(json, sizeof json, "{\"n\":%u}", which);
	assert_int_equal(
		ledger_stream_open(w->ledger, outflow_text(json), at, (outflow_bytes){ NULL, 0 }, &s->handle, &resume),
		OUTFLOW_OK);
	s->begin = s->emitted = s->visited = at;
	s->open = 1;
}

/* One for all tests: it is large, and only what is counted in it is looked at. */
static struct world *world_new(void)
{
	static struct world the_world;
	struct world *w = &the_world;

	w->n_records = w->n_deliveries = w->n_families = w->first_owed = 0;
	w->dropped_unseen = w->doubles = 0;
	w->pool = pool_new();
	w->ledger = ledger_new(w->pool, on_wake, w);
	for (uint32_t i = 0; i < STREAMS; i++)
		open_stream(w, i, 0);
	return w;
}

static void world_free(struct world *w)
{
	assert_int_equal(pool_used(w->pool), 0);
	ledger_free(&w->ledger);
	pool_free(&w->pool);
}

/* The end of the prefix of a stream without a hole. */
static uint64_t model_position(const struct world *w, const struct model_stream *s)
{
	uint64_t position = s->begin;

	for (uint32_t i = 0; i < w->n_records; i++) {
		const struct model_record *r = &w->records[i];

		if (r->handle != s->handle)
			continue;
		if (r->owed > 0)
			break;
		position = r->next;
	}
	return position;
}

/* ---- looking ---- */

static void on_visit(void *ctx, uint32_t handle, outflow_str json, uint64_t next, const outflow_bytes *pos_ext)
{
	struct world *w = ctx;

	(void)json;
	assert_null(pos_ext);
	for (uint32_t i = 0; i < STREAMS; i++)
		if (w->streams[i].open && w->streams[i].handle == handle) {
			assert_int_not_equal(next, w->streams[i].visited);
			w->streams[i].visited = next;
			return;
		}
	fail_msg("stream %u is not open", handle);
}

static void check_account(struct world *w)
{
	uint64_t expected[OUTCOME_DROPPED + 1] = { 0 }, open = 0;
	struct account a;

	expected[OUTCOME_DROPPED] = w->dropped_unseen;
	for (uint32_t i = 0; i < w->n_records; i++)
		if (w->records[i].owed > 0)
			open++;
		else
			expected[w->records[i].outcome]++;
	assert_int_equal(ledger_account(w->ledger, &a), 0);
	assert_int_equal(a.received, w->n_records + w->dropped_unseen);
	assert_int_equal(a.filtered, expected[OUTCOME_NONE]);
	assert_int_equal(a.delivered, expected[OUTCOME_DELIVERED]);
	assert_int_equal(a.dead_lettered, expected[OUTCOME_DEAD_LETTERED]);
	assert_int_equal(a.dropped, expected[OUTCOME_DROPPED]);
	assert_int_equal(a.in_flight, open);
	assert_int_equal(ledger_double_resolutions(w->ledger), w->doubles);
}

static void check_positions(struct world *w)
{
	uint64_t under_way = 0, next;

	for (uint32_t i = 0; i < STREAMS; i++) {
		outflow_status expected = w->streams[i].open ? OUTFLOW_OK : OUTFLOW_E_RECORD;

		assert_int_equal(ledger_stream_position(w->ledger, w->streams[i].handle, &next), expected);
		if (expected == OUTFLOW_OK)
			assert_int_equal(next, model_position(w, &w->streams[i]));
	}
	/* Asking has collected: what is complete is gone, and nothing else. */
	for (uint32_t i = 0; i < w->n_families; i++) {
		struct model_family *f = &w->families[i];

		assert_int_equal(f->released, f->owed == 0);
		under_way += f->owed > 0 ? f->n_records : 0;
	}
	assert_int_equal(ledger_in_flight_records(w->ledger), under_way);
	assert_int_equal(ledger_in_flight_bytes(w->ledger), under_way);
	assert_int_equal(ledger_oldest_ns(w->ledger) == CLOCK_NEVER, under_way == 0);
	ledger_moved_streams(w->ledger, on_visit, w);
	for (uint32_t i = 0; i < STREAMS; i++)
		if (w->streams[i].open)
			assert_int_equal(w->streams[i].visited, model_position(w, &w->streams[i]));
}

/* ---- doing ---- */

static void worsen(struct model_record *r, enum outcome outcome)
{
	if (r->outcome < outcome)
		r->outcome = outcome;
}

static void add_delivery(struct world *w, uint32_t record, outflow_record *real)
{
	w->deliveries[w->n_deliveries++] = (struct model_delivery){ .record = record, .real = real };
	w->records[record].owed++;
	w->families[w->records[record].family].owed++;
}

static void settle(struct world *w, struct model_delivery *d)
{
	struct model_record *r = &w->records[d->record];

	d->state = MODEL_SETTLED;
	r->owed--;
	w->families[r->family].owed--;
}

/* What a stage does with a record: copies for the sink, or a dead letter, or it is dropped. */
enum stage_verdict { STAGE_COPIES, STAGE_DEAD_LETTER, STAGE_DROPS };

struct plan {
	uint32_t stream; /* which */
	enum stage_verdict verdict;
	unsigned copies;
};

static outflow_record *make_dead_letter(struct family *f, const outflow_record *origin)
{
	outflow_record *letter = family_alloc(&f->memory, sizeof *letter, _Alignof(outflow_record));

	*letter = *origin;
	return letter;
}

static struct family *admit(struct world *w, const struct plan *plans, uint32_t n)
{
	struct model_family *mine = &w->families[w->n_families];
	struct family *f = family_new(w->ledger);
	struct batch b;

	assert_non_null(f);
	*mine = (struct model_family){ .n_records = n };
	assert_int_equal(batch_begin(&b, &f->memory, 1, n), OUTFLOW_OK);
	assert_int_equal(batch_api.attach(&b.plugin, mine, on_release), OUTFLOW_OK);
	for (uint32_t i = 0; i < n; i++) {
		struct model_stream *s = &w->streams[plans[i].stream];
		outflow_record r = { .value = { "x", 1 }, .stream = s->handle, .pos = s->emitted };

		s->emitted += 1 + chance(3); /* positions have gaps */
		r.next = s->emitted == r.pos + 1 ? 0 : s->emitted;
		assert_non_null(outflow_emit(&(outflow_host){ .batch = &batch_api }, &b.plugin, &r));
		w->records[w->n_records + i] =
			(struct model_record){ .handle = s->handle, .next = s->emitted, .family = w->n_families };
	}
	batch_end(&b);
	assert_int_equal(ledger_admit(w->ledger, f, b.plugin.recs, n), OUTFLOW_OK);
	return f;
}

static void emit(struct world *w, const struct plan *plans, uint32_t n)
{
	uint32_t first = w->n_records, n_outputs = 0;
	struct family *f = admit(w, plans, n);
	struct batch b;

	assert_int_equal(batch_begin(&b, &f->memory, 0, 1000), OUTFLOW_OK);
	for (uint32_t i = 0; i < n; i++)
		for (unsigned k = 0; plans[i].verdict == STAGE_COPIES && k < plans[i].copies; k++)
			assert_non_null(
				outflow_emit(&(outflow_host){ .batch = &batch_api }, &b.plugin, &f->records[i]));
	batch_end(&b);
	if (b.plugin.n > 0)
		assert_int_equal(ledger_expect(f, b.plugin.recs, b.plugin.n), OUTFLOW_OK);
	for (uint32_t i = 0; i < n; i++) {
		for (unsigned k = 0; plans[i].verdict == STAGE_COPIES && k < plans[i].copies; k++) {
			add_delivery(w, first + i, &f->outputs[n_outputs++]);
			worsen(&w->records[first + i], OUTCOME_DELIVERED);
		}
		if (plans[i].verdict == STAGE_DEAD_LETTER) {
			outflow_record *letter = make_dead_letter(f, &f->records[i]);

			assert_non_null(ledger_add_dead_letter(&f->slots[i], letter));
			add_delivery(w, first + i, letter);
			worsen(&w->records[first + i], OUTCOME_DEAD_LETTERED);
		} else if (plans[i].verdict == STAGE_DROPS) {
			ledger_drop(&f->slots[i]);
			worsen(&w->records[first + i], OUTCOME_DROPPED);
		}
	}
	w->n_records += n;
	w->n_families++;
	ledger_publish(f);
}

static struct model_delivery *find_delivery(struct world *w, const outflow_record *real)
{
	for (uint32_t i = w->n_deliveries; i-- > 0;)
		if (w->deliveries[i].real == real && w->deliveries[i].state == MODEL_FAILED)
			return &w->deliveries[i];
	fail_msg("the ledger hands out a delivery that has not failed");
	return NULL;
}

static void take_failed(struct world *w)
{
	struct delivery *d = ledger_take_failed(w->ledger);
	outflow_error err = { .size = sizeof err };

	while (d != NULL) {
		struct delivery *next = d->next;
		struct model_delivery *mine = find_delivery(w, d->record);

		assert_null(mine->taken);
		mine->taken = d;
		delivery_take_reason(d, &err);
		assert_string_equal(err.msg, "no room");
		assert_int_equal(d->status, OUTFLOW_E_RETRY);
		d = next;
	}
}

enum cure { CURE_REOPEN, CURE_DROP, CURE_DEAD_LETTER, N_CURES };

static void cure(struct world *w, struct model_delivery *mine, enum cure how)
{
	struct delivery *d = mine->taken;
	struct slot *s = d->cell.origin;
	outflow_record *letter;

	mine->taken = NULL;
	switch (how) {
	case CURE_REOPEN:
		delivery_reopen(d);
		mine->state = MODEL_OPEN;
		break;
	case CURE_DROP:
		ledger_finish(d, OUTCOME_DROPPED);
		worsen(&w->records[mine->record], OUTCOME_DROPPED);
		settle(w, mine);
		break;
	default:
		letter = make_dead_letter(s->family, &s->family->records[s->index]);
		assert_non_null(ledger_pass_on(d, letter));
		add_delivery(w, mine->record, letter);
		worsen(&w->records[mine->record], OUTCOME_DEAD_LETTERED);
		settle(w, mine);
	}
}

static void resolve_ok(struct world *w, struct model_delivery *const *some, uint32_t n)
{
	outflow_record *records[16];

	for (uint32_t i = 0; i < n; i++) {
		records[i] = some[i]->real;
		settle(w, some[i]);
	}
	ledger_resolve(w->ledger, records, n, OUTFLOW_OK, NULL);
}

static void resolve_failed(struct world *w, struct model_delivery *const *some, uint32_t n)
{
	outflow_error err = { .size = sizeof err };
	outflow_record *records[16];

	outflow_fail(&err, OUTFLOW_E_RETRY, "no room");
	for (uint32_t i = 0; i < n; i++) {
		records[i] = some[i]->real;
		some[i]->state = MODEL_FAILED;
	}
	ledger_resolve(w->ledger, records, n, OUTFLOW_E_RETRY, &err);
}

/* Some deliveries in this state, no two the same; those whose memory is gone do not count. */
static uint32_t choose(struct world *w, enum model_state state, uint32_t most, struct model_delivery **some)
{
	uint32_t n = 0, seen = 0;

	while (w->first_owed < w->n_deliveries &&
	       w->families[w->records[w->deliveries[w->first_owed].record].family].owed == 0)
		w->first_owed++;
	for (uint32_t i = w->first_owed; i < w->n_deliveries; i++) {
		struct model_delivery *d = &w->deliveries[i];

		if (d->state != state || w->families[w->records[d->record].family].owed == 0)
			continue;
		seen++;
		if (n < most)
			some[n++] = d;
		else if (chance(seen) < most)
			some[chance(most)] = d;
	}
	for (uint32_t i = n; i > 1; i--) { /* in any order */
		uint32_t k = chance(i);
		struct model_delivery *d = some[k];

		some[k] = some[i - 1];
		some[i - 1] = d;
	}
	return n;
}

static uint32_t count_owed(const struct world *w)
{
	uint32_t n = 0;

	for (uint32_t i = w->first_owed; i < w->n_deliveries; i++)
		n += w->deliveries[i].state != MODEL_SETTLED;
	return n;
}

static void emit_some(struct world *w)
{
	struct plan plans[6];
	uint32_t n = 1 + chance(6);

	if (count_owed(w) > UNDER_WAY || w->n_records + n > RECORDS)
		return;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t roll = chance(10);

		plans[i] = (struct plan){ .stream = chance(STREAMS), .copies = chance(4) };
		plans[i].verdict = roll == 0 ? STAGE_DEAD_LETTER : roll == 1 ? STAGE_DROPS : STAGE_COPIES;
		while (!w->streams[plans[i].stream].open)
			plans[i].stream = (plans[i].stream + 1) % STREAMS;
	}
	emit(w, plans, n);
}

/* The first is never closed, so that there is always one to emit for. */
static void close_or_open(struct world *w)
{
	uint32_t which = 1 + chance(STREAMS - 1);
	struct model_stream *s = &w->streams[which];

	if (!s->open) {
		open_stream(w, which, model_position(w, s));
		return;
	}
	assert_int_equal(ledger_stream_close(w->ledger, s->handle), OUTFLOW_OK);
	s->open = 0;
}

static void step(struct world *w)
{
	struct model_delivery *some[16];
	uint32_t n;

	switch (chance(12)) {
	case 0:
	case 1:
	case 2:
		emit_some(w);
		break;
	case 3:
	case 4:
	case 5:
		resolve_ok(w, some, choose(w, MODEL_OPEN, 1 + chance(16), some));
		break;
	case 6:
		resolve_failed(w, some, choose(w, MODEL_OPEN, 1 + chance(3), some));
		break;
	case 7:
	case 8:
		take_failed(w);
		n = choose(w, MODEL_FAILED, 4, some);
		for (uint32_t i = 0; i < n; i++)
			cure(w, some[i], (enum cure)chance(N_CURES));
		break;
	case 9: /* resolved again by a sink that misbehaves */
		n = choose(w, chance(2) ? MODEL_SETTLED : MODEL_FAILED, 2, some);
		for (uint32_t i = 0; i < n; i++)
			ledger_resolve(w->ledger, &some[i]->real, 1, chance(2) ? OUTFLOW_OK : OUTFLOW_E_RECORD, NULL);
		w->doubles += n;
		break;
	case 10:
		ledger_count_dropped(w->ledger, 3);
		w->dropped_unseen += 3;
		break;
	default:
		if (chance(8) == 0)
			close_or_open(w);
	}
}

static void drain(struct world *w)
{
	struct model_delivery *some[16];
	uint32_t n;

	while (count_owed(w) > 0) {
		take_failed(w);
		n = choose(w, MODEL_FAILED, 16, some);
		for (uint32_t i = 0; i < n; i++)
			cure(w, some[i], CURE_REOPEN);
		resolve_ok(w, some, choose(w, MODEL_OPEN, 16, some));
	}
}

static void random_fates_are_what_the_model_says(void **state)
{
	(void)state;
	seed_from((uint64_t)time(NULL));
	for (int run = 0; run < 40; run++) {
		struct world *w = world_new();

		for (int i = 0; i < 600; i++) {
			step(w);
			check_account(w);
			if (chance(3) > 0)
				check_positions(w);
		}
		drain(w);
		check_positions(w);
		check_account(w);
		assert_int_equal(ledger_in_flight_records(w->ledger), 0);
		world_free(w);
	}
}

/* ---- every way that a few records can go ---- */

/* What a restart would read again: all records of the stream from its position on. */
static void check_crash(struct world *w)
{
	check_account(w);
	check_positions(w);
	for (uint32_t i = 0; i < w->n_records; i++)
		for (uint32_t s = 0; s < STREAMS; s++)
			if (w->records[i].handle == w->streams[s].handle && w->records[i].owed > 0)
				assert_true(w->records[i].next > w->streams[s].visited);
}

static void settle_as_told(struct world *w, uint32_t which, unsigned fate)
{
	struct model_delivery *d = &w->deliveries[which];

	if (fate == N_CURES) {
		resolve_ok(w, &d, 1);
		return;
	}
	resolve_failed(w, &d, 1);
	check_crash(w);
	take_failed(w);
	cure(w, d, (enum cure)fate);
	check_crash(w);
	if (fate == CURE_DROP)
		return;
	d = fate == CURE_DEAD_LETTER ? &w->deliveries[w->n_deliveries - 1] : d;
	resolve_ok(w, &d, 1);
}

/* Settles the deliveries in the permutation of this number. */
static void settle_all(struct world *w, uint32_t permutation)
{
	uint32_t left[8], n = w->n_deliveries, fate = permutation;

	for (uint32_t i = 0; i < n; i++)
		left[i] = i;
	for (uint32_t remaining = n; remaining > 0; remaining--) {
		uint32_t k = permutation % remaining;

		permutation /= remaining;
		settle_as_told(w, left[k], fate++ % (N_CURES + 1));
		left[k] = left[remaining - 1];
		check_crash(w);
	}
	assert_int_equal(ledger_in_flight_records(w->ledger), 0);
}

static void run_small_world(const struct plan *plans, unsigned split, uint32_t permutation, uint32_t *n_deliveries)
{
	struct world *w = world_new();
	uint32_t begin = 0;

	/* Bit i of split: a new family begins after record i. */
	for (uint32_t i = 0; i < 3; i++)
		if (i == 2 || (split >> i & 1)) {
			emit(w, &plans[begin], i + 1 - begin);
			begin = i + 1;
			check_crash(w);
		}
	*n_deliveries = w->n_deliveries;
	settle_all(w, permutation);
	world_free(w);
}

static void every_order_of_three_records_survives_a_crash_at_every_step(void **state)
{
	static const uint32_t factorial[] = { 1, 1, 2, 6, 24, 120, 720 };
	unsigned long runs = 0;

	(void)state;
	for (unsigned code = 0; code < 8 * 27 * 4; code++) {
		struct plan plans[3];
		uint32_t n_deliveries = 0;
		unsigned copies = code / 32;

		for (int i = 0; i < 3; i++, copies /= 3)
			plans[i] = (struct plan){ .stream = code >> i & 1, .copies = copies % 3 };
		for (uint32_t p = 0; p == 0 || p < factorial[n_deliveries]; p++, runs++)
			run_small_world(plans, code >> 3 & 3, p, &n_deliveries);
	}
	print_message("%lu ways\n", runs);
}

/* ---- threads ---- */

#define THREADS 4
#define CROWD 4000u /* records */
#define QUEUE 1024u

struct crowd {
	struct pool *pool;
	struct ledger *ledger;
	uint32_t stream;
	pthread_mutex_t lock;
	outflow_record *queue[QUEUE]; /* what a sink has been given; a record's partition is its number */
	uint32_t n_queued;
	int stop;
	uint32_t copies[CROWD];
	uint32_t settled[CROWD]; /* atomic: counted before the ledger hears of it */
	uint32_t n_emitted, n_checked;
	uint64_t position;
	uint32_t released; /* families */
};

static void ignore_wake(void *ctx)
{
	(void)ctx;
}

static void count_release(void *object)
{
	++*(uint32_t *)object;
}

static void hand_out(struct crowd *c, outflow_record *r)
{
	pthread_mutex_lock(&c->lock);
	assert_true(c->n_queued < QUEUE);
	c->queue[c->n_queued++] = r;
	pthread_mutex_unlock(&c->lock);
}

static uint32_t draw(struct crowd *c, uint32_t *random, outflow_record **some, uint32_t most)
{
	uint32_t n = 0;

	pthread_mutex_lock(&c->lock);
	while (n < most && c->n_queued > 0) {
		uint32_t k;

		*random = *random * 1664525u + 1013904223u;
		k = (*random >> 8) % c->n_queued;
		some[n++] = c->queue[k];
		c->queue[k] = c->queue[--c->n_queued];
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}

static void *resolve_what_comes(void *arg)
{
	struct crowd *c = arg;
	uint32_t random = (uint32_t)(uintptr_t)&random, n;
	outflow_error err = { .size = sizeof err };
	outflow_record *some[7];

	outflow_fail(&err, OUTFLOW_E_RETRY, "no room");
	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		n = draw(c, &random, some, 1 + (random >> 20) % 7);
		if (n == 0) {
			sched_yield();
		} else if ((random >> 12) % 4 == 0) {
			ledger_resolve(c->ledger, some, n, OUTFLOW_E_RETRY, (random >> 16) % 2 ? &err : NULL);
		} else {
			for (uint32_t i = 0; i < n; i++)
				__atomic_add_fetch(&c->settled[some[i]->partition], 1, __ATOMIC_SEQ_CST);
			ledger_resolve(c->ledger, some, n, OUTFLOW_OK, NULL);
		}
	}
	return NULL;
}

static void emit_for_crowd(struct crowd *c, uint32_t n)
{
	struct family *f = family_new(c->ledger);
	struct batch b;

	assert_non_null(f);
	assert_int_equal(batch_begin(&b, &f->memory, n, n), OUTFLOW_OK);
	assert_int_equal(batch_api.attach(&b.plugin, &c->released, count_release), OUTFLOW_OK);
	for (uint32_t i = 0; i < n; i++, c->n_emitted++)
		b.plugin.recs[b.plugin.n++] = (outflow_record){ .stream = c->stream,
			                                        .pos = c->n_emitted,
			                                        .partition = (int32_t)c->n_emitted };
	batch_end(&b);
	assert_int_equal(ledger_admit(c->ledger, f, b.plugin.recs, n), OUTFLOW_OK);
	assert_int_equal(batch_begin(&b, &f->memory, 1, 3 * n), OUTFLOW_OK);
	for (uint32_t i = 0; i < n; i++) {
		c->copies[f->records[i].partition] = chance(4);
		for (uint32_t k = 0; k < c->copies[f->records[i].partition]; k++)
			assert_non_null(
				outflow_emit(&(outflow_host){ .batch = &batch_api }, &b.plugin, &f->records[i]));
	}
	batch_end(&b);
	if (b.plugin.n > 0)
		assert_int_equal(ledger_expect(f, b.plugin.recs, b.plugin.n), OUTFLOW_OK);
	else
		batch_drop_records(&f->memory, b.plugin.recs);
	ledger_publish(f);
	for (uint32_t i = 0; i < b.plugin.n; i++)
		hand_out(c, &b.plugin.recs[i]);
}

static void cure_for_crowd(struct crowd *c)
{
	struct delivery *d = ledger_take_failed(c->ledger);
	outflow_error err = { .size = sizeof err };

	while (d != NULL) {
		struct delivery *next = d->next;
		struct slot *s = d->cell.origin;
		outflow_record *letter;

		delivery_take_reason(d, &err);
		switch (chance(N_CURES)) {
		case CURE_REOPEN:
			delivery_reopen(d);
			hand_out(c, d->record);
			break;
		case CURE_DROP:
			__atomic_add_fetch(&c->settled[d->record->partition], 1, __ATOMIC_SEQ_CST);
			ledger_finish(d, OUTCOME_DROPPED);
			break;
		default:
			letter = make_dead_letter(s->family, &s->family->records[s->index]);
			assert_non_null(ledger_pass_on(d, letter));
			hand_out(c, letter);
		}
		d = next;
	}
}

/* One stream without gaps: the position is how many records are through. */
static void check_crowd(struct crowd *c)
{
	uint64_t next;
	struct account a;

	ledger_collect(c->ledger);
	assert_int_equal(ledger_account(c->ledger, &a), 0);
	assert_int_equal(ledger_stream_position(c->ledger, c->stream, &next), OUTFLOW_OK);
	assert_true(next >= c->position);
	c->position = next;
	for (; c->n_checked < next; c->n_checked++)
		assert_int_equal(__atomic_load_n(&c->settled[c->n_checked], __ATOMIC_SEQ_CST), c->copies[c->n_checked]);
}

static void threads_that_fail_and_settle_never_move_a_position_early(void **state)
{
	struct crowd *c = calloc(1, sizeof *c);
	int64_t deadline = clock_mono_ns() + 60 * CLOCK_S;
	pthread_t threads[THREADS];
	outflow_resume resume;
	uint32_t n_families = 0;

	(void)state;
	seed_from((uint64_t)time(NULL));
	c->pool = pool_new();
	c->ledger = ledger_new(c->pool, ignore_wake, c);
	pthread_mutex_init(&c->lock, NULL);
	assert_int_equal(
		ledger_stream_open(c->ledger, outflow_text("{}"), 0, (outflow_bytes){ NULL, 0 }, &c->stream, &resume),
		OUTFLOW_OK);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, resolve_what_comes, c), 0);
	while (c->position < CROWD && clock_mono_ns() < deadline) {
		uint32_t n = 1 + chance(20);

		if (c->n_emitted < CROWD && ledger_in_flight_records(c->ledger) < QUEUE / 4) {
			emit_for_crowd(c, n < CROWD - c->n_emitted ? n : CROWD - c->n_emitted);
			n_families++;
		}
		cure_for_crowd(c);
		check_crowd(c);
	}
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_crowd(c); /* a record may be through before its family is */
	assert_int_equal(c->position, CROWD);
	assert_int_equal(ledger_in_flight_records(c->ledger), 0);
	assert_int_equal(ledger_double_resolutions(c->ledger), 0);
	assert_int_equal(c->released, n_families);
	assert_int_equal(pool_used(c->pool), 0);
	ledger_free(&c->ledger);
	pool_free(&c->pool);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_fates_are_what_the_model_says),
		cmocka_unit_test(every_order_of_three_records_survives_a_crash_at_every_step),
		cmocka_unit_test(threads_that_fail_and_settle_never_move_a_position_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
