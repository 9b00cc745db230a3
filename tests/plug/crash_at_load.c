/* SPDX-License-Identifier: Apache-2.0 */
/* crash_at_load.c: dies by a signal as soon as it is linked. */
#include "tests/plug/parts.h"

#include <signal.h>
#include <stdlib.h>

__attribute__((constructor)) static void crash(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("crash-at-load", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
