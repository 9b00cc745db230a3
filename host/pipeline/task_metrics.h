/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_metrics.h: what tasks count, for whoever asks. Numbered by pipeline and task, not by the life of a task: a task that
 * is started again goes on where the one before ended, so that counters never go back while the process runs.
 */
#ifndef HOST_PIPELINE_TASK_METRICS_H
#define HOST_PIPELINE_TASK_METRICS_H
#include "host/base/histogram.h"
#include "host/base/log.h"

#include <stddef.h>

enum task_counter {
	TASK_RECEIVED, /* those that a full journal dropped included */
	TASK_FILTERED,
	TASK_DELIVERED,
	TASK_DEAD_LETTERED,
	TASK_DROPPED,         /* by errors.tolerance */
	TASK_DROPPED_JOURNAL, /* by journal.on.full */
	TASK_ABANDONED,       /* in flight when a life of the task ended; they come again */
	TASK_RETRIED,
	TASK_ACKED, /* their positions are on disk and the source knows it */
	TASK_JOURNAL_REFUSED,
	TASK_JOURNAL_LOST,
	TASK_BREACHES,
	TASK_LIVES,
	TASK_COUNTERS,
};

enum task_gauge {
	TASK_IN_FLIGHT,
	TASK_IN_FLIGHT_BYTES,
	TASK_UNACKED,
	TASK_LAG_RECORDS,
	TASK_LAG_BYTES,         /* -1: that has no meaning, or is not known */
	TASK_OLDEST_ARRIVAL_MS, /* of what is not resolved, wall clock; -1: nothing */
	TASK_OLDEST_NS,         /* since when it is in flight, monotonic; 0: nothing */
	TASK_PROGRESS_MS,       /* when a record was resolved last, or the task was started; wall clock */
	TASK_JOURNALS,          /* how many it has; 0: the next ones say nothing */
	TASK_JOURNAL_RECORDS,
	TASK_JOURNAL_BYTES,
	TASK_JOURNAL_LIMIT,
	TASK_JOURNAL_RETAINED,
	TASK_JOURNAL_SEGMENTS,
	TASK_GAUGES,
};

struct task_numbers {
	uint64_t counters[TASK_COUNTERS];
	int64_t gauges[TASK_GAUGES];
};

/* Of one task of one pipeline, in all its lives. */
struct task_metrics;

struct task_histograms {
	struct histogram end_to_end, sink, sync;
};

/* Begins a life of the task. NULL: no memory; the functions below accept it. [any] */
struct task_metrics *task_metrics_open(const struct log_place *place);

/* Where its durations go; NULL without metrics. They live until task_metrics_close. [any] */
struct task_histograms *task_metrics_histograms(struct task_metrics *m);

/* What this life has counted so far. TASK_ABANDONED, TASK_PROGRESS_MS and TASK_LIVES are worked out here. [task] */
void task_metrics_set(struct task_metrics *m, const struct task_numbers *life);

/* Ends the life. leaked: clients may still add to the histograms, so that they never go. [any] */
void task_metrics_close(struct task_metrics *m, int leaked);

/* The pipeline is gone for good: one of the same name begins at 0. Lives that go on are not seen any more. [any] */
void task_metrics_forget(const char *pipeline);

/* A consistent copy of one task's. */
struct task_view {
	const char *pipeline;
	int64_t task;
	struct task_numbers numbers;
	struct task_histograms histograms;
};

/* All of them in order of pipeline and task, in one piece for free(). No task waits for it. NULL: no memory. [any] */
struct task_view *task_metrics_copy(size_t *n);

/* How often any account was not exact; anything but 0 is a defect of this program. [any] */
uint64_t task_metrics_breaches(void);

#endif
