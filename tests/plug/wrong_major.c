/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_major.c: built for a later ABI, behind the entry of this one. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = { OUTFLOW_ABI_MAGIC, OUTFLOW_ABI_MAJOR + 1, 0, 0, 0, 64 },
	                               PLUGIN("wrong-major", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
