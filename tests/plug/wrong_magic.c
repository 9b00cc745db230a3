/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_magic.c: something else that happens to have an entry function. */
#include "tests/plug/parts.h"

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = { .magic = 0x12345678, .major = OUTFLOW_ABI_MAJOR },
	                               PLUGIN("wrong-magic", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
