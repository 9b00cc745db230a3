/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/inventory.h"

#include "host/base/check.h"
#include "host/base/log.h"
#include "host/config/suggest.h"
#include "host/plugin/private_copy.h"

#include <outflow/util.h>

#include <pthread.h>
#include <stdlib.h>

#define INVENTORY_MAGIC 0x696e7665u

/* A copy of a plugin for one instance at a time. */
struct private_module {
	struct module *module;
	int taken;
};

struct inventory {
	unsigned magic;
	char *plugin_path, *copy_dir;
	struct catalog *catalog; /* atomic; with all older ones: somebody may still read them */
	pthread_mutex_t reading; /* held while the directories are read */
	struct plugin_files files;
	pthread_mutex_t lock; /* of the rest */
	struct private_module *copies;
	size_t n_copies;
};

const struct catalog *inventory_catalog(const struct inventory *inv)
{
	return __atomic_load_n(&inv->catalog, __ATOMIC_ACQUIRE);
}

static void publish(struct inventory *inv, struct catalog *c)
{
	c->older = inv->catalog;
	__atomic_store_n(&inv->catalog, c, __ATOMIC_RELEASE);
}

/* What is in the directory of copies and of no plugin that there is, is from another time. */
static outflow_status prune_copies(const struct inventory *inv)
{
	const char **paths = calloc(inv->files.n + 1, sizeof *paths);

	if (paths == NULL)
		return OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < inv->files.n; i++)
		paths[i] = inv->files.list[i]->path;
	private_copy_prune(inv->copy_dir, paths, inv->files.n);
	free(paths);
	return OUTFLOW_OK;
}

static outflow_status fill(struct inventory *inv, const char *plugin_path, const char *copy_dir)
{
	struct catalog *c;
	outflow_status status;

	inv->plugin_path = strdup(plugin_path);
	inv->copy_dir = copy_dir ? strdup(copy_dir) : NULL;
	if (inv->plugin_path == NULL || (copy_dir != NULL && inv->copy_dir == NULL))
		return OUTFLOW_E_NOMEM;
	status = catalog_read(plugin_path, &inv->files, &c);
	if (status != OUTFLOW_OK)
		return status;
	publish(inv, c);
	for (size_t i = 0; i < c->n_refusals; i++)
		log_write(&log_plugin_place, OUTFLOW_LOG_DEBUG, "plugin refused: %s", c->refusals[i].reason);
	return inv->copy_dir != NULL ? prune_copies(inv) : OUTFLOW_OK;
}

outflow_status inventory_open(const char *plugin_path, const char *copy_dir, struct inventory **result,
                              outflow_error *err)
{
	struct inventory *inv = calloc(1, sizeof *inv);
	outflow_status status;

	if (inv == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the list of plugins");
	inv->magic = INVENTORY_MAGIC;
	pthread_mutex_init(&inv->reading, NULL);
	pthread_mutex_init(&inv->lock, NULL);
	status = fill(inv, plugin_path, copy_dir);
	if (status != OUTFLOW_OK) {
		inventory_close(&inv);
		return outflow_fail(err, status, "no memory for the list of plugins");
	}
	*result = inv;
	return OUTFLOW_OK;
}

static int has_plugin(const struct catalog *c, const struct plugin_file *f)
{
	for (size_t i = 0; i < c->n_plugins; i++)
		if (c->plugins[i] == f)
			return 1;
	return 0;
}

static int has_refusal(const struct catalog *c, const char *reason)
{
	for (size_t i = 0; i < c->n_refusals; i++)
		if (strcmp(c->refusals[i].reason, reason) == 0)
			return 1;
	return 0;
}

static void tell_changes(const struct catalog *before, const struct catalog *now)
{
	for (size_t i = 0; i < now->n_plugins; i++)
		if (!has_plugin(before, now->plugins[i]))
			log_write(&log_plugin_place, OUTFLOW_LOG_INFO, "plugin %s %s is there now: %s",
			          now->plugins[i]->about->id, now->plugins[i]->about->version, now->plugins[i]->path);
	for (size_t i = 0; i < before->n_plugins; i++)
		if (catalog_find(now, before->plugins[i]->about->id) == NULL)
			log_write(&log_plugin_place, OUTFLOW_LOG_INFO, "plugin %s is not there any more: %s",
			          before->plugins[i]->about->id, before->plugins[i]->path);
	for (size_t i = 0; i < now->n_refusals; i++)
		if (!has_refusal(before, now->refusals[i].reason))
			log_write(&log_plugin_place, OUTFLOW_LOG_WARN, "plugin refused: %s", now->refusals[i].reason);
}

outflow_status inventory_rescan(struct inventory *inv, outflow_error *err)
{
	const struct catalog *before;
	struct catalog *now = NULL;
	outflow_status status;

	CHECK_OBJ(inv, INVENTORY_MAGIC);
	pthread_mutex_lock(&inv->reading);
	before = inventory_catalog(inv);
	status = catalog_read(inv->plugin_path, &inv->files, &now);
	if (status == OUTFLOW_OK && catalog_equal(before, now))
		catalog_free(&now);
	if (now != NULL) {
		publish(inv, now);
		tell_changes(before, now);
	}
	pthread_mutex_unlock(&inv->reading);
	return status == OUTFLOW_OK ? status : outflow_fail(err, status, "no memory for the list of plugins");
}

outflow_status inventory_load(const struct inventory *inv, struct plugin_file *f, const struct module **result,
                              outflow_error *err)
{
	CHECK_OBJ(inv, INVENTORY_MAGIC);
	return plugin_file_load(f, inv->copy_dir, result, err);
}

/* ---- looking up ---- */

/* A component of a plugin that may not be loaded. */
struct found {
	struct plugin_file *file;
	const struct known_component *what;
};

/* What the plugin's id alone means: its only component of that kind, or the one that is called by the kind. */
static const struct known_component *main_component(const struct plugin_file *f, uint32_t kind)
{
	const struct known_component *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < f->about->n_components; i++) {
		const struct known_component *c = &f->about->components[i];

		if (c->kind != kind)
			continue;
		if (strcmp(c->name, component_kind_name(kind)) == 0)
			return c;
		only = c;
		n++;
	}
	return n == 1 ? only : NULL;
}

