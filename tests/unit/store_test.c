/* SPDX-License-Identifier: Apache-2.0 */
/* store_test.c: checkpoints and state survive what they promise to survive; one process holds the state directory. */
#include "host/base/clock.h"
#include "host/base/io.h"
#include "host/base/log.h"
#include "host/store/checkpoint.h"
#include "host/store/log_file.h"
#include "host/store/state.h"
#include "host/store/state_dir.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[100];
static outflow_error err = { .size = sizeof err };

static void no_log(int level, const char *line)
{
	(void)level;
	(void)line;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/outflow-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/log", dir);
	log_use(no_log);
	return 0;
}

static int teardown(void **state)
{
	char command[120];

	(void)state;
	io_use(NULL);
	log_use(NULL);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static outflow_bytes bytes(const char *text)
{
	return outflow_text_bytes(outflow_text(text));
}

static void put(struct log_file *f, const char *key, const char *value)
{
	assert_int_equal(log_file_put(f, bytes(key), value ? bytes(value) : (outflow_bytes){ NULL, 0 }, &err),
	                 OUTFLOW_OK);
}

static int has(struct log_file *f, const char *key, const char *value)
{
	outflow_bytes found = log_file_get(f, bytes(key));

	if (value == NULL)
		return found.ptr == NULL;
	return found.ptr != NULL && found.len == strlen(value) && memcmp(found.ptr, value, found.len) == 0;
}

static off_t file_size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void a_log_cut_at_every_byte_keeps_what_came_before(void **state)
{
	off_t ends[3], size;
	struct log_file *f;

	(void)state;
	assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
	put(f, "a", "1");
	ends[0] = file_size();
	put(f, "b", "22");
	ends[1] = file_size();
	put(f, "a", NULL);
	ends[2] = file_size();
	log_file_close(&f);
	for (size = ends[2]; size >= 0; size--) {
		assert_int_equal(truncate(path, size), 0);
		assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
		assert_true(has(f, "a", size >= ends[0] && size < ends[2] ? "1" : NULL));
		assert_true(has(f, "b", size >= ends[1] ? "22" : NULL));
		log_file_close(&f);
		assert_int_equal(file_size(), size >= ends[2]   ? ends[2]
		                              : size >= ends[1] ? ends[1]
		                              : size >= ends[0] ? ends[0]
		                                                : 0);
	}
}

static void a_long_log_is_written_anew_with_what_counts(void **state)
{
	struct log_file *f;
	char value[1000];

	(void)state;
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
	put(f, "kept", "this");
	for (int i = 0; i < 3000; i++) {
		put(f, "changing", value);
		log_file_compact(f);
	}
	assert_true(file_size() < 2 << 20);
	assert_true(has(f, "kept", "this") && has(f, "changing", value));
	log_file_close(&f);
	assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
	assert_true(has(f, "kept", "this") && has(f, "changing", value));
	log_file_close(&f);
}

static int refuse_to_write;

static ssize_t half_write(int fd, const struct iovec *parts, int n, off_t at)
{
	(void)n;
	if (!refuse_to_write)
		return pwritev(fd, parts, n, at);
	if (refuse_to_write++ == 1)
		return pwrite(fd, parts[0].iov_base, parts[0].iov_len / 2, at);
	errno = ENOSPC;
	return -1;
}

static void a_failed_write_keeps_the_old_value_and_heals(void **state)
{
	struct io table = *io();
	struct log_file *f;

	(void)state;
	assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
	put(f, "a", "old");
	table.pwritev = half_write;
	io_use(&table);
	refuse_to_write = 1;
	assert_int_equal(log_file_put(f, bytes("a"), bytes("new"), &err), OUTFLOW_E_RETRY);
	assert_true(has(f, "a", "old"));
	refuse_to_write = 0;
	put(f, "b", "after");
	log_file_close(&f);
	assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
	assert_true(has(f, "a", "old") && has(f, "b", "after"));
	log_file_close(&f);
}

static void checkpoints_become_durable_and_come_back(void **state)
{
	struct checkpoint_store *s;
	struct checkpoint position = { 42, { "ext", 3 } }, found;
	int64_t deadline = clock_mono_ns() + 10 * CLOCK_S;
	uint64_t generation;

	(void)state;
	assert_int_equal(checkpoint_store_open(path, 5 * CLOCK_MS, &s, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_get(s, "p", outflow_text("{}"), &found), OUTFLOW_AGAIN);
	assert_int_equal(checkpoint_put(s, "p", outflow_text("{}"), &position, &generation, &err), OUTFLOW_OK);
	while (checkpoint_durable(s) < generation)
		assert_true(clock_mono_ns() < deadline);
	checkpoint_store_close(&s);
	assert_int_equal(checkpoint_store_open(path, CLOCK_S, &s, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_get(s, "p", outflow_text("{}"), &found), OUTFLOW_OK);
	assert_int_equal(found.next, 42);
	assert_memory_equal(found.pos_ext.ptr, "ext", 3);
	free((void *)(uintptr_t)found.pos_ext.ptr);
	assert_int_equal(checkpoint_get(s, "p", outflow_text("{\"x\":1}"), &found), OUTFLOW_AGAIN);
	assert_int_equal(checkpoint_get(s, "other", outflow_text("{}"), &found), OUTFLOW_AGAIN);
	position = (struct checkpoint){ 43, { NULL, 0 } };
	assert_int_equal(checkpoint_put(s, "p", outflow_text("{}"), &position, &generation, &err), OUTFLOW_OK);
	assert_int_equal(checkpoint_sync(s, &err), OUTFLOW_OK);
	assert_true(checkpoint_durable(s) >= generation);
	assert_int_equal(checkpoint_get(s, "p", outflow_text("{}"), &found), OUTFLOW_OK);
	assert_int_equal(found.next, 43);
	assert_null(found.pos_ext.ptr);
	checkpoint_store_close(&s);
}

static void state_belongs_to_its_owner(void **state)
{
	struct state_owner mine = { "p", "source", 0 }, other = { "p", "source", 1 };
	struct state_store *s;
	outflow_bytes value;

	(void)state;
	assert_int_equal(state_store_open(path, &s, &err), OUTFLOW_OK);
	assert_int_equal(state_put(s, &mine, outflow_text("k"), bytes("v"), &err), OUTFLOW_OK);
	state_store_close(&s);
	assert_int_equal(state_store_open(path, &s, &err), OUTFLOW_OK);
	assert_int_equal(state_get(s, &other, outflow_text("k"), &value), OUTFLOW_AGAIN);
	assert_int_equal(state_get(s, &mine, outflow_text("k"), &value), OUTFLOW_OK);
	assert_memory_equal(value.ptr, "v", 1);
	free((void *)(uintptr_t)value.ptr);
	assert_int_equal(state_remove(s, &mine, outflow_text("k"), &err), OUTFLOW_OK);
	assert_int_equal(state_get(s, &mine, outflow_text("k"), &value), OUTFLOW_AGAIN);
	state_store_close(&s);
}

static int sync_fails(int fd)
{
	(void)fd;
	errno = EIO;
	return -1;
}

static int state_is(struct state_store *s, outflow_str key, const char *wanted)
{
	struct state_owner owner = { "p", "source", 0 };
	outflow_bytes value = { NULL, 0 };
	int same;

	if (state_get(s, &owner, key, &value) != OUTFLOW_OK)
		return wanted == NULL;
	same = wanted != NULL && value.len == strlen(wanted) && memcmp(value.ptr, wanted, value.len) == 0;
	free((void *)(uintptr_t)value.ptr);
	return same;
}

static void state_that_cannot_be_synced_is_as_before(void **state)
{
	struct state_owner owner = { "p", "source", 0 };
	struct io table = *io();
	struct state_store *s;

	(void)state;
	table.fdatasync = sync_fails;
	assert_int_equal(state_store_open(path, &s, &err), OUTFLOW_OK);
	assert_int_equal(state_put(s, &owner, outflow_text("k"), bytes("old"), &err), OUTFLOW_OK);
	io_use(&table);
	assert_int_equal(state_put(s, &owner, outflow_text("k"), bytes("new"), &err), OUTFLOW_E_RETRY);
	assert_int_equal(state_put(s, &owner, outflow_text("n"), bytes("new"), &err), OUTFLOW_E_RETRY);
	assert_int_equal(state_remove(s, &owner, outflow_text("k"), &err), OUTFLOW_E_RETRY);
	io_use(NULL);
	for (int opening = 0; opening < 2; opening++) {
		assert_true(state_is(s, outflow_text("k"), "old"));
		assert_true(state_is(s, outflow_text("n"), NULL));
		state_store_close(&s);
		assert_int_equal(state_store_open(path, &s, &err), OUTFLOW_OK);
	}
	state_store_close(&s);
}

/* A key is bytes: what follows a NUL belongs to it. */
static void state_keys_hold_any_bytes(void **state)
{
	struct state_owner owner = { "p", "source", 0 };
	outflow_str first = { "a\0x", 3 }, second = { "a\0y", 3 };
	struct state_store *s;

	(void)state;
	assert_int_equal(state_store_open(path, &s, &err), OUTFLOW_OK);
	assert_int_equal(state_put(s, &owner, first, bytes("1"), &err), OUTFLOW_OK);
	assert_int_equal(state_put(s, &owner, second, bytes("2"), &err), OUTFLOW_OK);
	assert_true(state_is(s, first, "1"));
	assert_true(state_is(s, second, "2"));
	assert_true(state_is(s, outflow_text("a"), NULL));
	state_store_close(&s);
}

static void one_process_holds_the_state_directory(void **state)
{
	struct state_dir *first, *second = NULL;
	char root[100], pid[20];

	(void)state;
	snprintf(root, sizeof root, "%s/a/b", dir);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	assert_int_equal(state_dir_open(root, &first, &err), OUTFLOW_OK);
	assert_int_equal(state_dir_open(root, &second, &err), OUTFLOW_E_RETRY);
	assert_non_null(strstr(err.msg, pid));
	state_dir_close(&first);
	assert_int_equal(state_dir_open(root, &second, &err), OUTFLOW_OK);
	state_dir_close(&second);
}

static void no_name_leads_out_of_the_directory(void **state)
{
	static const char *const names[] = { "..", ".", "a/../../b", "/etc", "plain-1", "sp ace%" };
	static const char *const expected[] = { "%2E.", "%2E", "a%2F..%2F..%2Fb", "%2Fetc", "plain-1", "sp%20ace%25" };
	char result[PATH_MAX], wanted[200], long_name[300];
	struct state_dir *d;

	(void)state;
	assert_int_equal(state_dir_open(dir, &d, &err), OUTFLOW_OK);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(state_dir_path(d, "journal", names[i], 3, result, sizeof result), OUTFLOW_OK);
		snprintf(wanted, sizeof wanted, "%s/journal/%s/3", dir, expected[i]);
		assert_string_equal(result, wanted);
	}
	memset(long_name, 'n', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_int_equal(state_dir_path(d, "journal", long_name, 0, result, sizeof result), OUTFLOW_E_CONFIG);
	state_dir_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(a_log_cut_at_every_byte_keeps_what_came_before),
		TEST(a_long_log_is_written_anew_with_what_counts),
		TEST(a_failed_write_keeps_the_old_value_and_heals),
		TEST(checkpoints_become_durable_and_come_back),
		TEST(state_belongs_to_its_owner),
		TEST(state_that_cannot_be_synced_is_as_before),
		TEST(state_keys_hold_any_bytes),
		TEST(one_process_holds_the_state_directory),
		TEST(no_name_leads_out_of_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
