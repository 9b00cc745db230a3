/* SPDX-License-Identifier: Apache-2.0 */
/* task.h: one running instance of a pipeline: a thread that polls, runs the chain and puts, to completion. */
#ifndef HOST_PIPELINE_TASK_H
#define HOST_PIPELINE_TASK_H
#include "host/pipeline/instance.h"

struct task;

/* From STARTING to RUNNING or FAILED; from RUNNING through STOPPING to one of the last three. */
enum task_state {
	TASK_STARTING,
	TASK_RUNNING,
	TASK_STOPPING,
	TASK_STOPPED,   /* asked to, everything in order */
	TASK_COMPLETED, /* a bounded source ended and all of it is delivered */
	TASK_STARTING_FAILED,
	TASK_FAILED,
};

/* Prepares task number `number` of n_tasks and loads its components' copies. on_end(ctx) is called once, from the task's
 * thread, when its state has become one of the last four. OUTFLOW_E_TASK, OUTFLOW_E_NOMEM: err says why. [any] */
outflow_status task_new(const struct pipeline_model *model, const struct environment *environment, uint32_t number,
                        uint32_t n_tasks, void (*on_end)(void *ctx), void *ctx, struct task **result,
                        outflow_error *err);

/* Starts the thread. OUTFLOW_E_TASK. [any] */
outflow_status task_start(struct task *t, outflow_error *err);

/* Asks it to drain until deadline_ns (monotonic) and to end. Returns at once; a second call changes nothing. [any] */
void task_stop(struct task *t, int64_t deadline_ns);

/* The drain took too long: ends calls of stages and sinks that wait. [any] */
void task_interrupt(struct task *t);

enum task_state task_state(const struct task *t);
const char *task_state_name(enum task_state state);
int task_state_is_final(enum task_state state);

/* A log line in the task's place. [any] */
void task_log(const struct task *t, int level, const char *text);

/* What the task has counted so far; a moment old while it runs. [any] */
void task_account(struct task *t, struct account *result);

/* Why it failed; "" if it did not. Valid once the state is final. [any] */
const char *task_reason(const struct task *t);

/* Waits for the thread, then frees what may be freed. Clears the pointer, accepts NULL inside. [any] */
void task_free(struct task **t);

#endif
