/* SPDX-License-Identifier: Apache-2.0 */
/* What is appended is read back, once, in order and byte for byte, by several readers and threads; segments go when nobody
 * needs them; numbers go on; what `durable` promises is synced. */
#include "tests/unit/fault_io.h"
#include "tests/unit/journal_fixture.h"

#include "host/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_begin(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_end(&f);
	return 0;
}

static void append_many(unsigned from, unsigned to)
{
	for (unsigned n = from; n < to; n++)
		fixture_append(&f, n);
}

static void expect_numbers(unsigned from, unsigned to)
{
	unsigned *numbers = malloc((to - from + 1) * sizeof *numbers);
	size_t n = fixture_drain(&f, NULL, numbers, to - from + 1);

	assert_int_equal(n, to - from);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(numbers[i], from + i);
	free(numbers);
}

static void test_every_shape_comes_back(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	expect_numbers(0, 0);
	for (unsigned n = 0; n < 660; n++)
		assert_int_equal(fixture_append(&f, n), n);
	expect_numbers(0, 660);
	append_many(660, 661);
	expect_numbers(660, 661);
	assert_true(fixture_files(&f, ".log") > 5);
}

/* Reopened at a checkpoint, after an orderly end: no gap, nothing twice, nothing before it. */
static void test_reopen_at_a_checkpoint(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	append_many(0, 300);
	fixture_close(&f);
	fixture_open(&f, 123);
	expect_numbers(123, 300);
	assert_int_equal(fixture_append(&f, 300), 300);
	expect_numbers(300, 301);
	fixture_close(&f);
	fixture_open(&f, 301);
	expect_numbers(0, 0);
	fixture_close(&f);
	/* Openings without an append leave no files. */
	assert_int_equal(fixture_files(&f, ".log"), 1);
	fixture_open(&f, 301);
	assert_int_equal(fixture_append(&f, 301), 301);
	expect_numbers(301, 302);
	assert_int_equal(fixture_logged(""), 0);
}

/* Even when all is done and the checkpoint is lost, numbers are not used again. */
static void test_the_last_segment_stays(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	append_many(0, 300);
	journal_release(f.j, 300);
	expect_numbers(0, 300);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	fixture_close(&f);
	fixture_open(&f, 300);
	fixture_close(&f);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	fixture_open(&f, 0);
	assert_int_equal(fixture_append(&f, 0), 300);
}

static void test_checkpoint_beyond_the_journal(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	append_many(0, 10);
	fixture_close(&f);
	/* The journal lost 10..499 to a power cut. */
	fixture_open(&f, 500);
	assert_true(fixture_append(&f, 77) > 500);
	expect_numbers(77, 78);
	assert_int_equal(fixture_logged("lost"), 0);
	assert_int_equal(journal_lost(f.j), 0);
}

static void test_released_segments_go(void **state)
{
	struct test_batch held;
	uint64_t records, bytes, limit, all_bytes;
	unsigned files, before;

	(void)state;
	test_batch_begin(&held);
	fixture_open(&f, 0);
	append_many(0, 500);
	files = fixture_files(&f, ".log");
	journal_level(f.j, &records, &all_bytes, &limit);
	assert_int_equal(records, 500);
	assert_int_equal(limit, UINT64_MAX);
	/* The reader has not passed anything yet: all stays. */
	journal_release(f.j, 300);
	assert_int_equal(fixture_files(&f, ".log"), files);
	journal_level(f.j, &records, &bytes, &limit);
	assert_int_equal(records, 200);
	assert_true(bytes > all_bytes * 35 / 100 && bytes < all_bytes * 45 / 100);
	assert_int_equal(fixture_read(&f, &held, 400), OUTFLOW_OK);
	assert_int_equal(held.batch.n, 400);
	before = fixture_files(&f, ".log");
	assert_true(before < files);
	journal_release(f.j, 500);
	journal_level(f.j, &records, &bytes, &limit);
	assert_int_equal(records, 0);
	assert_int_equal(bytes, 0);
	expect_numbers(400, 500);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	/* What the batch holds outlives files, reader and journal. */
	fixture_close(&f);
	for (unsigned n = 0; n < 400; n++)
		assert_int_equal(test_record_number(&held.batch.recs[n]), n);
	test_batch_end(&held);
}

