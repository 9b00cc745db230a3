/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h: the one canonical form of a configuration, a flat map of strings that knows where each came from. */
#ifndef HOST_CONFIG_SETTINGS_H
#define HOST_CONFIG_SETTINGS_H
#include <outflow/abi.h>

struct setting {
	char *key, *value;
	const char *file; /* NULL: none; outlives the settings (interned) */
	int line;
};

/* Kept sorted by key. Zeroed is empty. */
struct settings {
	struct setting *list;
	size_t n, room;
};

/* Sets or replaces key; copies both texts. OUTFLOW_E_NOMEM: unchanged. [any] */
outflow_status settings_set(struct settings *s, const char *key, const char *value, const char *file, int line);

/* The setting, or NULL. [any] */
const struct setting *settings_find(const struct settings *s, const char *key);

/* Its value, or NULL. [any] */
const char *settings_get(const struct settings *s, const char *key);

/* Adds every setting of `from` below prefix ("source."; "" for all) under to_prefix, without replacing what is there
 * unless `replace`. OUTFLOW_E_NOMEM. [any] */
outflow_status settings_merge(struct settings *to, const char *to_prefix, const struct settings *from,
                              const char *prefix, int replace);

/* Takes key away, if it is there. [any] */
void settings_remove(struct settings *s, const char *key);

void settings_clear(struct settings *s);

/* A file name that lives as long as the process. NULL: no memory. [any] */
const char *settings_file_name(const char *path);

#endif
