/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/journal_fixture.h"

#include "tests/unit/fault_io.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- log lines ---- */

#define LINES 64
static char lines[LINES][1024];
static unsigned n_lines;
static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_line(int level, const char *line)
{
	(void)level;
	pthread_mutex_lock(&lines_lock);
	snprintf(lines[n_lines++ % LINES], sizeof lines[0], "%s", line);
	pthread_mutex_unlock(&lines_lock);
}

const char *fixture_last_line(const char *text)
{
	const char *found = NULL;

	pthread_mutex_lock(&lines_lock);
	for (unsigned i = n_lines > LINES ? n_lines - LINES : 0; i < n_lines; i++)
		if (strstr(lines[i % LINES], text) != NULL)
			found = lines[i % LINES];
	pthread_mutex_unlock(&lines_lock);
	return found;
}

const char *fixture_line(const char *text, unsigned wanted)
{
	const char *found = NULL;

	pthread_mutex_lock(&lines_lock);
	assert_true(n_lines <= LINES);
	for (unsigned i = 0; i < n_lines && found == NULL; i++)
		if (strstr(lines[i], text) != NULL && wanted-- == 0)
			found = lines[i];
	pthread_mutex_unlock(&lines_lock);
	return found;
}

unsigned fixture_logged(const char *text)
{
	unsigned n = 0;

	pthread_mutex_lock(&lines_lock);
	assert_true(n_lines <= LINES);
	for (unsigned i = 0; i < n_lines; i++)
		n += strstr(lines[i], text) != NULL;
	pthread_mutex_unlock(&lines_lock);
	return n;
}

void fixture_forget_log(void)
{
	pthread_mutex_lock(&lines_lock);
	n_lines = 0;
	pthread_mutex_unlock(&lines_lock);
}

/* ---- the journal ---- */

void fixture_begin(struct fixture *f)
{
	const char *where = getenv("TMPDIR");

	memset(f, 0, sizeof *f);
	/* In memory where there is such a place: thousands of openings and syncs. */
	if (where == NULL)
		where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(f->dir, sizeof f->dir, "%s/journal-test-XXXXXX", where);
	assert_non_null(mkdtemp(f->dir));
	f->options = (struct journal_options){
		.dir = f->dir,
		.sync = JOURNAL_SYNC_NONE,
		.sync_interval_ns = 1000000,
		.segment_bytes = 65536,
		.soft_bytes = UINT64_MAX,
		.hard_bytes = UINT64_MAX,
		.place = { "pipe", "source", 0 },
	};
	fixture_forget_log();
	log_use(keep_line);
	fault_io_install();
}

void fixture_end(struct fixture *f)
{
	char command[600];

	fixture_close(f);
	fault_io_remove();
	log_use(NULL);
	snprintf(command, sizeof command, "chmod -R u+rwX %s && rm -rf %s", f->dir, f->dir);
	assert_int_equal(system(command), 0);
}

void fixture_open(struct fixture *f, uint64_t released)
{
	outflow_status status = journal_open(&f->options, released, &f->j, &f->err);

	if (status != OUTFLOW_OK)
		fail_msg("journal_open: %d %s", status, f->err.msg);
	assert_int_equal(journal_reader_open(f->j, released, &f->reader, &f->err), OUTFLOW_OK);
}

void fixture_close(struct fixture *f)
{
	journal_reader_close(&f->reader);
	journal_close(&f->j);
}

/* ---- records ---- */

static outflow_bytes part(unsigned n, const char *bytes, size_t len)
{
	if (n % 3 == 0)
		return (outflow_bytes){ NULL, 0 };
	return (outflow_bytes){ bytes, n % 3 == 1 ? 0 : len };
}

const outflow_record *test_record(unsigned n)
{
	static _Thread_local char value[1200], key[16], topic[32];
	static _Thread_local outflow_header headers[4];
	static _Thread_local outflow_record r;
	size_t len = 8 + n * 37u % 1000;

	snprintf(value, sizeof value, "%08u", n);
	for (size_t i = 8; i < len; i++)
		value[i] = (char)('a' + (n + i * i) % 26);
	snprintf(key, sizeof key, "key %u", n);
	snprintf(topic, sizeof topic, "plant/%u/temperature", n % 10);
	r = (outflow_record){
		.key = part(n, key, strlen(key)),
		.value = { value, len },
		.topic = { n % 11 ? topic : NULL, n % 11 ? strlen(topic) : 0 },
		.headers = headers,
		.n_headers = n % 5,
		.partition = -1,
		.timestamp_ms = n % 4 ? 1700000000000 + n : -1,
	};
	for (unsigned i = 0; i < r.n_headers; i++) {
		static const char *const names[] = { "outflow.mqtt.qos", "", "n", "outflow.mqtt.content.type" };

		headers[i].name = outflow_text(names[i]);
		headers[i].value = part(n + i, "application/json", 16);
	}
	return &r;
}