static void test_two_readers(void **state)
{
	struct journal_reader *second, *first;
	unsigned files;

	(void)state;
	fixture_open(&f, 0);
	append_many(0, 200);
	assert_int_equal(journal_reader_open(f.j, 150, &second, &f.err), OUTFLOW_OK);
	append_many(200, 400);
	first = f.reader;
	expect_numbers(0, 400);
	journal_release(f.j, 400);
	files = fixture_files(&f, ".log");
	assert_true(files > 1);
	f.reader = second;
	expect_numbers(150, 400);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	append_many(400, 600);
	expect_numbers(400, 600);
	journal_release(f.j, 600);
	assert_true(fixture_files(&f, ".log") > 1);
	/* The one that stays behind goes: what it held does too. */
	journal_reader_close(&first);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	journal_reader_close(&first);
}

static void test_one_opening_at_a_time(void **state)
{
	struct journal *second = NULL;

	(void)state;
	fixture_open(&f, 0);
	assert_int_equal(journal_open(&f.options, 0, &second, &f.err), OUTFLOW_E_TASK);
	assert_non_null(strstr(f.err.msg, "in use"));
	assert_null(second);
	fixture_close(&f);
	fixture_open(&f, 0);
}

static void test_full_batch_and_no_memory(void **state)
{
	struct test_batch b;
	unsigned expected = 0;

	(void)state;
	fixture_open(&f, 0);
	append_many(0, 40);
	test_batch_begin(&b);
	assert_int_equal(fixture_read(&f, &b, 0), OUTFLOW_AGAIN);
	b.limit = 3;
	assert_int_equal(fixture_read(&f, &b, 10), OUTFLOW_OK);
	assert_int_equal(b.batch.n, 3);
	assert_int_equal(fixture_read(&f, &b, 10), OUTFLOW_AGAIN);
	for (; expected < 3; expected++)
		assert_int_equal(test_record_number(&b.batch.recs[expected]), expected);
	test_batch_end(&b);
	for (unsigned fail = 1; expected < 40; fail = fail % 12 + 1) {
		outflow_status status;

		b.fail_alloc = fail;
		status = fixture_read(&f, &b, 5);
		assert_true(b.batch.n > 0 ? status == OUTFLOW_OK : status == OUTFLOW_E_NOMEM);
		for (uint32_t i = 0; i < b.batch.n; i++)
			assert_int_equal(test_record_number(&b.batch.recs[i]), expected++);
		test_batch_end(&b);
	}
}

static void test_interrupt_is_sticky(void **state)
{
	struct test_batch b;

	(void)state;
	test_batch_begin(&b);
	fixture_open(&f, 0);
	append_many(0, 1);
	journal_interrupt(f.reader);
	journal_interrupt(f.reader);
	assert_int_equal(fixture_read(&f, &b, 10), OUTFLOW_E_CANCELED);
	assert_int_equal(fixture_read(&f, &b, 10), OUTFLOW_OK);
	assert_int_equal(fixture_read(&f, &b, 10), OUTFLOW_AGAIN);
	test_batch_end(&b);
}

/* ---- threads ---- */

static void *read_until_canceled(void *arg)
{
	struct test_batch b;
	unsigned *n = arg;

	test_batch_begin(&b);
	while (journal_read(f.reader, &test_host, &b.batch, 7, 10, CLOCK_NEVER, &f.err) == OUTFLOW_OK) {
		for (uint32_t i = 0; i < b.batch.n; i++)
			assert_int_equal(test_record_number(&b.batch.recs[i]),
			                 __atomic_load_n(n, __ATOMIC_RELAXED) + i);
		__atomic_add_fetch(n, b.batch.n, __ATOMIC_RELEASE);
		test_batch_end(&b);
	}
	test_batch_end(&b);
	return NULL;
}

