/* SPDX-License-Identifier: Apache-2.0 */
/* short_operations.c: a table of operations that ends before put. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = {
	.size = offsetof(outflow_sink_ops, put),
	.create = sink_create,
	.put = sink_put,
	.destroy = sink_destroy,
};
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("short-operations", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
