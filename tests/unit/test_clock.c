/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test_clock.h"

int64_t now_ns;

static int64_t test_mono_ns(void)
{
	return now_ns;
}

static int64_t test_wall_ms(void)
{
	return now_ns / CLOCK_MS;
}

static int test_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	(void)cond;
	(void)lock;
	now_ns = deadline_ns;
	return 0;
}

const struct clock_source test_clock = { test_mono_ns, test_wall_ms, test_wait };
