/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_test.c: nothing past a hole is ever committed, whatever order and thread the resolutions come from. */
#include "host/base/clock.h"
#include "host/record/ledger.h"
#include "host/record/streams.h"

#include <outflow/util.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct pool *pool;
	struct ledger *ledger;
	uint32_t stream;
	unsigned wakes;
	uint64_t emitted;
};

static void on_wake(void *ctx)
{
	struct fixture *x = ctx;

	__atomic_add_fetch(&x->wakes, 1, __ATOMIC_RELAXED);
}

static uint32_t open_stream(struct fixture *x, const char *json)
{
	outflow_resume resume;
	uint32_t stream;

	assert_int_equal(
		ledger_stream_open(x->ledger, outflow_text(json), 0, (outflow_bytes){ NULL, 0 }, &stream, &resume),
		OUTFLOW_OK);
	return stream;
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);

	x->pool = pool_new();
	x->ledger = ledger_new(x->pool, on_wake, x);
	x->stream = open_stream(x, "{}");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	ledger_free(&x->ledger);
	pool_free(&x->pool);
	free(x);
	return 0;
}

/* A family of n source records of one stream, admitted; positions have gaps of two. */
static struct family *admit(struct fixture *x, uint32_t stream, uint32_t n)
{
	struct family *f = family_new(x->ledger);
	struct batch b;

	assert_non_null(f);
	assert_int_equal(batch_begin(&b, &f->memory, n, n), OUTFLOW_OK);
	for (uint32_t i = 0; i < n; i++) {
		outflow_record *r = &b.plugin.recs[b.plugin.n++];

		*r = (outflow_record){ .value = { "x", 1 }, .stream = stream, .pos = x->emitted };
		x->emitted += 2;
		r->next = x->emitted;
	}
	batch_end(&b);
	assert_int_equal(ledger_admit(x->ledger, f, b.plugin.recs, b.plugin.n), OUTFLOW_OK);
	return f;
}

/* Hands records on as the chain would; keep[i] says how many copies go to the sink. */
static void expect(struct family *f, const unsigned *keep)
{
	struct batch b;

	assert_int_equal(batch_begin(&b, &f->memory, 1, 1000), OUTFLOW_OK);
	for (uint32_t i = 0; i < f->n_slots; i++)
		for (unsigned k = 0; k < keep[i]; k++)
			assert_non_null(
				outflow_emit(&(outflow_host){ .batch = &batch_api }, &b.plugin, &f->records[i]));
	batch_end(&b);
	if (b.plugin.n > 0)
		assert_int_equal(ledger_expect(f, b.plugin.recs, b.plugin.n), OUTFLOW_OK);
	else
		batch_drop_records(&f->memory, b.plugin.recs);
	ledger_publish(f);
}

static void resolve(struct fixture *x, outflow_record *r, outflow_status status)
{
	ledger_resolve(x->ledger, &r, 1, status, NULL);
}

static uint64_t position(struct fixture *x, uint32_t stream)
{
	uint64_t next = 0;

	assert_int_equal(ledger_stream_position(x->ledger, stream, &next), OUTFLOW_OK);
	return next;
}

static struct account account(struct fixture *x)
{
	struct account a;

	ledger_collect(x->ledger);
	ledger_account(x->ledger, &a);
	assert_int_equal(a.received, a.filtered + a.delivered + a.dead_lettered + a.dropped + a.in_flight);
	return a;
}

static void what_a_journal_dropped_keeps_the_account_exact(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 2);
	struct account a;

	ledger_count_dropped(x->ledger, 5);
	expect(f, (unsigned[]){ 1, 1 });
	a = account(x);
	assert_int_equal(ledger_account(x->ledger, &a), 0);
	assert_int_equal(a.received, 7);
	assert_int_equal(a.dropped, 5);
	assert_int_equal(a.in_flight, 2);
	resolve(x, &f->outputs[1], OUTFLOW_OK);
	resolve(x, &f->outputs[0], OUTFLOW_OK);
	a = account(x);
	assert_int_equal(a.delivered, 2);
	assert_int_equal(a.dropped, 5);
}

static void commit_stops_at_a_hole(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 3);
	outflow_record *out;

	expect(f, (unsigned[]){ 1, 1, 1 });
	out = f->outputs;
	resolve(x, &out[1], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 0);
	resolve(x, &out[0], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 4);
	resolve(x, &out[2], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 6);
	assert_int_equal(account(x).delivered, 3);
}

