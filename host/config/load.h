/* SPDX-License-Identifier: Apache-2.0 */
/* load.h: libconfig files -> settings, by the flattening rules of doc/configuration.md; JSON files of one pipeline each. */
#ifndef HOST_CONFIG_LOAD_H
#define HOST_CONFIG_LOAD_H
#include "host/config/problems.h"
#include "host/config/settings.h"

/* A pipeline or connection as declared: its flat map, with `name`. */
struct declaration {
	char *name;
	const char *file;
	int line;
	struct settings settings;
	int for_trial; /* whoever tries it sees what its stages make of their keys: secrets there stay hidden */
};

struct declarations {
	struct declaration *list;
	size_t n;
};

/* Everything that the files say. Zeroed is empty. */
struct loaded {
	struct settings host;          /* every group but the two below */
	struct declarations pipelines; /* in order of file name and place; names are unique */
	struct declarations connections;
};

/* Reads one file, or every *.conf and *.json of a directory in name order; each file is parsed alone. Unreadable files, syntax
 * errors, values that cannot be flattened and double names become problems with file and line. OUTFLOW_E_NOMEM. [any] */
outflow_status config_load(const char *path, struct loaded *to, struct problems *problems);

/* The same for a text that is in memory already; in problems it is called `name`. [any] */
outflow_status config_load_text(const char *name, const char *text, struct loaded *to, struct problems *problems);

/* libconfig's version, as it was compiled against. [any] */
const char *config_library(void);

void loaded_clear(struct loaded *l);

#endif
