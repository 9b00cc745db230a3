/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/catalog.h"

#include "host/plugin/private_copy.h"
#include "host/plugin/probe.h"

#include <outflow/util.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* ---- files ---- */

/* All zero for one that is not there. */
static struct file_stamp stamp_of(const char *path)
{
	struct file_stamp stamp = { 0 };
	struct stat st;

	if (stat(path, &st) == 0)
		stamp = (struct file_stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
	return stamp;
}

static int same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static void file_free(struct plugin_file *f)
{
	if (f == NULL)
		return;
	pthread_mutex_destroy(&f->lock);
	module_free(&f->module);
	known_plugin_free(&f->about);
	free(f->reason);
	free(f->path);
	free(f);
}

static struct plugin_file *file_new(const char *path, const struct file_stamp *stamp)
{
	struct plugin_file *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	f->stamp = *stamp;
	f->path = strdup(path);
	if (f->path == NULL) {
		file_free(f);
		return NULL;
	}
	return f;
}

/* Has this content been looked at, or is any of that path loaded? */
static struct plugin_file *find_file(const struct plugin_files *files, const char *path, const struct file_stamp *stamp)
{
	for (size_t i = files->n; i-- > 0;) {
		struct plugin_file *f = files->list[i];

		if (strcmp(f->path, path) == 0 && (plugin_file_module(f) != NULL || same_stamp(&f->stamp, stamp)))
			return f;
	}
	return NULL;
}

void plugin_files_clear(struct plugin_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		file_free(files->list[i]);
	free(files->list);
	*files = (struct plugin_files){ 0 };
}

/* ---- a reading ---- */

struct reading {
	struct catalog *catalog;
	char **paths;
	struct plugin_file **files; /* one a path */
	size_t n;
};

static outflow_status refuse(struct catalog *c, const char *path, const char *reason)
{
	struct refusal *r = grow(&c->refusals, c->n_refusals, sizeof *r);

	if (r == NULL)
		return OUTFLOW_E_NOMEM;
	c->n_refusals++;
	r->path = strdup(path);
	r->reason = strdup(reason);
	return r->path && r->reason ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

static int is_plugin_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 3, ".so") == 0;
}

static outflow_status refuse_directory(struct catalog *c, const char *dir, int code)
{
	char reason[600];

	snprintf(reason, sizeof reason, "%.400s: cannot be read: %s", dir, strerror(code));
	return refuse(c, dir, reason);
}

static outflow_status list_directory(struct reading *r, const char *dir)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_plugin_file, alphasort);
	outflow_status status = OUTFLOW_OK;

	if (n < 0)
		return refuse_directory(r->catalog, dir, errno);
	for (int i = 0; i < n; i++) {
		char **place = grow(&r->paths, r->n, sizeof *place);

		if (place == NULL || asprintf(place, "%s/%s", dir, entries[i]->d_name) < 0)
			status = OUTFLOW_E_NOMEM;
		else
			r->n++;
		free(entries[i]);
	}
	free(entries);
	return status;
}

static outflow_status list_files(struct reading *r, const char *plugin_path)
{
	char *copy = strdup(plugin_path);
	char *rest = copy, *dir;
	outflow_status status = copy ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

	while (status == OUTFLOW_OK && (dir = strsep(&rest, ":")) != NULL)
		if (*dir != '\0')
			status = list_directory(r, dir);
	free(copy);
	return status;
}

/* Takes over what was found, if the file is to have it. */
static outflow_status keep_file(struct plugin_files *files, struct plugin_file *f, struct finding *finding)
{
	struct plugin_file **place = grow(&files->list, files->n, sizeof *place);

	if (place == NULL)
		return OUTFLOW_E_NOMEM;
	f->about = finding->plugin;
	f->reason = finding->reason;
	*finding = (struct finding){ 0 };
	*place = f;
	files->n++;
	return OUTFLOW_OK;
}

