/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that each retry policy waits exactly as it is described, and ends where it is described to end. */
#include "host/base/clock.h"
#include "host/pipeline/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct retry_policy policy(enum retry_kind kind)
{
	return (struct retry_policy){ .kind = kind,
		                      .max_attempts = retry_default_attempts(kind),
		                      .max_age_ns = RETRY_NO_LIMIT };
}

/* Fails again and again on a clock of its own; returns how many retries there were, *total: the sum of their waits. */
static uint32_t run_out(const struct retry_policy *p, uint64_t random, int64_t *total)
{
	uint32_t retries = 0;

	for (*total = 0; retries < 1000; retries++) {
		int64_t wait = retry_wait_ns(p, retries + 1, *total, random);

		if (wait == RETRY_NO_MORE)
			break;
		*total += wait;
	}
	return retries;
}

static void backoff_is_three_retries_of_ten_to_twenty_seconds(void **state)
{
	struct retry_policy p = policy(RETRY_BACKOFF);
	int64_t total, least = INT64_MAX, most = 0;

	(void)state;
	for (uint64_t random = 0; random < UINT64_C(30) * CLOCK_S; random += 7 * CLOCK_MS) {
		int64_t wait = retry_wait_ns(&p, 1, 0, random);

		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		assert_int_equal(run_out(&p, random, &total), 3);
		assert_true(total >= 30 * CLOCK_S && total <= 60 * CLOCK_S);
	}
	/* The whole range is used, both ends included. */
	assert_int_equal(least, 10 * CLOCK_S);
	assert_true(most > 20 * CLOCK_S - 20 * CLOCK_MS && most <= 20 * CLOCK_S);
	assert_int_equal(retry_wait_ns(&p, 1, 0, 10 * (uint64_t)CLOCK_S), 20 * CLOCK_S);
}

static void exponential_decay_is_176_retries_of_86015_seconds(void **state)
{
	struct retry_policy p = policy(RETRY_EXPONENTIAL_DECAY);
	int64_t total;

	(void)state;
	for (uint32_t i = 1; i <= 9; i++)
		assert_int_equal(retry_wait_ns(&p, i, 0, 99), CLOCK_S << (i - 1));
	for (uint32_t i = 10; i <= 176; i++)
		assert_int_equal(retry_wait_ns(&p, i, 0, 99), 512 * CLOCK_S);
	assert_int_equal(retry_wait_ns(&p, 177, 0, 99), RETRY_NO_MORE);
	assert_int_equal(run_out(&p, 0, &total), 176);
	assert_int_equal(total, 86015 * CLOCK_S);
}

static void whichever_limit_is_met_first_ends_it(void **state)
{
	struct retry_policy p = policy(RETRY_EXPONENTIAL_DECAY);
	int64_t total;

	(void)state;
	p.max_attempts = 200;
	assert_int_equal(run_out(&p, 0, &total), 200);
	assert_int_equal(total, (86015 + 24 * 512) * CLOCK_S);
	p.max_age_ns = 10 * CLOCK_S;
	/* 1 + 2 + 4 s are over; 8 s more would begin at 15 s. */
	assert_int_equal(run_out(&p, 0, &total), 3);
	assert_int_equal(total, 7 * CLOCK_S);
	p.max_attempts = 1;
	assert_int_equal(run_out(&p, 0, &total), 1);
	p.max_attempts = 0;
	assert_int_equal(run_out(&p, 0, &total), 0);
	/* A failure that took longer than the record may last. */
	p.max_attempts = RETRY_NO_LIMIT;
	assert_int_equal(retry_wait_ns(&p, 1, 10 * CLOCK_S, 0), RETRY_NO_MORE);
}

