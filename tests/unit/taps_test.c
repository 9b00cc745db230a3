/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That taps show records whole and in order or count them as missed, that several tasks may write to one ring while it is
 * read, and that nobody waits. Built with ThreadSanitizer it shows that no access is unordered.
 */
#include "host/base/clock.h"
#include "host/pipeline/faults.h"
#include "host/pipeline/tap_ring.h"
#include "host/pipeline/taps.h"

#include <outflow/util.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the ring ---- */

#define WRITERS 3u
#define ENTRIES 20000u

struct entry {
	unsigned writer, number;
	size_t n; /* bytes that follow, each like the number */
};

struct writer {
	pthread_t thread;
	struct tap_ring *ring;
	unsigned which, refused;
	unsigned *done; /* atomic: of all */
};

static void *write_entries(void *ctx)
{
	struct writer *w = ctx;

	for (unsigned i = 0; i < ENTRIES; i++) {
		size_t n = (i * 37 + w->which * 11) % 300;
		struct entry *e;

		for (; (e = tap_ring_reserve(w->ring, sizeof *e + n)) == NULL; w->refused++)
			sched_yield();
		*e = (struct entry){ w->which, i, n };
		memset(e + 1, (int)(i & 0xff), n);
		tap_ring_publish(w->ring, e);
	}
	__atomic_add_fetch(w->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void check(const struct entry *e, unsigned *next)
{
	const unsigned char *bytes = (const unsigned char *)(e + 1);

	assert_true(e->writer < WRITERS);
	assert_int_equal(e->number, next[e->writer]++);
	assert_int_equal(e->n, (e->number * 37 + e->writer * 11) % 300);
	for (size_t i = 0; i < e->n; i++)
		assert_int_equal(bytes[i], e->number & 0xff);
}

static unsigned read_all(struct tap_ring *r, unsigned *next)
{
	struct entry *e;
	unsigned n = 0;

	while ((e = tap_ring_peek(r)) != NULL) {
		check(e, next);
		tap_ring_drop(r);
		n++;
	}
	return n;
}

static void several_write_while_one_reads(void **state)
{
	struct tap_ring *ring = tap_ring_new(16384);
	struct writer writers[WRITERS] = { 0 };
	unsigned next[WRITERS] = { 0 }, read = 0, refused = 0, done = 0;

	(void)state;
	assert_non_null(ring);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .ring = ring, .which = i, .done = &done };
		assert_int_equal(pthread_create(&writers[i].thread, NULL, write_entries, &writers[i]), 0);
	}
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < WRITERS)
		read += read_all(ring, next);
	read += read_all(ring, next);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		refused += writers[i].refused;
	assert_int_equal(read, WRITERS * ENTRIES);
	assert_true(refused > 0);
	tap_ring_free(&ring);
}

static void a_full_ring_refuses_until_something_is_dropped(void **state)
{
	struct tap_ring *ring = tap_ring_new(1024);
	unsigned char *e;
	unsigned n = 0;

	(void)state;
	assert_null(tap_ring_peek(ring));
	assert_null(tap_ring_reserve(ring, 2000));
	while ((e = tap_ring_reserve(ring, 100)) != NULL) {
		for (int i = 0; i < 100; i++)
			assert_int_equal(e[i], 0);
		memset(e, 0xff, 100);
		tap_ring_publish(ring, e);
		n++;
	}
	assert_int_equal(n, 8);
	tap_ring_drop(ring);
	e = tap_ring_reserve(ring, 100);
	assert_non_null(e);
	/* Not published: it is not seen, nor is what comes after it. */
	for (unsigned i = 0; i < 7; i++) {
		assert_non_null(tap_ring_peek(ring));
		tap_ring_drop(ring);
	}
	assert_null(tap_ring_peek(ring));
	tap_ring_publish(ring, e);
	assert_ptr_equal(tap_ring_peek(ring), e);
	tap_ring_free(&ring);
}

/* ---- taps ---- */

#define N 20u

