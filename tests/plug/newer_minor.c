/* SPDX-License-Identifier: Apache-2.0 */
/* newer_minor.c: needs a host that is newer. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP,
	                               .min_minor = OUTFLOW_ABI_MINOR + 1,
	                               PLUGIN("newer-minor", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