static void a_later_family_waits_for_an_earlier_one(void **state)
{
	struct fixture *x = *state;
	struct family *first = admit(x, x->stream, 1), *second = admit(x, x->stream, 1);
	outflow_record *out;

	expect(first, (unsigned[]){ 1 });
	expect(second, (unsigned[]){ 1 });
	out = first->outputs;
	resolve(x, second->outputs, OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 0);
	resolve(x, out, OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 4);
	assert_int_equal(pool_used(x->pool), 0);
}

static void a_stuck_stream_holds_no_other_back(void **state)
{
	struct fixture *x = *state;
	uint32_t other = open_stream(x, "{\"other\":1}");
	struct family *stuck = admit(x, x->stream, 1), *moving = admit(x, other, 2);

	expect(stuck, (unsigned[]){ 1 });
	expect(moving, (unsigned[]){ 1, 1 });
	resolve(x, &moving->outputs[0], OUTFLOW_OK);
	resolve(x, &moving->outputs[1], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 0);
	assert_int_equal(position(x, other), 6);
	assert_int_equal(position(x, other), 6);
}

static void filtered_records_advance_in_order(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 3);
	outflow_record *out;

	expect(f, (unsigned[]){ 0, 1, 0 });
	out = f->outputs;
	assert_int_equal(position(x, x->stream), 2);
	resolve(x, out, OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 6);
	assert_int_equal(account(x).filtered, 2);
}

static void a_family_of_nothing_but_filtered_is_done_at_once(void **state)
{
	struct fixture *x = *state;

	expect(admit(x, x->stream, 2), (unsigned[]){ 0, 0 });
	assert_int_equal(position(x, x->stream), 4);
	assert_int_equal(pool_used(x->pool), 0);
}

static void fan_out_waits_for_every_copy(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 1);
	outflow_record *out;

	expect(f, (unsigned[]){ 3 });
	out = f->outputs;
	resolve(x, &out[2], OUTFLOW_OK);
	resolve(x, &out[0], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 0);
	resolve(x, &out[1], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 2);
	assert_int_equal(account(x).delivered, 1);
}

static void a_second_resolution_is_counted_and_ignored(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 2);
	outflow_record *out;

	expect(f, (unsigned[]){ 1, 1 });
	out = f->outputs;
	resolve(x, &out[0], OUTFLOW_OK);
	resolve(x, &out[0], OUTFLOW_OK);
	assert_int_equal(ledger_double_resolutions(x->ledger), 1);
	assert_int_equal(position(x, x->stream), 2);
	assert_int_equal(account(x).in_flight, 1);
}

static void a_failed_delivery_holds_the_position_until_it_is_settled(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 2);
	outflow_error why = { .size = sizeof why, .msg = "because" }, told;
	outflow_record *out;
	struct delivery *d;

	expect(f, (unsigned[]){ 1, 1 });
	out = f->outputs;
	ledger_resolve(x->ledger, &out, 1, OUTFLOW_E_RETRY, &why);
	resolve(x, &out[1], OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 0);
	d = ledger_take_failed(x->ledger);
	assert_non_null(d);
	delivery_take_reason(d, &told);
	assert_string_equal(told.msg, "because");
	delivery_reopen(d);
	assert_null(ledger_take_failed(x->ledger));
	ledger_resolve(x->ledger, &out, 1, OUTFLOW_E_RECORD, &why);
	d = ledger_take_failed(x->ledger);
	delivery_take_reason(d, &told);
	ledger_finish(d, OUTCOME_DROPPED);
	assert_int_equal(position(x, x->stream), 4);
	assert_int_equal(account(x).dropped, 1);
	assert_int_equal(account(x).delivered, 1);
}

static void a_dead_letter_holds_the_position_until_it_is_stored(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 1);
	outflow_record letter = { 0 };
	outflow_record *out;
	struct delivery *d;
	outflow_error told;

	expect(f, (unsigned[]){ 1 });
	out = f->outputs;
	ledger_resolve(x->ledger, &out, 1, OUTFLOW_E_RECORD, NULL);
	d = ledger_take_failed(x->ledger);
	delivery_take_reason(d, &told);
	assert_non_null(ledger_pass_on(d, &letter));
	assert_int_equal(position(x, x->stream), 0);
	resolve(x, &letter, OUTFLOW_OK);
	assert_int_equal(position(x, x->stream), 2);
	assert_int_equal(account(x).dead_lettered, 1);
}

static void late_acknowledgements_of_a_closed_stream_change_nothing(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, x->stream, 1);
	uint32_t again;
	uint64_t next;

	expect(f, (unsigned[]){ 1 });
	assert_int_equal(ledger_stream_close(x->ledger, x->stream), OUTFLOW_OK);
	again = open_stream(x, "{}");
	resolve(x, f->outputs, OUTFLOW_OK);
	assert_int_equal(position(x, again), 0);
	assert_int_equal(ledger_stream_position(x->ledger, x->stream, &next), OUTFLOW_E_RECORD);
	assert_int_equal(account(x).in_flight, 0);
}

