/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/errand.h"

#include "host/base/check.h"
#include "host/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define ERRAND_MAGIC 0x65727261u

struct errand {
	unsigned magic;
	void (*work)(void *ctx);
	void (*forget)(void *ctx);
	void *ctx;
	pthread_mutex_t lock; /* of the next four */
	pthread_cond_t cond;
	int references, done, is_abandoned;
};

static size_t abandoned; /* atomic */

struct errand *errand_new(void (*work)(void *ctx), void (*forget)(void *ctx), void *ctx)
{
	struct errand *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	*e = (struct errand){ .magic = ERRAND_MAGIC, .work = work, .forget = forget, .ctx = ctx, .references = 1 };
	pthread_mutex_init(&e->lock, NULL);
	clock_cond_init(&e->cond);
	return e;
}

static void drop(struct errand *e)
{
	int left;

	pthread_mutex_lock(&e->lock);
	left = --e->references;
	pthread_mutex_unlock(&e->lock);
	if (left > 0)
		return;
	e->forget(e->ctx);
	pthread_cond_destroy(&e->cond);
	pthread_mutex_destroy(&e->lock);
	e->magic = 0;
	free(e);
}

static void *go(void *arg)
{
	struct errand *e = arg;

	e->work(e->ctx);
	pthread_mutex_lock(&e->lock);
	e->done = 1;
	if (e->is_abandoned)
		__atomic_fetch_sub(&abandoned, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&e->cond);
	pthread_mutex_unlock(&e->lock);
	drop(e);
	return NULL;
}

static int start(struct errand *e)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int rc = pthread_attr_init(&attributes);

	if (rc != 0)
		return rc;
	e->references++;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attributes, go, e);
	pthread_attr_destroy(&attributes);
	if (rc != 0)
		e->references--;
	return rc;
}

int errand_run(struct errand *e, int64_t timeout_ns)
{
	int64_t deadline = clock_mono_ns() + timeout_ns;
	int rc, done;

	CHECK_OBJ(e, ERRAND_MAGIC);
	rc = start(e);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&e->lock);
	while (!e->done && rc != ETIMEDOUT)
		rc = clock_wait(&e->cond, &e->lock, deadline);
	done = e->done;
	e->is_abandoned = !done;
	if (!done)
		__atomic_fetch_add(&abandoned, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&e->lock);
	return done ? 0 : ETIMEDOUT;
}

void errand_free(struct errand **pe)
{
	struct errand *e = *pe;

	*pe = NULL;
	if (e == NULL)
		return;
	CHECK_OBJ(e, ERRAND_MAGIC);
	drop(e);
}

size_t errands_abandoned(void)
{
	return __atomic_load_n(&abandoned, __ATOMIC_ACQUIRE);
}
