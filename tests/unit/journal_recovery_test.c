/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that was cut or damaged anywhere starts again, gives back all that is whole, says exactly what it dropped, once,
 * and uses no number twice. */
#include "tests/unit/fault_io.h"
#include "tests/unit/journal_fixture.h"

#include "host/base/crc32c.h"
#include "host/journal/frame.h"
#include "host/journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 210u

static struct fixture f;
static char image[1 << 17];
static size_t image_size;
static uint64_t starts[MANY + 1]; /* where each record begins in the file */
static char path[512];

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

/* One segment as a kill leaves it, kept in `image`: read before the orderly end. */
static void make_image(void)
{
	int fd;

	fixture_open(&f, 0);
	starts[0] = SEGMENT_HEAD_SIZE;
	for (unsigned n = 0; n < MANY / 2; n++) {
		fixture_append(&f, n);
		starts[n + 1] = starts[n] + frame_length(test_record(n));
	}
	fixture_file(&f, 0, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	image_size = (size_t)read(fd, image, sizeof image);
	assert_int_equal(image_size, starts[MANY / 2]);
	close(fd);
	fixture_close(&f);
}

static void write_file(const char *name, const void *bytes, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

/* The directory holds that file and no other. */
static void put_image(size_t size)
{
	char other[512];

	fixture_close(&f);
	while (fixture_files(&f, "") > 0) {
		fixture_file(&f, 0, other);
		assert_int_equal(unlink(other), 0);
	}
	write_file(path, image, size);
	fixture_forget_log();
}

/* Every 7th byte meets each place of each kind of field soon enough; with OUTFLOW_TORTURE set, every byte. */
static size_t next_place(size_t at)
{
	return at + (getenv("OUTFLOW_TORTURE") != NULL || at < 400 ? 1 : 7);
}

/* What comes after a recovery: a number far above all others, no second report at the next opening. */
static void expect_healed(void)
{
	uint64_t position = fixture_append(&f, 77);
	unsigned numbers[MANY];
	size_t n;

	assert_int_equal(position % (UINT64_C(1) << 32), 0);
	assert_true(position > 0);
	assert_int_equal(fixture_drain(&f, &position, numbers, 1), 1);
	assert_int_equal(numbers[0], 77);
	fixture_close(&f);
	fixture_forget_log();
	fixture_open(&f, 0);
	assert_int_equal(fixture_logged(""), 0);
	n = fixture_drain(&f, NULL, numbers, MANY);
	assert_int_equal(numbers[n - 1], 77);
	assert_int_equal(fixture_append(&f, 78), position + 1);
}

static void test_cut_at_every_byte(void **state)
{
	unsigned whole = 0, tried = 0, numbers[MANY];
	char said[128];
	struct stat st;

	(void)state;
	make_image();
	for (size_t size = 0; size <= image_size; size = next_place(size)) {
		while (whole < MANY / 2 && starts[whole + 1] <= size)
			whole++;
		put_image(size);
		fixture_open(&f, 0);
		snprintf(said, sizeof said, "bytes %llu to below %zu of", (unsigned long long)starts[whole], size);
		assert_int_equal(fixture_logged(said), size > starts[whole]);
		assert_int_equal(fixture_logged("cut off"), size > starts[whole]);
		assert_int_equal(fixture_logged("head of"), size < SEGMENT_HEAD_SIZE);
		assert_int_equal(fixture_drain(&f, NULL, numbers, MANY), whole);
		for (unsigned n = 0; n < whole; n++)
			assert_int_equal(numbers[n], n);
		assert_int_equal(journal_lost(f.j), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, starts[whole]);
		if (size % 16 == 0)
			expect_healed();
		tried++;
	}
	printf("cuts: %u of %zu bytes\n", tried, image_size);
}

static void test_flipped_bits(void **state)
{
	unsigned tried = 0, numbers[MANY];
	char said[128];

	(void)state;
	make_image();
	for (size_t at = 0; at < image_size; at = next_place(at)) {
		unsigned hit = 0;
		size_t n;

		tried++;
		while (starts[hit + 1] <= at)
			hit++;
		image[at] ^= (char)(1 << at % 8);
		put_image(image_size);
		image[at] ^= (char)(1 << at % 8);
		fixture_open(&f, 0);
		n = fixture_drain(&f, NULL, numbers, MANY);
		if (at < SEGMENT_HEAD_SIZE) {
			/* A damaged head costs nothing. */
			assert_int_equal(n, MANY / 2);
			assert_int_equal(fixture_logged("head of"), 1);
			continue;
		}
		assert_int_equal(n, MANY / 2 - 1);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(numbers[i], i < hit ? i : i + 1);
		snprintf(said, sizeof said, "bytes %llu to below %llu of", (unsigned long long)starts[hit],
		         (unsigned long long)starts[hit + 1]);
		assert_int_equal(fixture_logged(said), 1);
		if (hit == MANY / 2 - 1) {
			assert_int_equal(fixture_logged("cut off"), 1);
			continue;
		}
		snprintf(said, sizeof said, "1 records are lost, from position %u to below %u", hit, hit + 1);
		assert_int_equal(fixture_logged(said), 1);
		assert_int_equal(fixture_logged(""), 1);
		assert_int_equal(journal_lost(f.j), 1);
	}
	printf("flips: %u of %zu bytes\n", tried, image_size);
}

/* Also at the same place in a segment that was closed. */
static void test_zeroed_page(void **state)
{
	unsigned numbers[MANY], first = 0, after = 0;
	char said[128];

	(void)state;
	make_image();
	while (starts[first + 1] <= 8192)
		first++;
	while (starts[after] < 8192 + 4096)
		after++;
	memset(image + 8192, 0, 4096);
	put_image(image_size);
	for (int opening = 0; opening < 2; opening++) {
		fixture_open(&f, 0);
		assert_int_equal(fixture_drain(&f, NULL, numbers, MANY), MANY / 2 - (after - first));
		assert_int_equal(numbers[first], after);
		snprintf(said, sizeof said, "bytes %llu to below %llu of", (unsigned long long)starts[first],
		         (unsigned long long)starts[after]);
		assert_int_equal(fixture_logged(said), 1);
		snprintf(said, sizeof said, "from position %u to below %u", first, after);
		assert_int_equal(fixture_logged(said), 1);
		assert_int_equal(journal_lost(f.j), after - first);
		/* Who reads it again does not lose it again. */
		journal_reader_close(&f.reader);
		assert_int_equal(journal_reader_open(f.j, 0, &f.reader, &f.err), OUTFLOW_OK);
		assert_int_equal(fixture_drain(&f, NULL, NULL, 0), MANY / 2 - (after - first));
		assert_int_equal(fixture_logged("are damaged"), 1);
		assert_int_equal(journal_lost(f.j), after - first);
		fixture_close(&f);
		fixture_forget_log();
	}
	/* What was delivered before it was damaged is not lost. */
	fixture_open(&f, after);
	assert_int_equal(fixture_drain(&f, NULL, numbers, MANY), MANY / 2 - after);
	assert_int_equal(fixture_logged(""), 0);
}

/* A value that holds a journal, with its head damaged: what is inside is not taken for records. */
static void test_journal_inside_a_value(void **state)
{
	outflow_record r = { .value = { image, 0 }, .timestamp_ms = -1 };
	uint64_t position;
	int fd;

	(void)state;
	make_image();
	put_image(0);
	f.options.segment_bytes = 1 << 20;
	unlink(path);
	fixture_open(&f, 0);
	r.value.len = image_size;
	assert_int_equal(journal_append(f.j, &r, &position, &f.err), OUTFLOW_OK);
	fixture_append(&f, 1);
	fixture_close(&f);
	fixture_file(&f, 0, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)SEGMENT_HEAD_SIZE + 5), 1);
	close(fd);
	fixture_open(&f, 0);
	assert_int_equal(fixture_drain(&f, &position, NULL, 1), 1);
	assert_int_equal(position, 1);
	assert_int_equal(journal_lost(f.j), 1);
}

