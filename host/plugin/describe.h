/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h: plugins, components and schemas for people and programs. */
#ifndef HOST_PLUGIN_DESCRIBE_H
#define HOST_PLUGIN_DESCRIBE_H
#include "host/plugin/inventory.h"

#include <jansson.h>
#include <stdio.h>

/* All plugins with their components, and the files that were refused. NULL: no memory. [any] */
json_t *describe_inventory(const struct inventory *inv);

/* The keys of a schema (NULL: none), in a list: for each of them name, type, required, default, importance, group, documentation,
 * choices and range. NULL: no memory. [any] */
json_t *describe_schema(const outflow_cfg_def *def);

/* A component with its keys. NULL: no memory. [any] */
json_t *describe_component(const struct component *c);

/* One plugin with all its components and their schemas. m: its module. NULL: no memory. [any] */
json_t *describe_plugin(const struct plugin_file *f, const struct module *m);

/* The same as text. [any] */
void describe_inventory_print(const struct inventory *inv, FILE *to);
void describe_component_print(const struct component *c, FILE *to);

/* A group for a configuration file: required keys are set, the rest stands there as comments. [any] */
void describe_component_example(const struct component *c, FILE *to);

#endif
