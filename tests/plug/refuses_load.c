/* SPDX-License-Identifier: Apache-2.0 */
/* refuses_load.c: its load function says no. */
#include "tests/plug/parts.h"

#include <outflow/util.h>

static outflow_status load(const outflow_host *h, outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s is not for me", h->name);
}

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("refuses-load", components), .load = load };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
