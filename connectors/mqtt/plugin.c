/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/mqtt/mqtt.h"

static const outflow_component source = {
	.size = sizeof source,
	.kind = OUTFLOW_SOURCE,
	.flags = OUTFLOW_PRIVATE_COPY,
	.name = "source",
	.doc = "Subscribes to an MQTT broker; a message is acknowledged when the journal has it.",
	.config = &mqtt_source_schema,
	.ops = &mqtt_source_ops,
	.extension = mqtt_source_extension,
};
static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.flags = OUTFLOW_PRIVATE_COPY,
	.name = "sink",
	.doc = "Publishes to an MQTT broker; a record is done when the broker has acknowledged it.",
	.config = &mqtt_sink_schema,
	.ops = &mqtt_sink_ops,
	.extension = mqtt_probe_extension,
};
static const outflow_component *const components[] = { &source, &sink };

static outflow_status load(const outflow_host *host, outflow_error *err)
{
	(void)host;
	(void)err;
	paho_quiet();
	return OUTFLOW_OK;
}

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "mqtt",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "MQTT 3.1.1 and 5, by Paho.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
	.load = load,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
