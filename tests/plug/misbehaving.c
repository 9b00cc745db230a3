/* SPDX-License-Identifier: Apache-2.0 */
/*
 * misbehaving.c: sinks that take every record and resolve it wrongly, or rightly in an unusual way. `never` does not
 * resolve, `twice` resolves each record two times, `shuffle` resolves from another thread, in random order.
 */
#include "tests/plug/parts.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- never, twice ---- */

static outflow_status put_never(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	(void)self;
	(void)recs;
	(void)err;
	*taken = n;
	return OUTFLOW_OK;
}

static outflow_status put_twice(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	const outflow_host *h = self;

	(void)err;
	for (size_t i = 0; i < n; i++) {
		outflow_record *both[] = { &recs[i], &recs[i] };

		h->ack->resolve(h, both, 2, OUTFLOW_OK, NULL);
	}
	*taken = n;
	return OUTFLOW_OK;
}

static const outflow_sink_ops never_ops = {
	.size = sizeof never_ops,
	.create = sink_create,
	.put = put_never,
	.destroy = sink_destroy,
};
static const outflow_sink_ops twice_ops = {
	.size = sizeof twice_ops,
	.create = sink_create,
	.put = put_twice,
	.destroy = sink_destroy,
};

/* ---- shuffle ---- */

#define HELD 64u /* records are mixed among so many */

struct shuffle {
	const outflow_host *host;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	outflow_record *held[HELD];
	size_t n;
	int resolving, stopping;
	unsigned seed;
};

static void *resolve_at_random(void *arg)
{
	struct shuffle *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		outflow_record *r;
		size_t i;

		while (s->n == 0 && !s->stopping)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->n == 0)
			break;
		i = (size_t)rand_r(&s->seed) % s->n;
		r = s->held[i];
		s->held[i] = s->held[--s->n];
		s->resolving = 1;
		pthread_mutex_unlock(&s->lock);
		s->host->ack->resolve(s->host, &r, 1, OUTFLOW_OK, NULL);
		s->host->wake(s->host);
		pthread_mutex_lock(&s->lock);
		s->resolving = 0;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static outflow_status shuffle_create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct shuffle *s = calloc(1, sizeof *s);

	(void)c;
	(void)err;
	if (s == NULL)
		return OUTFLOW_E_NOMEM;
	s->host = h;
	s->seed = 1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (pthread_create(&s->thread, NULL, resolve_at_random, s) != 0) {
		free(s);
		return OUTFLOW_E_TASK;
	}
	*self = s;
	return OUTFLOW_OK;
}

static outflow_status shuffle_put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct shuffle *s = self;

	(void)err;
	pthread_mutex_lock(&s->lock);
	for (*taken = 0; *taken < n && s->n < HELD; ++*taken)
		s->held[s->n++] = &recs[*taken];
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return *taken == n ? OUTFLOW_OK : OUTFLOW_AGAIN;
}

static void shuffle_destroy(void *self)
{
	struct shuffle *s = self;

	pthread_mutex_lock(&s->lock);
	s->stopping = 1;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Gives up what is held: nothing is resolved after this. */
static outflow_status shuffle_stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct shuffle *s = self;

	(void)deadline_ns;
	(void)err;
	pthread_mutex_lock(&s->lock);
	s->n = 0;
	while (s->resolving)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return OUTFLOW_OK;
}

static const outflow_sink_ops shuffle_ops = {
	.size = sizeof shuffle_ops,
	.create = shuffle_create,
	.put = shuffle_put,
	.stop = shuffle_stop,
	.destroy = shuffle_destroy,
};

static const outflow_component never = {
	.size = sizeof never,
	.kind = OUTFLOW_SINK,
	.name = "never",
	.ops = &never_ops,
};
static const outflow_component twice = {
	.size = sizeof twice,
	.kind = OUTFLOW_SINK,
	.name = "twice",
	.ops = &twice_ops,
};
static const outflow_component shuffle = {
	.size = sizeof shuffle,
	.kind = OUTFLOW_SINK,
	.name = "shuffle",
	.ops = &shuffle_ops,
};
static const outflow_component *const components[] = { &never, &twice, &shuffle };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("misbehaving", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
