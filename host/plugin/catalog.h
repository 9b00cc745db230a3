/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.h: the plugin files in the directories of a path, as they were at one moment, and what they hold. A file is loaded
 * into the host when something uses it, not before.
 */
#ifndef HOST_PLUGIN_CATALOG_H
#define HOST_PLUGIN_CATALOG_H
#include "host/plugin/known_plugin.h"
#include "host/plugin/loader.h"

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

/* Tells whether a path still leads to the same content. */
struct file_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

/* A file with one content. */
struct plugin_file {
	char *path;
	struct file_stamp stamp;
	struct known_plugin *about; /* NULL: it cannot be used */
	char *reason;               /* why */
	pthread_mutex_t lock;       /* held while it is loaded */
	struct module *module;      /* atomic; NULL: not loaded */
};

/* All that one process has ever looked at; what was loaded stays. */
struct plugin_files {
	struct plugin_file **list;
	size_t n;
};

/* A file, or a directory, that could not be used. */
struct refusal {
	char *path;
	char *reason;
};

/* Never changes once it is made. */
struct catalog {
	struct plugin_file **plugins; /* of each id the one that counts */
	size_t n_plugins;
	struct refusal *refusals;
	size_t n_refusals;
	struct catalog *older;
};

/* Reads the directories of a colon-separated path, in name order; one plugin id is taken from the first directory that has
 * it. Only files that are not in `files`, or whose content has changed, are looked at (in another process: probe.h), and
 * put there. A plugin that is loaded stays as it is, whatever became of its file. OUTFLOW_E_NOMEM. [any, one caller at a
 * time] */
outflow_status catalog_read(const char *plugin_path, struct plugin_files *files, struct catalog **result);

/* Do both say the same? [any] */
int catalog_equal(const struct catalog *a, const struct catalog *b);

/* Neither the files nor older ones. Clears the pointer and accepts NULL inside. [any] */
void catalog_free(struct catalog **c);

/* The plugin with that id, or NULL. [any] */
struct plugin_file *catalog_find(const struct catalog *c, const char *id);

/* Loads it, unless it is, from a copy in copy_dir as module_load does; a file whose content has changed since it was looked
 * at is looked at once more. The errors of module_load. [any] */
outflow_status plugin_file_load(struct plugin_file *f, const char *copy_dir, const struct module **result,
                                outflow_error *err);

/* The module, if it is loaded. [any] */
const struct module *plugin_file_module(const struct plugin_file *f);

/* Frees what is known of the files; loaded code stays. [any] */
void plugin_files_clear(struct plugin_files *files);

#endif
