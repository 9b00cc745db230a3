/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/plugins: which components there are, and which keys they have. */
#include "host/api/native.h"

#include "host/config/suggest.h"
#include "host/plugin/describe.h"

#include <stdio.h>
#include <stdlib.h>

/* As another process has told: none is loaded for this. */
static void list(struct api *api, const struct request *q, struct response *r)
{
	(void)q;
	response_json(r, 200, describe_inventory(api->environment->inventory));
}

/* ---- one plugin ---- */

/* The schemas are in the plugin: it is loaded, on a thread of its own. */
struct loading {
	struct errand *errand;
	const struct inventory *inventory;
	struct plugin_file *file;
	json_t *description;
	outflow_error err;
};

static void load(void *ctx)
{
	struct loading *l = ctx;
	const struct module *m;

	if (inventory_load(l->inventory, l->file, &m, &l->err) == OUTFLOW_OK)
		l->description = describe_plugin(l->file, m);
}

static void forget(void *ctx)
{
	struct loading *l = ctx;

	json_decref(l->description);
	free(l);
}

static void describe(struct api *api, const struct request *q, struct response *r, struct plugin_file *file)
{
	struct loading *l = calloc(1, sizeof *l);
	struct errand *e = l ? errand_new(load, forget, l) : NULL;

	if (e == NULL) {
		free(l);
		native_refuse(r, 500, "no memory", NULL, NULL);
		return;
	}
	l->inventory = api->environment->inventory;
	l->file = file;
	l->err.size = sizeof l->err;
	if (native_wait(e, q, r, "loading the plugin") == 0) {
		if (l->description != NULL)
			response_json(r, 200, json_incref(l->description));
		else
			native_refuse(r, 500, *l->err.msg ? l->err.msg : "no memory", NULL, NULL);
	}
	errand_free(&e);
}

/* The plugin that has a component of that name; NULL: none has. */
static const char *owner_of(const struct catalog *all, const char *component)
{
	for (size_t i = 0; i < all->n_plugins; i++)
		for (size_t k = 0; k < all->plugins[i]->about->n_components; k++)
			if (strcmp(all->plugins[i]->about->components[k].name, component) == 0)
				return all->plugins[i]->about->id;
	return NULL;
}

static void refuse_unknown(const struct catalog *all, const char *id, struct response *r)
{
	struct suggestion near = { .typed = id };
	const char *owner = owner_of(all, id);
	char message[500];

	for (size_t i = 0; i < all->n_plugins; i++)
		suggestion_offer(&near, all->plugins[i]->about->id);
	if (owner != NULL)
		snprintf(message, sizeof message, "there is no plugin '%.200s': it is a component of '%.100s'", id,
		         owner);
	else
		snprintf(message, sizeof message, "there is no plugin '%.200s'%s%.100s%s", id,
		         near.best ? "; did you mean '" : ": GET /v1/plugins lists those that there are",
		         near.best ? near.best : "", near.best ? "'?" : "");
	native_refuse(r, 404, message, NULL, NULL);
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	const struct catalog *all = inventory_catalog(api->environment->inventory);
	struct plugin_file *file = catalog_find(all, q->parameters[0]);

	if (file != NULL)
		describe(api, q, r, file);
	else
		refuse_unknown(all, q->parameters[0], r);
}

const struct route native_plugin_routes[] = {
	{ "GET", "/v1/plugins", ACCESS_READ, .handle = list },
	{ "GET", "/v1/plugins/{id}", ACCESS_READ, .handle = show },
	{ 0 },
};
