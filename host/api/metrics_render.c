/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/metrics.h"
#include "host/api/metrics_internal.h"
#include "host/base/clock.h"
#include "host/base/metrics.h"

#include <ctype.h>
#include <stdlib.h>

#define BIT(COUNTER) (1u << (COUNTER))

/* ---- tasks ---- */

void rendering_counters(struct rendering *r, const char *name, enum metrics_type type, const char *help,
                        uint32_t counters)
{
	metrics_begin(&r->text, name, type, help);
	for (size_t i = 0; i < r->n_tasks; i++) {
		uint64_t sum = 0;

		for (int c = 0; c < TASK_COUNTERS; c++)
			if (counters & BIT(c))
				sum += r->tasks[i].numbers.counters[c];
		metrics_sample(&r->text, name, r->task_labels[i], NULL, (int64_t)sum, 0);
	}
}

/* For every task, or every one with a journal. */
static void gauges(struct rendering *r, const char *name, const char *help, enum task_gauge gauge, unsigned digits,
                   int of_journals)
{
	metrics_begin(&r->text, name, METRICS_GAUGE, help);
	for (size_t i = 0; i < r->n_tasks; i++)
		if (!of_journals || r->tasks[i].numbers.gauges[TASK_JOURNALS] > 0)
			metrics_sample(&r->text, name, r->task_labels[i], NULL, r->tasks[i].numbers.gauges[gauge],
			               digits);
}

static void dropped(struct rendering *r)
{
	const char *name = "outflow_records_dropped_total";

	metrics_begin(&r->text, name, METRICS_COUNTER,
	              "Records dropped, by what made it so: errors.tolerance = all without dead letters, or "
	              "journal.on.full.");
	for (size_t i = 0; i < r->n_tasks; i++) {
		const uint64_t *counters = r->tasks[i].numbers.counters;

		metrics_sample(&r->text, name, r->task_labels[i], "reason=\"tolerance\"",
		               (int64_t)counters[TASK_DROPPED], 0);
		metrics_sample(&r->text, name, r->task_labels[i], "reason=\"journal_full\"",
		               (int64_t)counters[TASK_DROPPED_JOURNAL], 0);
	}
}

static void records(struct rendering *r)
{
	rendering_counters(r, "outflow_records_received_total", METRICS_COUNTER,
	                   "Records that the source emitted, and those that a full journal dropped before it could.",
	                   BIT(TASK_RECEIVED));
	rendering_counters(r, "outflow_records_filtered_total", METRICS_COUNTER,
	                   "Records that no stage made an output of.", BIT(TASK_FILTERED));
	rendering_counters(r, "outflow_records_delivered_total", METRICS_COUNTER,
	                   "Records all of whose outputs the sink has confirmed.", BIT(TASK_DELIVERED));
	rendering_counters(r, "outflow_records_dead_lettered_total", METRICS_COUNTER,
	                   "Records that became dead letters.", BIT(TASK_DEAD_LETTERED));
	dropped(r);
	rendering_counters(r, "outflow_records_abandoned_total", METRICS_COUNTER,
	                   "Records in flight when a task ended, which come again: received = filtered + delivered + "
	                   "dead-lettered + dropped + abandoned + in flight.",
	                   BIT(TASK_ABANDONED));
	rendering_counters(r, "outflow_records_retried_total", METRICS_COUNTER, "Failed attempts that were repeated.",
	                   BIT(TASK_RETRIED));
	rendering_counters(r, "outflow_acked_total", METRICS_COUNTER,
	                   "Records below a stored position, so that the source need not give them again.",
	                   BIT(TASK_ACKED));
	rendering_counters(r, "outflow_account_breaches_total", METRICS_COUNTER,
	                   "How often the account of records was not exact; anything but 0 is a defect of Outflow.",
	                   BIT(TASK_BREACHES));
}

/* Seconds since a time, worked out now: a task that hangs updates nothing. */
static void ages(struct rendering *r)
{
	const char *lag = "outflow_lag_seconds", *oldest = "outflow_oldest_unresolved_seconds";

	metrics_begin(&r->text, lag, METRICS_GAUGE,
	              "How long ago the oldest record arrived that is not resolved, in the journal or in flight.");
	for (size_t i = 0; i < r->n_tasks; i++) {
		int64_t arrival = r->tasks[i].numbers.gauges[TASK_OLDEST_ARRIVAL_MS];
		int64_t age = arrival >= 0 ? r->now_ms - arrival : 0;

		metrics_sample(&r->text, lag, r->task_labels[i], NULL, age > 0 ? age : 0, 3);
	}
	metrics_begin(&r->text, oldest, METRICS_GAUGE, "How long the oldest record in flight has been under way.");
	for (size_t i = 0; i < r->n_tasks; i++) {
		int64_t since = r->tasks[i].numbers.gauges[TASK_OLDEST_NS];

		metrics_sample(&r->text, oldest, r->task_labels[i], NULL,
		               since > 0 ? (r->now_ns - since) / CLOCK_MS : 0, 3);
	}
}

