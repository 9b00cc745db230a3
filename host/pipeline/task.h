/* SPDX-License-Identifier: Apache-2.0 */
/* task.h: one running instance of a pipeline: a thread that polls, runs the chain and puts, to completion. */
#ifndef HOST_PIPELINE_TASK_H
#define HOST_PIPELINE_TASK_H
#include "host/pipeline/lag.h"

struct task;
struct taps;

/* From STARTING to RUNNING or STARTING_FAILED; between RUNNING and PAUSED; from both, when asked to through STOPPING, to one
 * of the others. */
enum task_state {
	TASK_STARTING,
	TASK_RUNNING,
	TASK_PAUSED, /* polls nothing, and sees what was in flight through */
	TASK_STOPPING,
	TASK_STOPPED,   /* asked to, everything in order */
	TASK_COMPLETED, /* a bounded source ended and all of it is delivered */
	TASK_READY,     /* a record cannot be delivered, and errors.tolerance = none does not let it pass */
	TASK_STARTING_FAILED,
	TASK_FAILED,
};

/* What a task has counted so far. */
struct task_figures {
	struct account account;
	uint64_t retried;
	uint64_t lag_records; /* in its journals or in flight */
	int64_t oldest_ns;    /* how long the oldest record in flight has been under way */
};

/* Prepares task number `number` of n_tasks; no plugin's code is called. on_change(ctx) is called from the task's thread when
 * its state has changed, last when it has become final. OUTFLOW_E_TASK, OUTFLOW_E_NOMEM: err says why. [any] */
outflow_status task_new(const struct pipeline_model *model, const struct environment *environment, uint32_t number,
                        uint32_t n_tasks, void (*on_change)(void *ctx), void *ctx, struct task **result,
                        outflow_error *err);

/* What passes may be seen through these taps, which outlive it. [any, before it is started] */
void task_tap(struct task *t, struct taps *taps);

/* Starts the thread. OUTFLOW_E_TASK. [any] */
outflow_status task_start(struct task *t, outflow_error *err);

/* Asks it to drain until deadline_ns (monotonic) and to end. Returns at once; a second call changes nothing. [any] */
void task_stop(struct task *t, int64_t deadline_ns);

/* Has it poll nothing any more, or go on. Returns at once. [any, one thread at a time] */
void task_set_paused(struct task *t, int paused);

/* The drain took too long: ends calls of stages and sinks that wait. [any] */
void task_interrupt(struct task *t);

enum task_state task_state(const struct task *t);
const char *task_state_name(enum task_state state);
int task_state_is_final(enum task_state state);

/* A moment old while it runs. [any] */
void task_look(struct task *t, struct task_figures *result);

/* How far its source is behind, as of a second ago at most while it runs; for the caller to clear. OUTFLOW_E_NOMEM. [any] */
outflow_status task_look_lag(struct task *t, struct lag *result);

/* Why it failed or is READY; "" if neither. Valid once the state is final. [any] */
const char *task_reason(const struct task *t);

/* May a task that ended like this one work if it is simply started again? Valid once the state is final. [any] */
int task_may_recover(const struct task *t);

/* Is memory of it given up when it is freed, since a client that could not be stopped may still read that and its model? Valid
 * once the state is final. [any] */
int task_leaks(const struct task *t);

/* Waits for the thread, then frees what may be freed. Clears the pointer, accepts NULL inside. [any] */
void task_free(struct task **t);

#endif
