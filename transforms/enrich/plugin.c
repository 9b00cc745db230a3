/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich.h"

static const outflow_component *const components[] = { &enrich_component };

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "enrich",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "Enrichment of payloads from local tables.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
