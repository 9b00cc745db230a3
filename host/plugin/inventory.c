/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/inventory.h"

#include "host/base/check.h"
#include "host/config/suggest.h"
#include "host/base/log.h"
#include "host/plugin/private_copy.h"
#include "host/plugin/probe.h"

#include <outflow/util.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define INVENTORY_MAGIC 0x696e7665u

/* A copy of a plugin that belongs to one (pipeline, stage, task). */
struct private_module {
	char *owner;
	struct module *module;
};

struct inventory {
	unsigned magic;
	char *copy_dir;
	struct module **modules;
	size_t n_modules;
	struct refusal *refusals;
	size_t n_refusals;
	pthread_mutex_t lock; /* of the rest */
	struct private_module *copies;
	size_t n_copies;
};

/* Grows an array by one zeroed element; NULL: no memory, the array is as it was. */
static void *grow(void *array, size_t n, size_t size)
{
	char *more = realloc(*(void **)array, (n + 1) * size);

	if (more == NULL)
		return NULL;
	*(void **)array = more;
	memset(more + n * size, 0, size);
	return more + n * size;
}

static outflow_status refuse(struct inventory *inv, const char *path, const char *reason)
{
	struct refusal *r = grow(&inv->refusals, inv->n_refusals, sizeof *r);

	if (r == NULL || (r->path = strdup(path)) == NULL || (r->reason = strdup(reason)) == NULL)
		return OUTFLOW_E_NOMEM;
	inv->n_refusals++;
	log_write(&log_plugin_place, OUTFLOW_LOG_DEBUG, "plugin refused: %s", reason);
	return OUTFLOW_OK;
}

static const struct module *find_plugin(const struct inventory *inv, const char *id)
{
	for (size_t i = 0; i < inv->n_modules; i++)
		if (strcmp(inv->modules[i]->plugin->id, id) == 0)
			return inv->modules[i];
	return NULL;
}

/* Are two files in one directory? Then an id that both have is a mistake; in a later directory it is hidden. */
static int is_beside(const char *a, const char *b)
{
	size_t n = (size_t)(strrchr(a, '/') - a);

	return (size_t)(strrchr(b, '/') - b) == n && strncmp(a, b, n) == 0;
}

static outflow_status refuse_double(struct inventory *inv, const struct module *m, const struct module *other)
{
	char reason[1024];

	snprintf(reason, sizeof reason, "%.400s: has the id '%s', which %.400s has already", m->path, m->plugin->id,
	         other->path);
	return refuse(inv, m->path, reason);
}

static outflow_status add_file(struct inventory *inv, const char *path)
{
	outflow_error err = { .size = sizeof err };
	const struct module *other;
	struct module *m = NULL;
	struct module **place;
	outflow_status status;

	if (module_load(path, inv->copy_dir, "", &m, &err) != OUTFLOW_OK)
		return refuse(inv, path, err.msg);
	other = find_plugin(inv, m->plugin->id);
	if (other != NULL) {
		status = is_beside(other->path, path) ? refuse_double(inv, m, other) : OUTFLOW_OK;
		module_free(&m);
		return status;
	}
	place = grow(&inv->modules, inv->n_modules, sizeof *place);
	if (place == NULL) {
		module_free(&m);
		return OUTFLOW_E_NOMEM;
	}
	*place = m;
	inv->n_modules++;
	return OUTFLOW_OK;
}

static int is_plugin_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 3, ".so") == 0;
}

static outflow_status refuse_directory(struct inventory *inv, const char *dir, int code)
{
	char reason[600];

	snprintf(reason, sizeof reason, "%.400s: cannot be read: %s", dir, strerror(code));
	return refuse(inv, dir, reason);
}

/* The paths of all plugin files of one directory, in name order. */
static outflow_status list_directory(struct inventory *inv, const char *dir, char ***paths, size_t *n_paths)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_plugin_file, alphasort);
	outflow_status status = OUTFLOW_OK;

	if (n < 0)
		return refuse_directory(inv, dir, errno);
	for (int i = 0; i < n; i++) {
		char **place = grow(paths, *n_paths, sizeof *place);

		if (place == NULL || asprintf(place, "%s/%s", dir, entries[i]->d_name) < 0)
			status = OUTFLOW_E_NOMEM;
		else
			++*n_paths;
		free(entries[i]);
	}
	free(entries);
	return status;
}

static outflow_status list_files(struct inventory *inv, const char *plugin_path, char ***paths, size_t *n)
{
	char *copy = strdup(plugin_path);
	char *rest = copy, *dir;
	outflow_status status = copy ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

	while (status == OUTFLOW_OK && (dir = strsep(&rest, ":")) != NULL)
		if (*dir != '\0')
			status = list_directory(inv, dir, paths, n);
	free(copy);
	return status;
}

static outflow_status add_files(struct inventory *inv, char **paths, size_t n)
{
	char **verdicts = calloc(n + 1, sizeof *verdicts);
	outflow_status status = verdicts ? probe_files((const char *const *)paths, n, verdicts) : OUTFLOW_E_NOMEM;

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++)
		status = verdicts[i] ? refuse(inv, paths[i], verdicts[i]) : add_file(inv, paths[i]);
	for (size_t i = 0; verdicts != NULL && i < n; i++)
		free(verdicts[i]);
	free(verdicts);
	return status;
}

