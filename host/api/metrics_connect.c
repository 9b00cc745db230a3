/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dashboards for Kafka Connect read: its metrics (KIP-196) as the exporter's usual rules spell them,
 * kafka_connect_<group>_<metric>. Only what Outflow has as well; doc/metrics.md says what each is made of.
 */
#include "host/api/metrics_internal.h"

#include <stdlib.h>

#define BIT(COUNTER) (1u << (COUNTER))

/* As Kafka Connect's REST interface calls states. */
static const char *state_of_task(enum task_state state)
{
	switch (state) {
	case TASK_RUNNING:
	case TASK_STOPPING:
	case TASK_COMPLETED:
		return "running";
	case TASK_PAUSED:
		return "paused";
	case TASK_STARTING:
	case TASK_STOPPED:
		return "unassigned";
	default:
		return "failed";
	}
}

static const char *state_of_pipeline(const struct pipeline_snapshot *p)
{
	switch (p->state) {
	case PIPELINE_READY:
		return *p->reason != '\0' ? "running" : "stopped";
	case PIPELINE_PAUSED:
		return "paused";
	case PIPELINE_STARTING_FAILED:
		return "failed";
	default:
		return "running";
	}
}

/* Tasks of a paused pipeline are paused as well. */
static const char *state_of(const struct pipeline_snapshot *p, const struct task_snapshot *t)
{
	const char *state = state_of_task(t->state);

	return p->state == PIPELINE_PAUSED && strcmp(state, "running") == 0 ? "paused" : state;
}

static size_t count_tasks(const struct pipeline_snapshot *p, const char *state)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_tasks; i++)
		n += state == NULL || strcmp(state_of(p, &p->tasks[i]), state) == 0;
	return n;
}

static void worker(struct rendering *r)
{
	static const char *const states[] = { NULL, "running", "paused", "failed", "unassigned" };
	static const char *const names[] = { "total", "running", "paused", "failed", "unassigned" };
	const char *help = "Tasks of the connector, all or those in this state.";
	size_t n_tasks = 0;
	char name[80];

	for (size_t i = 0; i < r->n_pipelines; i++)
		n_tasks += r->pipelines[i]->n_tasks;
	metrics_begin(&r->text, "kafka_connect_worker_connector_count", METRICS_GAUGE, "Connectors: pipelines.");
	metrics_sample(&r->text, "kafka_connect_worker_connector_count", NULL, NULL, (int64_t)r->n_pipelines, 0);
	metrics_begin(&r->text, "kafka_connect_worker_task_count", METRICS_GAUGE, "Tasks of all connectors.");
	metrics_sample(&r->text, "kafka_connect_worker_task_count", NULL, NULL, (int64_t)n_tasks, 0);
	for (size_t s = 0; s < sizeof states / sizeof states[0]; s++) {
		snprintf(name, sizeof name, "kafka_connect_worker_connector_%s_task_count", names[s]);
		metrics_begin(&r->text, name, METRICS_GAUGE, help);
		for (size_t i = 0; i < r->n_pipelines; i++)
			metrics_sample(&r->text, name, r->pipeline_labels[i], NULL,
			               (int64_t)count_tasks(r->pipelines[i], states[s]), 0);
	}
}

static void put_status(struct rendering *r, const char *name, const char *labels, const char *status)
{
	char buffer[64];
	struct metrics_text label = { buffer, 0, sizeof buffer, 0 };

	metrics_put_label(&label, "status", status);
	metrics_sample(&r->text, name, labels, buffer, 1, 0);
}

static void status(struct rendering *r)
{
	const char *name = "kafka_connect_connector_status";

	metrics_begin(&r->text, name, METRICS_GAUGE, "1, with the state of the connector as a label.");
	for (size_t i = 0; i < r->n_pipelines; i++)
		put_status(r, name, r->pipeline_labels[i], state_of_pipeline(r->pipelines[i]));
	name = "kafka_connect_connector_task_status";
	metrics_begin(&r->text, name, METRICS_GAUGE, "1, with the state of the task as a label.");
	for (size_t i = 0; i < r->n_pipelines; i++)
		for (size_t k = 0; k < r->pipelines[i]->n_tasks; k++) {
			const struct task_snapshot *task = &r->pipelines[i]->tasks[k];
			char *labels = rendering_labels(r->pipelines[i]->name, task->number);

			if (labels != NULL)
				put_status(r, name, labels, state_of(r->pipelines[i], task));
			else
				r->text.failed = 1;
			free(labels);
		}
}

static int by_name(const void *key, const void *element)
{
	const struct pipeline_snapshot *const *p = element;

	return strcmp(key, (*p)->name);
}

/* To Kafka Connect a connector is a sink when it reads from Kafka, a source when not. */
static int is_sink(const struct rendering *r, const char *pipeline)
{
	struct pipeline_snapshot *const *found =
		bsearch(pipeline, r->pipelines, r->n_pipelines, sizeof *r->pipelines, by_name);

	return found != NULL && strncmp((*found)->source_class, "kafka/", 6) == 0;
}

/* Of one kind of connectors: a counter, or, with counter negative, the records in flight. */
static void of_kind(struct rendering *r, int sinks, const char *name, const char *help, int counter)
{
	metrics_begin(&r->text, name, counter < 0 ? METRICS_GAUGE : METRICS_COUNTER, help);
	for (size_t i = 0; i < r->n_tasks; i++) {
		const struct task_numbers *n = &r->tasks[i].numbers;

		if (is_sink(r, r->tasks[i].pipeline) == sinks)
			metrics_sample(&r->text, name, r->task_labels[i], NULL,
			               counter < 0 ? n->gauges[TASK_IN_FLIGHT] : (int64_t)n->counters[counter], 0);
	}
}

static void errors(struct rendering *r)
{
	uint32_t failed = BIT(TASK_DEAD_LETTERED) | BIT(TASK_DROPPED);

	rendering_counters(r, "kafka_connect_task_error_total_record_failures", METRICS_UNTYPED,
	                   "Failed attempts, repeated or not.", failed | BIT(TASK_RETRIED));
	rendering_counters(r, "kafka_connect_task_error_total_record_errors", METRICS_UNTYPED,
	                   "Records that failed for good.", failed);
	rendering_counters(r, "kafka_connect_task_error_total_records_skipped", METRICS_UNTYPED,
	                   "Records that failed for good.", failed);
	rendering_counters(r, "kafka_connect_task_error_total_retries", METRICS_UNTYPED,
	                   "Failed attempts that were repeated.", BIT(TASK_RETRIED));
	rendering_counters(r, "kafka_connect_task_error_deadletterqueue_produce_requests", METRICS_UNTYPED,
	                   "Records that became dead letters.", BIT(TASK_DEAD_LETTERED));
}

void rendering_connect(struct rendering *r)
{
	worker(r);
	status(r);
	of_kind(r, 0, "kafka_connect_source_task_source_record_poll_total", "Records that the source emitted.",
	        TASK_RECEIVED);
	of_kind(r, 0, "kafka_connect_source_task_source_record_write_total", "Records that were delivered.",
	        TASK_DELIVERED);
	of_kind(r, 0, "kafka_connect_source_task_source_record_active_count", "Records that are not resolved yet.", -1);
	of_kind(r, 1, "kafka_connect_sink_task_sink_record_read_total", "Records that the source emitted.",
	        TASK_RECEIVED);
	of_kind(r, 1, "kafka_connect_sink_task_sink_record_send_total", "Records that were delivered.", TASK_DELIVERED);
	of_kind(r, 1, "kafka_connect_sink_task_sink_record_active_count", "Records that are not resolved yet.", -1);
	errors(r);
}