struct fixture {
	struct taps *taps;
	struct taps_view view;
	struct stage_model models[2];
	outflow_component what;
	struct instance source, stage;
	struct family family;
	struct slot slots[N];
	outflow_record records[N];
	char values[N][8];
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);

	assert_non_null(x);
	*state = x;
	x->taps = taps_new();
	taps_look(x->taps, 3, &x->view);
	x->models[0].name = (char *)(uintptr_t) "source";
	x->models[1].name = (char *)(uintptr_t) "transforms.t";
	x->what.kind = OUTFLOW_TRANSFORM;
	x->source.model = &x->models[0];
	x->stage = (struct instance){ .model = &x->models[1], .component = { .what = &x->what } };
	x->family.records = x->records;
	for (uint32_t i = 0; i < N; i++) {
		int n = snprintf(x->values[i], sizeof x->values[i], "v%u", i);

		x->slots[i] = (struct slot){ .cell = { &x->slots[i] }, .family = &x->family, .index = i };
		x->records[i] = (outflow_record){ .value = { x->values[i], (size_t)n },
			                          .topic = outflow_text("topic"),
			                          .partition = -1,
			                          .pos = i,
			                          .slot = &x->slots[i].cell };
	}
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	taps_release(&x->taps);
	free(x);
	return 0;
}

static void pass(struct fixture *x)
{
	const struct watch *w = &x->view.watch;

	if (__atomic_load_n(w->on, __ATOMIC_RELAXED) == 0)
		return;
	w->polled(w->ctx, &x->source, x->records, N);
	w->stage(w->ctx, &x->stage, x->records, N, x->records, N);
	w->handed_over(w->ctx, x->records, N);
}

static struct tap *tap(struct fixture *x, const char *stage, uint32_t per_second)
{
	struct tap_options o = { .preview = 100, .per_second = per_second, .n_shown = 3 };
	struct tap *t;

	if (stage != NULL)
		o.stages[o.n_stages++] = stage;
	assert_int_equal(tap_new(x->taps, &o, &t), OUTFLOW_OK);
	return t;
}

