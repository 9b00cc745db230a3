/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_internal.h: what the files that render metrics share. */
#ifndef HOST_API_METRICS_INTERNAL_H
#define HOST_API_METRICS_INTERNAL_H
#include "host/api/metrics_text.h"
#include "host/pipeline/fleet.h"

/* One rendering: what there is to show, copied before anything is written. */
struct rendering {
	struct metrics_text text;
	struct task_view *tasks;
	size_t n_tasks;
	char **task_labels; /* of each: connector="...",task="..." */
	struct pipeline_snapshot *const *pipelines;
	char **pipeline_labels; /* connector="..." */
	size_t n_pipelines;
	int64_t now_ms, now_ns;
};

/* A malloc'd text of labels; task negative: without. NULL: no memory. */
char *rendering_labels(const char *pipeline, int64_t task);

/* A family with the sum of these counters (a bit each) of every task. type: METRICS_UNTYPED for names that are no counter's,
 * which end with _total. */
void rendering_counters(struct rendering *r, const char *name, enum metrics_type type, const char *help,
                        uint32_t counters);

/* A name in lower case, in a buffer of 32 bytes. */
const char *rendering_lower(const char *name, char buffer[32]);

/* How far sources are behind. */
void rendering_lag(struct rendering *r);

/* The names that dashboards for Kafka Connect read. */
void rendering_connect(struct rendering *r);

/* What metrics of processes are called everywhere. */
void rendering_process(struct rendering *r);

/* Metrics of plugins. */
void rendering_plugins(struct rendering *r);

#endif