/* A sector that was not written shows what the disk held before, which may be an older record of the same segment. */
static void test_an_older_record_in_the_place_of_a_newer(void **state)
{
	uint64_t positions[4], length = frame_length(test_record(5));
	char frame[2000];
	int fd;

	(void)state;
	fixture_open(&f, 0);
	for (unsigned i = 0; i < 4; i++)
		fixture_append(&f, 5);
	fixture_close(&f);
	fixture_file(&f, 0, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, frame, length, (off_t)SEGMENT_HEAD_SIZE), length);
	assert_int_equal(pwrite(fd, frame, length, (off_t)(SEGMENT_HEAD_SIZE + 2 * length)), length);
	close(fd);
	fixture_open(&f, 0);
	assert_int_equal(fixture_drain(&f, positions, NULL, 4), 3);
	assert_int_equal(positions[1], 1);
	assert_int_equal(positions[2], 3);
	assert_int_equal(journal_lost(f.j), 1);
}

static void test_files_that_do_not_belong(void **state)
{
	char other[600];

	(void)state;
	make_image();
	put_image(image_size);
	snprintf(other, sizeof other, "%s/notes.log", f.dir);
	write_file(other, "notes", 5);
	snprintf(other, sizeof other, "%s/00000000000000000099.log", f.dir);
	/* A copy of the first segment under another name. */
	write_file(other, image, image_size);
	fixture_open(&f, 0);
	assert_int_equal(fixture_logged("notes.log does not belong here"), 1);
	assert_int_equal(fixture_logged("was renamed"), 1);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), MANY / 2);
	assert_true(fixture_append(&f, 1) > 99);
	fixture_close(&f);
	assert_int_equal(access(other, F_OK), 0);
}