static void levels(struct rendering *r)
{
	gauges(r, "outflow_in_flight_records", "Records between source and confirmation.", TASK_IN_FLIGHT, 0, 0);
	gauges(r, "outflow_in_flight_bytes", "Keys and values of the records in flight.", TASK_IN_FLIGHT_BYTES, 0, 0);
	gauges(r, "outflow_unacked", "Records emitted whose positions are not stored yet.", TASK_UNACKED, 0, 0);
	gauges(r, "outflow_lag_records",
	       "Records upstream, where the source can tell, else in the journal, else in flight, that are not "
	       "resolved.",
	       TASK_LAG_RECORDS, 0, 0);
	rendering_lag(r);
	ages(r);
	gauges(r, "outflow_last_progress_timestamp_seconds",
	       "When a record was resolved last, or the task was started, in seconds since 1970.", TASK_PROGRESS_MS, 3,
	       0);
}

static void journals(struct rendering *r)
{
	gauges(r, "outflow_journal_records", "Records in the journal whose positions are not stored as done.",
	       TASK_JOURNAL_RECORDS, 0, 1);
	gauges(r, "outflow_journal_bytes", "Their size.", TASK_JOURNAL_BYTES, 0, 1);
	gauges(r, "outflow_journal_limit_bytes", "journal.hard.bytes.", TASK_JOURNAL_LIMIT, 0, 1);
	gauges(r, "outflow_journal_retained_bytes", "Segments of delivered records that are kept.",
	       TASK_JOURNAL_RETAINED, 0, 1);
	gauges(r, "outflow_journal_segments", "Files of the journal.", TASK_JOURNAL_SEGMENTS, 0, 1);
	rendering_counters(r, "outflow_journal_refused_total", METRICS_COUNTER,
	                   "Records that the journal did not take, so that the source offers them again.",
	                   BIT(TASK_JOURNAL_REFUSED));
	rendering_counters(r, "outflow_journal_lost_total", METRICS_COUNTER,
	                   "Records of the journal that were damaged on disk.", BIT(TASK_JOURNAL_LOST));
}

static void durations(struct rendering *r)
{
	const char *name = "outflow_end_to_end_seconds";

	metrics_begin(&r->text, name, METRICS_HISTOGRAM,
	              "From the arrival of a record at its source, outages included, to its delivery.");
	for (size_t i = 0; i < r->n_tasks; i++)
		metrics_histogram(&r->text, name, r->task_labels[i], &r->tasks[i].histograms.end_to_end);
	name = "outflow_sink_latency_seconds";
	metrics_begin(
		&r->text, name, METRICS_HISTOGRAM,
		"From the handing over of an output to the sink to its confirmation, for attempts that succeeded.");
	for (size_t i = 0; i < r->n_tasks; i++)
		metrics_histogram(&r->text, name, r->task_labels[i], &r->tasks[i].histograms.sink);
	name = "outflow_journal_fsync_seconds";
	metrics_begin(&r->text, name, METRICS_HISTOGRAM, "What syncing a segment of the journal to disk takes.");
	for (size_t i = 0; i < r->n_tasks; i++)
		if (r->tasks[i].numbers.gauges[TASK_JOURNALS] > 0)
			metrics_histogram(&r->text, name, r->task_labels[i], &r->tasks[i].histograms.sync);
}

/* ---- states ---- */

const char *rendering_lower(const char *name, char buffer[32])
{
	size_t i;

	for (i = 0; name[i] != '\0' && i < 31; i++)
		buffer[i] = (char)tolower((unsigned char)name[i]);
	buffer[i] = '\0';
	return buffer;
}

/* One sample a state of the enum, 1 for the one that it is in. */
static void put_state(struct rendering *r, const char *name, const char *labels, int n_states,
                      const char *(*name_of)(int state), int state)
{
	char lower[32], label[64];

	for (int s = 0; s < n_states; s++) {
		struct metrics_text one = { label, 0, sizeof label, 0 };

		metrics_put_label(&one, "state", rendering_lower(name_of(s), lower));
		metrics_sample(&r->text, name, labels, label, s == state, 0);
	}
}

static const char *name_of_pipeline_state(int state)
{
	return pipeline_state_name((enum pipeline_state)state);
}

static const char *name_of_task_state(int state)
{
	return task_state_name((enum task_state)state);
}

