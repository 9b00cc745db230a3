/* SPDX-License-Identifier: Apache-2.0 */
/* exit_at_load.c: ends the process as soon as it is linked. */
#include "tests/plug/parts.h"

#include <unistd.h>

__attribute__((constructor)) static void leave(void)
{
	_exit(7);
}

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("exit-at-load", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
