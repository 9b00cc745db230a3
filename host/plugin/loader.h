/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.h: from a file to a checked plugin. Every refusal is one sentence: which file, what it needs, what it has.
 */
#ifndef HOST_PLUGIN_LOADER_H
#define HOST_PLUGIN_LOADER_H
#include <outflow/abi.h>

/* One loaded copy of a plugin's file. It is never closed: client libraries leave threads and thread-local destructors
 * behind. */
struct module {
	unsigned magic;
	char *path; /* the file that the user sees */
	char *file; /* the copy that is loaded; NULL: path itself */
	const outflow_plugin *plugin;
};

/* Loads a copy of the file, made in copy_dir (NULL: the file itself), with RTLD_NOW | RTLD_LOCAL; checks stamp, sizes of
 * all tables, required members and minor; then calls the plugin's load. OUTFLOW_E_UNSUPPORTED: refused; OUTFLOW_E_TASK:
 * cannot be read, copied or linked. Code that was linked stays, refused or not. [any] */
outflow_status module_load(const char *path, const char *copy_dir, struct module **result, outflow_error *err);

/* Loads what m was loaded from once more, with static data of its own, from another copy in copy_dir that `number` tells
 * apart. m needs to be a copy itself. The errors of module_load. [any] */
outflow_status module_load_again(const struct module *m, const char *copy_dir, size_t number, struct module **result,
                                 outflow_error *err);

/* Frees what the host knows about it, not the code. Clears the pointer and accepts NULL inside. [any] */
void module_free(struct module **m);

#endif
