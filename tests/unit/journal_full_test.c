/* SPDX-License-Identifier: Apache-2.0 */
/* A full journal does what journal.on.full says, never drops what is in flight, and accounts for every record that it
 * drops: what was delivered and the ranges in the log are together all that came. And it keeps what it shall keep. */
#include "tests/unit/fault_io.h"
#include "tests/unit/journal_fixture.h"

#include "host/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEGMENT 65536u
#define ROOM 4000u

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_begin(&f);
	f.options.hard_bytes = 4 * SEGMENT;
	f.options.soft_bytes = 2 * SEGMENT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_end(&f);
	return 0;
}

static struct journal_status status_now(void)
{
	struct journal_status s;

	journal_status(f.j, &s);
	return s;
}

/* Marks the ranges that the log names, which do not overlap, and says how many records they are. */
static uint64_t dropped_ranges(unsigned char *dropped)
{
	static const char text[] = "dropped the oldest";
	unsigned long long first, end, count;
	const char *line;
	uint64_t sum = 0;

	for (unsigned i = 0; (line = fixture_line(text, i)) != NULL; i++) {
		assert_int_equal(sscanf(strstr(line, text),
		                        "dropped the oldest %llu records, from position %llu to below %llu", &count,
		                        &first, &end),
		                 3);
		assert_int_equal(count, end - first);
		for (unsigned long long at = first; at < end; at++)
			assert_int_equal(dropped[at]++, 0);
		sum += count;
	}
	return sum;
}

static void test_oldest_goes_and_is_accounted_for(void **state)
{
	static unsigned char seen[ROOM], dropped[ROOM];
	static uint64_t positions[ROOM];
	struct test_batch in_flight;
	uint64_t records, first;
	size_t n;

	(void)state;
	memset(seen, 0, sizeof seen);
	memset(dropped, 0, sizeof dropped);
	f.options.on_full = JOURNAL_FULL_DROP_OLDEST;
	f.options.soft_bytes = 0;
	fixture_open(&f, 0);
	/* The first segments are under way; the reader stands in the second one. */
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(fixture_append(&f, i), i);
	test_batch_begin(&in_flight);
	assert_int_equal(fixture_read(&f, &in_flight, 150), OUTFLOW_OK);
	for (unsigned i = 200; i < 3000; i++) {
		/* Neither refused nor slowed down. */
		assert_int_equal(fixture_try(&f, i), OUTFLOW_OK);
		assert_true(status_now().bytes <= f.options.hard_bytes);
	}
	assert_true(fixture_logged("dropped the oldest") > 5);
	records = dropped_ranges(dropped);
	assert_int_equal(status_now().dropped, records);
	assert_int_equal(status_now().refused, 0);
	/* What was in flight is whole, and comes again after a restart, as nothing was released. */
	assert_int_equal(in_flight.batch.n, 150);
	for (uint32_t i = 0; i < in_flight.batch.n; i++)
		assert_int_equal(test_record_number(&in_flight.batch.recs[i]), i);
	test_batch_end(&in_flight);
	for (int opening = 0; opening < 2; opening++) {
		n = fixture_drain(&f, positions, NULL, ROOM);
		first = opening == 0 ? 150 : 0;
		assert_int_equal(n + records, 3000 - first);
		for (size_t i = 0; i < n; i++) {
			assert_true(positions[i] >= first);
			assert_int_equal(dropped[positions[i]], 0);
		}
		assert_int_equal(journal_lost(f.j), 0);
		fixture_close(&f);
		fixture_open(&f, 0);
	}
}

static void test_nothing_to_drop_but_what_is_in_flight(void **state)
{
	unsigned n = 0;

	(void)state;
	f.options.on_full = JOURNAL_FULL_DROP_OLDEST;
	fixture_open(&f, 0);
	/* All of it is read at once and not released. */
	while (n < 2000 && fixture_try(&f, n) == OUTFLOW_OK) {
		fixture_drain(&f, NULL, NULL, 0);
		n++;
	}
	assert_true(n < 2000);
	assert_non_null(strstr(f.err.msg, "journal.hard.bytes"));
	assert_int_equal(status_now().dropped, 0);
	assert_int_equal(status_now().refused, 1);
	assert_int_equal(status_now().records, n);
	journal_release(f.j, n);
	assert_int_equal(fixture_try(&f, n), OUTFLOW_OK);
}

static void test_a_segment_that_cannot_be_removed_is_said(void **state)
{
	(void)state;
	f.options.on_full = JOURNAL_FULL_DROP_OLDEST;
	fixture_open(&f, 0);
	fixture_append(&f, 0);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), 1);
	faults.unlink = EPERM;
	for (unsigned i = 1; fixture_logged("dropped the oldest") == 0; i++)
		assert_int_equal(fixture_try(&f, i), OUTFLOW_OK);
	assert_int_equal(fixture_logged("cannot be removed"), 1);
}

