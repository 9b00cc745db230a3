/* SPDX-License-Identifier: Apache-2.0 */
/* The file of checkpoints on a disk that fails: nothing that cannot be read is cut off, nothing that could not be synced
 * counts as durable, a damaged entry costs itself alone, and a copy in the making loses nothing that is put meanwhile. */
#include "tests/unit/fault_io.h"

#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/store/checkpoint.h"
#include "host/store/log_file.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[100], line[600];
static outflow_error err = { .size = sizeof err };

static void keep_line(int level, const char *text)
{
	(void)level;
	snprintf(line, sizeof line, "%s", text);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/outflow-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/log", dir);
	line[0] = '\0';
	log_use(keep_line);
	fault_io_install();
	return 0;
}

static int teardown(void **state)
{
	char command[120];

	(void)state;
	fault_io_remove();
	log_use(NULL);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static off_t file_size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static outflow_bytes number(unsigned n, char buffer[16])
{
	return (outflow_bytes){ buffer, (size_t)snprintf(buffer, 16, "key %u", n) };
}

static outflow_status try_put(struct log_file *f, unsigned n, unsigned value)
{
	char key[16];

	return log_file_put(f, number(n, key), (outflow_bytes){ &value, sizeof value }, &err);
}

static void put(struct log_file *f, unsigned n, unsigned value)
{
	assert_int_equal(try_put(f, n, value), OUTFLOW_OK);
}

/* 0: none. */
static unsigned get(const struct log_file *f, unsigned n)
{
	char key[16];
	outflow_bytes found = log_file_get(f, number(n, key));
	unsigned value = 0;

	if (found.ptr != NULL)
		memcpy(&value, found.ptr, sizeof value);
	return value;
}

static struct log_file *open_log(void)
{
	struct log_file *f = NULL;

	if (log_file_open(path, &f, &err) != OUTFLOW_OK)
		fail_msg("log_file_open: %s", err.msg);
	return f;
}

static void many_keys_are_found(void **state)
{
	struct log_file *f = open_log();
	char key[16];

	(void)state;
	for (unsigned n = 0; n < 20000; n++)
		put(f, n, n + 1);
	for (unsigned n = 0; n < 20000; n += 3)
		assert_int_equal(log_file_put(f, number(n, key), (outflow_bytes){ NULL, 0 }, &err), OUTFLOW_OK);
	for (int opening = 0; opening < 2; opening++) {
		for (unsigned n = 0; n < 20000; n++)
			assert_int_equal(get(f, n), n % 3 == 0 ? 0 : n + 1);
		log_file_close(&f);
		f = open_log();
	}
	log_file_close(&f);
}

static void an_unreadable_log_is_left_alone(void **state)
{
	struct log_file *f = open_log();
	off_t size;

	(void)state;
	put(f, 1, 11);
	put(f, 2, 22);
	log_file_close(&f);
	size = file_size();
	faults.read = EIO;
	assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_E_TASK);
	assert_non_null(strstr(err.msg, path));
	faults.read = 0;
	assert_int_equal(file_size(), size);
	f = open_log();
	assert_int_equal(get(f, 1), 11);
	assert_int_equal(get(f, 2), 22);
	log_file_close(&f);
}

/* A flipped bit at every byte of the middle one of three entries. */
static void a_damaged_entry_costs_itself_alone(void **state)
{
	off_t begin, end;
	char image[400];
	struct log_file *f = open_log();
	size_t size;
	int fd;

	(void)state;
	put(f, 1, 11);
	begin = file_size();
	put(f, 2, 22);
	end = file_size();
	put(f, 3, 33);
	log_file_close(&f);
	fd = open(path, O_RDWR | O_CLOEXEC);
	size = (size_t)pread(fd, image, sizeof image, 0);
	for (off_t at = begin; at < end; at++) {
		char flipped = (char)(image[at] ^ 1 << at % 8);
		/* Its length leads nowhere: what follows cannot be found. */
		int is_length = at < begin + 4;

		assert_int_equal(pwrite(fd, image, size, 0), size);
		assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
		line[0] = '\0';
		f = open_log();
		assert_int_equal(get(f, 1), 11);
		assert_int_equal(get(f, 2), 0);
		assert_int_equal(get(f, 3), is_length ? 0 : 33);
		assert_non_null(strstr(line, is_length ? "torn or damaged tail" : "one entry is lost"));
		log_file_close(&f);
	}
	close(fd);
}

/* For every number of bytes that still fit. */
static void a_full_disk_keeps_the_old_values_and_heals(void **state)
{
	struct log_file *f = open_log();
	unsigned value = 1;

	(void)state;
	put(f, 1, value);
	for (int64_t room = 0; room < 60; room++) {
		outflow_status status;

		faults.full = 1;
		faults.room = room;
		while ((status = try_put(f, 1, value + 1)) == OUTFLOW_OK)
			value++;
		assert_int_equal(status, OUTFLOW_E_RETRY);
		assert_int_equal(get(f, 1), value);
		faults.full = 0;
		if (room % 2 == 0)
			put(f, 1, ++value);
		log_file_close(&f);
		f = open_log();
		assert_int_equal(get(f, 1), value);
	}
	log_file_close(&f);
}

