/* SPDX-License-Identifier: Apache-2.0 */
/* plain.c: nothing wrong with it: one sink for all instances, one with a private copy for each. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component own = {
	.size = sizeof own,
	.kind = OUTFLOW_SINK,
	.flags = OUTFLOW_PRIVATE_COPY,
	.name = "own",
	.ops = &ops,
};
static const outflow_component *const components[] = { &sink, &own };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("plain", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
