/* SPDX-License-Identifier: Apache-2.0 */
/* connect_key_info.h: what a key is, as Kafka Connect's REST API says it (ConfigKeyInfo). */
#ifndef HOST_API_CONNECT_KEY_INFO_H
#define HOST_API_CONNECT_KEY_INFO_H
#include "host/api/connect_component.h"
#include "host/config/connect_keys.h"

#include <jansson.h>

struct key_info {
	const char *name, *type;
	int required;
	const char *dflt, *importance, *doc, *group; /* dflt and group may be NULL */
	int order;                                   /* -1: none */
	const char *width, *display;
	const char *const *choices; /* NULL: any */
};

/* Calls for each key; k and its texts live until the call returns. */
typedef void key_info_visitor(void *ctx, const struct key_info *k);

/* The keys that Connect itself defines for a connector of this side. [any] */
void key_info_each_framework(enum connect_side side, key_info_visitor *visit, void *ctx);

/* A connector's own keys: of a Java connector those that it has there; of a component of ours the component's, those of the host's
 * stage beside it, and those of a pipeline that Connect does not know. What is not loaded has none. [any] */
void key_info_each_own(const struct catalog *catalog, const struct connect_component *c, key_info_visitor *visit,
                       void *ctx);

/* A schema's keys with a prefix before their names; group NULL: as the schema says; orders count from `order`. Returns the next
 * order. [any] */
int key_info_each_of_schema(const outflow_cfg_def *def, const char *prefix, const char *group, int order,
                            key_info_visitor *visit, void *ctx);

/* Below a converter's key: prefix is "" or "key.converter.". [any] */
void key_info_each_of_converter(int converter, const char *prefix, key_info_visitor *visit, void *ctx);

/* NULL: no memory. [any] */
json_t *key_info_json(const struct key_info *k);

#endif
