/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads.c: functions that GCC's ThreadSanitizer does not know on top of such that it knows.
 *
 * It sees pthread_create and pthread_mutex_lock, not thrd_create and mtx_lock: a thread that librdkafka makes crashes in its
 * first malloc, and what its locks protect looks like a race. A thread that was joined by pthread_clockjoin_np is never gone
 * for it. Linked into a program, these come before those of libc.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex has room for POSIX's");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition has room for POSIX's");

struct begin {
	thrd_start_t function;
	void *arg;
};

static pthread_mutex_t *mutex_of(mtx_t *m)
{
	return (pthread_mutex_t *)(void *)m;
}

static pthread_cond_t *condition_of(cnd_t *c)
{
	return (pthread_cond_t *)(void *)c;
}

static int result(int rc)
{
	switch (rc) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ETIMEDOUT:
		return thrd_timedout;
	case ENOMEM:
	case EAGAIN:
		return thrd_nomem;
	default:
		return thrd_error;
	}
}

static void *run(void *arg)
{
	struct begin begin = *(struct begin *)arg;

	free(arg);
	return (void *)(intptr_t)begin.function(begin.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
	struct begin *begin = malloc(sizeof *begin);
	int rc;

	if (begin == NULL)
		return thrd_nomem;
	*begin = (struct begin){ function, arg };
	rc = pthread_create(thread, NULL, run, begin);
	if (rc != 0)
		free(begin);
	return result(rc);
}

int thrd_join(thrd_t thread, int *code)
{
	void *value;
	int rc = pthread_join(thread, &value);

	if (rc == 0 && code != NULL)
		*code = (int)(intptr_t)value;
	return result(rc);
}

int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attributes;
	int rc = pthread_mutexattr_init(&attributes);

	if (rc != 0)
		return result(rc);
	if (type & mtx_recursive)
		pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	rc = pthread_mutex_init(mutex_of(m), &attributes);
	pthread_mutexattr_destroy(&attributes);
	return result(rc);
}

int mtx_lock(mtx_t *m)
{
	return result(pthread_mutex_lock(mutex_of(m)));
}

int mtx_unlock(mtx_t *m)
{
	return result(pthread_mutex_unlock(mutex_of(m)));
}

void mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy(mutex_of(m));
}

int cnd_init(cnd_t *c)
{
	return result(pthread_cond_init(condition_of(c), NULL));
}

int cnd_signal(cnd_t *c)
{
	return result(pthread_cond_signal(condition_of(c)));
}

int cnd_broadcast(cnd_t *c)
{
	return result(pthread_cond_broadcast(condition_of(c)));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	return result(pthread_cond_wait(condition_of(c), mutex_of(m)));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
	return result(pthread_cond_timedwait(condition_of(c), mutex_of(m), until));
}

void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy(condition_of(c));
}

int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock, const struct timespec *until)
{
	struct timespec now, wall;
	int64_t wait;

	clock_gettime(clock, &now);
	clock_gettime(CLOCK_REALTIME, &wall);
	wait = (until->tv_sec - now.tv_sec) * INT64_C(1000000000) + until->tv_nsec - now.tv_nsec + wall.tv_nsec;
	if (wait < 0)
		wait = 0;
	wall.tv_sec += wait / 1000000000;
	wall.tv_nsec = wait % 1000000000;
	return pthread_timedjoin_np(thread, value, &wall);
}
