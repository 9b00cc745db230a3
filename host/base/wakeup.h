/* SPDX-License-Identifier: Apache-2.0 */
/* wakeup.h: any thread ends one thread's wait; a signal before the wait is not lost. */
#ifndef HOST_BASE_WAKEUP_H
#define HOST_BASE_WAKEUP_H
#include <pthread.h>
#include <stdint.h>

struct wakeup {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int set; /* atomic */
};

/* 0 or an errno value. */
int wakeup_init(struct wakeup *w);
void wakeup_destroy(struct wakeup *w);

/* [any] */
void wakeup_signal(struct wakeup *w);

/* Returns at once when signalled since the last wait, else when signalled or at the deadline (monotonic). */
void wakeup_wait(struct wakeup *w, int64_t deadline_ns);

#endif