static void custom_grows_by_its_factor_up_to_its_cap(void **state)
{
	struct retry_policy p = policy(RETRY_CUSTOM);

	(void)state;
	p.initial_ns = 100 * CLOCK_MS;
	p.factor = 3;
	p.max_wait_ns = CLOCK_S;
	assert_int_equal(retry_wait_ns(&p, 1, 0, 5), 100 * CLOCK_MS);
	assert_int_equal(retry_wait_ns(&p, 2, 0, 5), 300 * CLOCK_MS);
	assert_int_equal(retry_wait_ns(&p, 3, 0, 5), 900 * CLOCK_MS);
	assert_int_equal(retry_wait_ns(&p, 4, 0, 5), CLOCK_S);
	assert_int_equal(retry_wait_ns(&p, 10, 0, 5), CLOCK_S);
	assert_int_equal(retry_wait_ns(&p, 11, 0, 5), RETRY_NO_MORE);
	p.jitter = 0.5;
	for (uint64_t random = 0; random < 1000; random++) {
		int64_t wait = retry_wait_ns(&p, 4, 0, random * UINT64_C(7919777));

		assert_true(wait >= CLOCK_S / 2 && wait <= CLOCK_S);
	}
	/* No overflow far out, and a factor of 1 stays where it is. */
	p.max_attempts = RETRY_NO_LIMIT;
	p.jitter = 0;
	assert_int_equal(retry_wait_ns(&p, UINT32_MAX, 0, 0), CLOCK_S);
	p.factor = 1;
	assert_int_equal(retry_wait_ns(&p, UINT32_MAX, 0, 0), 100 * CLOCK_MS);
}

static void none_tries_once(void **state)
{
	struct retry_policy p = policy(RETRY_NONE);

	(void)state;
	p.max_attempts = 5;
	assert_int_equal(retry_wait_ns(&p, 1, 0, 0), RETRY_NO_MORE);
}

static void connect_doubles_300_ms_and_uses_its_time_up(void **state)
{
	struct retry_policy p = policy(RETRY_CONNECT);
	int64_t total;

	(void)state;
	p.max_wait_ns = 60 * CLOCK_S;
	p.max_age_ns = 2 * CLOCK_S;
	/* 300 + 600 ms, then 1200 are cut to the 1100 that are left. */
	assert_int_equal(run_out(&p, 0, &total), 3);
	assert_int_equal(total, 2 * CLOCK_S);
	/* errors.retry.timeout = 0, Connect's default: no retry; -1: for ever. */
	p.max_age_ns = 0;
	assert_int_equal(run_out(&p, 0, &total), 0);
	p.max_age_ns = RETRY_NO_LIMIT;
	assert_int_equal(retry_wait_ns(&p, 8, 0, 0), 38400 * CLOCK_MS);
	for (uint64_t random = 0; random < 1000; random++) {
		int64_t wait = retry_wait_ns(&p, 9 + (uint32_t)random, 0, random * UINT64_C(104395301003));

		assert_true(wait >= 0 && wait <= 60 * CLOCK_S);
	}
}

static void an_outage_is_looked_at_every_five_seconds(void **state)
{
	(void)state;
	assert_int_equal(outage_wait_ns(1), CLOCK_S);
	assert_int_equal(outage_wait_ns(2), 2 * CLOCK_S);
	assert_int_equal(outage_wait_ns(3), 4 * CLOCK_S);
	assert_int_equal(outage_wait_ns(4), 5 * CLOCK_S);
	assert_int_equal(outage_wait_ns(UINT32_MAX), 5 * CLOCK_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff_is_three_retries_of_ten_to_twenty_seconds),
		cmocka_unit_test(exponential_decay_is_176_retries_of_86015_seconds),
		cmocka_unit_test(whichever_limit_is_met_first_ends_it),
		cmocka_unit_test(custom_grows_by_its_factor_up_to_its_cap),
		cmocka_unit_test(none_tries_once),
		cmocka_unit_test(connect_doubles_300_ms_and_uses_its_time_up),
		cmocka_unit_test(an_outage_is_looked_at_every_five_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
