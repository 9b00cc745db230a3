/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/workers.h"

#include "host/base/check.h"
#include "host/base/clock.h"

#define WORKERS_MAGIC 0x776f726bu
#define IDLE_NS (5 * CLOCK_S)
#define STACK_SIZE ((size_t)1 << 20)

struct job {
	struct job *next;
	void (*work)(void *ctx);
	void *ctx;
};

struct workers {
	unsigned magic;
	pthread_mutex_t lock;
	pthread_cond_t cond; /* work, an end, or a thread that has ended */
	struct job *first, **last;
	unsigned most, n, idle, queued;
	int ending;
};

struct workers *workers_new(unsigned most)
{
	struct workers *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	if (pthread_mutex_init(&w->lock, NULL) != 0 || clock_cond_init(&w->cond) != 0) {
		free(w);
		return NULL;
	}
	w->magic = WORKERS_MAGIC;
	w->most = most;
	w->last = &w->first;
	return w;
}

/* [locked] */
static struct job *take(struct workers *w)
{
	struct job *job = w->first;

	if (job == NULL)
		return NULL;
	w->first = job->next;
	if (w->first == NULL)
		w->last = &w->first;
	w->queued--;
	return job;
}

/* The next job; NULL: none came for a while. [locked] */
static struct job *wait_for_job(struct workers *w)
{
	int64_t deadline = clock_mono_ns() + IDLE_NS;
	struct job *job = take(w);

	w->idle++;
	while (job == NULL && !w->ending) {
		int waited = clock_wait(&w->cond, &w->lock, deadline);

		job = take(w);
		if (waited != 0 && clock_mono_ns() >= deadline)
			break;
	}
	w->idle--;
	return job;
}

static void *run(void *arg)
{
	struct workers *w = arg;
	struct job *job;

	pthread_mutex_lock(&w->lock);
	while ((job = wait_for_job(w)) != NULL) {
		pthread_mutex_unlock(&w->lock);
		job->work(job->ctx);
		free(job);
		pthread_mutex_lock(&w->lock);
	}
	w->n--;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* [locked] */
static int start_thread(struct workers *w)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int failed;

	if (w->n == w->most || pthread_attr_init(&attributes) != 0)
		return -1;
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attributes, run, w) != 0;
	pthread_attr_destroy(&attributes);
	w->n += (unsigned)!failed;
	return failed ? -1 : 0;
}

int workers_add(struct workers *w, void (*work)(void *ctx), void *ctx)
{
	struct job *job = malloc(sizeof *job);
	int result = job == NULL ? -1 : 0;

	CHECK_OBJ(w, WORKERS_MAGIC);
	pthread_mutex_lock(&w->lock);
	if (w->ending)
		result = -1;
	if (result == 0 && w->queued >= w->idle)
		result = start_thread(w);
	if (result == 0) {
		*job = (struct job){ NULL, work, ctx };
		*w->last = job;
		w->last = &job->next;
		w->queued++;
		pthread_cond_broadcast(&w->cond);
	}
	pthread_mutex_unlock(&w->lock);
	if (result != 0)
		free(job);
	return result;
}

int workers_drain(struct workers *w, int64_t deadline_ns)
{
	unsigned left;

	CHECK_OBJ(w, WORKERS_MAGIC);
	pthread_mutex_lock(&w->lock);
	w->ending = 1;
	pthread_cond_broadcast(&w->cond);
	while (w->n > 0 && clock_wait(&w->cond, &w->lock, deadline_ns) == 0)
		;
	left = w->n;
	pthread_mutex_unlock(&w->lock);
	return left > 0 ? -1 : 0;
}

void workers_free(struct workers **pw)
{
	struct workers *w = *pw;

	*pw = NULL;
	if (w == NULL)
		return;
	CHECK_OBJ(w, WORKERS_MAGIC);
	w->magic = 0;
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
