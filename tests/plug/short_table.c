/* SPDX-License-Identifier: Apache-2.0 */
/* short_table.c: its description ends before the components. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = offsetof(outflow_plugin, components),
	.id = "short-table",
	.version = "1.0.0",
	.components = components,
	.n_components = 1,
};

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