/* A reader that waits wakes at every append, at the first of an empty journal too, and at an interrupt. */
static void test_waiting_reader(void **state)
{
	int64_t deadline = clock_mono_ns() + 20 * CLOCK_S;
	unsigned n = 0;
	pthread_t thread;

	(void)state;
	fixture_open(&f, 0);
	assert_int_equal(pthread_create(&thread, NULL, read_until_canceled, &n), 0);
	for (unsigned i = 0; i < 300; i++) {
		fixture_append(&f, i);
		while (__atomic_load_n(&n, __ATOMIC_ACQUIRE) <= i)
			assert_true(clock_mono_ns() < deadline);
	}
	journal_interrupt(f.reader);
	pthread_join(thread, NULL);
}

#define CROWD 20000u

static void *append_crowd(void *arg)
{
	(void)arg;
	for (unsigned n = 0; n < CROWD; n++)
		fixture_append(&f, n);
	return NULL;
}

static uint64_t crowd_done;

static void *release_crowd(void *arg)
{
	uint64_t done = 0, records, bytes, limit;

	(void)arg;
	while (done < CROWD) {
		done = __atomic_load_n(&crowd_done, __ATOMIC_ACQUIRE);
		journal_release(f.j, done);
		journal_level(f.j, &records, &bytes, &limit);
		assert_true(records <= CROWD);
		assert_true(journal_durable(f.j) <= CROWD);
		usleep(100);
	}
	return NULL;
}

