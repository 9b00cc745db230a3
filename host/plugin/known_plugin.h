/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_plugin.h: what the host knows of a plugin that it has not loaded: what another process, which has, says of it.
 */
#ifndef HOST_PLUGIN_KNOWN_PLUGIN_H
#define HOST_PLUGIN_KNOWN_PLUGIN_H
#include <outflow/abi.h>

struct known_component {
	uint32_t kind, flags;
	const char *name, *doc; /* "" without one */
	const char *
		secrets; /* names of its keys that hold secrets, one behind the other, each with its NUL; "" ends them */
};

struct known_plugin {
	const char *id, *version, *license, *doc; /* "" without one */
	struct known_component *components;
	size_t n_components;
	char *text; /* what the names point into */
};

/* Texts, each with its NUL, that say what a plugin is, or, with a reason and no plugin, why it cannot be used. *text is
 * malloc'd. OUTFLOW_E_NOMEM. [any] */
outflow_status known_plugin_pack(const outflow_plugin *p, const char *reason, char **text, size_t *n);

/* Reads them back. Takes over text: on success *result or *reason is set, which the caller frees. OUTFLOW_E_RECORD: it says
 * neither; OUTFLOW_E_NOMEM. [any] */
outflow_status known_plugin_unpack(char *text, size_t n, struct known_plugin **result, char **reason);

/* Clears the pointer and accepts NULL inside. [any] */
void known_plugin_free(struct known_plugin **p);

#endif
