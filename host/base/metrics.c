/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct outflow_metric {
	struct outflow_metric *next;
	const void *owner;
	char *name, *unit, *help, *pipeline, *stage;
	int64_t task;
	uint32_t kind;
	int64_t value; /* atomic */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static outflow_metric *first;

static void free_metric(outflow_metric *m)
{
	free(m->name);
	free(m->unit);
	free(m->help);
	free(m->pipeline);
	free(m->stage);
	free(m);
}

static outflow_metric *make(const void *owner, const struct log_place *place, uint32_t kind, const char *name)
{
	outflow_metric *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->owner = owner;
	m->kind = kind;
	m->task = place->task;
	m->name = strdup(name);
	m->pipeline = strdup(place->pipeline ? place->pipeline : "");
	m->stage = strdup(place->stage ? place->stage : "");
	return m;
}

outflow_metric *metrics_open(const void *owner, const struct log_place *place, uint32_t kind, const char *name,
                             const char *unit, const char *help)
{
	outflow_metric *m, **end;

	pthread_mutex_lock(&lock);
	for (end = &first; (m = *end) != NULL; end = &m->next)
		if (m->owner == owner && strcmp(m->name, name) == 0)
			goto out;
	m = make(owner, place, kind, name);
	if (m == NULL)
		goto out;
	m->unit = strdup(unit ? unit : "");
	m->help = strdup(help ? help : "");
	if (!m->name || !m->unit || !m->help || !m->pipeline || !m->stage) {
		free_metric(m);
		m = NULL;
		goto out;
	}
	*end = m;
out:
	pthread_mutex_unlock(&lock);
	return m;
}

void metrics_add(outflow_metric *m, int64_t delta)
{
	if (m != NULL)
		__atomic_add_fetch(&m->value, delta, __ATOMIC_RELAXED);
}

void metrics_set(outflow_metric *m, int64_t value)
{
	if (m != NULL)
		__atomic_store_n(&m->value, value, __ATOMIC_RELAXED);
}

void metrics_close(const void *owner)
{
	outflow_metric *m, **link = &first;

	pthread_mutex_lock(&lock);
	while ((m = *link) != NULL)
		if (m->owner == owner) {
			*link = m->next;
			free_metric(m);
		} else {
			link = &m->next;
		}
	pthread_mutex_unlock(&lock);
}

void metrics_each(void (*visit)(void *ctx, const struct metric_view *m), void *ctx)
{
	pthread_mutex_lock(&lock);
	for (const outflow_metric *m = first; m != NULL; m = m->next) {
		struct metric_view view = {
			.kind = m->kind,
			.name = m->name,
			.unit = m->unit,
			.help = m->help,
			.place = { m->pipeline, m->stage, m->task },
			.owner = m->owner,
			.value = __atomic_load_n(&m->value, __ATOMIC_RELAXED),
		};

		visit(ctx, &view);
	}
	pthread_mutex_unlock(&lock);
}

/* ---- plugins that break the contract ---- */

struct misbehaviour {
	struct misbehaviour *next;
	const char *kind;
	uint64_t n;
	char plugin[];
};

static struct misbehaviour *misbehaviours; /* under lock */

void metrics_count_misbehaviour(const char *plugin, const char *kind)
{
	struct misbehaviour *m;

	pthread_mutex_lock(&lock);
	for (m = misbehaviours; m != NULL; m = m->next)
		if (strcmp(m->plugin, plugin) == 0 && strcmp(m->kind, kind) == 0)
			break;
	if (m == NULL && (m = calloc(1, sizeof *m + strlen(plugin) + 1)) != NULL) {
		strcpy(m->plugin, plugin);
		m->kind = kind;
		m->next = misbehaviours;
		misbehaviours = m;
	}
	if (m != NULL)
		m->n++;
	pthread_mutex_unlock(&lock);
}

void metrics_each_misbehaviour(void (*visit)(void *ctx, const char *plugin, const char *kind, uint64_t n), void *ctx)
{
	pthread_mutex_lock(&lock);
	for (const struct misbehaviour *m = misbehaviours; m != NULL; m = m->next)
		visit(ctx, m->plugin, m->kind, m->n);
	pthread_mutex_unlock(&lock);
}
