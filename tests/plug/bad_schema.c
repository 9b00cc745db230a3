/* SPDX-License-Identifier: Apache-2.0 */
/* bad_schema.c: a key whose default its own type does not allow. */
#include "tests/plug/parts.h"

static const outflow_cfg_key keys[] = {
	{ .name = "wait",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "soon",
	  .doc = "How long." },
};
static const outflow_cfg_def schema = { .size = sizeof schema, .key_size = sizeof keys[0], .keys = keys, .n_keys = 1 };
static const outflow_sink_ops ops = SINK_OPS;
static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.name = "sink",
	.config = &schema,
	.ops = &ops,
};
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("bad-schema", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