/* What is in the directory of copies and not in use is from another time. */
static outflow_status prune_copies(const struct inventory *inv)
{
	const char **files = calloc(inv->n_modules + 1, sizeof *files);

	if (files == NULL)
		return OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < inv->n_modules; i++)
		files[i] = inv->modules[i]->file;
	private_copy_prune(inv->copy_dir, files, inv->n_modules);
	free(files);
	return OUTFLOW_OK;
}

outflow_status inventory_open(const char *plugin_path, const char *copy_dir, struct inventory **result,
                              outflow_error *err)
{
	struct inventory *inv = calloc(1, sizeof *inv);
	char **paths = NULL;
	size_t n = 0;
	outflow_status status;

	if (inv == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the list of plugins");
	inv->magic = INVENTORY_MAGIC;
	pthread_mutex_init(&inv->lock, NULL);
	inv->copy_dir = copy_dir ? strdup(copy_dir) : NULL;
	status = copy_dir != NULL && inv->copy_dir == NULL ? OUTFLOW_E_NOMEM : list_files(inv, plugin_path, &paths, &n);
	if (status == OUTFLOW_OK)
		status = add_files(inv, paths, n);
	if (status == OUTFLOW_OK && inv->copy_dir != NULL)
		status = prune_copies(inv);
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
	if (status != OUTFLOW_OK) {
		inventory_close(&inv);
		return outflow_fail(err, status, "no memory for the list of plugins");
	}
	*result = inv;
	return OUTFLOW_OK;
}

/* ---- looking up ---- */

/* What the plugin's id alone means: its only component of that kind, or the one that is called by the kind. */
static const outflow_component *main_component(const struct module *m, uint32_t kind)
{
	const outflow_component *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < m->plugin->n_components; i++) {
		const outflow_component *c = m->plugin->components[i];

		if (c->kind != kind)
			continue;
		if (strcmp(c->name, component_kind_name(kind)) == 0)
			return c;
		only = c;
		n++;
	}
	return n == 1 ? only : NULL;
}

static int is_named(const struct module *m, const outflow_component *c, const char *reference)
{
	size_t n = strlen(m->plugin->id);

	if (strncmp(reference, m->plugin->id, n) == 0 && reference[n] == '/')
		return strcmp(reference + n + 1, c->name) == 0;
	return strcmp(reference, c->name) == 0;
}

static size_t find_by_name(const struct inventory *inv, uint32_t kind, const char *reference, struct component *result)
{
	size_t found = 0;

	for (size_t i = 0; i < inv->n_modules; i++)
		for (size_t k = 0; k < inv->modules[i]->plugin->n_components; k++) {
			const outflow_component *c = inv->modules[i]->plugin->components[k];

			if (c->kind != kind || !is_named(inv->modules[i], c, reference))
				continue;
			*result = (struct component){ inv->modules[i], c };
			found++;
		}
	return found;
}

/* The name nearest to what was typed, of a component or a plugin with one of that kind; NULL: none is near. */
static const char *nearest(const struct inventory *inv, uint32_t kind, const char *reference)
{
	const char *slash = strchr(reference, '/');
	struct suggestion near = { .typed = slash ? slash + 1 : reference };
	struct suggestion plugin = { .typed = reference };

	for (size_t i = 0; i < inv->n_modules; i++) {
		const outflow_plugin *p = inv->modules[i]->plugin;

		for (size_t k = 0; k < p->n_components; k++)
			if (p->components[k]->kind == kind)
				suggestion_offer(&near, p->components[k]->name);
		if (main_component(inv->modules[i], kind) != NULL)
			suggestion_offer(&plugin, p->id);
	}
	return plugin.best ? plugin.best : near.best;
}

static void list_known(const struct inventory *inv, uint32_t kind, char *list, size_t size)
{
	size_t n = 0;

	list[0] = '\0';
	for (size_t i = 0; i < inv->n_modules; i++)
		for (size_t k = 0; k < inv->modules[i]->plugin->n_components; k++) {
			const outflow_component *c = inv->modules[i]->plugin->components[k];

			if (c->kind == kind && n < size)
				n += (size_t)snprintf(list + n, size - n, "%s%s/%s", n > 0 ? ", " : "",
				                      inv->modules[i]->plugin->id, c->name);
		}
}

static const char *reason_for_absence(const struct inventory *inv, const char *reference)
{
	size_t n = strcspn(reference, "/");

	for (size_t i = 0; i < inv->n_refusals; i++) {
		const char *slash = strrchr(inv->refusals[i].path, '/');
		const char *name = slash ? slash + 1 : inv->refusals[i].path;

		if (strncmp(name, reference, n) == 0 && strcmp(name + n, ".so") == 0)
			return inv->refusals[i].reason;
	}
	return NULL;
}

