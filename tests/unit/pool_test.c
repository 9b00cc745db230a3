/* SPDX-License-Identifier: Apache-2.0 */
/* pool_test.c: blocks are used again, and those that nobody needs go back: from the pool to the heap, from there to the
 * system. */
#include "host/base/clock.h"
#include "host/base/heap.h"
#include "host/record/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOCKS 10u

static void take_and_put_back(struct pool *p, unsigned n)
{
	void *blocks[BLOCKS];

	for (unsigned i = 0; i < n; i++) {
		blocks[i] = pool_get(p, 1000, NULL);
		assert_non_null(blocks[i]);
		memset(blocks[i], 0x55, 1000);
	}
	for (unsigned i = 0; i < n; i++)
		pool_put(p, blocks[i]);
	assert_int_equal(pool_used(p), 0);
}

static void only_what_lay_idle_all_the_time_is_freed(void **state)
{
	struct pool *p = pool_new();
	size_t room;
	void *block;

	(void)state;
	block = pool_get(p, 1000, &room);
	pool_put(p, block);
	take_and_put_back(p, BLOCKS);
	assert_int_equal(pool_shrink(p), 0);
	take_and_put_back(p, 4);
	take_and_put_back(p, 3);
	assert_int_equal(pool_shrink(p), (BLOCKS - 4) * room);
	take_and_put_back(p, 4);
	assert_int_equal(pool_shrink(p), 0);
	assert_int_equal(pool_shrink(p), 4 * room);
	assert_int_equal(pool_shrink(p), 0);
	take_and_put_back(p, BLOCKS);
	pool_free(&p);
}

static void blocks_of_other_sizes_are_looked_at_apart(void **state)
{
	struct pool *p = pool_new();
	size_t room;
	void *idle = pool_get(p, 5000, &room);

	(void)state;
	pool_put(p, idle);
	assert_int_equal(pool_shrink(p), 0);
	take_and_put_back(p, BLOCKS);
	assert_int_equal(pool_shrink(p), room);
	pool_free(&p);
}

/* ---- the heap ---- */

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define HOLES 512u
#define HOLE ((size_t)64 << 10)

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void holes_in_the_heap_go_back_but_not_all_the_time(void **state)
{
	static void *holes[HOLES], *between[HOLES];
	size_t before;

	(void)state;
	for (unsigned i = 0; i < HOLES; i++) {
		holes[i] = malloc(HOLE);
		between[i] = malloc(100);
		assert_true(holes[i] != NULL && between[i] != NULL);
		memset(holes[i], 0x55, HOLE);
	}
	for (unsigned i = 0; i < HOLES; i++)
		free(holes[i]);
	before = resident_bytes();
	assert_true(heap_trim(CLOCK_S));
	assert_true(resident_bytes() + HOLES * HOLE / 2 < before);
	assert_false(heap_trim(2 * CLOCK_S));
	assert_true(heap_trim(20 * CLOCK_S));
	for (unsigned i = 0; i < HOLES; i++)
		free(between[i]);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_lay_idle_all_the_time_is_freed),
		cmocka_unit_test(blocks_of_other_sizes_are_looked_at_apart),
#ifdef HOLES
		cmocka_unit_test(holes_in_the_heap_go_back_but_not_all_the_time),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
