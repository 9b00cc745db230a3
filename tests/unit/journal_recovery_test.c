/* SPDX-License-Identifier: Apache-2.0 */
/* journal_recovery_test.c: a journal that was cut or damaged anywhere starts again, gives back all that is whole, says
 * what it dropped, and uses no number twice. */
#include "tests/unit/journal_fixture.h"

#include "host/journal/segment.h"

#define RECORDS 120u

static char image[1 << 17];
static size_t image_size;
static uint64_t ends[RECORDS]; /* where each record ends in the file */
static char path[200];

/* One segment that was never closed in order, as a kill leaves it, kept in `image`. */
static void make_image(struct fixture *x)
{
	int fd;

	open_at(x, 0);
	snprintf(path, sizeof path, "%s/%020llu.log", x->dir, 1ull);
	for (unsigned n = 0; n < RECORDS; n++) {
		struct stat st;

		append_all(x, n, n + 1);
		assert_int_equal(stat(path, &st), 0);
		ends[n] = (uint64_t)st.st_size;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	image_size = (size_t)read(fd, image, sizeof image);
	close(fd);
	close_all(x);
}

static void put_image(struct fixture *x, size_t size)
{
	int fd;

	close_all(x);
	let_go(x);
	remove_files(x->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, image, size), size);
	close(fd);
	log_text[0] = '\0';
}

static void a_cut_at_every_byte_keeps_every_whole_record(void **state)
{
	struct fixture *x = *state;
	unsigned whole = 0;
	char said[100];

	make_image(x);
	for (size_t size = sizeof(struct segment_head); size <= image_size; size++) {
		uint64_t good;

		while (whole < RECORDS && ends[whole] <= size)
			whole++;
		good = whole > 0 ? ends[whole - 1] : sizeof(struct segment_head);
		put_image(x, size);
		open_at(x, 0);
		snprintf(said, sizeof said, "bytes %llu to %zu", (unsigned long long)good, size);
		if (good != size && size > sizeof(struct segment_head))
			assert_non_null(strstr(log_text, said));
		else
			assert_null(strstr(log_text, "torn"));
		expect_numbers(x, 0, whole);
		append_all(x, whole, whole + 1);
		expect_numbers(x, whole, whole + 1);
		assert_true(whole == 0 || record(x, 0)->pos > whole + 1);
	}
}

static void a_file_without_a_whole_head_is_removed(void **state)
{
	struct fixture *x = *state;

	make_image(x);
	for (size_t size = 0; size < sizeof(struct segment_head); size += 9) {
		put_image(x, size);
		open_at(x, 0);
		assert_non_null(strstr(log_text, "removed"));
		assert_int_equal(read_all(x), 0);
		append_all(x, 0, 3);
		expect_numbers(x, 0, 3);
	}
}

static void a_flipped_bit_costs_its_record_and_no_other(void **state)
{
	struct fixture *x = *state;

	make_image(x);
	for (size_t at = sizeof(struct segment_head); at < image_size; at += 5) {
		unsigned hit = 0, got;

		while (ends[hit] <= at)
			hit++;
		image[at] ^= 0x10;
		put_image(x, image_size);
		image[at] ^= 0x10;
		open_at(x, 0);
		got = read_all(x);
		assert_int_equal(got, RECORDS - 1);
		for (unsigned n = 0; n < got; n++)
			assert_int_equal(number_of(record(x, n)), n < hit ? n : n + 1);
		assert_true(strstr(log_text, "LOST") != NULL ||
		            (hit == RECORDS - 1 && strstr(log_text, "torn") != NULL));
	}
}

static void a_zeroed_page_in_the_middle_is_skipped(void **state)
{
	struct fixture *x = *state;
	static char saved[4096];
	unsigned got;

	make_image(x);
	memcpy(saved, image + 8192, sizeof saved);
	memset(image + 8192, 0, sizeof saved);
	put_image(x, image_size);
	memcpy(image + 8192, saved, sizeof saved);
	open_at(x, 0);
	got = read_all(x);
	assert_in_range(got, RECORDS - 40, RECORDS - 5);
	assert_int_equal(number_of(record(x, got - 1)), RECORDS - 1);
	assert_non_null(strstr(log_text, "LOST damaged records"));
}

static void a_damaged_head_is_put_aside_not_deleted(void **state)
{
	struct fixture *x = *state;
	char aside[220];

	make_image(x);
	image[3] ^= 1;
	put_image(x, image_size);
	image[3] ^= 1;
	open_at(x, 0);
	assert_int_equal(read_all(x), 0);
	assert_non_null(strstr(log_text, "LOST"));
	snprintf(aside, sizeof aside, "%s.damaged", path);
	assert_int_equal(access(aside, F_OK), 0);
}

static void a_clean_close_goes_on_without_a_gap(void **state)
{
	struct fixture *x = *state;

	open_at(x, 0);
	append_all(x, 0, 10);
	close_all(x);
	open_at(x, 0);
	append_all(x, 10, 20);
	expect_numbers(x, 0, 20);
	assert_int_equal(record(x, 19)->pos, record(x, 0)->pos + 19);
}

static void a_checkpoint_ahead_of_the_journal_uses_no_number_twice(void **state)
{
	struct fixture *x = *state;

	open_at(x, 0);
	append_all(x, 0, 10);
	close_all(x);
	open_at(x, 500);
	append_all(x, 10, 12);
	expect_numbers(x, 10, 12);
	assert_true(record(x, 0)->pos > 500);
}

static void foreign_files_are_left_alone(void **state)
{
	struct fixture *x = *state;
	char foreign[220];
	int fd;

	snprintf(foreign, sizeof foreign, "%s/notes.log", x->dir);
	fd = open(foreign, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	open_at(x, 0);
	append_all(x, 0, 3);
	expect_numbers(x, 0, 3);
	assert_int_equal(access(foreign, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(a_cut_at_every_byte_keeps_every_whole_record),
		TEST(a_file_without_a_whole_head_is_removed),
		TEST(a_flipped_bit_costs_its_record_and_no_other),
		TEST(a_zeroed_page_in_the_middle_is_skipped),
		TEST(a_damaged_head_is_put_aside_not_deleted),
		TEST(a_clean_close_goes_on_without_a_gap),
		TEST(a_checkpoint_ahead_of_the_journal_uses_no_number_twice),
		TEST(foreign_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
