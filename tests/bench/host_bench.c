/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_bench.c: what the host itself costs a record: batch, an empty chain, ledger; what it costs to be tapped; and the journal's
 * append and read.
 */
#include "host/base/clock.h"
#include "host/journal/journal.h"
#include "host/pipeline/chain.h"
#include "host/pipeline/taps.h"

#include <outflow/util.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TURN 512u
#define ROUNDS 9
#define ROUND_RECORDS 400000u
#define PAYLOAD 200u

static char payload[PAYLOAD];
static outflow_error err = { .size = sizeof err };

static void fail(const char *what)
{
	fprintf(stderr, "host_bench: %s: %s\n", what, err.msg);
	exit(1);
}

/* Prints the fastest and the median round: the machine only ever adds. */
static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *what, double *ns, size_t n)
{
	qsort(ns, n, sizeof *ns, by_size);
	printf("%-58s %8.1f %8.1f\n", what, ns[0], ns[n / 2]);
}

/* ---- batch, chain, ledger ---- */

static void no_wake(void *ctx)
{
	(void)ctx;
}

struct host {
	struct services services;
	struct chain chain;
	struct pool *pool;
	uint32_t stream;
	uint64_t position;
};

static void one_turn(struct host *h)
{
	static outflow_record *resolved[TURN];
	struct family *f = family_new(h->services.ledger);
	struct batch b;

	batch_begin(&b, &f->memory, TURN, TURN);
	for (uint32_t i = 0; i < TURN; i++)
		b.plugin.recs[b.plugin.n++] = (outflow_record){
			.value = { payload, PAYLOAD }, .partition = -1, .stream = h->stream, .pos = h->position++
		};
	batch_end(&b);
	if (ledger_admit(h->services.ledger, f, b.plugin.recs, TURN) != OUTFLOW_OK ||
	    chain_run(&h->chain, f, &err) != OUTFLOW_OK)
		fail("chain");
	for (uint32_t i = 0; i < TURN; i++)
		resolved[i] = &f->outputs[i];
	ledger_publish(f);
	ledger_note_put(f->deliveries, TURN);
	ledger_resolve(h->services.ledger, resolved, TURN, OUTFLOW_OK, NULL);
	ledger_collect(h->services.ledger);
}

static void measure_host(const char *what)
{
	static struct histogram end_to_end, sink;
	struct host h = { .pool = pool_new() };
	outflow_resume resume;
	double ns[ROUNDS];

	h.services.ledger = ledger_new(h.pool, no_wake, NULL);
	h.chain.services = &h.services;
	ledger_measure(h.services.ledger, &end_to_end, &sink);
	ledger_stream_open(h.services.ledger, outflow_text("{}"), 0, (outflow_bytes){ NULL, 0 }, &h.stream, &resume);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t begin = clock_mono_ns();

		for (uint32_t n = 0; n < ROUND_RECORDS; n += TURN)
			one_turn(&h);
		ns[round] = (double)(clock_mono_ns() - begin) / ROUND_RECORDS;
	}
	ledger_free(&h.services.ledger);
	pool_free(&h.pool);
	report(what, ns, ROUNDS);
}

/* ---- taps ---- */

#define TAP_ROUNDS 61
#define TAP_RECORDS 102400u

struct reader {
	struct tap *tap;
	int over; /* atomic */
	uint64_t shown, missed;
};

static void *read_tap(void *ctx)
{
	struct reader *r = ctx;

	while (!__atomic_load_n(&r->over, __ATOMIC_RELAXED)) {
		for (; tap_peek(r->tap) != NULL; r->shown++)
			tap_drop(r->tap);
		r->missed += tap_take_missed(r->tap);
		tap_wait(r->tap, clock_mono_ns() + 50 * CLOCK_MS);
	}
	return NULL;
}

static void open_host(struct host *h, const struct instance *source)
{
	outflow_resume resume;

	h->pool = pool_new();
	h->services.ledger = ledger_new(h->pool, no_wake, NULL);
	h->chain.services = &h->services;
	h->chain.source = source;
	if (h->services.ledger == NULL ||
	    ledger_stream_open(h->services.ledger, outflow_text("{}"), 0, (outflow_bytes){ NULL, 0 }, &h->stream,
	                       &resume) != OUTFLOW_OK)
		fail("ledger");
}

/* Of this thread alone, so that what else the machine does counts little. */
static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

static double cpu_of_round(struct host *h)
{
	int64_t start = cpu_ns();

	for (uint32_t n = 0; n < TAP_RECORDS; n += TURN)
		one_turn(h);
	return (double)(cpu_ns() - start) / TAP_RECORDS;
}