static int same(outflow_bytes a, outflow_bytes b)
{
	return (a.ptr == NULL) == (b.ptr == NULL) && a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

unsigned test_record_number(const outflow_record *r)
{
	const outflow_record *wanted;
	char digits[9] = "";
	unsigned n;

	assert_true(r->value.len >= 8);
	memcpy(digits, r->value.ptr, 8);
	n = (unsigned)strtoul(digits, NULL, 10);
	wanted = test_record(n);
	assert_true(same(r->value, wanted->value));
	assert_true(same(r->key, wanted->key));
	assert_true(same(outflow_text_bytes(r->topic), outflow_text_bytes(wanted->topic)));
	assert_int_equal(r->timestamp_ms, wanted->timestamp_ms);
	assert_int_equal(r->n_headers, wanted->n_headers);
	for (uint32_t i = 0; i < r->n_headers; i++) {
		assert_true(same(outflow_text_bytes(r->headers[i].name), outflow_text_bytes(wanted->headers[i].name)));
		assert_true(same(r->headers[i].value, wanted->headers[i].value));
	}
	assert_int_equal(r->partition, -1);
	assert_int_equal(r->stream, 7);
	assert_int_equal(r->next, r->pos + 1);
	return n;
}

outflow_status fixture_try(struct fixture *f, unsigned n)
{
	uint64_t pos;

	return journal_append(f->j, test_record(n), &pos, &f->err);
}

uint64_t fixture_append(struct fixture *f, unsigned n)
{
	uint64_t pos = UINT64_MAX;
	outflow_status status = journal_append(f->j, test_record(n), &pos, &f->err);

	if (status < OUTFLOW_OK)
		fail_msg("journal_append: %d %s", status, f->err.msg);
	return pos;
}

/* ---- batches ---- */

struct piece {
	struct piece *next;
	void *object;
	void (*release)(void *object);
};

static int alloc_fails(struct test_batch *b)
{
	return b->fail_alloc > 0 && --b->fail_alloc == 0;
}

static outflow_status add_piece(struct test_batch *b, void *object, void (*release)(void *object))
{
	struct piece *p = alloc_fails(b) ? NULL : malloc(sizeof *p);

	if (p == NULL)
		return OUTFLOW_E_NOMEM;
	*p = (struct piece){ b->pieces, object, release };
	b->pieces = p;
	return OUTFLOW_OK;
}

static void *test_alloc(outflow_batch *batch, size_t n, size_t align)
{
	void *p = malloc(n ? n : 1);

	(void)align;
	if (p == NULL || add_piece(batch->host, p, free) != OUTFLOW_OK) {
		free(p);
		return NULL;
	}
	return p;
}

static outflow_status test_reserve(outflow_batch *batch, uint32_t min_cap)
{
	struct test_batch *b = batch->host;
	outflow_record *recs;

	if (min_cap > b->limit)
		return OUTFLOW_AGAIN;
	recs = alloc_fails(b) ? NULL : realloc(batch->recs, min_cap * sizeof *recs);
	if (recs == NULL)
		return OUTFLOW_E_NOMEM;
	batch->recs = recs;
	batch->cap = min_cap;
	return OUTFLOW_OK;
}

static outflow_status test_attach(outflow_batch *batch, void *object, void (*release)(void *object))
{
	return add_piece(batch->host, object, release);
}

static const outflow_batch_api test_batch_api = {
	.size = sizeof test_batch_api,
	.alloc = test_alloc,
	.reserve = test_reserve,
	.attach = test_attach,
};
const outflow_host test_host = { .size = sizeof test_host, .batch = &test_batch_api };

void test_batch_begin(struct test_batch *b)
{
	*b = (struct test_batch){ .limit = UINT32_MAX };
	b->batch.host = b;
}

void test_batch_end(struct test_batch *b)
{
	while (b->pieces != NULL) {
		struct piece *p = b->pieces;

		b->pieces = p->next;
		p->release(p->object);
		free(p);
	}
	free(b->batch.recs);
	test_batch_begin(b);
}

outflow_status fixture_read(struct fixture *f, struct test_batch *b, uint32_t max)
{
	return journal_read(f->reader, &test_host, &b->batch, 7, max, 0, &f->err);
}

size_t fixture_drain(struct fixture *f, uint64_t *positions, unsigned *numbers, size_t room)
{
	struct test_batch b;
	uint64_t least = 0;
	outflow_status status;
	size_t n = 0;

	test_batch_begin(&b);
	while ((status = fixture_read(f, &b, 50)) == OUTFLOW_OK) {
		assert_true(b.batch.n > 0);
		for (uint32_t i = 0; i < b.batch.n; i++, n++) {
			unsigned number = test_record_number(&b.batch.recs[i]);

			assert_true(b.batch.recs[i].pos >= least);
			least = b.batch.recs[i].pos + 1;
			if (positions != NULL && n < room)
				positions[n] = b.batch.recs[i].pos;
			if (numbers != NULL && n < room)
				numbers[n] = number;
		}
		test_batch_end(&b);
	}
	test_batch_end(&b);
	if (status != OUTFLOW_AGAIN)
		fail_msg("journal_read: %d %s", status, f->err.msg);
	assert_true(room == 0 || n <= room);
	return n;
}

/* ---- files ---- */

static int by_ending(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

unsigned fixture_files(const struct fixture *f, const char *ending)
{
	struct dirent **entries;
	int n = scandir(f->dir, &entries, by_ending, alphasort);
	unsigned found = 0;

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		size_t length = strlen(entries[i]->d_name);

		found += length >= strlen(ending) && strcmp(entries[i]->d_name + length - strlen(ending), ending) == 0;
		free(entries[i]);
	}
	free(entries);
	return found;
}

void fixture_file(const struct fixture *f, unsigned wanted, char path[512])
{
	struct dirent **entries;
	int n = scandir(f->dir, &entries, by_ending, alphasort);

	assert_true(n > (int)wanted);
	snprintf(path, 512, "%s/%.200s", f->dir, entries[wanted]->d_name);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}
