/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/file/file.h"

static const outflow_component source = {
	.size = sizeof source,
	.kind = OUTFLOW_SOURCE,
	.name = "source",
	.doc = "Reads a file, one record a line.",
	.config = &file_source_schema,
	.ops = &file_source_ops,
	.extension = file_source_extension,
};
static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.name = "sink",
	.doc = "Appends to a file, one record a line.",
	.config = &file_sink_schema,
	.ops = &file_sink_ops,
};
static const outflow_component *const components[] = { &source, &sink };
static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "file",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "Files, one record a line.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