static void remember_pos_ext(void *ctx, uint32_t stream, outflow_str json, uint64_t next, const outflow_bytes *pos_ext)
{
	(void)stream;
	(void)json;
	(void)next;
	*(int *)ctx = pos_ext == NULL ? 0 : (int)pos_ext->len;
}

static void a_position_never_has_the_extension_of_another(void **state)
{
	struct fixture *x = *state;
	const outflow_bytes extension = { "cursor", 6 };
	struct family *with = family_new(x->ledger), *without;
	struct batch b;
	int length = -1;

	assert_int_equal(batch_begin(&b, &with->memory, 1, 1), OUTFLOW_OK);
	b.plugin.recs[b.plugin.n++] = (outflow_record){ .stream = x->stream, .pos_ext = &extension };
	batch_end(&b);
	assert_int_equal(ledger_admit(x->ledger, with, b.plugin.recs, 1), OUTFLOW_OK);
	x->emitted = 1;
	without = admit(x, x->stream, 1);
	expect(with, (unsigned[]){ 0 });
	assert_int_equal(position(x, x->stream), 1);
	ledger_moved_streams(x->ledger, remember_pos_ext, &length);
	assert_int_equal(length, 6);
	expect(without, (unsigned[]){ 0 });
	assert_int_equal(position(x, x->stream), 3);
	ledger_moved_streams(x->ledger, remember_pos_ext, &length);
	assert_int_equal(length, 0);
}

/* What a source says that keeps its place in an extension alone. */
static void admit_at(struct fixture *x, const char *place)
{
	const outflow_bytes extension = { place, strlen(place) };
	struct family *f = family_new(x->ledger);
	struct batch b;

	assert_int_equal(batch_begin(&b, &f->memory, 1, 1), OUTFLOW_OK);
	b.plugin.recs[b.plugin.n++] = (outflow_record){ .stream = x->stream, .next = 1, .pos_ext = &extension };
	batch_end(&b);
	assert_int_equal(ledger_admit(x->ledger, f, b.plugin.recs, 1), OUTFLOW_OK);
	expect(f, (unsigned[]){ 0 });
}

static void a_position_that_differs_in_its_extension_alone_is_told(void **state)
{
	struct fixture *x = *state;
	int length = -1;

	admit_at(x, "a");
	assert_int_equal(position(x, x->stream), 1);
	ledger_moved_streams(x->ledger, remember_pos_ext, &length);
	assert_int_equal(length, 1);
	admit_at(x, "ab");
	assert_int_equal(position(x, x->stream), 1);
	ledger_moved_streams(x->ledger, remember_pos_ext, &length);
	assert_int_equal(length, 2);
	length = -1;
	assert_int_equal(position(x, x->stream), 1);
	ledger_moved_streams(x->ledger, remember_pos_ext, &length);
	assert_int_equal(length, -1);
}

static void count_visit(void *ctx, uint32_t stream, outflow_str json, uint64_t next, const outflow_bytes *pos_ext)
{
	(void)stream;
	(void)json;
	(void)next;
	(void)pos_ext;
	++*(int *)ctx;
}

/* The first family goes while the second, which has its stream's later position, is behind one that stays. */
static void what_goes_takes_no_position_back(void **state)
{
	struct fixture *x = *state;
	uint32_t other = open_stream(x, "{\"n\":1}");
	struct family *gone = admit(x, other, 2), *stays = admit(x, x->stream, 1), *last = admit(x, other, 1);
	int visits = 0;

	expect(gone, (unsigned[]){ 0, 1 });
	expect(stays, (unsigned[]){ 1 });
	expect(last, (unsigned[]){ 0 });
	resolve(x, gone->outputs, OUTFLOW_OK);
	ledger_advance(x->ledger);
	ledger_moved_streams(x->ledger, count_visit, &visits);
	assert_int_equal(visits, 1);
	ledger_collect(x->ledger);
	ledger_moved_streams(x->ledger, count_visit, &visits);
	assert_int_equal(visits, 1);
	assert_int_equal(position(x, other), 8);
}

