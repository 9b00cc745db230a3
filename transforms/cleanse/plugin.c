/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin cleanse: transforms that take payloads apart, replace, hide and route by what they hold. */
#include "components.h"

static const outflow_component *const components[] = {
	&cleanse_split,
	&cleanse_map,
	&cleanse_mask,
	&cleanse_route,
};

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "cleanse",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "Splits payloads, replaces and hides what is in them, and routes by it.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