/* Looks at those of `fresh`, whose numbers among the reading's files are `at`. What cannot be kept is freed. */
static outflow_status look_at(struct reading *r, struct plugin_files *files, const size_t *at, size_t n)
{
	const char **paths = calloc(n + 1, sizeof *paths);
	struct finding *findings = calloc(n + 1, sizeof *findings);
	outflow_status status = paths && findings ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++)
		paths[i] = r->paths[at[i]];
	if (status == OUTFLOW_OK)
		status = probe_files(paths, n, findings);
	for (size_t i = 0; i < n; i++) {
		if (status == OUTFLOW_OK)
			status = keep_file(files, r->files[at[i]], &findings[i]);
		if (status != OUTFLOW_OK)
			file_free(r->files[at[i]]);
	}
	for (size_t i = 0; findings != NULL && i < n; i++) {
		known_plugin_free(&findings[i].plugin);
		free(findings[i].reason);
	}
	free(findings);
	free(paths);
	return status;
}

/* Finds or makes the reading's files. */
static outflow_status take_files(struct reading *r, struct plugin_files *files)
{
	size_t *fresh = calloc(r->n + 1, sizeof *fresh), n = 0;
	outflow_status status = OUTFLOW_OK;

	r->files = calloc(r->n + 1, sizeof(struct plugin_file *));
	if (fresh == NULL || r->files == NULL)
		status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < r->n && status == OUTFLOW_OK; i++) {
		struct file_stamp stamp = stamp_of(r->paths[i]);

		r->files[i] = find_file(files, r->paths[i], &stamp);
		if (r->files[i] != NULL)
			continue;
		r->files[i] = file_new(r->paths[i], &stamp);
		if (r->files[i] != NULL)
			fresh[n++] = i;
		else
			status = OUTFLOW_E_NOMEM;
	}
	if (status == OUTFLOW_OK && n > 0)
		status = look_at(r, files, fresh, n);
	else if (status != OUTFLOW_OK)
		while (n-- > 0)
			file_free(r->files[fresh[n]]);
	free(fresh);
	return status;
}

/* ---- what counts ---- */

/* Are two files in one directory? Then an id that both have is a mistake; in a later directory it is hidden. */
static int is_beside(const char *a, const char *b)
{
	size_t n = (size_t)(strrchr(a, '/') - a);

	return (size_t)(strrchr(b, '/') - b) == n && strncmp(a, b, n) == 0;
}

static outflow_status refuse_double(struct catalog *c, const struct plugin_file *f, const struct plugin_file *other)
{
	char reason[1024];

	snprintf(reason, sizeof reason, "%.400s: has the id '%s', which %.400s has already", f->path, f->about->id,
	         other->path);
	return refuse(c, f->path, reason);
}

static outflow_status add_file(struct catalog *c, struct plugin_file *f)
{
	const struct plugin_file *other = f->about ? catalog_find(c, f->about->id) : NULL;
	struct plugin_file **place;

	if (f->about == NULL)
		return refuse(c, f->path, f->reason);
	if (other != NULL)
		return is_beside(other->path, f->path) ? refuse_double(c, f, other) : OUTFLOW_OK;
	place = grow(&c->plugins, c->n_plugins, sizeof *place);
	if (place == NULL)
		return OUTFLOW_E_NOMEM;
	*place = f;
	c->n_plugins++;
	return OUTFLOW_OK;
}

/* What is loaded goes on without its file. */
static outflow_status add_loaded(struct catalog *c, const struct plugin_files *files)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < files->n && status == OUTFLOW_OK; i++)
		if (plugin_file_module(files->list[i]) != NULL && catalog_find(c, files->list[i]->about->id) == NULL)
			status = add_file(c, files->list[i]);
	return status;
}