static void test_newer_format_is_refused(void **state)
{
	struct segment_head head;
	struct journal *j = NULL;

	(void)state;
	make_image();
	memcpy(&head, image, sizeof head);
	assert_true(segment_head_is_good(&head));
	head.version = 2;
	head.crc = crc32c(0, &head, offsetof(struct segment_head, crc));
	assert_true(segment_head_is_good(&head));
	memcpy(image, &head, sizeof head);
	put_image(image_size);
	assert_int_equal(journal_open(&f.options, 0, &j, &f.err), OUTFLOW_E_TASK);
	assert_non_null(strstr(f.err.msg, "has format 2, this program reads format 1"));
}

static long resident_pages(void)
{
	long size = 0, resident = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%ld %ld", &size, &resident), 2);
	fclose(statm);
	return resident;
}

/* 64 MiB of nothing behind the last record cost no more memory than a few bytes. */
static void test_memory_is_the_same_whatever_is_found(void **state)
{
	long before;

	(void)state;
	make_image();
	put_image(image_size);
	assert_int_equal(truncate(path, 64 << 20), 0);
	before = resident_pages();
	fixture_open(&f, 0);
	assert_int_equal(fixture_logged("cut off"), 1);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), MANY / 2);
	assert_true((resident_pages() - before) * sysconf(_SC_PAGESIZE) < 2 << 20);
}

static void test_truncated_after_it_was_closed(void **state)
{
	char said[128];

	(void)state;
	make_image();
	fixture_open(&f, 0);
	fixture_close(&f);
	assert_int_equal(truncate(path, (off_t)starts[90]), 0);
	fixture_open(&f, 0);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), 90);
	snprintf(said, sizeof said, "15 records are lost, from position 90 to below 105");
	assert_int_equal(fixture_logged(said), 1);
	assert_int_equal(fixture_append(&f, 1), MANY / 2);
}

/* Somebody cuts a file that is being read: an error, not a SIGBUS. */
static void test_truncated_while_it_is_read(void **state)
{
	struct test_batch b;

	(void)state;
	make_image();
	fixture_open(&f, 0);
	assert_int_equal(truncate(path, 4096), 0);
	test_batch_begin(&b);
	assert_int_equal(fixture_read(&f, &b, MANY), OUTFLOW_E_TASK);
	assert_non_null(strstr(f.err.msg, path));
	test_batch_end(&b);
}

static void test_unreadable_and_readonly(void **state)
{
	struct journal *j = NULL;

	(void)state;
	make_image();
	put_image(image_size);
	faults.read = EIO;
	assert_int_equal(journal_open(&f.options, 0, &j, &f.err), OUTFLOW_E_TASK);
	assert_non_null(strstr(f.err.msg, path));
	faults.read = 0;
	faults.open = EACCES;
	assert_int_equal(journal_open(&f.options, 0, &j, &f.err), OUTFLOW_E_TASK);
	faults.open = 0;
	/* Nothing can be written: it is read all the same, and said again at the next start. */
	put_image(image_size - 8);
	faults.write = EROFS;
	faults.truncate = EROFS;
	fixture_open(&f, 0);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), MANY / 2 - 1);
	assert_int_equal(fixture_try(&f, 1), OUTFLOW_E_RETRY);
	assert_int_equal(fixture_logged("cut off"), 1);
	fixture_close(&f);
	faults.write = faults.truncate = 0;
	fixture_open(&f, 0);
	assert_int_equal(fixture_logged("cut off"), 2);
	assert_int_equal(fixture_drain(&f, NULL, NULL, 0), MANY / 2 - 1);
	expect_healed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cut_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flipped_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zeroed_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_inside_a_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_older_record_in_the_place_of_a_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_that_do_not_belong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer_format_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_is_the_same_whatever_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_after_it_was_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_while_it_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable_and_readonly, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
