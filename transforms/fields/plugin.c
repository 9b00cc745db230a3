/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin fields: transforms that edit the fields of a payload, and the headers beside it. */
#include "components.h"

static const outflow_component *const components[] = {
	&fields_rename, &fields_drop,    &fields_keep,      &fields_insert,  &fields_update,
	&fields_delete, &fields_flatten, &fields_timestamp, &fields_headers,
};

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "fields",
	.version = "0.2.0",
	.license = "Apache-2.0",
	.doc = "Edits the fields of JSON payloads, and headers.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
