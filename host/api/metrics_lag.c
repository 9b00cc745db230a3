/* SPDX-License-Identifier: Apache-2.0 */
/* How far sources are behind, where they can tell: by partition, or in bytes. */
#include "host/api/metrics_internal.h"

#include <jansson.h>

#include <stdlib.h>

/* A partition of Kafka has the labels that it has everywhere; any other is the text that its source calls it. */
static void put_partition(struct metrics_text *t, const char *partition)
{
	json_t *json = json_loads(partition, 0, NULL);
	const char *topic = json_string_value(json_object_get(json, "kafka_topic"));
	const json_t *number = json_object_get(json, "kafka_partition");
	char text[24];

	if (topic != NULL && json_is_integer(number)) {
		snprintf(text, sizeof text, "%lld", (long long)json_integer_value(number));
		metrics_put_label(t, "topic", topic);
		metrics_put_text(t, ",");
		metrics_put_label(t, "partition", text);
	} else {
		metrics_put_label(t, "partition", partition);
	}
	json_decref(json);
}

static void lag_of_task(struct rendering *r, const char *name, const char *pipeline, const struct task_snapshot *task)
{
	char *labels = rendering_labels(pipeline, task->number);

	r->text.failed |= labels == NULL;
	for (size_t i = 0; labels != NULL && i < task->lag.n; i++) {
		struct metrics_text partition = { 0 };

		put_partition(&partition, task->lag.list[i].partition);
		if (partition.failed)
			r->text.failed = 1;
		else
			metrics_sample(&r->text, name, labels, partition.text, (int64_t)task->lag.list[i].behind, 0);
		free(partition.text);
	}
	free(labels);
}

static void lag_of_partitions(struct rendering *r)
{
	const char *name = "outflow_partition_lag_records";

	metrics_begin(&r->text, name, METRICS_GAUGE,
	              "Records of a partition upstream that are not resolved, of sources that can tell.");
	for (size_t i = 0; i < r->n_pipelines; i++)
		for (size_t k = 0; k < r->pipelines[i]->n_tasks; k++)
			if (r->pipelines[i]->tasks[k].lag.unit == LAG_RECORDS)
				lag_of_task(r, name, r->pipelines[i]->name, &r->pipelines[i]->tasks[k]);
}

void rendering_lag(struct rendering *r)
{
	const char *name = "outflow_lag_bytes";

	lag_of_partitions(r);
	metrics_begin(&r->text, name, METRICS_GAUGE,
	              "Bytes upstream that are not resolved, of sources that count in bytes, as files do.");
	for (size_t i = 0; i < r->n_tasks; i++)
		if (r->tasks[i].numbers.gauges[TASK_LAG_BYTES] >= 0)
			metrics_sample(&r->text, name, r->task_labels[i], NULL,
			               r->tasks[i].numbers.gauges[TASK_LAG_BYTES], 0);
}
