/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit or cannot be written is refused, is never acknowledged, leaves nothing behind, and does not hinder what
 * comes later. */
#include "tests/unit/fault_io.h"
#include "tests/unit/journal_fixture.h"

#include "host/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM 4096u

static struct fixture f;
static unsigned taken[ROOM]; /* numbers of the records that were acknowledged */
static unsigned n_taken;

static int setup(void **state)
{
	(void)state;
	n_taken = 0;
	fixture_begin(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_end(&f);
	return 0;
}

static outflow_status offer(unsigned n)
{
	outflow_status status = fixture_try(&f, n);

	if (status >= OUTFLOW_OK)
		taken[n_taken++] = n;
	return status;
}

/* Exactly what was acknowledged is there, now and after a restart. */
static void expect_taken(void)
{
	static unsigned numbers[ROOM];

	for (int opening = 0; opening < 2; opening++) {
		assert_int_equal(fixture_drain(&f, NULL, numbers, ROOM), n_taken);
		for (unsigned i = 0; i < n_taken; i++)
			assert_int_equal(numbers[i], taken[i]);
		assert_int_equal(journal_lost(f.j), 0);
		fixture_close(&f);
		fixture_open(&f, 0);
	}
	assert_int_equal(fixture_logged("cut off"), 0);
}

static void test_soft_and_hard_limit(void **state)
{
	outflow_status status = OUTFLOW_OK;
	uint64_t records, bytes, limit;
	unsigned slow = 0, writes;

	(void)state;
	f.options.soft_bytes = 100000;
	f.options.hard_bytes = 200000;
	fixture_open(&f, 0);
	for (unsigned n = 0; (status = offer(n)) >= OUTFLOW_OK; n++) {
		journal_level(f.j, &records, &bytes, &limit);
		assert_int_equal(status == OUTFLOW_SLOW, bytes > 100000);
		slow += status == OUTFLOW_SLOW;
		assert_int_equal(records, n_taken);
		assert_int_equal(limit, 200000);
	}
	assert_int_equal(status, OUTFLOW_E_RETRY);
	assert_non_null(strstr(f.err.msg, "journal.hard.bytes"));
	assert_true(slow > n_taken / 3);
	assert_true(bytes <= 200000 && bytes > 198000);
	writes = io_calls.writes;
	assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
	assert_int_equal(io_calls.writes, writes);
	expect_taken();
	/* The limit counts what a former opening left. */
	assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
	journal_release(f.j, n_taken / 2);
	assert_true(fixture_try(&f, n_taken) >= OUTFLOW_OK);
	journal_release(f.j, n_taken + 1);
	assert_int_equal(fixture_try(&f, n_taken + 1), OUTFLOW_OK);
}

static void test_record_larger_than_a_segment(void **state)
{
	char *value = calloc(1, 65536);
	outflow_record r = { .value = { value, 65536 - 64 - 48 }, .timestamp_ms = -1 };
	uint64_t pos;

	(void)state;
	fixture_open(&f, 0);
	assert_int_equal(journal_append(f.j, &r, &pos, &f.err), OUTFLOW_OK);
	r.value.len++;
	assert_int_equal(journal_append(f.j, &r, &pos, &f.err), OUTFLOW_E_RECORD);
	assert_non_null(strstr(f.err.msg, "journal.segment.bytes"));
	assert_int_equal(fixture_append(&f, 1), 1);
	free(value);
}

/* The disk is full after N more bytes, for each N of a few records and of a new segment's beginning; then it is not. */
static void test_disk_full_at_every_byte(void **state)
{
	unsigned n = 0;

	(void)state;
	f.options.segment_bytes = 8192;
	fixture_open(&f, 0);
	for (int64_t room = 0; room < 1500; room++) {
		outflow_status status;

		faults.full = 1;
		faults.room = room;
		while ((status = offer(n)) == OUTFLOW_OK)
			n++;
		assert_int_equal(status, OUTFLOW_E_RETRY);
		assert_int_equal(f.err.native, ENOSPC);
		/* Still full: still refused, and nothing piles up. */
		assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
		faults.full = 0;
		assert_int_equal(offer(n++), OUTFLOW_OK);
	}
	expect_taken();
}

static void test_short_writes_and_interruptions(void **state)
{
	(void)state;
	faults.longest_write = 7;
	faults.longest_read = 5;
	faults.interrupts = 1;
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 200; n++)
		assert_int_equal(offer(n), OUTFLOW_OK);
	expect_taken();
}

