/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/native_rates.h"

#include "host/base/clock.h"

#include <outflow/util.h>

#include <pthread.h>
#include <stdlib.h>

#define INTERVAL_MIN_NS CLOCK_S

struct sample {
	int64_t at_ns;
	uint64_t received, delivered;
};

/* Looks at one pipeline. */
struct history {
	char *name;
	int64_t started_ms;         /* of its youngest task: figures begin anew with it */
	struct sample base, latest; /* a rate is counted from base; latest becomes base once it is old enough */
};

struct rates {
	pthread_mutex_t lock;
	struct history *list; /* in order of name */
	size_t n;
};

struct rates *rates_new(void)
{
	struct rates *r = calloc(1, sizeof *r);

	if (r != NULL)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

void rates_free(struct rates **pr)
{
	struct rates *r = *pr;

	*pr = NULL;
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].name);
	free(r->list);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* The history of that name, made when there is none; NULL: no memory. */
static struct history *find(struct rates *r, const char *name)
{
	size_t low = 0, high = r->n;
	struct history *list;
	char *copy;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(r->list[middle].name, name);

		if (order == 0)
			return &r->list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	copy = strdup(name);
	list = copy ? realloc(r->list, (r->n + 1) * sizeof *list) : NULL;
	if (list == NULL) {
		free(copy);
		return NULL;
	}
	r->list = list;
	memmove(list + low + 1, list + low, (r->n - low) * sizeof *list);
	list[low] = (struct history){ .name = copy };
	r->n++;
	return &list[low];
}

static int64_t youngest_start(const struct pipeline_snapshot *s)
{
	int64_t started = 0;

	for (size_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i].started_ms > started)
			started = s->tasks[i].started_ms;
	return started;
}

static void add_figures(const struct pipeline_snapshot *s, struct sample *sum)
{
	for (size_t i = 0; i < s->n_tasks; i++) {
		sum->received += s->tasks[i].account.received;
		sum->delivered += s->tasks[i].account.delivered;
	}
}

/* At the start of its tasks everything was zero; of several tasks the others' work is left out. */
static void begin_anew(struct history *h, int64_t started_ms, const struct sample *now, size_t n_tasks)
{
	int64_t age_ns = (clock_wall_ms() - started_ms) * CLOCK_MS;

	h->started_ms = started_ms;
	h->base = n_tasks == 1 && started_ms > 0 && age_ns > 0 ? (struct sample){ now->at_ns - age_ns, 0, 0 } : *now;
	h->latest = *now;
}

static struct rate rate_between(const struct sample *from, const struct sample *to)
{
	double seconds = (double)(to->at_ns - from->at_ns) / CLOCK_S;
	struct rate rate = { 0 };

	if (to->at_ns - from->at_ns < CLOCK_MS)
		return rate;
	rate.received = (double)(to->received - from->received) / seconds;
	rate.delivered = (double)(to->delivered - from->delivered) / seconds;
	rate.interval_ms = (to->at_ns - from->at_ns) / CLOCK_MS;
	return rate;
}

struct rate rates_look(struct rates *r, const struct pipeline_snapshot *s)
{
	struct sample now = { .at_ns = clock_mono_ns() };
	int64_t started = youngest_start(s);
	struct rate rate = { 0 };
	struct history *h;

	add_figures(s, &now);
	pthread_mutex_lock(&r->lock);
	h = find(r, s->name);
	if (h != NULL) {
		if (h->latest.at_ns == 0 || h->started_ms != started || now.received < h->latest.received ||
		    now.delivered < h->latest.delivered)
			begin_anew(h, started, &now, s->n_tasks);
		if (now.at_ns - h->latest.at_ns >= INTERVAL_MIN_NS) {
			h->base = h->latest;
			h->latest = now;
		}
		rate = rate_between(&h->base, &now);
	}
	pthread_mutex_unlock(&r->lock);
	return rate;
}

void rates_keep(struct rates *r, struct pipeline_snapshot *const *all, size_t n)
{
	size_t kept = 0, k = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n; i++) {
		while (k < n && strcmp(all[k]->name, r->list[i].name) < 0)
			k++;
		if (k < n && strcmp(all[k]->name, r->list[i].name) == 0)
			r->list[kept++] = r->list[i];
		else
			free(r->list[i].name);
	}
	r->n = kept;
	pthread_mutex_unlock(&r->lock);
}