static int is_named(const struct plugin_file *f, const struct known_component *c, const char *reference)
{
	size_t n = strlen(f->about->id);

	if (strncmp(reference, f->about->id, n) == 0 && reference[n] == '/')
		return strcmp(reference + n + 1, c->name) == 0;
	return strcmp(reference, c->name) == 0;
}

static size_t find_by_name(const struct catalog *all, uint32_t kind, const char *reference, struct found *result)
{
	size_t found = 0;

	for (size_t i = 0; i < all->n_plugins; i++)
		for (size_t k = 0; k < all->plugins[i]->about->n_components; k++) {
			const struct known_component *c = &all->plugins[i]->about->components[k];

			if (c->kind != kind || !is_named(all->plugins[i], c, reference))
				continue;
			*result = (struct found){ all->plugins[i], c };
			found++;
		}
	return found;
}

/* The name nearest to what was typed, of a component or a plugin with one of that kind; NULL: none is near. */
static const char *nearest(const struct catalog *all, uint32_t kind, const char *reference)
{
	const char *slash = strchr(reference, '/');
	struct suggestion near = { .typed = slash ? slash + 1 : reference };
	struct suggestion plugin = { .typed = reference };

	for (size_t i = 0; i < all->n_plugins; i++) {
		const struct known_plugin *p = all->plugins[i]->about;

		for (size_t k = 0; k < p->n_components; k++)
			if (p->components[k].kind == kind)
				suggestion_offer(&near, p->components[k].name);
		if (main_component(all->plugins[i], kind) != NULL)
			suggestion_offer(&plugin, p->id);
	}
	return plugin.best ? plugin.best : near.best;
}

static void list_known(const struct catalog *all, uint32_t kind, char *list, size_t size)
{
	size_t n = 0;

	list[0] = '\0';
	for (size_t i = 0; i < all->n_plugins; i++)
		for (size_t k = 0; k < all->plugins[i]->about->n_components; k++) {
			const struct known_component *c = &all->plugins[i]->about->components[k];

			if (c->kind == kind && n < size)
				n += (size_t)snprintf(list + n, size - n, "%s%s/%s", n > 0 ? ", " : "",
				                      all->plugins[i]->about->id, c->name);
		}
}

static const char *reason_for_absence(const struct catalog *all, const char *reference)
{
	size_t n = strcspn(reference, "/");

	for (size_t i = 0; i < all->n_refusals; i++) {
		const char *slash = strrchr(all->refusals[i].path, '/');
		const char *name = slash ? slash + 1 : all->refusals[i].path;

		if (strncmp(name, reference, n) == 0 && strcmp(name + n, ".so") == 0)
			return all->refusals[i].reason;
	}
	return NULL;
}

static outflow_status fail_to_find(const struct catalog *all, uint32_t kind, const char *reference, size_t found,
                                   outflow_error *err)
{
	const char *reason, *near;
	char known[300];

	list_known(all, kind, known, sizeof known);
	if (found > 1)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is the name of %zu %ss; write plugin/component: %s",
		                    reference, found, component_kind_name(kind), known);
	reason = reason_for_absence(all, reference);
	if (reason != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "there is no %s '%.60s': its plugin was refused: %s",
		                    component_kind_name(kind), reference, reason);
	near = nearest(all, kind, reference);
	if (near != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "there is no %s '%.60s'; did you mean '%s'? There are: %s",
		                    component_kind_name(kind), reference, near, known);
	return outflow_fail(err, OUTFLOW_E_CONFIG, "there is no %s '%.60s'; there are: %s", component_kind_name(kind),
	                    reference, *known ? known : "none (see plugin.path)");
}

static const outflow_component *component_of(const struct module *m, uint32_t kind, const char *name)
{
	for (size_t i = 0; i < m->plugin->n_components; i++)
		if (m->plugin->components[i]->kind == kind && strcmp(m->plugin->components[i]->name, name) == 0)
			return m->plugin->components[i];
	return NULL;
}

