/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/building.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/config/connection_model.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

#define BUILDING_MAGIC 0x6275696cu

outflow_status declarations_add(struct declarations *to, const char *name, const char *file, int line,
                                const struct settings *settings)
{
	struct declaration *list = realloc(to->list, (to->n + 1) * sizeof *list);
	struct declaration *new;

	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	to->list = list;
	new = &list[to->n];
	*new = (struct declaration){ .name = strdup(name), .file = file, .line = line };
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

static void forget(void *ctx)
{
	struct building *b = ctx;

	for (size_t i = 0; b->models != NULL && i < b->what.n; i++)
		pipeline_model_free(&b->models[i]);
	free(b->models);
	declarations_clear(&b->what);
	declarations_clear(&b->connections);
	problems_clear(&b->problems);
	if (b->sequel.release != NULL)
		b->sequel.release(b->sequel.ctx);
	b->magic = 0;
	free(b);
}

static void build(void *ctx)
{
	struct building *b = ctx;

	for (size_t i = 0; i < b->checked_connections && b->status == OUTFLOW_OK; i++)
		b->status = connection_check(&b->connections.list[i], b->host, b->inventory, &b->problems);
	for (size_t i = 0; i < b->what.n && b->status == OUTFLOW_OK; i++)
		b->status = pipeline_model_new(&b->what.list[i], &b->connections, b->host, b->inventory, &b->problems,
		                               &b->models[i]);
	if (b->sequel.run != NULL && b->status == OUTFLOW_OK && b->problems.reported == 0)
		b->sequel.run(b->sequel.ctx, b->models);
}

struct building *building_new(const struct host_model *host, const struct inventory *inventory)
{
	struct building *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	*b = (struct building){ .magic = BUILDING_MAGIC, .host = host, .inventory = inventory };
	b->errand = errand_new(build, forget, b);
	if (b->errand == NULL) {
		free(b);
		return NULL;
	}
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

void building_then(struct building *b, const struct sequel *sequel)
{
	b->sequel = *sequel;
}

outflow_status building_run(struct building *b, int64_t timeout_ns, outflow_error *err)
{
	int has_sequel = b->sequel.run != NULL, rc;
	const char *what = has_sequel ? b->sequel.what : "the configuration was not checked";

	CHECK_OBJ(b, BUILDING_MAGIC);
	b->models = calloc(b->what.n + 1, sizeof(struct pipeline_model *));
	if (b->models == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory to check a configuration");
	rc = errand_run(b->errand, timeout_ns);
	if (rc == ETIMEDOUT)
		return outflow_fail(err, OUTFLOW_E_RETRY, "%s within %.1f s: a plugin's %s does not return", what,
		                    (double)timeout_ns / CLOCK_S, has_sequel ? "code" : "check");
	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "no thread to check a configuration");
	if (b->status != OUTFLOW_OK)
		return outflow_fail(err, b->status, "no memory to check a configuration");
	return b->problems.reported > 0 ? outflow_fail(err, OUTFLOW_E_CONFIG, "%zu problem%s in the configuration",
	                                               b->problems.n, b->problems.n == 1 ? "" : "s")
	                                : OUTFLOW_OK;
}

void building_free(struct building **pb)
{
	struct building *b = *pb;

	*pb = NULL;
	if (b == NULL)
		return;
	CHECK_OBJ(b, BUILDING_MAGIC);
	errand_free(&b->errand);
}
