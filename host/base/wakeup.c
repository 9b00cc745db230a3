/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/wakeup.h"

#include "host/base/clock.h"

#include <errno.h>

int wakeup_init(struct wakeup *w)
{
	int rc = pthread_mutex_init(&w->lock, NULL);

	w->set = 0;
	if (rc == 0)
		rc = clock_cond_init(&w->cond);
	return rc;
}

void wakeup_destroy(struct wakeup *w)
{
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
}

void wakeup_signal(struct wakeup *w)
{
	/* Sinks signal far more often than the task waits: only the first one since takes the lock. */
	if (__atomic_exchange_n(&w->set, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	pthread_mutex_lock(&w->lock);
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

void wakeup_wait(struct wakeup *w, int64_t deadline_ns)
{
	pthread_mutex_lock(&w->lock);
	while (!__atomic_load_n(&w->set, __ATOMIC_ACQUIRE))
		if (clock_wait(&w->cond, &w->lock, deadline_ns) == ETIMEDOUT)
			break;
	__atomic_store_n(&w->set, 0, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&w->lock);
}