static void states(struct rendering *r)
{
	const char *name = "outflow_connector_state";

	metrics_begin(&r->text, name, METRICS_GAUGE, "1 for the state that the pipeline is in, 0 for the others.");
	for (size_t i = 0; i < r->n_pipelines; i++)
		put_state(r, name, r->pipeline_labels[i], PIPELINE_RUNNING_FAILED + 1, name_of_pipeline_state,
		          (int)r->pipelines[i]->state);
	name = "outflow_task_state";
	metrics_begin(&r->text, name, METRICS_GAUGE, "1 for the state that the task is in, 0 for the others.");
	for (size_t i = 0; i < r->n_pipelines; i++)
		for (size_t k = 0; k < r->pipelines[i]->n_tasks; k++) {
			const struct task_snapshot *task = &r->pipelines[i]->tasks[k];
			char *labels = rendering_labels(r->pipelines[i]->name, task->number);

			if (labels != NULL)
				put_state(r, name, labels, TASK_FAILED + 1, name_of_task_state, (int)task->state);
			else
				r->text.failed = 1;
			free(labels);
		}
	name = "outflow_task_restarts_total";
	metrics_begin(&r->text, name, METRICS_COUNTER, "How often the task was started again.");
	for (size_t i = 0; i < r->n_tasks; i++)
		metrics_sample(&r->text, name, r->task_labels[i], NULL,
		               (int64_t)r->tasks[i].numbers.counters[TASK_LIVES] - 1, 0);
}

static void put_misbehaviour(void *ctx, const char *plugin, const char *kind, uint64_t n)
{
	struct rendering *r = ctx;
	struct metrics_text labels = { 0 };

	metrics_put_label(&labels, "plugin", plugin);
	metrics_put(&labels, ",", 1);
	metrics_put_label(&labels, "kind", kind);
	if (labels.failed)
		r->text.failed = 1;
	else
		metrics_sample(&r->text, "outflow_plugin_misbehaving_total", labels.text, NULL, (int64_t)n, 0);
	free(labels.text);
}

static void host(struct rendering *r)
{
	metrics_begin(&r->text, "outflow_build_info", METRICS_GAUGE, "1; what is running.");
	metrics_sample(&r->text, "outflow_build_info", "version=\"" PACKAGE_VERSION "\"", NULL, 1, 0);
	metrics_begin(&r->text, "outflow_time_seconds", METRICS_GAUGE,
	              "The clock of the process, in seconds since 1970.");
	metrics_sample(&r->text, "outflow_time_seconds", NULL, NULL, r->now_ms, 3);
	metrics_begin(&r->text, "outflow_plugin_misbehaving_total", METRICS_COUNTER,
	              "How often a plugin broke the contract, by what it did.");
	metrics_each_misbehaviour(put_misbehaviour, r);
}

/* ---- all of it ---- */

char *rendering_labels(const char *pipeline, int64_t task)
{
	struct metrics_text labels = { 0 };
	char number[24];

	metrics_put_label(&labels, "connector", pipeline);
	if (task >= 0) {
		snprintf(number, sizeof number, "%lld", (long long)task);
		metrics_put(&labels, ",", 1);
		metrics_put_label(&labels, "task", number);
	}
	if (!labels.failed)
		return labels.text;
	free(labels.text);
	return NULL;
}

static int prepare(struct rendering *r)
{
	int complete = 1;

	r->tasks = task_metrics_copy(&r->n_tasks);
	r->task_labels = calloc(r->n_tasks + 1, sizeof *r->task_labels);
	r->pipeline_labels = calloc(r->n_pipelines + 1, sizeof *r->pipeline_labels);
	if (r->tasks == NULL || r->task_labels == NULL || r->pipeline_labels == NULL)
		return -1;
	for (size_t i = 0; i < r->n_tasks; i++)
		complete &= (r->task_labels[i] = rendering_labels(r->tasks[i].pipeline, r->tasks[i].task)) != NULL;
	for (size_t i = 0; i < r->n_pipelines; i++)
		complete &= (r->pipeline_labels[i] = rendering_labels(r->pipelines[i]->name, -1)) != NULL;
	return complete ? 0 : -1;
}

static void clear(struct rendering *r)
{
	for (size_t i = 0; r->task_labels != NULL && i < r->n_tasks; i++)
		free(r->task_labels[i]);
	for (size_t i = 0; r->pipeline_labels != NULL && i < r->n_pipelines; i++)
		free(r->pipeline_labels[i]);
	free(r->task_labels);
	free(r->pipeline_labels);
	free(r->tasks);
}

char *metrics_render(struct pipeline_snapshot *const *pipelines, size_t n_pipelines, size_t *length)
{
	struct rendering r = {
		.pipelines = pipelines, .n_pipelines = n_pipelines, .now_ms = clock_wall_ms(), .now_ns = clock_mono_ns()
	};

	if (prepare(&r) == 0) {
		host(&r);
		states(&r);
		records(&r);
		levels(&r);
		durations(&r);
		journals(&r);
		rendering_plugins(&r);
		rendering_connect(&r);
		rendering_process(&r);
	} else {
		r.text.failed = 1;
	}
	clear(&r);
	*length = r.text.n;
	if (!r.text.failed)
		return r.text.text;
	free(r.text.text);
	return NULL;
}