/* The cut after a failed write fails too: the next append cuts first, and a crash in between is only a torn tail. */
static void test_cut_that_fails(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 10; n++)
		offer(n);
	faults.full = 1;
	faults.room = 40;
	faults.truncate = EIO;
	assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
	faults.full = 0;
	/* Writing would work again, but not behind garbage. */
	assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
	faults.truncate = 0;
	assert_int_equal(offer(10), OUTFLOW_OK);
	expect_taken();
	faults.full = 1;
	faults.room = 40;
	faults.truncate = EIO;
	assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
	fixture_close(&f);
	fault_io_install();
	fixture_open(&f, 0);
	expect_taken();
}

static void test_segment_that_cannot_be_made(void **state)
{
	static const int codes[] = { ENOSPC, EMFILE, EROFS };

	(void)state;
	f.options.segment_bytes = 4096;
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 300; n++) {
		outflow_status status;

		faults.open = codes[n % 3];
		status = offer(n);
		faults.open = 0;
		if (status != OUTFLOW_OK) {
			assert_int_equal(status, OUTFLOW_E_RETRY);
			assert_int_equal(f.err.native, codes[n % 3]);
			assert_int_equal(offer(n), OUTFLOW_OK);
		}
	}
	expect_taken();
}

static void test_sync_that_fails_always(void **state)
{
	unsigned files;

	(void)state;
	f.options.sync = JOURNAL_SYNC_ALWAYS;
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 10; n++)
		offer(n);
	files = fixture_files(&f, ".log");
	for (unsigned n = 10; n < 20; n++) {
		faults.sync = EIO;
		assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
		assert_int_equal(fixture_try(&f, 9999), OUTFLOW_E_RETRY);
		faults.sync = 0;
		assert_int_equal(offer(n), OUTFLOW_OK);
		/* Not behind pages of which the kernel forgot that they were never written. */
		assert_int_equal(fixture_files(&f, ".log"), ++files);
	}
	expect_taken();
}

static void test_sync_that_fails_interval(void **state)
{
	int64_t deadline = clock_mono_ns() + 20 * CLOCK_S;

	(void)state;
	f.options.sync = JOURNAL_SYNC_INTERVAL;
	fixture_open(&f, 0);
	__atomic_store_n(&faults.sync, EIO, __ATOMIC_RELAXED);
	for (unsigned n = 0; n < 10; n++)
		assert_int_equal(offer(n), OUTFLOW_OK);
	while (fixture_logged("may not survive a power loss") == 0)
		assert_true(clock_mono_ns() < deadline);
	/* Nothing is taken until a new segment could be synced; what is at risk never counts as durable. */
	while (fixture_try(&f, 9999) != OUTFLOW_E_RETRY)
		fail_msg("taken while syncs fail");
	__atomic_store_n(&faults.sync, 0, __ATOMIC_RELAXED);
	assert_int_equal(offer(10), OUTFLOW_OK);
	assert_int_equal(fixture_files(&f, ".log"), 2);
	assert_true(journal_durable(f.j) < 10);
	expect_taken();
}

/* A done segment that cannot be removed is removed by the next opening. */
static void test_unlink_that_fails(void **state)
{
	(void)state;
	fixture_open(&f, 0);
	for (unsigned n = 0; n < 400; n++)
		offer(n);
	fixture_drain(&f, NULL, NULL, 0);
	faults.unlink = EACCES;
	journal_release(f.j, 400);
	assert_true(fixture_logged("cannot be removed") > 1);
	assert_true(fixture_files(&f, ".log") > 2);
	faults.unlink = 0;
	fixture_close(&f);
	fixture_open(&f, 400);
	assert_int_equal(fixture_files(&f, ".log"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_soft_and_hard_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record_larger_than_a_segment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_writes_and_interruptions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segment_that_cannot_be_made, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_that_fails_always, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_that_fails_interval, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlink_that_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
