/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_fuzz.c: whatever a disk makes of a segment, the journal opens, its records come in rising positions, the tools see
 * what the daemon sees, and what is appended afterwards comes last and whole.
 *
 * An input is a list of edits of a good segment, three bytes each: two of place, one of value. A first byte that is odd
 * cuts the segment at the first place.
 */
#include "fuzz.h"

#include "host/journal/journal.h"
#include "host/journal/walk.h"

#include <outflow/util.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const char fuzz_name[] = "journal";

#define RECORDS 12u

static char dir[64], path[400];
static uint8_t good[8192];
static size_t good_size;

/* ---- a batch that keeps nothing ---- */

struct piece {
	struct piece *next;
};

static outflow_record room[64];
static struct piece *pieces;
static void *attached[256];
static void (*release[256])(void *);
static size_t n_attached;

static void *alloc(outflow_batch *b, size_t n, size_t align)
{
	struct piece *p = malloc(sizeof *p + n + align);

	(void)b;
	must(p != NULL);
	p->next = pieces;
	pieces = p;
	return (void *)(((uintptr_t)(p + 1) + align - 1) & ~(uintptr_t)(align - 1));
}

static outflow_status reserve(outflow_batch *b, uint32_t min_cap)
{
	(void)b;
	(void)min_cap;
	return OUTFLOW_AGAIN;
}

static outflow_status attach(outflow_batch *b, void *object, void (*let_go)(void *))
{
	(void)b;
	must(n_attached < sizeof attached / sizeof attached[0]);
	attached[n_attached] = object;
	release[n_attached++] = let_go;
	return OUTFLOW_OK;
}

static const outflow_batch_api batch_api = { sizeof batch_api, alloc, reserve, attach };
static const outflow_host host = { .size = sizeof host, .batch = &batch_api };

static void let_go(void)
{
	while (n_attached > 0) {
		n_attached--;
		release[n_attached](attached[n_attached]);
	}
	while (pieces != NULL) {
		struct piece *next = pieces->next;

		free(pieces);
		pieces = next;
	}
}

/* ---- one journal ---- */

static struct journal *open_journal(void)
{
	struct journal_options options = { .dir = dir,
		                           .sync = JOURNAL_SYNC_NONE,
		                           .segment_bytes = 65536,
		                           .soft_bytes = UINT64_MAX,
		                           .hard_bytes = UINT64_MAX };
	outflow_error err = { .size = sizeof err };
	struct journal *j = NULL;

	must(journal_open(&options, 0, &j, &err) == OUTFLOW_OK);
	return j;
}

static uint64_t append(struct journal *j, const char *value)
{
	outflow_header header = { { "h", 1 }, { value, 1 } };
	outflow_record r = { .key = { "key", 3 },
		             .value = { value, strlen(value) },
		             .topic = { "t", 1 },
		             .headers = &header,
		             .n_headers = 1,
		             .timestamp_ms = 1 };
	outflow_error err = { .size = sizeof err };
	uint64_t position;

	must(journal_append(j, &r, &position, &err) == OUTFLOW_OK);
	return position;
}

static void empty_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char name[400];

	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(name, sizeof name, "%s/%s", dir, entry->d_name);
			unlink(name);
		}
	closedir(d);
}

/* The largest file is the segment. */
static void keep_segment(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char name[400];

	while ((entry = readdir(d)) != NULL) {
		ssize_t n;
		int fd;

		snprintf(name, sizeof name, "%s/%s", dir, entry->d_name);
		fd = open(name, O_RDONLY);
		n = entry->d_name[0] == '.' ? 0 : read(fd, good, sizeof good);
		close(fd);
		if (n <= 0)
			continue;
		good_size = (size_t)n;
		memcpy(path, name, sizeof path);
	}
	closedir(d);
	must(good_size > 0 && good_size < sizeof good);
}

static void remove_all(void)
{
	empty_dir();
	rmdir(dir);
}

static void quiet(int level, const char *line)
{
	(void)level;
	(void)line;
}

static void begin(void)
{
	struct journal *j;

	log_use(quiet);
	snprintf(dir, sizeof dir, "/tmp/journal-fuzz-XXXXXX");
	must(mkdtemp(dir) != NULL);
	atexit(remove_all);
	j = open_journal();
	for (unsigned i = 0; i < RECORDS; i++)
		append(j, &"xxxxxxxxxxxxxxxxxxxxxxxx"[2 * i]);
	journal_close(&j);
	keep_segment();
}

static size_t read_all(struct journal *j, uint64_t *last)
{
	outflow_error err = { .size = sizeof err };
	struct journal_reader *reader = NULL;
	size_t n = 0;
	outflow_status status;

	must(journal_reader_open(j, 0, &reader, &err) == OUTFLOW_OK);
	do {
		outflow_batch b = { .recs = room, .cap = sizeof room / sizeof room[0] };

		status = journal_read(reader, &host, &b, 0, b.cap, 0, &err);
		must(status == OUTFLOW_OK || status == OUTFLOW_AGAIN);
		for (uint32_t i = 0; i < b.n; i++) {
			must(n == 0 || room[i].pos > *last);
			must(room[i].value.len <= sizeof good && room[i].n_headers <= 1);
			*last = room[i].pos;
			n++;
		}
		let_go();
	} while (status == OUTFLOW_OK);
	journal_reader_close(&reader);
	return n;
}

static outflow_status count(void *ctx, const outflow_record *r)
{
	(void)r;
	++*(size_t *)ctx;
	return OUTFLOW_OK;
}

static void write_mutant(const uint8_t *data, size_t size)
{
	uint8_t mutant[sizeof good];
	size_t n = good_size;
	int fd;

	memcpy(mutant, good, good_size);
	if (size >= 3 && data[0] % 2 == 1)
		n = (size_t)(data[1] << 8 | data[2]) % (good_size + 1);
	for (size_t i = size % 3; i + 3 <= size; i += 3)
		mutant[(size_t)(data[i] << 8 | data[i + 1]) % good_size] = data[i + 2];
	empty_dir();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(write(fd, mutant, n) == (ssize_t)n);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	outflow_error err = { .size = sizeof err };
	size_t seen_by_tools = 0, before, after;
	struct walk_visitor visitor = { .ctx = &seen_by_tools, .record = count };
	uint64_t last = 0, position;
	struct journal *j;

	if (good_size == 0)
		begin();
	write_mutant(data, size);
	/* A format of later versions is refused by both; everything else is opened. */
	if (journal_walk(dir, &visitor, &err) != OUTFLOW_OK)
		return 0;
	j = open_journal();
	before = read_all(j, &last);
	must(before <= RECORDS && before == seen_by_tools);
	position = append(j, "new");
	must(before == 0 || position > last);
	after = read_all(j, &last);
	must(after == before + 1 && last == position);
	journal_close(&j);
	return 0;
}