outflow_status catalog_read(const char *plugin_path, struct plugin_files *files, struct catalog **result)
{
	struct reading r = { .catalog = calloc(1, sizeof *r.catalog) };
	outflow_status status = r.catalog ? list_files(&r, plugin_path) : OUTFLOW_E_NOMEM;

	if (status == OUTFLOW_OK)
		status = take_files(&r, files);
	for (size_t i = 0; i < r.n && status == OUTFLOW_OK; i++)
		status = add_file(r.catalog, r.files[i]);
	if (status == OUTFLOW_OK)
		status = add_loaded(r.catalog, files);
	for (size_t i = 0; i < r.n; i++)
		free(r.paths[i]);
	free(r.paths);
	free(r.files);
	if (status == OUTFLOW_OK)
		*result = r.catalog;
	else
		catalog_free(&r.catalog);
	return status;
}

int catalog_equal(const struct catalog *a, const struct catalog *b)
{
	if (a->n_plugins != b->n_plugins || a->n_refusals != b->n_refusals)
		return 0;
	for (size_t i = 0; i < a->n_plugins; i++)
		if (a->plugins[i] != b->plugins[i])
			return 0;
	for (size_t i = 0; i < a->n_refusals; i++)
		if (strcmp(a->refusals[i].reason, b->refusals[i].reason) != 0)
			return 0;
	return 1;
}

void catalog_free(struct catalog **pc)
{
	struct catalog *c = *pc;

	*pc = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_refusals; i++) {
		free(c->refusals[i].path);
		free(c->refusals[i].reason);
	}
	free(c->refusals);
	free(c->plugins);
	free(c);
}

struct plugin_file *catalog_find(const struct catalog *c, const char *id)
{
	for (size_t i = 0; i < c->n_plugins; i++)
		if (strcmp(c->plugins[i]->about->id, id) == 0)
			return c->plugins[i];
	return NULL;
}

/* ---- loading ---- */

const struct module *plugin_file_module(const struct plugin_file *f)
{
	return __atomic_load_n(&f->module, __ATOMIC_ACQUIRE);
}

/* A file that was replaced may crash where the one that was looked at did not. */
static outflow_status look_again(const struct plugin_file *f, outflow_error *err)
{
	struct file_stamp now = stamp_of(f->path);
	const char *path = f->path;
	struct finding finding = { 0 };
	outflow_status status;

	if (same_stamp(&now, &f->stamp))
		return OUTFLOW_OK;
	status = probe_files(&path, 1, &finding);
	if (status != OUTFLOW_OK)
		outflow_fail(err, status, "%s: no memory", path);
	else if (finding.reason != NULL)
		status = outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s", finding.reason);
	known_plugin_free(&finding.plugin);
	free(finding.reason);
	return status;
}

static outflow_status load(struct plugin_file *f, const char *copy_dir, outflow_error *err)
{
	outflow_status status = look_again(f, err);
	struct module *m = NULL;

	if (status == OUTFLOW_OK)
		status = module_load(f->path, copy_dir, &m, err);
	if (status != OUTFLOW_OK)
		return status;
	if (strcmp(m->plugin->id, f->about->id) != 0) {
		status = outflow_fail(err, OUTFLOW_E_TASK,
		                      "%s: was plugin %s, and is %s now; plugins have to be read anew", f->path,
		                      f->about->id, m->plugin->id);
		module_free(&m);
		return status;
	}
	if (m->file != NULL)
		private_copy_prune_versions(m->file);
	__atomic_store_n(&f->module, m, __ATOMIC_RELEASE);
	return OUTFLOW_OK;
}

outflow_status plugin_file_load(struct plugin_file *f, const char *copy_dir, const struct module **result,
                                outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	if (plugin_file_module(f) == NULL) {
		pthread_mutex_lock(&f->lock);
		if (f->module == NULL)
			status = load(f, copy_dir, err);
		pthread_mutex_unlock(&f->lock);
	}
	if (status == OUTFLOW_OK)
		*result = plugin_file_module(f);
	return status;
}
