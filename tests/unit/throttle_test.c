/* SPDX-License-Identifier: Apache-2.0 */
/* throttle_test.c: in any time no more records come than the rate allows and a bunch, and in a long time no fewer. */
#include "host/pipeline/throttle.h"

#include "host/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Takes all it may, looking around each step, and says how many that were. */
static uint64_t flow(struct throttle *t, int64_t *now, int64_t until, int64_t step)
{
	uint64_t taken = 0;

	for (; *now < until; *now += step) {
		uint32_t room = throttle_room(t, *now);

		assert_true((room == 0) == (t->next_ns > *now));
		throttle_spend(t, room, *now);
		taken += room;
	}
	return taken;
}

static void a_rate_is_kept(void **state)
{
	static const struct {
		int64_t rate;
		uint32_t tasks, bunch;
	} cases[] = { { 1, 1, 0 },     { 7, 1, 0 },     { 100, 1, 0 },   { 100, 3, 0 },
		      { 50000, 1, 0 }, { 50000, 7, 0 }, { 100, 1, 1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct throttle t;
		int64_t now = 5 * CLOCK_S;
		uint64_t taken, wanted = (uint64_t)cases[i].rate * 1000 / cases[i].tasks;

		throttle_init(&t, cases[i].rate, cases[i].tasks, cases[i].bunch, now);
		taken = flow(&t, &now, now + 1000 * CLOCK_S, 3 * CLOCK_MS);
		assert_in_range(taken, wanted - wanted / 100, wanted + t.bunch);
	}
}

static void idle_time_is_not_saved_up(void **state)
{
	struct throttle t;
	int64_t now = 0;

	(void)state;
	throttle_init(&t, 100, 1, 0, now);
	(void)flow(&t, &now, 10 * CLOCK_S, CLOCK_MS);
	now += 3600 * CLOCK_S;
	assert_in_range(flow(&t, &now, now + CLOCK_S, CLOCK_MS), 100, 120);
}

static void zero_is_no_limit(void **state)
{
	struct throttle t;

	(void)state;
	throttle_init(&t, 0, 4, 0, 0);
	throttle_spend(&t, UINT32_MAX, 0);
	assert_int_equal(throttle_room(&t, 0), UINT32_MAX);
	assert_int_equal(t.next_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_kept),
		cmocka_unit_test(idle_time_is_not_saved_up),
		cmocka_unit_test(zero_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
