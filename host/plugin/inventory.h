/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.h: which plugins there are, and which component a name in a configuration means. */
#ifndef HOST_PLUGIN_INVENTORY_H
#define HOST_PLUGIN_INVENTORY_H
#include "host/plugin/loader.h"

#include <outflow/abi.h>

struct inventory;

/* A component and the file that it came from. */
struct component {
	const struct module *module;
	const outflow_component *what;
};

/* A file that could not be used. */
struct refusal {
	char *path;
	char *reason;
};

/* Loads every *.so in the directories of a colon-separated path, in name order; one plugin id is taken from the first
 * directory that has it. Files that are refused are kept as refusals, not errors. A file is looked at in a child process
 * first, so that a plugin that crashes while loading is a refusal too. copy_dir: where private copies go, held by this
 * process; NULL: none are made. [any, before threads are started] */
outflow_status inventory_open(const char *plugin_path, const char *copy_dir, struct inventory **result,
                              outflow_error *err);

/* What `reference` means where a component of `kind` is wanted: "plugin/component", a component's name, or the id of a
 * plugin: its only component of that kind, or the one that is called by the kind. OUTFLOW_E_CONFIG: nothing or several
 * match; the error lists what there is, the nearest name, and the reason when a file of that name was refused. [any] */
outflow_status inventory_find(const struct inventory *inv, uint32_t kind, const char *reference,
                              struct component *result, outflow_error *err);

/* The module to create an instance from: the shared one, or, for a component with OUTFLOW_PRIVATE_COPY, a copy of its
 * own for each (pipeline, stage, task); the same three get the same copy again. [any] */
outflow_status inventory_instance(struct inventory *inv, const struct component *c, const char *pipeline,
                                  const char *stage, uint32_t task, struct component *result, outflow_error *err);

size_t inventory_count(const struct inventory *inv);
const struct module *inventory_module(const struct inventory *inv, size_t i);
size_t inventory_refusals(const struct inventory *inv);
const struct refusal *inventory_refusal(const struct inventory *inv, size_t i);

/* Frees the lists; loaded code stays. Clears the pointer and accepts NULL inside. [any] */
void inventory_close(struct inventory **inv);

/* "source", "sink", "transform", "predicate", "converter". [any] */
const char *component_kind_name(uint32_t kind);

#endif
