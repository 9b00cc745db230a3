/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/task_metrics.h"

#include "host/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

struct task_metrics {
	struct task_metrics *next;
	char *pipeline;
	int64_t task;
	int live, forgotten; /* under the registry's lock */
	int leaked;
	struct task_histograms histograms;
	pthread_mutex_t lock;     /* of what follows: a copy is consistent */
	struct task_numbers past; /* of lives that have ended */
	struct task_numbers life;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct task_metrics *first;
static uint64_t breaches; /* atomic */

static void free_metrics(struct task_metrics *m)
{
	pthread_mutex_destroy(&m->lock);
	free(m->pipeline);
	free(m);
}

static int order(const char *a_name, int64_t a_task, const struct task_metrics *b)
{
	int names = strcmp(a_name, b->pipeline);

	return names != 0 ? names : (a_task > b->task) - (a_task < b->task);
}

/* The link to the entry of this name and number, or to where it belongs. [under the registry's lock] */
static struct task_metrics **find(const char *pipeline, int64_t task)
{
	struct task_metrics **link = &first;

	while (*link != NULL && order(pipeline, task, *link) > 0)
		link = &(*link)->next;
	return link;
}

/* Its owner still has it; the last one to leave frees it. [under the registry's lock] */
static void take_out(struct task_metrics **link)
{
	struct task_metrics *m = *link;

	*link = m->next;
	m->forgotten = 1;
	if (!m->live && !m->leaked)
		free_metrics(m);
}

static struct task_metrics *new_metrics(const struct log_place *place)
{
	struct task_metrics *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->pipeline = strdup(place->pipeline);
	m->task = place->task;
	if (m->pipeline == NULL || pthread_mutex_init(&m->lock, NULL) != 0) {
		free(m->pipeline);
		free(m);
		return NULL;
	}
	return m;
}

static void begin_life(struct task_metrics *m)
{
	pthread_mutex_lock(&m->lock);
	m->live = 1;
	m->life = (struct task_numbers){
		.gauges = { [TASK_LAG_BYTES] = -1, [TASK_OLDEST_ARRIVAL_MS] = -1, [TASK_PROGRESS_MS] = clock_wall_ms() }
	};
	m->past.counters[TASK_LIVES]++;
	pthread_mutex_unlock(&m->lock);
}

struct task_metrics *task_metrics_open(const struct log_place *place)
{
	struct task_metrics **link, *m;

	pthread_mutex_lock(&registry_lock);
	link = find(place->pipeline, place->task);
	/* A life that does not end, with another one beside it: the new one is what people ask for. */
	if (*link != NULL && order(place->pipeline, place->task, *link) == 0 && (*link)->live)
		take_out(link);
	m = *link;
	if (m == NULL || order(place->pipeline, place->task, m) != 0) {
		m = new_metrics(place);
		if (m != NULL) {
			m->next = *link;
			*link = m;
		}
	}
	if (m != NULL)
		begin_life(m);
	pthread_mutex_unlock(&registry_lock);
	return m;
}

struct task_histograms *task_metrics_histograms(struct task_metrics *m)
{
	return m ? &m->histograms : NULL;
}

static uint64_t resolved(const struct task_numbers *n)
{
	return n->counters[TASK_FILTERED] + n->counters[TASK_DELIVERED] + n->counters[TASK_DEAD_LETTERED] +
	       n->counters[TASK_DROPPED];
}

void task_metrics_set(struct task_metrics *m, const struct task_numbers *life)
{
	int64_t progress;

	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	progress = m->life.gauges[TASK_PROGRESS_MS];
	if (resolved(life) != resolved(&m->life))
		progress = clock_wall_ms();
	if (life->counters[TASK_BREACHES] > m->life.counters[TASK_BREACHES])
		__atomic_add_fetch(&breaches, life->counters[TASK_BREACHES] - m->life.counters[TASK_BREACHES],
		                   __ATOMIC_RELAXED);
	m->life = *life;
	m->life.gauges[TASK_PROGRESS_MS] = progress;
	m->life.counters[TASK_ABANDONED] = m->life.counters[TASK_LIVES] = 0;
	pthread_mutex_unlock(&m->lock);
}

/* What is in a journal goes on to wait there. [under the lock of m] */
static void end_life(struct task_metrics *m)
{
	int64_t *gauges = m->life.gauges;

	m->life.counters[TASK_ABANDONED] = (uint64_t)gauges[TASK_IN_FLIGHT];
	for (int i = 0; i < TASK_COUNTERS; i++) {
		m->past.counters[i] += m->life.counters[i];
		m->life.counters[i] = 0;
	}
	gauges[TASK_IN_FLIGHT] = gauges[TASK_IN_FLIGHT_BYTES] = gauges[TASK_UNACKED] = gauges[TASK_OLDEST_NS] = 0;
	gauges[TASK_LAG_BYTES] = -1;
	if (gauges[TASK_JOURNALS] == 0) {
		gauges[TASK_LAG_RECORDS] = 0;
		gauges[TASK_OLDEST_ARRIVAL_MS] = -1;
	}
}

void task_metrics_close(struct task_metrics *m, int leaked)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&registry_lock);
	pthread_mutex_lock(&m->lock);
	end_life(m);
	pthread_mutex_unlock(&m->lock);
	m->live = 0;
	m->leaked |= leaked;
	if (m->forgotten && !m->leaked)
		free_metrics(m);
	pthread_mutex_unlock(&registry_lock);
}

void task_metrics_forget(const char *pipeline)
{
	struct task_metrics **link;

	pthread_mutex_lock(&registry_lock);
	link = find(pipeline, INT64_MIN);
	while (*link != NULL && strcmp((*link)->pipeline, pipeline) == 0)
		take_out(link);
	pthread_mutex_unlock(&registry_lock);
}

/* ---- for other threads ---- */

static void copy_one(struct task_metrics *m, struct task_view *v)
{
	pthread_mutex_lock(&m->lock);
	v->numbers = m->life;
	for (int i = 0; i < TASK_COUNTERS; i++)
		v->numbers.counters[i] += m->past.counters[i];
	pthread_mutex_unlock(&m->lock);
	histogram_copy(&m->histograms.end_to_end, &v->histograms.end_to_end);
	histogram_copy(&m->histograms.sink, &v->histograms.sink);
	histogram_copy(&m->histograms.sync, &v->histograms.sync);
	v->task = m->task;
}

struct task_view *task_metrics_copy(size_t *n)
{
	struct task_view *views;
	size_t names = 0;
	char *at;

	*n = 0;
	pthread_mutex_lock(&registry_lock);
	for (const struct task_metrics *m = first; m != NULL; m = m->next) {
		++*n;
		names += strlen(m->pipeline) + 1;
	}
	views = malloc((*n + 1) * sizeof *views + names);
	at = (char *)(views ? views + *n : NULL);
	*n = 0;
	for (struct task_metrics *m = first; m != NULL && views != NULL; m = m->next) {
		struct task_view *v = &views[(*n)++];

		copy_one(m, v);
		v->pipeline = strcpy(at, m->pipeline);
		at += strlen(at) + 1;
	}
	pthread_mutex_unlock(&registry_lock);
	return views;
}

uint64_t task_metrics_breaches(void)
{
	return __atomic_load_n(&breaches, __ATOMIC_RELAXED);
}
