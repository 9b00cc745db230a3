/* SPDX-License-Identifier: Apache-2.0 */
/* journal_test.c: what was appended is read, once, whole and in order, within the limits, and never what was refused. */
#include "tests/unit/journal_fixture.h"

#include "host/base/clock.h"

#include <pthread.h>

static void records_come_back_whole_and_in_order(void **state)
{
	struct fixture *x = *state;

	open_at(x, 0);
	append_all(x, 0, 2000);
	expect_numbers(x, 0, 2000);
	for (uint32_t i = 1; i < 2000; i++)
		assert_int_equal(record(x, i)->pos, record(x, i - 1)->pos + 1);
	assert_true(count_segments(x) > 4);
}

static void a_restart_goes_on_at_the_checkpoint(void **state)
{
	struct fixture *x = *state;
	uint64_t from;

	open_at(x, 0);
	append_all(x, 0, 1000);
	expect_numbers(x, 0, 1000);
	from = record(x, 700)->pos;
	close_all(x);
	open_at(x, from);
	append_all(x, 1000, 1100);
	expect_numbers(x, 700, 1100);
	assert_int_equal(record(x, 300)->pos, from + 300);
}

static void a_release_removes_segments_and_frees_the_level(void **state)
{
	struct fixture *x = *state;
	uint64_t records, bytes, limit, next;

	open_at(x, 0);
	append_all(x, 0, 2000);
	expect_numbers(x, 0, 2000);
	next = record(x, 1999)->next;
	journal_level(x->journal, &records, &bytes, &limit);
	assert_true(bytes > 2000 * 48);
	assert_true(count_segments(x) > 4);
	journal_release(x->journal, next);
	journal_level(x->journal, &records, &bytes, &limit);
	assert_int_equal(records, 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(count_segments(x), 1);
	/* What was read stays valid although its files are gone. */
	for (unsigned n = 0; n < 2000; n++)
		assert_int_equal(number_of(record(x, n)), n);
}

static void a_second_reader_reads_the_same_and_keeps_its_segments(void **state)
{
	struct fixture *x = *state;
	struct journal_reader *first;
	uint64_t next;

	open_at(x, 0);
	append_all(x, 0, 1000);
	first = x->reader;
	assert_int_equal(journal_reader_open(x->journal, 0, &x->reader, &x->err), OUTFLOW_OK);
	{
		struct journal_reader *second = x->reader;

		x->reader = first;
		expect_numbers(x, 0, 1000);
		next = record(x, 999)->next;
		journal_release(x->journal, next);
		assert_true(count_segments(x) > 1);
		x->reader = second;
		expect_numbers(x, 0, 1000);
		journal_reader_close(&second);
		x->reader = first;
	}
	journal_release(x->journal, next);
	assert_int_equal(count_segments(x), 1);
}

static void above_the_soft_limit_slow_above_the_hard_refused(void **state)
{
	struct fixture *x = *state;
	outflow_status status = OUTFLOW_OK;
	unsigned taken = 0, slow = 0;
	uint64_t pos;

	x->options.soft_bytes = 20000;
	x->options.hard_bytes = 40000;
	open_at(x, 0);
	while (status >= 0) {
		status = append(x, taken, &pos);
		taken += status >= 0;
		slow += status == OUTFLOW_SLOW;
	}
	assert_int_equal(status, OUTFLOW_E_RETRY);
	assert_non_null(strstr(x->err.msg, "journal.hard.bytes"));
	assert_true(slow > taken / 4 && slow < taken);
	expect_numbers(x, 0, taken);
	journal_release(x->journal, record(x, taken - 1)->next);
	assert_int_equal(append(x, taken, &pos), OUTFLOW_OK);
	expect_numbers(x, taken, taken + 1);
}

static void released_records_of_before_a_restart_do_not_count(void **state)
{
	struct fixture *x = *state;
	uint64_t pos, from;

	x->options.hard_bytes = 60000;
	open_at(x, 0);
	append_all(x, 0, 150);
	expect_numbers(x, 0, 150);
	from = record(x, 149)->next;
	close_all(x);
	let_go(x);
	open_at(x, from);
	assert_int_equal(read_all(x), 0);
	for (unsigned n = 150; n < 300; n++)
		assert_int_equal(append(x, n, &pos), OUTFLOW_OK);
}

static void larger_than_a_segment_is_the_records_fault(void **state)
{
	struct fixture *x = *state;
	char *large = calloc(1, 70000);
	outflow_record r = { .value = { large, 70000 } };
	uint64_t pos;

	open_at(x, 0);
	assert_int_equal(journal_append(x->journal, &r, &pos, &x->err), OUTFLOW_E_RECORD);
	append_all(x, 0, 10);
	expect_numbers(x, 0, 10);
	free(large);
}

static void a_directory_is_opened_once(void **state)
{
	struct fixture *x = *state;
	struct journal *second = NULL;

	open_at(x, 0);
	assert_int_equal(journal_open(&x->options, 0, &second, &x->err), OUTFLOW_E_TASK);
	assert_non_null(strstr(x->err.msg, "open already"));
}

static void an_interrupt_is_not_lost(void **state)
{
	struct fixture *x = *state;

	open_at(x, 0);
	journal_interrupt(x->reader);
	assert_int_equal(batch_begin(&x->batch, &x->memory, 0, 10), OUTFLOW_OK);
	assert_int_equal(journal_read(x->reader, &x->host, &x->batch.plugin, 0, 10, CLOCK_NEVER, &x->err),
	                 OUTFLOW_E_CANCELED);
	batch_end(&x->batch);
}

static void a_full_batch_keeps_the_rest_for_the_next(void **state)
{
	struct fixture *x = *state;

	open_at(x, 0);
	append_all(x, 0, 10);
	for (unsigned part = 0; part < 10; part += 4) {
		let_go(x);
		assert_int_equal(batch_begin(&x->batch, &x->memory, 0, 4), OUTFLOW_OK);
		assert_int_equal(journal_read(x->reader, &x->host, &x->batch.plugin, 0, 100, 0, &x->err), OUTFLOW_OK);
		batch_end(&x->batch);
		assert_int_equal(number_of(record(x, 0)), part);
	}
}

/* ---- a disk that fails ---- */

static struct io failing;
static ssize_t bytes_left;
static int error_code;

/* Takes what still fits, as a file system that fills up does. */
static ssize_t write_until_full(int fd, const struct iovec *parts, int n, off_t at)
{
	ssize_t done = 0;

	for (int i = 0; i < n; i++) {
		size_t size = parts[i].iov_len;

		if ((ssize_t)size > bytes_left)
			size = (size_t)bytes_left;
		if (size > 0 && pwrite(fd, parts[i].iov_base, size, at + done) != (ssize_t)size)
			return -1;
		done += (ssize_t)size;
		bytes_left -= (ssize_t)size;
		if (size < parts[i].iov_len)
			break;
	}
	if (done > 0 || parts[0].iov_len == 0)
		return done;
	errno = error_code;
	return -1;
}

static void a_full_disk_refuses_and_recovers_at_every_byte(void **state)
{
	struct fixture *x = *state;
	unsigned taken = 0;
	uint64_t pos;

	failing = *io();
	failing.pwritev = write_until_full;
	error_code = ENOSPC;
	open_at(x, 0);
	for (ssize_t room = 0; room < 600; room += 7) {
		bytes_left = room;
		io_use(&failing);
		while (append(x, taken, &pos) == OUTFLOW_OK)
			taken++;
		assert_non_null(strstr(x->err.msg, "No space left on device"));
		io_use(NULL);
		assert_int_equal(append(x, taken++, &pos), OUTFLOW_OK);
	}
	expect_numbers(x, 0, taken);
	close_all(x);
	open_at(x, 0);
	expect_numbers(x, 0, taken);
	assert_null(strstr(log_text, "LOST"));
}

static int fail_sync(int fd)
{
	(void)fd;
	errno = EIO;
	return -1;
}

static void with_sync_always_a_failed_sync_is_not_acknowledged(void **state)
{
	struct fixture *x = *state;
	uint64_t pos;

	x->options.sync = JOURNAL_SYNC_ALWAYS;
	open_at(x, 0);
	append_all(x, 0, 5);
	failing = *io();
	failing.fdatasync = fail_sync;
	io_use(&failing);
	assert_int_equal(append(x, 5, &pos), OUTFLOW_E_RETRY);
	io_use(NULL);
	append_all(x, 5, 8);
	expect_numbers(x, 0, 8);
}

/* ---- threads ---- */

#define CROWD 20000u

static void *append_many(void *arg)
{
	struct fixture *x = arg;
	uint64_t pos;

	for (unsigned n = 0; n < CROWD;)
		n += append(x, n, &pos) >= 0;
	return NULL;
}

static void one_appends_while_another_reads_and_releases(void **state)
{
	struct fixture *x = *state;
	pthread_t thread;
	unsigned seen = 0;

	x->options.sync = JOURNAL_SYNC_INTERVAL;
	x->options.sync_interval_ns = CLOCK_MS;
	x->options.hard_bytes = 500000;
	open_at(x, 0);
	pthread_create(&thread, NULL, append_many, x);
	while (seen < CROWD) {
		let_go(x);
		assert_int_equal(batch_begin(&x->batch, &x->memory, 0, 512), OUTFLOW_OK);
		assert_int_equal(journal_read(x->reader, &x->host, &x->batch.plugin, 0, 512,
		                              clock_mono_ns() + 20 * CLOCK_S, &x->err),
		                 OUTFLOW_OK);
		batch_end(&x->batch);
		for (uint32_t i = 0; i < x->batch.plugin.n; i++)
			assert_int_equal(number_of(record(x, i)), seen++);
		journal_release(x->journal, record(x, x->batch.plugin.n - 1)->next);
	}
	pthread_join(thread, NULL);
	assert_true(count_segments(x) <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(records_come_back_whole_and_in_order),
		TEST(a_restart_goes_on_at_the_checkpoint),
		TEST(a_release_removes_segments_and_frees_the_level),
		TEST(a_second_reader_reads_the_same_and_keeps_its_segments),
		TEST(above_the_soft_limit_slow_above_the_hard_refused),
		TEST(released_records_of_before_a_restart_do_not_count),
		TEST(larger_than_a_segment_is_the_records_fault),
		TEST(a_directory_is_opened_once),
		TEST(an_interrupt_is_not_lost),
		TEST(a_full_batch_keeps_the_rest_for_the_next),
		TEST(a_full_disk_refuses_and_recovers_at_every_byte),
		TEST(with_sync_always_a_failed_sync_is_not_acknowledged),
		TEST(one_appends_while_another_reads_and_releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
