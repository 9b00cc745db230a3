/* SPDX-License-Identifier: Apache-2.0 */
/* task_metrics.h: what a task counts, as metrics. */
#ifndef HOST_PIPELINE_TASK_METRICS_H
#define HOST_PIPELINE_TASK_METRICS_H
#include "host/base/metrics.h"
#include "host/record/ledger.h"

#define TASK_METRICS 9

struct task_metrics {
	outflow_metric *list[TASK_METRICS];
	uint64_t breaches;
};

/* Metrics for which there is no memory are left out. [any] */
void task_metrics_open(struct task_metrics *m, const struct log_place *place);
void task_metrics_close(struct task_metrics *m);

/* oldest_age_ns: how long the oldest record that is not resolved has been under way. [task] */
void task_metrics_set(struct task_metrics *m, const struct account *a, uint64_t retried, int64_t oldest_age_ns);

/* The account was not exact. [task] */
void task_metrics_breach(struct task_metrics *m);

#endif
