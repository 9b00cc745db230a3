/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/kafka/kafka.h"

static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.name = "sink",
	.doc = "Writes records to Kafka topics; a record is done when Kafka's delivery report says so.",
	.config = &kafka_sink_schema,
	.ops = &kafka_sink_ops,
	.extension = kafka_producer_extension,
};
static const outflow_component source = {
	.size = sizeof source,
	.kind = OUTFLOW_SOURCE,
	.name = "source",
	.doc = "Reads Kafka topics as a member of a consumer group, whose offsets follow what is delivered.",
	.config = &kafka_source_schema,
	.ops = &kafka_source_ops,
	.extension = kafka_source_extension,
};
static const outflow_component reader = {
	.size = sizeof reader,
	.kind = OUTFLOW_SOURCE,
	.name = "reader",
	.doc = "Reads what Kafka topics hold when it starts, then ends.",
	.config = &kafka_reader_schema,
	.ops = &kafka_reader_ops,
	.extension = kafka_consumer_extension,
};
static const outflow_component *const components[] = { &sink, &source, &reader };
static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "kafka",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "Apache Kafka, by librdkafka.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
