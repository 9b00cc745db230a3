/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_fuzz.c: whatever a disk makes of a segment, the journal opens, its records come in rising positions, the tools see
 * what the daemon sees, and what is appended afterwards comes last and whole.
 *
 * An input is a list of edits of a good segment (memory_files_edit). With the second bit of its first byte the checksums are
 * made right again afterwards, which no disk does, so that what lies behind them is read too.
 */
#include "fuzz.h"
#include "memory_files.h"

#include "host/base/crc32c.h"
#include "host/journal/frame.h"
#include "host/journal/journal.h"
#include "host/journal/segment.h"
#include "host/journal/walk.h"

#include <outflow/util.h>

#include <stdio.h>

const char fuzz_name[] = "journal";

#define RECORDS 12u

static const char *dir;
static char path[128];
static uint8_t good[8192];
static size_t good_size;
static size_t frames[RECORDS]; /* where they begin */

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

	return journal_open(&options, 0, &j, &err) == OUTFLOW_OK ? j : NULL;
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

static void find_frames(void)
{
	size_t at = SEGMENT_HEAD_SIZE;

	for (unsigned i = 0; i < RECORDS; i++) {
		struct frame_head head;

		frames[i] = at;
		memcpy(&head, good + at, sizeof head);
		at += head.length;
	}
	must(at == good_size);
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
	dir = memory_files_begin();
	snprintf(path, sizeof path, "%s/%020u.log", dir, 0);
	j = open_journal();
	must(j != NULL);
	for (unsigned i = 0; i < RECORDS; i++)
		append(j, &"xxxxxxxxxxxxxxxxxxxxxxxx"[2 * i]);
	journal_close(&j);
	good_size = memory_files_read(path, good, sizeof good);
	must(good_size < sizeof good);
	find_frames();
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

static void put_crc(uint8_t *at, uint32_t crc)
{
	memcpy(at, &crc, sizeof crc);
}

/* As a program would have written it that meant what stands there. */
static void forge(uint8_t *bytes)
{
	const size_t body_crc = offsetof(struct frame_head, body_crc);

	put_crc(bytes + offsetof(struct segment_head, crc), crc32c(0, bytes, offsetof(struct segment_head, crc)));
	for (unsigned i = 0; i < RECORDS; i++) {
		uint8_t *at = bytes + frames[i];
		struct frame_head head;

		memcpy(&head, at, sizeof head);
		if (head.length < sizeof head || head.length > good_size - frames[i])
			continue;
		put_crc(at + body_crc, crc32c(0, at + sizeof head, head.length - sizeof head));
		put_crc(at + offsetof(struct frame_head, head_crc), crc32c(0, at + body_crc, sizeof head - body_crc));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	outflow_error err = { .size = sizeof err };
	size_t seen_by_tools = 0, before, after;
	struct walk_visitor visitor = { .ctx = &seen_by_tools, .record = count };
	uint64_t last = 0, position;
	uint8_t mutant[sizeof good];
	int forged = size > 0 && data[0] & 2;
	struct journal *j;
	size_t n;

	if (good_size == 0)
		begin();
	memcpy(mutant, good, good_size);
	n = memory_files_edit(mutant, good_size, data, size);
	if (forged)
		forge(mutant);
	memory_files_empty();
	memory_files_write(path, mutant, n);
	/* A format of later versions is refused by both; everything else is opened. */
	if (journal_walk(dir, &visitor, &err) != OUTFLOW_OK)
		return 0;
	j = open_journal();
	must(j != NULL || forged);
	if (j == NULL)
		return 0;
	before = read_all(j, &last);
	/* A record that was made up need not mean the same to both. */
	must(before <= RECORDS && (forged || before == seen_by_tools));
	position = append(j, "new");
	must(before == 0 || position > last);
	after = read_all(j, &last);
	must(after == before + 1 && last == position);
	journal_close(&j);
	return 0;
}
