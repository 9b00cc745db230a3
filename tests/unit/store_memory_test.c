/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_memory_test.c: whichever allocation of the journal or of the checkpoint store fails, the answer is a status, nothing
 * leaks, and what was said to be taken is there afterwards.
 */
#include "host/store/checkpoint.h"
#include "tests/unit/failing_memory.h"
#include "tests/unit/journal_fixture.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORDS 200u /* three segments */
#define INTERVAL_NS INT64_C(3600000000000)

/* Runs attempt with its first allocation failing, its second, ... until none fails any more. Returns how many were tried. */
static unsigned fail_each(void (*attempt)(void *ctx), void (*check)(void *ctx), void *ctx)
{
	unsigned n = 0;

	do {
		long before;

		n++;
		balance = 0;
		before = balance;
		armed = 1;
		fail_at = n;
		attempt(ctx);
		fail_at = 0;
		assert_int_equal(balance, before);
		check(ctx);
	} while (!armed);
	return n;
}

/* ---- journal ---- */

struct log {
	struct fixture *f;
	unsigned taken;
};

static void use_journal(void *ctx)
{
	struct log *l = ctx;
	struct journal_reader *reader = NULL;
	struct journal *j = NULL;
	struct test_batch b;
	uint64_t position;

	l->taken = 0;
	if (journal_open(&l->f->options, 0, &j, &l->f->err) != OUTFLOW_OK)
		return;
	for (unsigned i = 0; i < RECORDS; i++)
		l->taken += journal_append(j, test_record(i), &position, &l->f->err) >= 0;
	if (journal_reader_open(j, 0, &reader, &l->f->err) == OUTFLOW_OK) {
		outflow_status status;

		do {
			test_batch_begin(&b);
			status = journal_read(reader, &test_host, &b.batch, 0, 50, 0, &l->f->err);
			test_batch_end(&b);
		} while (status == OUTFLOW_OK);
		assert_true(status == OUTFLOW_AGAIN || status < 0);
	}
	journal_reader_close(&reader);
	journal_close(&j);
}

/* With memory again, all that was taken is there; the directory is then made empty. */
static void check_journal(void *ctx)
{
	struct log *l = ctx;

	fixture_open(l->f, 0);
	assert_int_equal(fixture_drain(l->f, NULL, NULL, 0), l->taken);
	fixture_close(l->f);
	for (unsigned n = fixture_files(l->f, ""); n-- > 0;) {
		char path[512];

		fixture_file(l->f, n, path);
		unlink(path);
	}
}

static void a_journal_survives_every_failing_allocation(void **state)
{
	struct fixture f;
	struct log l = { &f, 0 };

	(void)state;
	fixture_begin(&f);
	assert_true(fail_each(use_journal, check_journal, &l) > 5);
	assert_int_equal(l.taken, RECORDS);
	fixture_end(&f);
}

/* ---- checkpoints ---- */

#define STREAMS 40u
#define ROUNDS 30u

struct positions {
	char path[300];
	uint64_t stored[STREAMS];
};

static outflow_str stream(unsigned i, char text[32])
{
	snprintf(text, 32, "{\"stream\":%u}", i);
	return outflow_text(text);
}

static void use_store(void *ctx)
{
	struct positions *p = ctx;
	outflow_error err = { .size = sizeof err };
	struct checkpoint_store *s = NULL;
	char text[32];

	memset(p->stored, 0, sizeof p->stored);
	if (checkpoint_store_open(p->path, INTERVAL_NS, &s, &err) != OUTFLOW_OK)
		return;
	for (unsigned i = 0; i < ROUNDS * STREAMS; i++) {
		struct checkpoint position = { .next = i + 1, .pos_ext = { "extension", 9 } };
		uint64_t generation;

		if (checkpoint_put(s, "p", stream(i % STREAMS, text), &position, &generation, &err) == OUTFLOW_OK)
			p->stored[i % STREAMS] = i + 1;
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		struct checkpoint known = { 0 };
		outflow_status status = checkpoint_get(s, "p", stream(i, text), &known);

		assert_true(status < 0 || p->stored[i] == (status == OUTFLOW_OK ? known.next : 0));
		free((void *)(uintptr_t)known.pos_ext.ptr);
	}
	checkpoint_store_close(&s);
}

static void check_store(void *ctx)
{
	struct positions *p = ctx;
	outflow_error err = { .size = sizeof err };
	struct checkpoint_store *s = NULL;
	char text[32];

	assert_int_equal(checkpoint_store_open(p->path, INTERVAL_NS, &s, &err), OUTFLOW_OK);
	for (unsigned i = 0; i < STREAMS; i++) {
		struct checkpoint known = { 0 };
		outflow_status status = checkpoint_get(s, "p", stream(i, text), &known);

		assert_int_equal(status, p->stored[i] > 0 ? OUTFLOW_OK : OUTFLOW_AGAIN);
		assert_int_equal(known.next, p->stored[i]);
		free((void *)(uintptr_t)known.pos_ext.ptr);
	}
	checkpoint_store_close(&s);
	unlink(p->path);
}

static void checkpoints_survive_every_failing_allocation(void **state)
{
	struct positions p;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	snprintf(p.path, sizeof p.path, "%s/checkpoints", f.dir);
	assert_true(fail_each(use_store, check_store, &p) > 5);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_journal_survives_every_failing_allocation),
		cmocka_unit_test(checkpoints_survive_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
