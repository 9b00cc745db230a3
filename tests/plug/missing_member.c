/* SPDX-License-Identifier: Apache-2.0 */
/* missing_member.c: a sink that cannot put. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = {
	.size = sizeof ops,
	.create = sink_create,
	.destroy = sink_destroy,
};
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("missing-member", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