outflow_status inventory_find(const struct inventory *inv, uint32_t kind, const char *reference,
                              struct component *result, outflow_error *err)
{
	const struct module *m = find_plugin(inv, reference);
	const outflow_component *its = m ? main_component(m, kind) : NULL;
	size_t found = find_by_name(inv, kind, reference, result);
	const char *reason, *near;
	char known[300];

	CHECK_OBJ(inv, INVENTORY_MAGIC);
	if (found == 1)
		return OUTFLOW_OK;
	if (found == 0 && its != NULL) {
		*result = (struct component){ m, its };
		return OUTFLOW_OK;
	}
	list_known(inv, kind, known, sizeof known);
	if (found > 1)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is the name of %zu %ss; write plugin/component: %s",
		                    reference, found, component_kind_name(kind), known);
	reason = reason_for_absence(inv, reference);
	if (reason != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "there is no %s '%.60s': its plugin was refused: %s",
		                    component_kind_name(kind), reference, reason);
	near = nearest(inv, kind, reference);
	if (near != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "there is no %s '%.60s'; did you mean '%s'? There are: %s",
		                    component_kind_name(kind), reference, near, known);
	return outflow_fail(err, OUTFLOW_E_CONFIG, "there is no %s '%.60s'; there are: %s", component_kind_name(kind),
	                    reference, *known ? known : "none (see plugin.path)");
}

/* ---- private copies ---- */

/* The same component in another copy of its plugin. */
static const outflow_component *same_component(const struct module *m, const outflow_component *c)
{
	for (size_t i = 0; i < m->plugin->n_components; i++)
		if (m->plugin->components[i]->kind == c->kind && strcmp(m->plugin->components[i]->name, c->name) == 0)
			return m->plugin->components[i];
	return NULL;
}

static struct module *find_copy(const struct inventory *inv, const char *owner, const char *path)
{
	for (size_t i = 0; i < inv->n_copies; i++)
		if (strcmp(inv->copies[i].owner, owner) == 0 && strcmp(inv->copies[i].module->path, path) == 0)
			return inv->copies[i].module;
	return NULL;
}

/* Copies are numbered: an owner's name may hold what a file name may not. */
static outflow_status load_copy(struct inventory *inv, const char *owner, const char *path, struct module **result,
                                outflow_error *err)
{
	struct private_module *copy = grow(&inv->copies, inv->n_copies, sizeof *copy);
	char number[24];
	outflow_status status;

	if (copy == NULL || (copy->owner = strdup(owner)) == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	snprintf(number, sizeof number, "%zu", inv->n_copies + 1);
	status = module_load(path, inv->copy_dir, number, &copy->module, err);
	if (status != OUTFLOW_OK) {
		free(copy->owner);
		return status;
	}
	inv->n_copies++;
	*result = copy->module;
	return OUTFLOW_OK;
}

outflow_status inventory_instance(struct inventory *inv, const struct component *c, const char *pipeline,
                                  const char *stage, uint32_t task, struct component *result, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	struct module *copy;
	char owner[600];

	CHECK_OBJ(inv, INVENTORY_MAGIC);
	*result = *c;
	if (!(c->what->flags & OUTFLOW_PRIVATE_COPY))
		return OUTFLOW_OK;
	if (inv->copy_dir == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: needs a state directory for its private copy",
		                    c->module->path);
	snprintf(owner, sizeof owner, "%s\n%s\n%u", pipeline, stage, task);
	pthread_mutex_lock(&inv->lock);
	copy = find_copy(inv, owner, c->module->path);
	if (copy == NULL)
		status = load_copy(inv, owner, c->module->path, &copy, err);
	pthread_mutex_unlock(&inv->lock);
	if (status != OUTFLOW_OK)
		return status;
	*result = (struct component){ copy, same_component(copy, c->what) };
	if (result->what == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "%s: was replaced by another version while the daemon runs; restart it",
		                    c->module->path);
	return OUTFLOW_OK;
}

size_t inventory_count(const struct inventory *inv)
{
	return inv->n_modules;
}

const struct module *inventory_module(const struct inventory *inv, size_t i)
{
	return inv->modules[i];
}

size_t inventory_refusals(const struct inventory *inv)
{
	return inv->n_refusals;
}

const struct refusal *inventory_refusal(const struct inventory *inv, size_t i)
{
	return &inv->refusals[i];
}

void inventory_close(struct inventory **pinv)
{
	struct inventory *inv = *pinv;

	*pinv = NULL;
	if (inv == NULL)
		return;
	CHECK_OBJ(inv, INVENTORY_MAGIC);
	for (size_t i = 0; i < inv->n_modules; i++)
		module_free(&inv->modules[i]);
	for (size_t i = 0; i < inv->n_refusals; i++) {
		free(inv->refusals[i].path);
		free(inv->refusals[i].reason);
	}
	for (size_t i = 0; i < inv->n_copies; i++) {
		free(inv->copies[i].owner);
		module_free(&inv->copies[i].module);
	}
	free(inv->modules);
	free(inv->refusals);
	free(inv->copies);
	free(inv->copy_dir);
	pthread_mutex_destroy(&inv->lock);
	inv->magic = 0;
	free(inv);
}