static outflow_status load_found(const struct inventory *inv, const struct found *f, struct component *result,
                                 outflow_error *err)
{
	outflow_status status = inventory_load(inv, f->file, &result->module, err);

	if (status != OUTFLOW_OK)
		return status;
	result->what = component_of(result->module, f->what->kind, f->what->name);
	if (result->what == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: was replaced by a version without %s/%s", f->file->path,
		                    f->file->about->id, f->what->name);
	return OUTFLOW_OK;
}

/* Returns how many match. */
static size_t find_known(const struct catalog *all, uint32_t kind, const char *reference, struct found *result)
{
	size_t n = find_by_name(all, kind, reference, result);

	if (n > 0)
		return n;
	result->file = catalog_find(all, reference);
	result->what = result->file ? main_component(result->file, kind) : NULL;
	return result->what != NULL;
}

outflow_status inventory_find(const struct inventory *inv, uint32_t kind, const char *reference,
                              struct component *result, outflow_error *err)
{
	const struct catalog *all = inventory_catalog(inv);
	struct found found = { 0 };
	size_t n;

	CHECK_OBJ(inv, INVENTORY_MAGIC);
	n = find_known(all, kind, reference, &found);
	return n == 1 ? load_found(inv, &found, result, err) : fail_to_find(all, kind, reference, n, err);
}

const struct known_component *inventory_known(const struct inventory *inv, uint32_t kind, const char *reference)
{
	struct found found = { 0 };

	CHECK_OBJ(inv, INVENTORY_MAGIC);
	return find_known(inventory_catalog(inv), kind, reference, &found) == 1 ? found.what : NULL;
}

/* ---- private copies ---- */

/* One that nobody has; NULL: there is none. */
static struct private_module *find_copy(const struct inventory *inv, const struct module *of)
{
	for (size_t i = 0; i < inv->n_copies; i++)
		if (!inv->copies[i].taken && strcmp(inv->copies[i].module->path, of->path) == 0)
			return &inv->copies[i];
	return NULL;
}

static outflow_status load_copy(struct inventory *inv, const struct module *of, struct private_module **result,
                                outflow_error *err)
{
	struct private_module *more = realloc(inv->copies, (inv->n_copies + 1) * sizeof *more);
	outflow_status status;

	if (more == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", of->path);
	inv->copies = more;
	more += inv->n_copies;
	*more = (struct private_module){ 0 };
	status = module_load_again(of, inv->copy_dir, inv->n_copies + 1, &more->module, err);
	if (status != OUTFLOW_OK)
		return status;
	inv->n_copies++;
	*result = more;
	return OUTFLOW_OK;
}

static outflow_status take_copy(struct inventory *inv, const struct module *of, const struct module **result,
                                outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	struct private_module *copy;

	pthread_mutex_lock(&inv->lock);
	copy = find_copy(inv, of);
	if (copy == NULL)
		status = load_copy(inv, of, &copy, err);
	if (status == OUTFLOW_OK) {
		copy->taken = 1;
		*result = copy->module;
	}
	pthread_mutex_unlock(&inv->lock);
	return status;
}

outflow_status inventory_instance(struct inventory *inv, const struct component *c, struct component *result,
                                  outflow_error *err)
{
	const struct module *copy = NULL;
	outflow_status status;

	CHECK_OBJ(inv, INVENTORY_MAGIC);
	*result = *c;
	if (!(c->what->flags & OUTFLOW_PRIVATE_COPY))
		return OUTFLOW_OK;
	if (inv->copy_dir == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: needs a state directory for its private copy",
		                    c->module->path);
	status = take_copy(inv, c->module, &copy, err);
	if (status != OUTFLOW_OK)
		return status;
	*result = (struct component){ copy, component_of(copy, c->what->kind, c->what->name) };
	if (result->what == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: was changed while the daemon runs; restart it",
		                    c->module->file);
	return OUTFLOW_OK;
}

void inventory_release(struct inventory *inv, const struct component *c, int reusable)
{
	CHECK_OBJ(inv, INVENTORY_MAGIC);
	pthread_mutex_lock(&inv->lock);
	for (size_t i = 0; i < inv->n_copies; i++)
		if (inv->copies[i].module == c->module)
			inv->copies[i].taken = !reusable;
	pthread_mutex_unlock(&inv->lock);
}

void inventory_close(struct inventory **pinv)
{
	struct inventory *inv = *pinv;

	*pinv = NULL;
	if (inv == NULL)
		return;
	CHECK_OBJ(inv, INVENTORY_MAGIC);
	for (size_t i = 0; i < inv->n_copies; i++)
		module_free(&inv->copies[i].module);
	while (inv->catalog != NULL) {
		struct catalog *older = inv->catalog->older;

		catalog_free(&inv->catalog);
		inv->catalog = older;
	}
	plugin_files_clear(&inv->files);
	free(inv->copies);
	free(inv->plugin_path);
	free(inv->copy_dir);
	pthread_mutex_destroy(&inv->reading);
	pthread_mutex_destroy(&inv->lock);
	inv->magic = 0;
	free(inv);
}
