/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes go on after short ones and interruptions, errors come through with their errno, and directories are made
 * durably. */
#include "tests/unit/fault_io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/io-test-XXXXXX");
	fault_io_install();
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	fault_io_remove();
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static int open_file(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/file", dir);
	fd = io()->open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void test_parts_in_pieces(void **state)
{
	char read_back[16] = "";
	int fd = open_file();

	(void)state;
	faults.interrupts = 1;
	faults.longest_read = 3;
	for (faults.longest_write = 1; faults.longest_write < 12; faults.longest_write++) {
		struct iovec parts[] = { { "", 0 }, { "abc", 3 }, { "", 0 }, { "defgh", 5 }, { "ij", 2 }, { "", 0 } };

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(io_write_parts(fd, parts, 6, 2), 0);
		assert_int_equal(io_read_all(fd, read_back, sizeof read_back, 2), 10);
		assert_memory_equal(read_back, "abcdefghij", 10);
	}
	assert_int_equal(io_write_all(fd, NULL, 0, 0), 0);
	io()->close(fd);
}

static void test_errors_come_through(void **state)
{
	char byte;
	int fd = open_file();

	(void)state;
	faults.full = 1;
	faults.room = 3;
	assert_int_equal(io_write_all(fd, "abcdef", 6, 0), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(io_read_all(fd, &byte, 1, 2), 1);
	assert_int_equal(byte, 'c');
	faults.full = 0;
	faults.write_nothing = 1;
	assert_int_equal(io_write_all(fd, "abcdef", 6, 0), -1);
	assert_int_equal(errno, EIO);
	faults.read = EIO;
	assert_int_equal(io_read_all(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EIO);
	errno = ENOSPC;
	assert_int_equal(io_close_keeping_errno(fd), -1);
	assert_int_equal(errno, ENOSPC);
}

static void test_directories(void **state)
{
	char path[256], *long_path;
	struct stat st;

	(void)state;
	snprintf(path, sizeof path, "%s/a//b/c/", dir);
	assert_int_equal(io_make_directories(path), 0);
	assert_int_equal(io_calls.dir_syncs, 3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(io_make_directories(path), 0);
	assert_int_equal(io_calls.dir_syncs, 3);
	faults.sync_dir = EIO;
	snprintf(path, sizeof path, "%s/d", dir);
	assert_int_equal(io_make_directories(path), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(io_make_directories(""), -1);
	long_path = malloc(100001);
	memset(long_path, 'x', 100000);
	long_path[100000] = '\0';
	assert_int_equal(io_make_directories(long_path), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	free(long_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parts_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_come_through, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directories, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