static void test_newest_goes_and_is_accounted_for(void **state)
{
	static unsigned numbers[ROOM];
	unsigned taken = 0, offered;
	size_t n;

	(void)state;
	f.options.on_full = JOURNAL_FULL_DROP_NEWEST;
	fixture_open(&f, 0);
	for (offered = 0; offered < 1000; offered++) {
		uint64_t before = status_now().dropped;

		assert_int_equal(fixture_try(&f, offered), OUTFLOW_OK);
		taken += status_now().dropped == before;
		journal_watch(f.j, offered * CLOCK_MS);
	}
	assert_true(taken > 300 && taken < 900);
	assert_int_equal(status_now().dropped, offered - taken);
	/* The first one was said at once, the others are due later. */
	assert_int_equal(fixture_logged("dropped 1 records"), 1);
	assert_int_equal(fixture_logged("drop_newest"), 1);
	journal_watch(f.j, 20 * CLOCK_S);
	assert_int_equal(fixture_logged("drop_newest"), 2);
	n = fixture_drain(&f, NULL, numbers, ROOM);
	assert_int_equal(n, taken);
	journal_release(f.j, taken);
	assert_int_equal(fixture_append(&f, offered), taken);
	/* What was not said yet is said at the end. */
	f.options.hard_bytes = 0;
	fixture_close(&f);
	fixture_forget_log();
	f.options.hard_bytes = 4 * SEGMENT;
	fixture_open(&f, 0);
	while (status_now().dropped < 3)
		fixture_try(&f, 1);
	fixture_close(&f);
	assert_int_equal(fixture_logged("dropped 3 records"), 1);
}

static void test_ladder_is_told_and_not_too_often(void **state)
{
	unsigned n = 0;

	(void)state;
	fixture_open(&f, 0);
	journal_watch(f.j, 0);
	assert_int_equal(fixture_logged(""), 0);
	while (fixture_try(&f, n) == OUTFLOW_OK)
		n++;
	journal_watch(f.j, 1);
	journal_watch(f.j, 2);
	assert_int_equal(fixture_logged("above the soft limit"), 1);
	while (fixture_try(&f, n) >= OUTFLOW_OK)
		n++;
	assert_int_equal(status_now().refused, 1);
	/* Within ten seconds of the last line nothing is said; after that, that records were refused. */
	journal_watch(f.j, 3);
	assert_int_equal(fixture_logged("refuses records"), 0);
	for (int second = 11; second < 60; second++) {
		fixture_try(&f, n);
		journal_watch(f.j, second * CLOCK_S);
	}
	assert_int_equal(fixture_logged("refuses records"), 1);
	assert_int_equal(fixture_logged(""), 2);
	fixture_drain(&f, NULL, NULL, 0);
	journal_release(f.j, n);
	for (int second = 60; second < 90; second++)
		journal_watch(f.j, second * CLOCK_S);
	assert_int_equal(fixture_logged("below the soft limit again"), 1);
	assert_int_equal(fixture_logged(""), 3);
}

/* Delivered segments stay up to the limit, the newest ones of them, and can be read again after a restart. */
static void test_retained_segments(void **state)
{
	static unsigned numbers[ROOM];
	uint64_t retained = 0;
	unsigned first;
	size_t n;

	(void)state;
	f.options.retain_bytes = 3 * SEGMENT;
	f.options.hard_bytes = UINT64_MAX;
	fixture_open(&f, 0);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t position = fixture_append(&f, i);

		if (i % 50 != 0)
			continue;
		fixture_drain(&f, NULL, NULL, 0);
		journal_release(f.j, position + 1);
		assert_true(status_now().retained_bytes <= f.options.retain_bytes);
		assert_int_equal(status_now().bytes, 0);
		retained = status_now().retained_bytes;
	}
	assert_true(retained > 2 * SEGMENT);
	fixture_close(&f);
	fixture_open(&f, 2000);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), 0);
	assert_true(status_now().retained_bytes > 2 * SEGMENT);
	fixture_close(&f);
	/* The checkpoint was moved back. */
	fixture_open(&f, 1900);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), 100);
	fixture_close(&f);
	fixture_open(&f, 0);
	n = fixture_drain(&f, NULL, numbers, ROOM);
	first = numbers[0];
	assert_true(n > 300 && first + n == 2000);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(numbers[i], first + i);
	fixture_close(&f);
	/* Less is kept from now on. */
	f.options.retain_bytes = 0;
	fixture_open(&f, 2000);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), 0);
	assert_int_equal(fixture_files(&f, ".log"), 1);
}

/* Not one record earlier; and the newest stays, as its name says how far the numbers have come. */
static void test_a_segment_goes_with_its_last_record(void **state)
{
	unsigned n = 0, last;

	(void)state;
	fixture_open(&f, 0);
	while (fixture_files(&f, ".log") < 2)
		fixture_append(&f, n++);
	last = n - 2; /* of the first segment */
	fixture_drain(&f, NULL, NULL, 0);
	journal_release(f.j, last);
	assert_int_equal(fixture_files(&f, ".log"), 2);
	journal_release(f.j, last + 1);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	journal_reader_close(&f.reader);
	journal_release(f.j, n);
	assert_int_equal(fixture_files(&f, ".log"), 1);
	assert_int_equal(fixture_append(&f, n), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(test_oldest_goes_and_is_accounted_for),         TEST(test_nothing_to_drop_but_what_is_in_flight),
		TEST(test_a_segment_that_cannot_be_removed_is_said), TEST(test_newest_goes_and_is_accounted_for),
		TEST(test_ladder_is_told_and_not_too_often),         TEST(test_retained_segments),
		TEST(test_a_segment_goes_with_its_last_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
