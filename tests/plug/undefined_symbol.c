/* SPDX-License-Identifier: Apache-2.0 */
/* undefined_symbol.c: uses a function that nobody has. */
#include "tests/plug/parts.h"

int outflow_nobody_has_this(void);

static outflow_status load(const outflow_host *h, outflow_error *err)
{
	(void)h;
	(void)err;
	return outflow_nobody_has_this();
}

static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = SINK_COMPONENT(&ops);
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("undefined-symbol", components), .load = load };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
