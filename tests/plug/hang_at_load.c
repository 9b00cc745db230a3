/* SPDX-License-Identifier: Apache-2.0 */
/* hang_at_load.c: never returns from being linked. */
#include "tests/plug/parts.h"

#include <unistd.h>

__attribute__((constructor)) static void hang(void)
{
	for (;;)
		pause();
}

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("hang-at-load", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
