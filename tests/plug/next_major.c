/* SPDX-License-Identifier: Apache-2.0 */
/* next_major.c: built for a later ABI, with its entry. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("next-major", components) };

const void *outflow_plugin_entry_v2(void);
OUTFLOW_EXPORT const void *outflow_plugin_entry_v2(void)
{
	return &plugin;
}