static void a_walk_ends_when_no_stream_waits(void **state)
{
	struct streams s = { 0 };
	uint32_t handles[3];
	outflow_resume resume;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(streams_open(&s, (outflow_str){ "abc" + i, 1 }, 0, (outflow_bytes){ NULL, 0 },
		                              &handles[i], &resume),
		                 OUTFLOW_OK);
	for (uint64_t number = 0; number < 3; number++)
		assert_int_equal(streams_emit(&s, handles[number % 2], number), 0);
	/* The last is idle. */
	assert_int_equal(streams_begin_advance(&s), 2);
	assert_int_equal(streams_move(&s, handles[0], 0, 10, NULL), 0);
	assert_int_equal(streams_move(&s, handles[1], 1, 11, NULL), 1);
	assert_int_equal(streams_block(&s, handles[0]), 1);
	/* What has nothing left is not waited for again. */
	assert_int_equal(streams_begin_advance(&s), 1);
	assert_int_equal(streams_move(&s, handles[0], 0, 10, NULL), 0);
	assert_int_equal(streams_move(&s, handles[0], 2, 12, NULL), 1);
	assert_int_equal(streams_begin_advance(&s), 0);
	streams_clear(&s);
}

static void a_record_of_an_unknown_stream_is_refused_whole(void **state)
{
	struct fixture *x = *state;
	struct family *f = family_new(x->ledger);
	outflow_record records[2] = { { .stream = x->stream }, { .stream = 77 } };

	assert_int_equal(ledger_admit(x->ledger, f, records, 2), OUTFLOW_E_RECORD);
	family_discard(f);
	assert_int_equal(account(x).received, 0);
}

/* ---- many threads ---- */

#define FAMILIES 400u
#define PER_FAMILY 32u
#define THREADS 3u

struct crowd {
	struct fixture *x;
	outflow_record *records[FAMILIES * PER_FAMILY];
	size_t n;
	size_t taken; /* atomic */
};

static void *resolve_some(void *arg)
{
	struct crowd *c = arg;

	for (;;) {
		size_t i = __atomic_fetch_add(&c->taken, 1, __ATOMIC_RELAXED);

		if (i >= c->n)
			return NULL;
		resolve(c->x, c->records[i], OUTFLOW_OK);
	}
}

