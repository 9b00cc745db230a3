/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: the only place where the host reads a clock or waits for one; tests drive it. */
#ifndef HOST_BASE_CLOCK_H
#define HOST_BASE_CLOCK_H
#include <pthread.h>
#include <stdint.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)
#define CLOCK_NEVER INT64_MAX

/* What a test puts in place of the system's clocks. */
struct clock_source {
	int64_t (*mono_ns)(void);
	int64_t (*wall_ms)(void);
	/* As clock_wait. */
	int (*wait)(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns);
};

/* Nanoseconds that never go back. [any] */
int64_t clock_mono_ns(void);

/* Milliseconds since 1970 UTC. [any] */
int64_t clock_wall_ms(void);

/* A condition variable for clock_wait; 0 or an errno value. [any] */
int clock_cond_init(pthread_cond_t *cond);

/* Waits with lock held until cond is signalled (0; spurious wake-ups happen) or the deadline has passed (ETIMEDOUT).
 * CLOCK_NEVER waits without end. [any] */
int clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns);

/* Replaces the clocks, or brings the system's back (NULL). Before threads are started. [any] */
void clock_use(const struct clock_source *source);

#endif
