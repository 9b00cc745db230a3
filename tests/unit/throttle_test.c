/* SPDX-License-Identifier: Apache-2.0 */
/* throttle_test.c: in any time no more records come than the rate allows and a bunch, and in a long time no fewer. */
#include "host/pipeline/throttle.h"

#include "host/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t now_ns;

static int64_t now(void)
{
	return now_ns;
}

static const struct clock_source clocks = { .mono_ns = now };

static int set_clock(void **state)
{
	(void)state;
	now_ns = 5 * CLOCK_S;
	clock_use(&clocks);
	return 0;
}

static int reset_clock(void **state)
{
	(void)state;
	clock_use(NULL);
	return 0;
}

/* Takes all it may for so long, looking around each step, and says how many that were. */
static uint64_t flow(struct throttle *t, int64_t time_ns, int64_t step_ns)
{
	uint64_t taken = 0;

	for (int64_t until = now_ns + time_ns; now_ns < until; now_ns += step_ns) {
		uint32_t room = throttle_room(t);

		assert_true((room == 0) == (t->next_ns > now_ns));
		throttle_spend(t, room);
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
		uint64_t taken, wanted = (uint64_t)cases[i].rate * 1000 / cases[i].tasks;
		struct throttle t;

		throttle_init(&t, cases[i].rate, cases[i].tasks, cases[i].bunch);
		taken = flow(&t, 1000 * CLOCK_S, 3 * CLOCK_MS);
		assert_in_range(taken, wanted - wanted / 100, wanted + t.bunch);
	}
}

static void idle_time_is_not_saved_up(void **state)
{
	struct throttle t;

	(void)state;
	throttle_init(&t, 100, 1, 0);
	(void)flow(&t, 10 * CLOCK_S, CLOCK_MS);
	now_ns += 3600 * CLOCK_S;
	assert_in_range(flow(&t, CLOCK_S, CLOCK_MS), 100, 120);
}

static void zero_is_no_limit(void **state)
{
	struct throttle t;

	(void)state;
	throttle_init(&t, 0, 4, 0);
	throttle_spend(&t, UINT32_MAX);
	assert_int_equal(throttle_room(&t), UINT32_MAX);
	assert_int_equal(t.next_ns, now_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_kept),
		cmocka_unit_test(idle_time_is_not_saved_up),
		cmocka_unit_test(zero_is_no_limit),
	};

	return cmocka_run_group_tests(tests, set_clock, reset_clock);
}
