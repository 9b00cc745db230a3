/* SPDX-License-Identifier: Apache-2.0 */
/* connect_config_infos.h: what is right and wrong with a connector's configuration, as Kafka Connect's validate says it. */
#ifndef HOST_API_CONNECT_CONFIG_INFOS_H
#define HOST_API_CONNECT_CONFIG_INFOS_H
#include "host/api/connect_key_info.h"
#include "host/config/problems.h"
#include "host/config/settings.h"

struct config_infos {
	const struct catalog *catalog;
	const struct settings *host;  /* host_model.connect */
	const struct settings *shown; /* the configuration, with secrets masked */
	const struct problems *problems;
	const struct connect_component *connector;
};

/* ConfigInfos. Whatever of it comes from a plugin that is not loaded is left out. NULL: no memory. [any] */
json_t *config_infos_json(const struct config_infos *from);

/* The keys of a connector alone, as a list of ConfigKeyInfo. NULL: no memory. [any] */
json_t *config_keys_json(const struct catalog *catalog, const struct connect_component *connector);

/* PluginInfos: sinks and sources; with all, also transforms, predicates, and the converters that there are. NULL: no memory.
 * [any] */
json_t *plugin_infos_json(const struct catalog *catalog, int all);

#endif
