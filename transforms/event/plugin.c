/* SPDX-License-Identifier: Apache-2.0 */
#include "components.h"

static const outflow_component *const components[] = { &event_json, &event_filter, &event_deliver, &event_matches };

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "event",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "The event language: JSON payloads, event patterns, and what is written to the sink.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
