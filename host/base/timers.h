/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h: one-shot timers of one thread. [task] throughout. */
#ifndef HOST_BASE_TIMERS_H
#define HOST_BASE_TIMERS_H
#include <outflow/abi.h>

struct timer;

/* Zeroed is empty. */
struct timers {
	struct timer *list;
	size_t n, room;
	uint64_t last_id;
};

/* Calls fn(arg) from timers_run when the clock has reached at_ns. owner: for timers_drop. OUTFLOW_E_NOMEM. */
outflow_status timers_add(struct timers *t, const void *owner, int64_t at_ns, void (*fn)(void *arg), void *arg,
                          uint64_t *id);

/* Drops one timer of this owner; one that fired or is another's is left alone. */
void timers_cancel(struct timers *t, const void *owner, uint64_t id);

/* Drops all timers of an owner. */
void timers_drop(struct timers *t, const void *owner);

/* Calls what is due, earliest first; a timer added by one of them waits for the next run. */
void timers_run(struct timers *t, int64_t now_ns);

/* When the earliest is due; CLOCK_NEVER without any. */
int64_t timers_next(const struct timers *t);

void timers_clear(struct timers *t);

#endif
