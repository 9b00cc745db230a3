/* SPDX-License-Identifier: Apache-2.0 */
/* replayed_test.c: what was replayed is remembered over restarts and torn writes, and forgotten when the stream is a new one. */
#include "host/store/replayed.h"
#include "tests/unit/fault_io.h"

#include <outflow/util.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];
static struct replayed *r;
static size_t stream;
static outflow_error err = { .size = sizeof err };

static void open_file(int writable)
{
	replayed_close(&r);
	assert_int_equal(replayed_open(path, writable, &r, &err), OUTFLOW_OK);
	assert_int_equal(replayed_stream(r, outflow_text("{\"topic\":\"a b\",\"partition\":0}"), &stream), OUTFLOW_OK);
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "/tmp/outflow-replayed-%ld", (long)getpid());
	unlink(path);
	open_file(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	replayed_close(&r);
	unlink(path);
	return 0;
}

/* The checksum of a record is its position in these tests. */
static void add(uint64_t position)
{
	assert_int_equal(replayed_add(r, stream, position, position + 1, (uint32_t)position), OUTFLOW_OK);
}

static int has(uint64_t position)
{
	return replayed_has(r, stream, position, (uint32_t)position);
}

static void save(void)
{
	assert_int_equal(replayed_save(r, &err), OUTFLOW_OK);
}

static void gaps_stay_gaps(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		if (i % 7 != 3)
			add(i);
	save();
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 1010; i++)
			assert_int_equal(has(i), i < 1000 && i % 7 != 3);
		open_file(0);
	}
	assert_int_equal(replayed_forgotten(r), 0);
}

static void order_does_not_matter(void **state)
{
	static const uint64_t positions[] = { 5, 1, 9, 3, 2, 4, 0, 8, 7, 5, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
		add(positions[i]);
		save();
	}
	open_file(1);
	for (uint64_t i = 0; i < 12; i++)
		assert_int_equal(has(i), i != 6 && i < 10);
}

static void streams_are_apart(void **state)
{
	size_t other;

	(void)state;
	add(1);
	assert_int_equal(replayed_stream(r, outflow_text("{\"partition\":1}"), &other), OUTFLOW_OK);
	assert_false(replayed_has(r, other, 1, 1));
	assert_true(has(1));
}

/* Whatever length of a name can be written can be read. */
static void long_names_are_remembered_or_refused(void **state)
{
	char name[1200];

	(void)state;
	for (size_t n = 1000; n < sizeof name; n += 7) {
		outflow_status status;

		memset(name, 'x', n);
		name[n] = '\0';
		assert_int_equal(replayed_stream(r, outflow_text(name), &stream), OUTFLOW_OK);
		add(5);
		status = replayed_save(r, &err);
		open_file(1);
		assert_int_equal(replayed_stream(r, outflow_text(name), &stream), OUTFLOW_OK);
		assert_int_equal(has(5), status == OUTFLOW_OK);
	}
}

static void what_is_not_saved_is_not_remembered(void **state)
{
	(void)state;
	add(1);
	save();
	add(2);
	open_file(1);
	assert_true(has(1));
	assert_false(has(2));
}

static void a_torn_line_is_cut_off(void **state)
{
	int fd;

	(void)state;
	add(1);
	save();
	replayed_close(&r);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "0 500 00000000 {\"topic\"", 23), 23);
	close(fd);
	open_file(1);
	assert_false(has(0));
	add(7);
	save();
	open_file(1);
	assert_false(has(0));
	assert_true(has(1));
	assert_false(has(2));
	assert_true(has(7));
}

static void a_new_stream_of_the_same_name_is_another_one(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		add(i);
	save();
	open_file(1);
	assert_false(replayed_has(r, stream, 0, 4711));
	assert_false(has(1));
	assert_int_equal(replayed_forgotten(r), 1);
	save();
	open_file(1);
	assert_false(has(1));
}

/* Between two records that are there, the first one of a range is not. */
static void records_that_moved_are_others(void **state)
{
	(void)state;
	add(5);
	add(6);
	save();
	open_file(1);
	assert_false(has(4));
	assert_false(has(6));
	assert_int_equal(replayed_forgotten(r), 1);
}

/* Retention takes the oldest records away; what is left of the range is known all the same. */
static void what_is_gone_at_the_front_is_no_contradiction(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		add(i);
	save();
	open_file(1);
	assert_true(has(5));
	assert_true(has(6));
	assert_false(has(10));
	assert_int_equal(replayed_forgotten(r), 0);
}

static void many_saves_keep_the_file_short(void **state)
{
	struct stat st;

	(void)state;
	for (uint64_t i = 0; i < 5000; i++) {
		add(i);
		save();
	}
	open_file(1);
	add(5000);
	save();
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 1000);
	open_file(1);
	for (uint64_t i = 0; i <= 5000; i++)
		assert_true(has(i));
}

static void a_disk_error_leaves_all_to_be_saved(void **state)
{
	(void)state;
	add(1);
	save();
	add(2);
	fault_io_install();
	faults.full = 1;
	faults.room = 30;
	assert_int_equal(replayed_save(r, &err), OUTFLOW_E_RETRY);
	fault_io_remove();
	add(3);
	save();
	open_file(1);
	for (uint64_t i = 1; i < 5; i++)
		assert_int_equal(has(i), i < 4);
}

static void an_unreadable_file_is_said(void **state)
{
	struct replayed *none = NULL;

	(void)state;
	assert_int_equal(replayed_open("/tmp/outflow-replayed-no/such", 1, &none, &err), OUTFLOW_OK);
	replayed_close(&none);
	assert_int_equal(replayed_open("/tmp", 1, &none, &err), OUTFLOW_E_TASK);
	assert_non_null(strstr(err.msg, "/tmp cannot be read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(gaps_stay_gaps),
		TEST(order_does_not_matter),
		TEST(streams_are_apart),
		TEST(long_names_are_remembered_or_refused),
		TEST(what_is_not_saved_is_not_remembered),
		TEST(a_torn_line_is_cut_off),
		TEST(a_new_stream_of_the_same_name_is_another_one),
		TEST(records_that_moved_are_others),
		TEST(what_is_gone_at_the_front_is_no_contradiction),
		TEST(many_saves_keep_the_file_short),
		TEST(a_disk_error_leaves_all_to_be_saved),
		TEST(an_unreadable_file_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
