/* SPDX-License-Identifier: Apache-2.0 */
/* connect_component.h: components by the names that Kafka Connect's clients use, without loading a plugin. */
#ifndef HOST_API_CONNECT_COMPONENT_H
#define HOST_API_CONNECT_COMPONENT_H
#include "host/config/connect_class.h"
#include "host/plugin/catalog.h"

struct connect_component {
	uint32_t kind;
	const struct plugin_file *file;
	const struct known_component *known;
	const struct connect_java *java; /* NULL: named as the component that it is */
};

/* What a reference means among components of a kind, by inventory_find's rules. 0: nothing, or several. [any] */
int connect_component_find(const struct catalog *c, uint32_t kind, const char *reference,
                           struct connect_component *result);

/* What connector.class means, by connect_class_find's rules. 0: nothing. [any] */
int connect_component_of_class(const struct catalog *c, const char *class, struct connect_component *result);

/* The component itself, when its plugin is loaded, else NULL. [any] */
const outflow_component *connect_component_loaded(const struct connect_component *c);

/* "file/source", or the full Java name. buffer has CONNECT_NAME_MAX bytes. [any] */
#define CONNECT_NAME_MAX 200
const char *connect_component_name(const struct connect_component *c, char *buffer);

#endif
