/* SPDX-License-Identifier: Apache-2.0 */
/* A power cut at any moment loses nothing that was acknowledged under journal.sync = always, whatever of the unsynced sectors
 * and names reached the disk, and no number is used twice afterwards. Files are rebuilt from a record of all writes and
 * syncs; OUTFLOW_TORTURE=N tries N cuts. */
#include "tests/unit/fault_io.h"
#include "tests/unit/journal_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES 64u
#define FILE_BYTES 8192u
#define SECTOR 512u
#define OPERATIONS 4096u
#define RECORDS 150u
#define OPENINGS 3u

enum kind { CREATE, WRITE, TRUNCATE, SYNC, SYNC_NAMES };

struct operation {
	enum kind kind;
	unsigned file;
	size_t at, n;
	char *bytes;
	unsigned acknowledged; /* records, before this operation */
	uint64_t used;         /* the largest position given out by then */
};

static struct operation operations[OPERATIONS];
static unsigned n_operations, n_files, acknowledged;
static uint64_t used;
static char names[FILES][512];
static unsigned file_of_fd[1024];
static struct io recorder;
static const struct io *below;

static void note(enum kind kind, unsigned file, size_t at, size_t n, char *bytes)
{
	assert_true(n_operations < OPERATIONS);
	operations[n_operations++] = (struct operation){ kind, file, at, n, bytes, acknowledged, used };
}

static int record_open(const char *path, int flags, mode_t mode)
{
	int fd = below->open(path, flags, mode);
	unsigned file;

	if (fd < 0)
		return fd;
	for (file = 0; file < n_files && strcmp(names[file], path) != 0; file++)
		;
	if (file == n_files) {
		snprintf(names[n_files++], sizeof names[0], "%s", path);
		note(CREATE, file, 0, 0, NULL);
	}
	file_of_fd[fd] = file;
	return fd;
}

static ssize_t record_write(int fd, const struct iovec *parts, int n_parts, off_t at)
{
	ssize_t n = below->pwritev(fd, parts, n_parts, at);
	char *bytes = malloc((size_t)n + 1);
	size_t to = 0;

	for (int i = 0; i < n_parts; i++) {
		if (parts[i].iov_len > 0)
			memcpy(bytes + to, parts[i].iov_base, parts[i].iov_len);
		to += parts[i].iov_len;
	}
	assert_int_equal(to, n);
	note(WRITE, file_of_fd[fd], (size_t)at, to, bytes);
	return n;
}

static int record_truncate(int fd, off_t length)
{
	note(TRUNCATE, file_of_fd[fd], (size_t)length, 0, NULL);
	return below->ftruncate(fd, length);
}

static int record_sync(int fd)
{
	note(SYNC, file_of_fd[fd], 0, 0, NULL);
	return 0;
}

static int record_sync_dir(const char *path)
{
	(void)path;
	note(SYNC_NAMES, 0, 0, 0, NULL);
	return 0;
}

/* ---- what a cut leaves ---- */

struct content {
	int is_named;
	size_t size;
	char bytes[FILE_BYTES];
};
static struct content written[FILES], durable[FILES];

static void replay(unsigned n)
{
	memset(written, 0, sizeof written);
	memset(durable, 0, sizeof durable);
	for (unsigned i = 0; i < n; i++) {
		const struct operation *o = &operations[i];
		struct content *c = &written[o->file];

		if (o->kind == CREATE) {
			c->is_named = 1;
		} else if (o->kind == WRITE) {
			assert_true(o->at + o->n <= FILE_BYTES);
			memcpy(c->bytes + o->at, o->bytes, o->n);
			c->size = o->at + o->n > c->size ? o->at + o->n : c->size;
		} else if (o->kind == TRUNCATE) {
			memset(c->bytes + o->at, 0, FILE_BYTES - o->at);
			c->size = o->at;
		} else if (o->kind == SYNC) {
			int is_named = durable[o->file].is_named;

			durable[o->file] = *c;
			durable[o->file].is_named = is_named;
		} else {
			for (unsigned file = 0; file < FILES; file++)
				durable[file].is_named = written[file].is_named;
		}
	}
}

/* Of what was not synced, any part. */
static void write_image(unsigned file)
{
	struct content *w = &written[file], *d = &durable[file];
	unsigned chance = (unsigned)rand() % 5;
	size_t size = rand() % 2 ? w->size : d->size;
	static char bytes[FILE_BYTES];
	int fd;

	if (!d->is_named && (!w->is_named || rand() % 2))
		return;
	memcpy(bytes, d->bytes, sizeof bytes);
	for (size_t at = 0; at < FILE_BYTES; at += SECTOR)
		if ((unsigned)rand() % 4 < chance)
			memcpy(bytes + at, w->bytes + at, SECTOR);
	fd = open(names[file], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* ---- the test ---- */

static struct fixture f;

static void record_openings(void)
{
	for (unsigned opening = 0; opening < OPENINGS; opening++) {
		fixture_open(&f, 0);
		for (unsigned n = 0; n < RECORDS / OPENINGS; n++) {
			uint64_t position = fixture_append(&f, acknowledged);

			used = position;
			acknowledged++;
		}
		fixture_close(&f);
	}
}

static void check_cut(unsigned n)
{
	static unsigned numbers[2 * RECORDS];
	static unsigned char seen[RECORDS + 1];
	unsigned promised = n < n_operations ? operations[n].acknowledged : acknowledged;
	uint64_t last = n < n_operations ? operations[n].used : used;
	size_t found;

	memset(seen, 0, sizeof seen);
	fixture_forget_log();
	fixture_open(&f, 0);
	found = fixture_drain(&f, NULL, numbers, 2 * RECORDS);
	for (size_t i = 0; i < found; i++) {
		assert_true(numbers[i] <= promised && !seen[numbers[i]]);
		seen[numbers[i]] = 1;
	}
	for (unsigned i = 0; i < promised; i++)
		if (!seen[i])
			fail_msg("cut at %u: acknowledged record %u is lost", n, i);
	if (promised > 0)
		assert_true(fixture_append(&f, 0) > last);
	fixture_close(&f);
}

static void test_power_cuts(void **state)
{
	const char *wanted = getenv("OUTFLOW_TORTURE");
	long cuts = wanted ? strtol(wanted, NULL, 10) : 500;
	char path[512];

	(void)state;
	fixture_begin(&f);
	f.options.sync = JOURNAL_SYNC_ALWAYS;
	f.options.segment_bytes = FILE_BYTES;
	below = io();
	recorder = *below;
	recorder.open = record_open;
	recorder.pwritev = record_write;
	recorder.ftruncate = record_truncate;
	recorder.fdatasync = record_sync;
	recorder.sync_dir = record_sync_dir;
	io_use(&recorder);
	record_openings();
	io_use(below);
	f.options.sync = JOURNAL_SYNC_NONE;
	srand(1);
	for (long i = 0; i < cuts; i++) {
		unsigned n = (unsigned)rand() % (n_operations + 1);

		while (fixture_files(&f, "") > 0) {
			fixture_file(&f, 0, path);
			assert_int_equal(unlink(path), 0);
		}
		replay(n);
		for (unsigned file = 0; file < n_files; file++)
			write_image(file);
		check_cut(n);
	}
	for (unsigned i = 0; i < n_operations; i++)
		free(operations[i].bytes);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