static void *read_crowd(void *arg)
{
	struct journal_reader *reader = arg;
	outflow_error err = { .size = sizeof err };
	struct test_batch b;
	unsigned n = 0;

	test_batch_begin(&b);
	while (n < CROWD) {
		outflow_status status =
			journal_read(reader, &test_host, &b.batch, 7, 100, clock_mono_ns() + CLOCK_S, &err);

		assert_true(status == OUTFLOW_OK || status == OUTFLOW_AGAIN);
		for (uint32_t i = 0; i < b.batch.n; i++)
			assert_int_equal(test_record_number(&b.batch.recs[i]), n++);
		test_batch_end(&b);
		if (reader == f.reader)
			__atomic_store_n(&crowd_done, n, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* One appender, two readers, one releaser, one sync thread; meant for ThreadSanitizer. */
static void test_crowd(void **state)
{
	struct journal_reader *second;
	pthread_t threads[4];

	(void)state;
	crowd_done = 0;
	f.options.sync = JOURNAL_SYNC_INTERVAL;
	fixture_open(&f, 0);
	assert_int_equal(journal_reader_open(f.j, 0, &second, &f.err), OUTFLOW_OK);
	assert_int_equal(pthread_create(&threads[0], NULL, append_crowd, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, read_crowd, f.reader), 0);
	assert_int_equal(pthread_create(&threads[2], NULL, read_crowd, second), 0);
	assert_int_equal(pthread_create(&threads[3], NULL, release_crowd, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	journal_reader_close(&second);
	journal_release(f.j, CROWD);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	assert_int_equal(fixture_logged(""), 0);
}

/* ---- syncing ---- */

static void test_sync_none(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	append_many(0, 300);
	assert_int_equal(journal_durable(f.j), 300);
	fixture_close(&f);
	assert_int_equal(io_calls.syncs, 0);
	assert_int_equal(io_calls.dir_syncs, 0);
}

static void test_sync_always(void **state)
{
	unsigned syncs;

	(void)state;
	f.options.sync = JOURNAL_SYNC_ALWAYS;
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 200; n++) {
		syncs = io_calls.syncs;
		fixture_append(&f, n);
		assert_true(io_calls.syncs > syncs);
		assert_int_equal(journal_durable(f.j), n + 1);
	}
	assert_int_equal(io_calls.dir_syncs, fixture_files(&f, ".log"));
}

/* The system's clock, which says whether somebody waits without a time-out. */
static int endless_waits;

static int64_t real_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * CLOCK_S + t.tv_nsec;
}

static int watched_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	struct timespec t = { deadline_ns / CLOCK_S, deadline_ns % CLOCK_S };
	int rc;

	if (deadline_ns != CLOCK_NEVER)
		return pthread_cond_timedwait(cond, lock, &t);
	__atomic_add_fetch(&endless_waits, 1, __ATOMIC_RELAXED);
	rc = pthread_cond_wait(cond, lock);
	__atomic_sub_fetch(&endless_waits, 1, __ATOMIC_RELAXED);
	return rc;
}

static const struct clock_source watched_clock = { .mono_ns = real_mono_ns, .wait = watched_wait };

static void wait_durable(uint64_t position)
{
	int64_t deadline = clock_mono_ns() + 20 * CLOCK_S;

	while (journal_durable(f.j) < position) {
		assert_true(clock_mono_ns() < deadline);
		usleep(200);
	}
}

static void test_sync_interval(void **state)
{
	int64_t deadline = clock_mono_ns() + 20 * CLOCK_S;
	unsigned syncs;

	(void)state;
	f.options.sync = JOURNAL_SYNC_INTERVAL;
	clock_use(&watched_clock);
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 400; n += 50) {
		append_many(n, n + 50);
		wait_durable(n + 50);
	}
	/* Many records a sync, new segments' names too; and none while nothing comes. */
	syncs = __atomic_load_n(&io_calls.syncs, __ATOMIC_RELAXED);
	assert_true(syncs < 200);
	assert_true(__atomic_load_n(&io_calls.dir_syncs, __ATOMIC_RELAXED) >= fixture_files(&f, ".log"));
	while (__atomic_load_n(&endless_waits, __ATOMIC_RELAXED) == 0)
		assert_true(clock_mono_ns() < deadline);
	fixture_close(&f);
	clock_use(NULL);
	/* What a killed process left unsynced is synced by the next. */
	syncs = io_calls.syncs;
	fixture_open(&f, 0);
	assert_true(io_calls.syncs > syncs);
	assert_int_equal(journal_durable(f.j), 400);
	/* A long interval: nothing is durable before it has passed, all is after an orderly end. */
	fixture_close(&f);
	f.options.sync_interval_ns = 3600 * CLOCK_S;
	fixture_open(&f, 400);
	append_many(400, 410);
	assert_int_equal(journal_durable(f.j), 400);
	syncs = __atomic_load_n(&io_calls.syncs, __ATOMIC_RELAXED);
	fixture_close(&f);
	assert_true(io_calls.syncs > syncs);
}

/* ---- memory ---- */

static long resident_kib(const char *name)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name), NULL, 10);
	fclose(status);
	return kib;
}

/* 160 MiB through 64 MiB segments: neither what is written nor what was read counts as our memory. */
static void test_resident_memory_stays_flat(void **state)
{
	static char value[16000];
	outflow_record r = { .value = { value, sizeof value }, .topic = { "t", 1 }, .timestamp_ms = -1 };
	long before = 0, most = 0;
	struct test_batch b;
	uint64_t pos = 0;

	(void)state;
	f.options.segment_bytes = 64u << 20;
	fixture_open(&f, 0);
	test_batch_begin(&b);
	for (unsigned i = 0; i < 10000; i++) {
		long now;

		assert_int_equal(journal_append(f.j, &r, &pos, &f.err), OUTFLOW_OK);
		if (i % 100 != 0)
			continue;
		while (fixture_read(&f, &b, 1000) == OUTFLOW_OK)
			test_batch_end(&b);
		journal_release(f.j, pos);
		now = resident_kib("RssFile:");
		if (i == 0)
			before = now;
		most = now > most ? now : most;
	}
	test_batch_end(&b);
	assert_true(before > 0);
	assert_true(most - before < 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_shape_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen_at_a_checkpoint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_last_segment_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkpoint_beyond_the_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_released_segments_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_opening_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_batch_and_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupt_is_sticky, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waiting_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_always, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_interval, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resident_memory_stays_flat, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