static int text_is(outflow_str text, const char *wanted)
{
	return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

static unsigned count(struct tap *t, const char *stage, unsigned first)
{
	const struct tap_record *r;
	unsigned n = 0;

	while ((r = tap_peek(t)) != NULL && text_is(r->stage, stage)) {
		assert_int_equal(r->pos, first + n++);
		assert_int_equal(r->task, 3);
		assert_true(text_is(r->topic, "topic"));
		assert_int_equal(r->value_length, r->value.len);
		tap_drop(t);
	}
	return n;
}

static void whole_ways_are_shown_and_the_rest_is_counted(void **state)
{
	struct fixture *x = *state;
	struct tap *t = tap(x, NULL, 15);

	pass(x);
	assert_int_equal(count(t, "source", 0), 5);
	assert_int_equal(count(t, "transforms.t", 0), 5);
	assert_int_equal(count(t, "sink", 0), 5);
	assert_null(tap_peek(t));
	assert_int_equal(tap_take_missed(t), N - 5);
	assert_int_equal(tap_take_missed(t), 0);
	/* The second is over only for a clock that goes on. */
	pass(x);
	assert_null(tap_peek(t));
	assert_int_equal(tap_take_missed(t), N);
	tap_free(&t);
	assert_int_equal(*x->view.watch.on, 0);
}

static void one_stage_alone_gets_all_there_is_room_for(void **state)
{
	struct fixture *x = *state;
	struct tap *t = tap(x, "t", 15), *other = tap(x, "sink", 1000);

	pass(x);
	assert_int_equal(count(t, "transforms.t", 0), 15);
	assert_null(tap_peek(t));
	assert_int_equal(tap_take_missed(t), N - 15);
	assert_int_equal(count(other, "sink", 0), N);
	assert_int_equal(tap_take_missed(other), 0);
	tap_free(&t);
	tap_free(&other);
}

static void failures_come_with_their_reason(void **state)
{
	struct fixture *x = *state;
	struct tap *t = tap(x, "deadletter", 15);
	outflow_error err = { .msg = "it is bad" };
	struct failure failure = { .where = &x->stage, .attempts = 2, .reason = &err };
	const struct tap_record *r;

	x->view.watch.failure(&x->view, &x->slots[7], &failure, OUTCOME_DEAD_LETTERED);
	r = tap_peek(t);
	assert_non_null(r);
	assert_true(r->failed && r->pos == 7 && r->attempts == 2 && r->outcome == OUTCOME_DEAD_LETTERED);
	assert_true(text_is(r->stage, "transforms.t") && text_is(r->reason, "it is bad"));
	tap_free(&t);
}

static void what_is_long_is_shortened(void **state)
{
	struct fixture *x = *state;
	struct tap *t = tap(x, "source", 15);
	outflow_header headers[40];
	char *large = calloc(1, 5000);

	for (unsigned i = 0; i < 40; i++)
		headers[i] = (outflow_header){ outflow_text("h"), { large, 5000 } };
	x->records[0].value = (outflow_bytes){ large, 5000 };
	x->records[0].key = (outflow_bytes){ large, 0 };
	x->records[0].headers = headers;
	x->records[0].n_headers = 40;
	pass(x);
	assert_int_equal(tap_peek(t)->value.len, 100);
	assert_int_equal(tap_peek(t)->value_length, 5000);
	assert_int_equal(tap_peek(t)->n_headers, TAP_HEADERS_MAX);
	assert_int_equal(tap_peek(t)->headers_length, 40);
	assert_int_equal(tap_peek(t)->headers[31].value.len, 100);
	assert_non_null(tap_peek(t)->key.ptr);
	tap_drop(t);
	assert_null(tap_peek(t)->key.ptr);
	tap_free(&t);
	free(large);
}

static void an_end_is_told_and_places_are_few(void **state)
{
	struct fixture *x = *state;
	struct tap_options o = { .preview = 1, .per_second = 1 };
	struct tap *taps[TAPS_MAX], *more;
	const char *reason;

	for (size_t i = 0; i < TAPS_MAX; i++)
		taps[i] = tap(x, NULL, 100);
	assert_int_equal(tap_new(x->taps, &o, &more), OUTFLOW_E_RETRY);
	assert_int_equal(tap_ended(taps[0], &reason), TAP_OPEN);
	tap_free(&taps[1]);
	taps[1] = tap(x, NULL, 100);
	pass(x);
	taps_end(x->taps, TAP_FAILED, "why");
	pass(x);
	for (size_t i = 0; i < TAPS_MAX; i++) {
		assert_int_equal(tap_ended(taps[i], &reason), TAP_FAILED);
		assert_string_equal(reason, "why");
		tap_wait(taps[i], CLOCK_NEVER);
		assert_int_equal(count(taps[i], "source", 0), N);
		tap_free(&taps[i]);
	}
}

/* ---- taps that come and go while tasks work ---- */

static int over; /* atomic */

static void *pass_again_and_again(void *ctx)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		pass(ctx);
	return NULL;
}

static void taps_come_and_go_while_tasks_work(void **state)
{
	struct fixture *tasks[2] = { *state };
	pthread_t threads[2];
	int64_t deadline = clock_mono_ns() + 60 * CLOCK_S;

	assert_int_equal(set_up((void **)&tasks[1]), 0);
	taps_release(&tasks[1]->taps);
	taps_look(tasks[0]->taps, 3, &tasks[1]->view);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pass_again_and_again, tasks[i]), 0);
	for (unsigned i = 0; i < 300; i++) {
		struct tap *t = tap(tasks[0], i % 2 ? "sink" : NULL, 100000);
		const struct tap_record *r;

		for (unsigned seen = 0; seen < 100 && clock_mono_ns() < deadline;)
			for (; (r = tap_peek(t)) != NULL; seen++) {
				assert_true(r->pos < N && r->value.len >= 2);
				tap_drop(t);
			}
		assert_true(clock_mono_ns() < deadline);
		if (i % 50 == 49)
			taps_end(tasks[0]->taps, TAP_STOPPED, "");
		tap_free(&t);
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	free(tasks[1]);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_write_while_one_reads),
		cmocka_unit_test(a_full_ring_refuses_until_something_is_dropped),
		TEST(whole_ways_are_shown_and_the_rest_is_counted),
		TEST(one_stage_alone_gets_all_there_is_room_for),
		TEST(failures_come_with_their_reason),
		TEST(what_is_long_is_shortened),
		TEST(an_end_is_told_and_places_are_few),
		TEST(taps_come_and_go_while_tasks_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