/* Three hosts in turn, so that a machine that slows down slows all of them down: without taps, with nobody who taps, tapped. */
static void measure_taps(void)
{
	static const char *const names[] = { "no taps at all", "nobody taps", "tapped, 1,000 records a second" };
	struct stage_model model = { .name = (char *)(uintptr_t) "source" };
	struct instance source = { .model = &model };
	struct tap_options options = { .preview = 1024, .per_second = 1000, .n_shown = 2 };
	struct host hosts[3] = { 0 };
	struct taps_view views[3];
	struct taps *taps[3];
	double ns[3][TAP_ROUNDS], ratio[TAP_ROUNDS];
	struct reader reader = { .shown = 0 };
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		taps[i] = taps_new();
		open_host(&hosts[i], &source);
		if (i == 0)
			continue;
		taps_look(taps[i], 0, &views[i]);
		hosts[i].services.watch = &views[i].watch;
	}
	if (tap_new(taps[2], &options, &reader.tap) != OUTFLOW_OK ||
	    pthread_create(&thread, NULL, read_tap, &reader) != 0)
		fail("tap");
	for (int round = 0; round < TAP_ROUNDS; round++)
		for (int i = 0; i < 3; i++)
			ns[(i + round) % 3][round] = cpu_of_round(&hosts[(i + round) % 3]);
	__atomic_store_n(&reader.over, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tap_free(&reader.tap);
	for (int i = 1; i < 3; i++) {
		for (int round = 0; round < TAP_ROUNDS; round++)
			ratio[round] = ns[i][round] / ns[0][round];
		qsort(ratio, TAP_ROUNDS, sizeof *ratio, by_size);
		printf("%s: %.3f of the CPU time without (median of %d pairs, half of them %.3f to %.3f)\n", names[i],
		       ratio[TAP_ROUNDS / 2], TAP_ROUNDS, ratio[TAP_ROUNDS / 4], ratio[TAP_ROUNDS * 3 / 4]);
	}
	for (int i = 0; i < 3; i++) {
		report(names[i], ns[i], TAP_ROUNDS);
		ledger_free(&hosts[i].services.ledger);
		pool_free(&hosts[i].pool);
		taps_release(&taps[i]);
	}
}

static void measure_memcpy(void)
{
	static char from[TURN][PAYLOAD], to[TURN][PAYLOAD];
	double ns[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begin = clock_mono_ns();

		for (uint32_t n = 0; n < ROUND_RECORDS; n++) {
			memcpy(to[n % TURN], from[n % TURN], PAYLOAD);
			__asm__ volatile("" ::: "memory");
		}
		ns[round] = (double)(clock_mono_ns() - begin) / ROUND_RECORDS;
	}
	report("reference: memcpy of 200 B", ns, ROUNDS);
}

/* ---- journal ---- */

static void measure_pwrite(const char *dir)
{
	static char record[264];
	char path[200];
	double ns[ROUNDS];
	int fd;

	snprintf(path, sizeof path, "%s/reference", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t begin = clock_mono_ns();

		for (uint32_t n = 0; n < ROUND_RECORDS / 4; n++)
			if (pwrite(fd, record, sizeof record, (off_t)n * (off_t)sizeof record) < 0)
				fail("pwrite");
		ns[round] = (double)(clock_mono_ns() - begin) * 4 / ROUND_RECORDS;
	}
	close(fd);
	unlink(path);
	report("reference: pwrite of 264 B", ns, ROUNDS);
}

static void append_round(struct journal *j, double *ns)
{
	outflow_record r = { .value = { payload, PAYLOAD },
		             .topic = { "plant/p1/temperature", 20 },
		             .timestamp_ms = 1 };
	int64_t begin = clock_mono_ns();
	uint64_t pos;

	for (uint32_t n = 0; n < ROUND_RECORDS / 4; n++)
		if (journal_append(j, &r, &pos, &err) < 0)
			fail("append");
	*ns = (double)(clock_mono_ns() - begin) * 4 / ROUND_RECORDS;
}

static void read_round(struct journal *j, struct journal_reader *reader, struct pool *pool, double *ns)
{
	outflow_host host = { .size = sizeof host, .batch = &batch_api };
	struct family_memory memory = { .pool = pool };
	int64_t begin = clock_mono_ns();
	uint64_t next = 0;
	uint32_t n = 0;

	while (n < ROUND_RECORDS / 4) {
		struct batch b;

		batch_begin(&b, &memory, TURN, TURN);
		if (journal_read(reader, &host, &b.plugin, 0, TURN, 0, &err) != OUTFLOW_OK)
			fail("read");
		batch_end(&b);
		n += b.plugin.n;
		next = b.plugin.recs[b.plugin.n - 1].next;
		batch_drop_records(&memory, b.plugin.recs);
		family_memory_release(&memory);
		journal_release(j, next);
	}
	*ns = (double)(clock_mono_ns() - begin) * 4 / ROUND_RECORDS;
}

static void measure_journal(void)
{
	char dir[] = "/tmp/outflow-bench-XXXXXX", command[100];
	struct journal_options options = { .dir = dir,
		                           .sync = JOURNAL_SYNC_NONE,
		                           .segment_bytes = 64 << 20,
		                           .soft_bytes = 1 << 30,
		                           .hard_bytes = 1 << 30 };
	struct journal *j = NULL;
	struct journal_reader *reader = NULL;
	struct pool *pool = pool_new();
	double append[ROUNDS], read_back[ROUNDS];

	if (mkdtemp(dir) == NULL || journal_open(&options, 0, &j, &err) != OUTFLOW_OK ||
	    journal_reader_open(j, 0, &reader, &err) != OUTFLOW_OK)
		fail("journal");
	measure_pwrite(dir);
	for (int round = 0; round < ROUNDS; round++) {
		append_round(j, &append[round]);
		read_round(j, reader, pool, &read_back[round]);
	}
	report("journal: append of a 200 B message (journal.sync = none)", append, ROUNDS);
	report("journal: read, check and release of it", read_back, ROUNDS);
	journal_reader_close(&reader);
	journal_close(&j);
	pool_free(&pool);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		fputs("host_bench: the directory was left behind\n", stderr);
}

int main(void)
{
	printf("%-58s %8s %8s\n", "ns per record", "best", "median");
	measure_memcpy();
	measure_host("host: batch + empty chain + ledger");
	measure_host("the same again (A/A control)");
	measure_taps();
	measure_journal();
	return 0;
}
