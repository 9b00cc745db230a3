/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t system_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

static int64_t system_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / CLOCK_MS;
}

static int system_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	struct timespec t;

	if (deadline_ns == CLOCK_NEVER)
		return pthread_cond_wait(cond, lock);
	if (deadline_ns < 0)
		deadline_ns = 0;
	t.tv_sec = (time_t)(deadline_ns / CLOCK_S);
	t.tv_nsec = (long)(deadline_ns % CLOCK_S);
	return pthread_cond_timedwait(cond, lock, &t);
}

static const struct clock_source system_clocks = {
	.mono_ns = system_mono_ns,
	.wall_ms = system_wall_ms,
	.wait = system_wait,
};
static const struct clock_source *clocks = &system_clocks;

int64_t clock_mono_ns(void)
{
	return clocks->mono_ns();
}

int64_t clock_wall_ms(void)
{
	return clocks->wall_ms();
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

int clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	return clocks->wait(cond, lock, deadline_ns);
}

void clock_use(const struct clock_source *source)
{
	clocks = source ? source : &system_clocks;
}
