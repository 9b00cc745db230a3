/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/building.h"

#include "host/base/check.h"
#include "host/base/clock.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

#define BUILDING_MAGIC 0x6275696cu

static size_t abandoned; /* atomic */

outflow_status declarations_add(struct declarations *to, const char *name, const char *file, int line,
                                const struct settings *settings)
{
	struct declaration *list = realloc(to->list, (to->n + 1) * sizeof *list);
	struct declaration *new;

	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	to->list = list;
	new = &list[to->n];
	*new = (struct declaration){ strdup(name), file, line, { 0 } };
	if (new->name == NULL || settings_merge(&new->settings, "", settings, "", 1) != OUTFLOW_OK) {
		settings_clear(&new->settings);
		free(new->name);
		return OUTFLOW_E_NOMEM;
	}
	to->n++;
	return OUTFLOW_OK;
}

void declarations_clear(struct declarations *d)
{
	for (size_t i = 0; i < d->n; i++) {
		settings_clear(&d->list[i].settings);
		free(d->list[i].name);
	}
	free(d->list);
	*d = (struct declarations){ 0 };
}

struct building *building_new(const struct host_model *host, const struct inventory *inventory)
{
	struct building *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	*b = (struct building){ .magic = BUILDING_MAGIC, .host = host, .inventory = inventory, .references = 1 };
	pthread_mutex_init(&b->lock, NULL);
	clock_cond_init(&b->cond);
	return b;
}

outflow_status building_add(struct building *b, const char *name, const char *file, int line,
                            const struct settings *settings)
{
	return declarations_add(&b->what, name, file, line, settings);
}

outflow_status building_add_connection(struct building *b, const struct declaration *c)
{
	return declarations_add(&b->connections, c->name, c->file, c->line, &c->settings);
}

static void drop(struct building *b)
{
	int left;

	pthread_mutex_lock(&b->lock);
	left = --b->references;
	pthread_mutex_unlock(&b->lock);
	if (left > 0)
		return;
	for (size_t i = 0; b->models != NULL && i < b->what.n; i++)
		pipeline_model_free(&b->models[i]);
	free(b->models);
	declarations_clear(&b->what);
	declarations_clear(&b->connections);
	problems_clear(&b->problems);
	pthread_cond_destroy(&b->cond);
	pthread_mutex_destroy(&b->lock);
	b->magic = 0;
	free(b);
}

static void *build(void *arg)
{
	struct building *b = arg;

	for (size_t i = 0; i < b->what.n && b->status == OUTFLOW_OK; i++)
		b->status = pipeline_model_new(&b->what.list[i], &b->connections, b->host, b->inventory, &b->problems,
		                               &b->models[i]);
	pthread_mutex_lock(&b->lock);
	b->done = 1;
	if (b->is_abandoned)
		__atomic_fetch_sub(&abandoned, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&b->cond);
	pthread_mutex_unlock(&b->lock);
	drop(b);
	return NULL;
}

static int start(struct building *b)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int rc = pthread_attr_init(&attributes);

	if (rc != 0)
		return rc;
	b->references++;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attributes, build, b);
	pthread_attr_destroy(&attributes);
	if (rc != 0)
		b->references--;
	return rc;
}

outflow_status building_run(struct building *b, int64_t timeout_ns, outflow_error *err)
{
	int64_t deadline = clock_mono_ns() + timeout_ns;
	int rc, done;

	CHECK_OBJ(b, BUILDING_MAGIC);
	b->models = calloc(b->what.n + 1, sizeof(struct pipeline_model *));
	if (b->models == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory to check a configuration");
	rc = start(b);
	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "no thread to check a configuration");
	rc = 0;
	pthread_mutex_lock(&b->lock);
	while (!b->done && rc != ETIMEDOUT)
		rc = clock_wait(&b->cond, &b->lock, deadline);
	done = b->done;
	b->is_abandoned = !done;
	if (!done)
		__atomic_fetch_add(&abandoned, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&b->lock);
	if (!done)
		return outflow_fail(err, OUTFLOW_E_RETRY,
		                    "the configuration was not checked within %.1f s: a plugin's check does not return",
		                    (double)timeout_ns / CLOCK_S);
	if (b->status != OUTFLOW_OK)
		return outflow_fail(err, b->status, "no memory to check a configuration");
	return b->problems.reported > 0 ? outflow_fail(err, OUTFLOW_E_CONFIG, "%zu problem%s in the configuration",
	                                               b->problems.n, b->problems.n == 1 ? "" : "s")
	                                : OUTFLOW_OK;
}

size_t building_abandoned(void)
{
	return __atomic_load_n(&abandoned, __ATOMIC_ACQUIRE);
}

void building_free(struct building **pb)
{
	struct building *b = *pb;

	*pb = NULL;
	if (b == NULL)
		return;
	CHECK_OBJ(b, BUILDING_MAGIC);
	drop(b);
}
