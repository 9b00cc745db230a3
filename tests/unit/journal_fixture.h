/* SPDX-License-Identifier: Apache-2.0 */
/* journal_fixture.h: a journal in a directory of its own, numbered records, and what a reader gives back. */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H
#include "host/base/io.h"
#include "host/journal/journal.h"
#include "host/record/batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define READ_MAX 100000u

struct fixture {
	char dir[64];
	struct journal_options options;
	struct journal *journal;
	struct journal_reader *reader;
	struct pool *pool;
	struct family_memory memory;
	struct batch batch;
	outflow_host host;
	outflow_error err;
};

static char log_text[1 << 16];

static inline void keep_log(int level, const char *line)
{
	size_t n = strlen(log_text);

	(void)level;
	snprintf(log_text + n, sizeof log_text - n, "%s", line);
}

static inline int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);

	/* In memory where there is such a place: thousands of openings, each with a sync. */
	snprintf(x->dir, sizeof x->dir, "%s/outflow-journal-XXXXXX",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(x->dir));
	x->options = (struct journal_options){ .dir = x->dir,
		                               .sync = JOURNAL_SYNC_NONE,
		                               .segment_bytes = 64 << 10,
		                               .soft_bytes = 1 << 30,
		                               .hard_bytes = 1 << 30 };
	x->pool = pool_new();
	x->memory.pool = x->pool;
	x->host = (outflow_host){ .size = sizeof x->host, .batch = &batch_api };
	x->err.size = sizeof x->err;
	log_text[0] = '\0';
	log_use(keep_log);
	*state = x;
	return 0;
}

static inline void remove_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[400];

	while ((entry = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	closedir(d);
}

static inline void let_go(struct fixture *x)
{
	if (x->batch.plugin.recs != NULL)
		batch_drop_records(&x->memory, x->batch.plugin.recs);
	x->batch.plugin.recs = NULL;
	family_memory_release(&x->memory);
}

static inline void close_all(struct fixture *x)
{
	journal_reader_close(&x->reader);
	journal_close(&x->journal);
}

static inline int teardown(void **state)
{
	struct fixture *x = *state;

	io_use(NULL);
	close_all(x);
	let_go(x);
	pool_free(&x->pool);
	remove_files(x->dir);
	rmdir(x->dir);
	log_use(NULL);
	free(x);
	return 0;
}

static inline void open_at(struct fixture *x, uint64_t released)
{
	assert_int_equal(journal_open(&x->options, released, &x->journal, &x->err), OUTFLOW_OK);
	assert_int_equal(journal_reader_open(x->journal, released, &x->reader, &x->err), OUTFLOW_OK);
}

/* A record whose every part depends on n. */
static inline outflow_status append(struct fixture *x, unsigned n, uint64_t *pos)
{
	static char value[300], key[32], topic[32];
	outflow_header headers[2] = { { { "number", 6 }, { key, 0 } }, { { "null", 4 }, { NULL, 0 } } };
	outflow_record r = { .headers = headers, .n_headers = n % 3, .timestamp_ms = 1000 + n };

	memset(value, 'a' + (int)(n % 26), sizeof value);
	r.value = (outflow_bytes){ n % 7 == 3 ? NULL : value, n % 7 == 3 ? 0 : n % sizeof value };
	r.key = (outflow_bytes){ n % 5 == 2 ? NULL : key,
		                 n % 5 == 2 ? 0 : (size_t)snprintf(key, sizeof key, "k%u", n) };
	headers[0].value.len = strlen(key);
	r.topic = (outflow_str){ topic, (size_t)snprintf(topic, sizeof topic, "t/%u", n) };
	return journal_append(x->journal, &r, pos, &x->err);
}

static inline void append_all(struct fixture *x, unsigned from, unsigned to)
{
	uint64_t pos;

	for (unsigned n = from; n < to; n++)
		assert_int_equal(append(x, n, &pos), OUTFLOW_OK);
}

/* Which number a record was made from, checked whole; UINT_MAX: it is none of ours. */
static inline unsigned number_of(const outflow_record *r)
{
	char text[32];
	unsigned n;

	if (r->topic.len >= sizeof text || r->topic.len < 3)
		return (unsigned)-1;
	memcpy(text, r->topic.ptr, r->topic.len);
	text[r->topic.len] = '\0';
	n = (unsigned)strtoul(text + 2, NULL, 10);
	if (r->timestamp_ms != 1000 + (int64_t)n || r->n_headers != n % 3 || (r->value.ptr == NULL) != (n % 7 == 3) ||
	    (r->key.ptr == NULL) != (n % 5 == 2) || r->next != r->pos + 1)
		return (unsigned)-1;
	for (size_t i = 0; i < r->value.len; i++)
		if (((const char *)r->value.ptr)[i] != (char)('a' + n % 26))
			return (unsigned)-1;
	return n;
}

/* Reads until nothing is left; the records stay in x->batch until let_go. */
static inline uint32_t read_all(struct fixture *x)
{
	let_go(x);
	assert_int_equal(batch_begin(&x->batch, &x->memory, 0, READ_MAX), OUTFLOW_OK);
	while (journal_read(x->reader, &x->host, &x->batch.plugin, 0, READ_MAX, 0, &x->err) == OUTFLOW_OK)
		;
	batch_end(&x->batch);
	return x->batch.plugin.n;
}

static inline const outflow_record *record(const struct fixture *x, uint32_t i)
{
	return &x->batch.plugin.recs[i];
}

static inline void expect_numbers(struct fixture *x, unsigned from, unsigned to)
{
	assert_int_equal(read_all(x), to - from);
	for (unsigned n = from; n < to; n++)
		assert_int_equal(number_of(record(x, n - from)), n);
}

static inline unsigned count_segments(const struct fixture *x)
{
	DIR *d = opendir(x->dir);
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(d)) != NULL)
		n += strstr(entry->d_name, ".log") != NULL;
	closedir(d);
	return n;
}

#endif
