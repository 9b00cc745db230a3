/* SPDX-License-Identifier: Apache-2.0 */
/* A power cut at any moment loses nothing that was acknowledged under journal.sync = always, or that journal_durable
 * covered under interval, whatever of the unsynced sectors and names reached the disk; and no number is used twice
 * afterwards. Some syncs fail. OUTFLOW_TORTURE=N tries N cuts. */
#include "tests/unit/fault_io.h"
#include "tests/unit/journal_fixture.h"
#include "tests/unit/power.h"

#include "host/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RECORDS 150u
#define OPENINGS 3u
#define NEVER UINT32_MAX

static struct fixture f;
/* Of each record: the number of operations when it was promised to survive, and its position. */
static unsigned promised[RECORDS];
static uint64_t positions[RECORDS];
static unsigned offered_at[RECORDS];

static void promise(unsigned from, unsigned to, uint64_t below)
{
	for (unsigned n = from; n < to; n++)
		if (promised[n] == NEVER && positions[n] < below)
			promised[n] = power_now();
}

/* As the next one finds it after a kill: what an orderly end writes is missing. */
static void kill_it(void)
{
	faults.write = EIO;
	__atomic_store_n(&faults.sync, EIO, __ATOMIC_RELAXED);
	fixture_close(&f);
	faults.write = 0;
	__atomic_store_n(&faults.sync, 0, __ATOMIC_RELAXED);
}

/* So that syncs come between the records. */
static void wait_until_durable(uint64_t position)
{
	int64_t deadline = clock_mono_ns() + 10 * CLOCK_S;

	while (journal_durable(f.j) <= position)
		assert_true(clock_mono_ns() < deadline);
}

static void record_opening(unsigned first, unsigned end)
{
	/* A sync that fails may be that of the opening. */
	while (journal_open(&f.options, 0, &f.j, &f.err) != OUTFLOW_OK)
		assert_non_null(strstr(f.err.msg, "cannot be synced"));
	promise(0, first, journal_durable(f.j));
	for (unsigned n = first; n < end; n++) {
		uint64_t position = UINT64_MAX;
		outflow_status status;

		offered_at[n] = power_now();
		status = journal_append(f.j, test_record(n), &position, &f.err);
		positions[n] = status >= OUTFLOW_OK ? position : UINT64_MAX;
		if (f.options.sync == JOURNAL_SYNC_ALWAYS && status >= OUTFLOW_OK)
			promised[n] = power_now();
		if (f.options.sync == JOURNAL_SYNC_INTERVAL && n % 6 == 0)
			wait_until_durable(position);
		if (f.options.sync == JOURNAL_SYNC_INTERVAL)
			promise(first, n + 1, journal_durable(f.j));
	}
	if (end == RECORDS)
		fixture_close(&f);
	else
		kill_it();
}

/* The largest position that was given out by then. */
static uint64_t last_used(unsigned cut)
{
	uint64_t last = 0;

	for (unsigned n = 0; n < RECORDS; n++)
		if (positions[n] != UINT64_MAX && promised[n] <= cut && positions[n] > last)
			last = positions[n];
	return last;
}

static void check_cut(unsigned cut)
{
	static unsigned numbers[2 * RECORDS];
	static unsigned char seen[RECORDS];
	unsigned n_promised = 0;
	size_t found;

	memset(seen, 0, sizeof seen);
	fixture_forget_log();
	fixture_open(&f, 0);
	found = fixture_drain(&f, NULL, numbers, 2 * RECORDS);
	for (size_t i = 0; i < found; i++) {
		assert_true(numbers[i] < RECORDS && offered_at[numbers[i]] <= cut && !seen[numbers[i]]);
		seen[numbers[i]] = 1;
	}
	for (unsigned n = 0; n < RECORDS; n++) {
		n_promised += promised[n] <= cut;
		if (promised[n] <= cut && !seen[n])
			fail_msg("cut at %u: acknowledged record %u is lost", cut, n);
	}
	if (n_promised > 0)
		assert_true(fixture_append(&f, 0) > last_used(cut));
	fixture_close(&f);
}

static void try_mode(enum journal_sync sync, unsigned fail_syncs, long cuts)
{
	fixture_begin(&f);
	f.options.sync = sync;
	f.options.segment_bytes = 8192;
	memset(promised, 0xff, sizeof promised);
	power_begin(f.dir, fail_syncs);
	for (unsigned i = 0; i < OPENINGS; i++)
		record_opening(i * RECORDS / OPENINGS, (i + 1) * RECORDS / OPENINGS);
	power_end();
	f.options.sync = JOURNAL_SYNC_NONE;
	for (long i = 0; i < cuts; i++) {
		unsigned cut = (unsigned)rand() % (power_now() + 1);

		power_cut(cut, i % 2 == 0);
		check_cut(cut);
	}
	power_forget();
	fixture_end(&f);
}

static void test_always(void **state)
{
	(void)state;
	srand(1);
	try_mode(JOURNAL_SYNC_ALWAYS, 0, power_cuts(1200) / 2);
}

static void test_always_with_failing_syncs(void **state)
{
	(void)state;
	srand(2);
	try_mode(JOURNAL_SYNC_ALWAYS, 17, power_cuts(1200) / 4);
}

static void test_interval(void **state)
{
	(void)state;
	srand(3);
	try_mode(JOURNAL_SYNC_INTERVAL, 0, power_cuts(1200) / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_always_with_failing_syncs),
		cmocka_unit_test(test_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
