/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.h: which plugins there are, and which component a name in a configuration means. */
#ifndef HOST_PLUGIN_INVENTORY_H
#define HOST_PLUGIN_INVENTORY_H
#include "host/plugin/catalog.h"

#include <outflow/abi.h>

struct inventory;

/* A component and the file that it came from. */
struct component {
	const struct module *module;
	const outflow_component *what;
};

/* Looks at every *.so in the directories of a colon-separated path; nothing is loaded here before something uses it. Files
 * that are refused are kept as refusals, not errors. copy_dir: where private copies go, held by this process; NULL: none
 * are made. [any] */
outflow_status inventory_open(const char *plugin_path, const char *copy_dir, struct inventory **result,
                              outflow_error *err);

/* Looks again, at what is new or has changed, and says in the log what came of it. What is loaded stays as it is.
 * OUTFLOW_E_NOMEM leaves everything as it was. [any] */
outflow_status inventory_rescan(struct inventory *inv, outflow_error *err);

/* What `reference` means where a component of `kind` is wanted: "plugin/component", a component's name, or the id of a
 * plugin: its only component of that kind, or the one that is called by the kind. Loads its plugin.
 * OUTFLOW_E_CONFIG: nothing or several match; the error lists what there is, the nearest name, and the reason when a file
 * of that name was refused. Else the errors of plugin_file_load. [any] */
outflow_status inventory_find(const struct inventory *inv, uint32_t kind, const char *reference,
                              struct component *result, outflow_error *err);

/* What is known of it without loading its plugin; NULL: nothing or several match. [any] */
const struct known_component *inventory_known(const struct inventory *inv, uint32_t kind, const char *reference);

/* The module to create an instance from: the shared one, or, for a component with OUTFLOW_PRIVATE_COPY, a copy that nobody
 * else has until inventory_release. [any] */
outflow_status inventory_instance(struct inventory *inv, const struct component *c, struct component *result,
                                  outflow_error *err);

/* The instance is gone, and its copy may serve another one; unless reusable, when a client in there could not be stopped.
 * c: what inventory_instance gave; all zero is accepted. [any] */
void inventory_release(struct inventory *inv, const struct component *c, int reusable);

/* What there is now, loaded or not. Stays valid, and the same, until inventory_close. [any] */
const struct catalog *inventory_catalog(const struct inventory *inv);

/* Loads one of its plugins, for what only the loaded plugin tells: the schemas. The errors of plugin_file_load. [any] */
outflow_status inventory_load(const struct inventory *inv, struct plugin_file *f, const struct module **result,
                              outflow_error *err);

/* Frees the lists; loaded code stays. Clears the pointer and accepts NULL inside. [any] */
void inventory_close(struct inventory **inv);

/* "source", "sink", "transform", "predicate", "converter". [any] */
const char *component_kind_name(uint32_t kind);

#endif