static void threads_in_random_order_never_commit_early(void **state)
{
	static struct crowd c;
	struct fixture *x = *state;
	unsigned copies[PER_FAMILY];
	pthread_t threads[THREADS];
	uint64_t last = 0;

	c = (struct crowd){ .x = x };
	srand(4711);
	for (uint32_t i = 0; i < FAMILIES; i++) {
		struct family *f = admit(x, x->stream, PER_FAMILY);

		for (uint32_t k = 0; k < PER_FAMILY; k++)
			copies[k] = (unsigned)rand() % 5 == 0 ? 0 : 1;
		copies[0] = 1;
		expect(f, copies);
		for (uint32_t k = 0; k < f->n_outputs; k++)
			c.records[c.n++] = &f->outputs[k];
	}
	for (size_t i = c.n - 1; i > 0; i--) {
		size_t k = (size_t)rand() % (i + 1);
		outflow_record *swap = c.records[i];

		c.records[i] = c.records[k];
		c.records[k] = swap;
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, resolve_some, &c);
	while (__atomic_load_n(&c.taken, __ATOMIC_RELAXED) < c.n) {
		uint64_t now = position(x, x->stream);

		assert_true(now >= last);
		last = now;
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(position(x, x->stream), x->emitted);
	assert_int_equal(account(x).in_flight, 0);
	assert_int_equal(pool_used(x->pool), 0);
	assert_true(x->wakes > 0);
}

/* ---- how long it took ---- */

static int64_t now_ns;

static int64_t mono(void)
{
	return now_ns;
}

/* Stands where the records' timestamps, all 0, were ten seconds ago. */
static int64_t wall(void)
{
	return 10000 + now_ns / CLOCK_MS;
}

static uint64_t count_of(const struct histogram *h)
{
	uint64_t n = 0;

	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		n += h->counts[i];
	return n;
}

static void durations_count_from_the_arrival_and_from_the_last_put(void **state)
{
	static const struct clock_source clocks = { .mono_ns = mono, .wall_ms = wall };
	struct histogram end_to_end = { 0 }, sink = { 0 };
	struct fixture *x = *state;
	struct family *f;

	now_ns = 0;
	clock_use(&clocks);
	ledger_measure(x->ledger, &end_to_end, &sink);
	f = admit(x, x->stream, 3);
	expect(f, (unsigned[]){ 1, 2, 0 });
	assert_int_equal(ledger_oldest_arrival_ms(x->ledger), 0);
	now_ns = 100 * CLOCK_MS;
	ledger_note_put(f->deliveries, 3);
	now_ns = 103 * CLOCK_MS;
	resolve(x, &f->outputs[0], OUTFLOW_OK);
	assert_int_equal(end_to_end.sum_us, 10103000);
	assert_int_equal(sink.sum_us, 3000);
	/* The second record is delivered with the last of its outputs, which needs a second attempt. */
	resolve(x, &f->outputs[1], OUTFLOW_OK);
	assert_int_equal(count_of(&end_to_end), 1);
	resolve(x, &f->outputs[2], OUTFLOW_E_RETRY);
	delivery_reopen(ledger_take_failed(x->ledger));
	now_ns = 500 * CLOCK_MS;
	ledger_note_put(&f->deliveries[2], 1);
	now_ns = 507 * CLOCK_MS;
	resolve(x, &f->outputs[2], OUTFLOW_OK);
	assert_int_equal(count_of(&end_to_end), 2);
	assert_int_equal(end_to_end.sum_us, 10103000 + 10507000);
	assert_int_equal(count_of(&sink), 3);
	assert_int_equal(sink.sum_us, 3000 + 3000 + 7000);
	assert_int_equal(account(x).delivered, 2);
	assert_int_equal(ledger_oldest_arrival_ms(x->ledger), -1);
	clock_use(NULL);
}

static void dead_letters_and_drops_are_no_deliveries_to_measure(void **state)
{
	struct histogram end_to_end = { 0 }, sink = { 0 };
	struct fixture *x = *state;
	struct family *f;
	struct delivery *heir;
	outflow_record letter;

	ledger_measure(x->ledger, &end_to_end, &sink);
	f = admit(x, x->stream, 2);
	expect(f, (unsigned[]){ 1, 1 });
	letter = f->records[0];
	resolve(x, &f->outputs[0], OUTFLOW_E_RECORD);
	heir = ledger_pass_on(ledger_take_failed(x->ledger), &letter);
	assert_non_null(heir);
	ledger_note_put(heir, 1);
	resolve(x, &letter, OUTFLOW_OK);
	resolve(x, &f->outputs[1], OUTFLOW_E_RECORD);
	ledger_finish(ledger_take_failed(x->ledger), OUTCOME_DROPPED);
	assert_int_equal(account(x).dead_lettered, 1);
	assert_int_equal(account(x).dropped, 1);
	assert_int_equal(count_of(&end_to_end), 0);
	assert_int_equal(count_of(&sink), 0);
}

static void what_the_source_was_not_told_of_is_counted_by_stream(void **state)
{
	struct fixture *x = *state;
	uint32_t other = open_stream(x, "{\"other\":1}");
	struct family *f = admit(x, x->stream, 3), *g = admit(x, other, 2);

	expect(f, (unsigned[]){ 1, 1, 1 });
	expect(g, (unsigned[]){ 1, 1 });
	assert_int_equal(ledger_untold(x->ledger), 5);
	resolve(x, &f->outputs[0], OUTFLOW_OK);
	resolve(x, &f->outputs[2], OUTFLOW_OK);
	ledger_advance(x->ledger);
	assert_int_equal(ledger_stream_passed(x->ledger, x->stream), 1);
	assert_int_equal(ledger_untold(x->ledger), 5);
	ledger_stream_told(x->ledger, x->stream, 1);
	assert_int_equal(ledger_untold(x->ledger), 4);
	assert_int_equal(ledger_stream_close(x->ledger, other), OUTFLOW_OK);
	assert_int_equal(ledger_untold(x->ledger), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(what_a_journal_dropped_keeps_the_account_exact),
		TEST(commit_stops_at_a_hole),
		TEST(a_later_family_waits_for_an_earlier_one),
		TEST(a_stuck_stream_holds_no_other_back),
		TEST(filtered_records_advance_in_order),
		TEST(a_family_of_nothing_but_filtered_is_done_at_once),
		TEST(fan_out_waits_for_every_copy),
		TEST(a_second_resolution_is_counted_and_ignored),
		TEST(a_failed_delivery_holds_the_position_until_it_is_settled),
		TEST(a_dead_letter_holds_the_position_until_it_is_stored),
		TEST(late_acknowledgements_of_a_closed_stream_change_nothing),
		TEST(a_position_never_has_the_extension_of_another),
		TEST(a_position_that_differs_in_its_extension_alone_is_told),
		TEST(what_goes_takes_no_position_back),
		TEST(a_walk_ends_when_no_stream_waits),
		TEST(a_record_of_an_unknown_stream_is_refused_whole),
		TEST(threads_in_random_order_never_commit_early),
		TEST(durations_count_from_the_arrival_and_from_the_last_put),
		TEST(dead_letters_and_drops_are_no_deliveries_to_measure),
		TEST(what_the_source_was_not_told_of_is_counted_by_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