static void what_is_put_while_a_copy_is_made_is_in_it(void **state)
{
	struct log_file *f = open_log();
	struct log_copy *copy;
	off_t before;

	(void)state;
	put(f, 1, 11);
	assert_null(log_copy_begin(f));
	for (unsigned n = 0; file_size() < 2 << 20; n++)
		put(f, 2, n + 1);
	before = file_size();
	copy = log_copy_begin(f);
	assert_non_null(copy);
	put(f, 2, 7);
	put(f, 3, 33);
	assert_int_equal(log_copy_write(copy), 0);
	put(f, 4, 44);
	log_copy_finish(f, &copy, 0);
	assert_true(file_size() < before / 100);
	put(f, 5, 55);
	for (int opening = 0; opening < 2; opening++) {
		assert_int_equal(get(f, 1), 11);
		assert_int_equal(get(f, 2), 7);
		assert_int_equal(get(f, 3), 33);
		assert_int_equal(get(f, 4), 44);
		assert_int_equal(get(f, 5), 55);
		log_file_close(&f);
		f = open_log();
	}
	log_file_close(&f);
}

static void a_copy_that_fails_costs_nothing(void **state)
{
	struct log_file *f = open_log();
	struct log_copy *copy;
	unsigned value = 0;

	(void)state;
	while (file_size() < 2 << 20)
		put(f, 2, ++value);
	for (int fault = 0; fault < 3; fault++) {
		while ((copy = log_copy_begin(f)) == NULL)
			put(f, 2, ++value);
		faults.open = fault == 0 ? ENOSPC : 0;
		faults.sync = fault == 1 ? EIO : 0;
		faults.rename = fault == 2 ? EACCES : 0;
		log_copy_finish(f, &copy, log_copy_write(copy));
		faults.open = faults.sync = faults.rename = 0;
		assert_non_null(strstr(line, "cannot be compacted"));
		assert_int_equal(get(f, 2), value);
		put(f, 3, (unsigned)fault + 1);
	}
	log_file_close(&f);
	f = open_log();
	assert_int_equal(get(f, 2), value);
	assert_int_equal(get(f, 3), 3);
	log_file_close(&f);
}

/* A sync that succeeds after one that failed proves nothing: pages may be gone. Only a copy does. */
static void a_failed_sync_is_followed_by_a_copy(void **state)
{
	struct log_file *f = open_log();
	struct stat before, after;
	unsigned opens;

	(void)state;
	put(f, 1, 11);
	assert_int_equal(stat(path, &before), 0);
	faults.sync = EIO;
	assert_int_equal(log_file_sync(f, &err), OUTFLOW_E_RETRY);
	assert_int_equal(log_file_sync(f, &err), OUTFLOW_E_RETRY);
	faults.sync = 0;
	opens = io_calls.opens;
	assert_int_equal(log_file_sync(f, &err), OUTFLOW_OK);
	assert_true(io_calls.opens > opens);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(get(f, 1), 11);
	log_file_close(&f);
	f = open_log();
	assert_int_equal(get(f, 1), 11);
	log_file_close(&f);
}

/* The new file's name has to be on disk before what is in it counts. */
static void a_copy_without_a_durable_name_is_not_durable(void **state)
{
	struct log_file *f = open_log();

	(void)state;
	for (unsigned n = 0; file_size() < 2 << 20; n++)
		put(f, 2, n + 1);
	log_file_compact(f);
	assert_true(file_size() < 1000);
	faults.sync_dir = EIO;
	assert_int_equal(log_file_sync(f, &err), OUTFLOW_E_RETRY);
	faults.sync_dir = 0;
	assert_int_equal(log_file_sync(f, &err), OUTFLOW_OK);
	log_file_close(&f);
}

static void durable_stands_still_while_the_disk_fails(void **state)
{
	struct checkpoint position = { 1, { NULL, 0 } };
	struct checkpoint_store *s;
	int64_t deadline = clock_mono_ns() + 10 * CLOCK_S;
	uint64_t generation;

	(void)state;
	assert_int_equal(checkpoint_store_open(path, CLOCK_MS, &s, &err), OUTFLOW_OK);
	__atomic_store_n(&faults.sync, EIO, __ATOMIC_RELAXED);
	assert_int_equal(checkpoint_put(s, "p", outflow_text("{}"), &position, &generation, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_sync(s, &err), OUTFLOW_E_RETRY);
	assert_true(checkpoint_durable(s) < generation);
	__atomic_store_n(&faults.sync, 0, __ATOMIC_RELAXED);
	while (checkpoint_durable(s) < generation)
		assert_true(clock_mono_ns() < deadline);
	checkpoint_store_close(&s);
}

static void a_forgotten_checkpoint_is_gone(void **state)
{
	struct checkpoint position = { 42, { NULL, 0 } }, found;
	struct checkpoint_store *s;
	uint64_t generation;

	(void)state;
	assert_int_equal(checkpoint_store_open(path, CLOCK_S, &s, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_put(s, "p", outflow_text("{}"), &position, &generation, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_put(s, "q", outflow_text("{}"), &position, &generation, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_forget(s, "p", outflow_text("{}"), &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_forget(s, "r", outflow_text("{}"), &err), OUTFLOW_OK);
	checkpoint_store_close(&s);
	assert_int_equal(checkpoint_store_open(path, CLOCK_S, &s, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_get(s, "p", outflow_text("{}"), &found), OUTFLOW_AGAIN);
	assert_int_equal(checkpoint_get(s, "q", outflow_text("{}"), &found), OUTFLOW_OK);
	checkpoint_store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(many_keys_are_found),
		TEST(an_unreadable_log_is_left_alone),
		TEST(a_damaged_entry_costs_itself_alone),
		TEST(a_full_disk_keeps_the_old_values_and_heals),
		TEST(what_is_put_while_a_copy_is_made_is_in_it),
		TEST(a_copy_that_fails_costs_nothing),
		TEST(a_failed_sync_is_followed_by_a_copy),
		TEST(a_copy_without_a_durable_name_is_not_durable),
		TEST(durable_stands_still_while_the_disk_fails),
		TEST(a_forgotten_checkpoint_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
