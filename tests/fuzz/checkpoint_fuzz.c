/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_fuzz.c: whatever a disk makes of the file of checkpoints, the store opens or refuses it, gives back nothing that
 * was not put in, and keeps what is put in afterwards.
 *
 * An input is a list of edits of a good file, three bytes each: two of place, one of value. A first byte that is odd cuts
 * the file at the first place.
 */
#include "fuzz.h"

#include "host/base/log.h"
#include "host/store/checkpoint.h"

#include <outflow/util.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const char fuzz_name[] = "checkpoint";

#define STREAMS 4u
#define NEXTS 5u
#define INTERVAL_NS INT64_C(3600000000000)

static char dir[64], path[128];
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

static void remove_all(void)
{
	unlink(path);
	rmdir(dir);
}

static void begin(void)
{
	struct checkpoint_store *s;
	int fd;

	log_use(quiet);
	snprintf(dir, sizeof dir, "/tmp/checkpoint-fuzz-XXXXXX");
	must(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/checkpoints", dir);
	atexit(remove_all);
	s = open_store();
	must(s != NULL);
	for (unsigned next = 1; next <= NEXTS; next++)
		for (unsigned i = 0; i < STREAMS; i++)
			put(s, i, 1000 * i + next);
	checkpoint_store_close(&s);
	fd = open(path, O_RDONLY);
	good_size = (size_t)read(fd, good, sizeof good);
	close(fd);
	must(good_size > 0 && good_size < sizeof good);
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
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(write(fd, mutant, n) == (ssize_t)n);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct checkpoint_store *s;

	if (good_size == 0)
		begin();
	write_mutant(data, size);
	s = open_store();
	if (s == NULL)
		return 0;
	for (unsigned i = 0; i < STREAMS; i++) {
		int64_t next = get(s, i);

		/* One of those that were put in, or none. */
		must(next == -1 || (next > 1000 * (int64_t)i && next <= 1000 * (int64_t)i + NEXTS));
	}
	put(s, STREAMS, 7);
	checkpoint_store_close(&s);
	s = open_store();
	must(s != NULL && get(s, STREAMS) == 7);
	checkpoint_store_close(&s);
	return 0;
}
