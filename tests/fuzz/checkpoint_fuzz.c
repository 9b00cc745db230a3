/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_fuzz.c: whatever a disk makes of the file of checkpoints, the store opens or refuses it, gives back nothing that
 * was not put in, and keeps what is put in afterwards.
 *
 * An input is a list of edits of a good file (memory_files_edit). With the second bit of its first byte the checksums are
 * made right again afterwards, which no disk does, so that what lies behind them is read too.
 */
#include "fuzz.h"
#include "memory_files.h"

#include "host/base/crc32c.h"
#include "host/base/log.h"
#include "host/store/checkpoint.h"

#include <outflow/util.h>

#include <stdio.h>

const char fuzz_name[] = "checkpoint";

#define STREAMS 4u
#define NEXTS 5u
#define INTERVAL_NS INT64_C(3600000000000)

static char path[128];
static uint8_t good[8192];
static size_t good_size;

static void quiet(int level, const char *line)
{
	(void)level;
	(void)line;
}

static outflow_str stream(unsigned i)
{
	static const char *const names[STREAMS + 1] = { "{\"s\":0}", "{\"s\":1}", "{\"s\":2}", "{\"s\":3}",
		                                        "{\"s\":4}" };

	return outflow_text(names[i]);
}

static struct checkpoint_store *open_store(void)
{
	outflow_error err = { .size = sizeof err };
	struct checkpoint_store *s = NULL;

	return checkpoint_store_open(path, INTERVAL_NS, &s, &err) == OUTFLOW_OK ? s : NULL;
}

static void put(struct checkpoint_store *s, unsigned i, uint64_t next)
{
	outflow_error err = { .size = sizeof err };
	struct checkpoint position = { .next = next };
	uint64_t generation;

	must(checkpoint_put(s, "p", stream(i), &position, &generation, &err) == OUTFLOW_OK);
}

/* -1: unknown. */
static int64_t get(struct checkpoint_store *s, unsigned i)
{
	struct checkpoint known = { 0 };
	outflow_status status = checkpoint_get(s, "p", stream(i), &known);

	must(status == OUTFLOW_OK || status == OUTFLOW_AGAIN);
	free((void *)(uintptr_t)known.pos_ext.ptr);
	return status == OUTFLOW_OK ? (int64_t)known.next : -1;
}

static void begin(void)
{
	struct checkpoint_store *s;

	log_use(quiet);
	snprintf(path, sizeof path, "%s/checkpoints", memory_files_begin());
	s = open_store();
	must(s != NULL);
	for (unsigned next = 1; next <= NEXTS; next++)
		for (unsigned i = 0; i < STREAMS; i++)
			put(s, i, 1000 * i + next);
	checkpoint_store_close(&s);
	good_size = memory_files_read(path, good, sizeof good);
	must(good_size > 0 && good_size < sizeof good);
}

/* Entries (log_file.h) as a program would have written them that meant what stands there. */
static void forge(uint8_t *bytes)
{
	for (size_t at = 0; at + 16 <= good_size;) {
		uint32_t length, intact, crc;

		memcpy(&intact, good + at, sizeof intact);
		memcpy(&length, bytes + at, sizeof length);
		if (length <= good_size - at - 8) {
			crc = crc32c(0, bytes + at + 8, length);
			memcpy(bytes + at + 4, &crc, sizeof crc);
		}
		at += 8 + intact;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct checkpoint_store *s;
	uint8_t mutant[sizeof good];
	int forged = size > 0 && data[0] & 2;
	size_t n;

	if (good_size == 0)
		begin();
	memcpy(mutant, good, good_size);
	n = memory_files_edit(mutant, good_size, data, size);
	if (forged)
		forge(mutant);
	memory_files_write(path, mutant, n);
	s = open_store();
	if (s == NULL)
		return 0;
	for (unsigned i = 0; i < STREAMS; i++) {
		int64_t next = get(s, i);

		/* One of those that were put in, or none. */
		must(forged || next == -1 || (next > 1000 * (int64_t)i && next <= 1000 * (int64_t)i + NEXTS));
	}
	put(s, STREAMS, 7);
	checkpoint_store_close(&s);
	s = open_store();
	must(s != NULL && get(s, STREAMS) == 7);
	checkpoint_store_close(&s);
	return 0;
}
