/* SPDX-License-Identifier: Apache-2.0 */
/* journal_fixture.h: a journal in a directory of its own, numbered test records, a batch to read them into, the log lines. */
#ifndef TESTS_JOURNAL_FIXTURE_H
#define TESTS_JOURNAL_FIXTURE_H
#include "host/journal/journal.h"

struct fixture {
	char dir[256];
	struct journal_options options;
	struct journal *j;
	struct journal_reader *reader;
	outflow_error err;
};

/* Makes the directory, with a file system of faults under it (fault_io.h): 64 KiB segments, no limits, no sync. */
void fixture_begin(struct fixture *f);
/* Closes what is open and removes the directory. */
void fixture_end(struct fixture *f);

/* Opens the journal, and a reader from `released`; the test fails with the journal's error if that does not work. */
void fixture_open(struct fixture *f, uint64_t released);
void fixture_close(struct fixture *f);

/* Test record number n: every combination of null, empty and filled parts in turn, sizes up to about 1000 bytes. */
const outflow_record *test_record(unsigned n);
/* The number of a test record, all of which is compared; the test fails if it is none. */
unsigned test_record_number(const outflow_record *r);

/* Appends test record n; OUTFLOW_OK or OUTFLOW_SLOW. Returns its position. */
uint64_t fixture_append(struct fixture *f, unsigned n);
/* The status of trying to. */
outflow_status fixture_try(struct fixture *f, unsigned n);

/* A batch whose every allocation is its own. Records stay until test_batch_end. */
struct test_batch {
	outflow_batch batch;
	struct piece *pieces;
	uint32_t limit;      /* of records; then reserve says OUTFLOW_AGAIN */
	unsigned fail_alloc; /* the n-th allocation from now fails; 0: none */
};
extern const outflow_host test_host;
void test_batch_begin(struct test_batch *b);
void test_batch_end(struct test_batch *b);

/* Reads up to max records without waiting. */
outflow_status fixture_read(struct fixture *f, struct test_batch *b, uint32_t max);
/* Reads what is there into nothing and returns how many records it was; positions[] (may be NULL) and numbers[] (too) have
 * room for `room`. The test fails when positions do not rise. */
size_t fixture_drain(struct fixture *f, uint64_t *positions, unsigned *numbers, size_t room);

/* Files in the directory with this ending; path of the i-th, in order of names. */
unsigned fixture_files(const struct fixture *f, const char *ending);
void fixture_file(const struct fixture *f, unsigned i, char path[512]);

/* The lines logged since fixture_begin or fixture_forget_log that contain text; the last one of them. */
unsigned fixture_logged(const char *text);
const char *fixture_last_line(const char *text);
/* The i-th of them, oldest first; NULL: there are not so many. */
const char *fixture_line(const char *text, unsigned i);
void fixture_forget_log(void);

#endif
