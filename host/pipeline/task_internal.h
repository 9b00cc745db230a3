/* SPDX-License-Identifier: Apache-2.0 */
/* task_internal.h: what the three files of a task share: its life (task.c), its turns (task_turn.c), its instances
 * (task_instances.c). */
#ifndef HOST_PIPELINE_TASK_INTERNAL_H
#define HOST_PIPELINE_TASK_INTERNAL_H
#include "host/pipeline/chain.h"
#include "host/pipeline/progress.h"
#include "host/pipeline/taps.h"
#include "host/pipeline/task.h"
#include "host/pipeline/throttle.h"

struct task {
	unsigned magic;
	const struct pipeline_model *model;
	struct stage_model source_model; /* the model's, with this task's configuration */
	struct services services;
	struct pool *pool;
	struct instance source, sink, dead_letter_sink;
	struct instance *stages, *predicates;
	struct component *components; /* source, stages, sink, dead-letter sink, predicates: as loaded for this task */
	size_t n_stages;
	struct chain chain;
	struct outbox outbox, dead_letters;
	struct order order;
	struct faults faults;
	struct progress progress;
	struct taps_view taps;
	struct log_place place;
	pthread_t thread;
	int thread_started;
	/* The mailbox: what other threads ask for. */
	int stop_requested;          /* atomic */
	int64_t stop_deadline_ns;    /* written before stop_requested */
	int paused;                  /* atomic: poll nothing */
	uint32_t state;              /* atomic: enum task_state */
	pthread_mutex_t looking;     /* of the figures and the lag */
	struct task_figures figures; /* a copy for other threads */
	struct lag lag;
	int64_t next_lag_ns;
	/* Another one: a plugin that hangs when it is interrupted holds it. */
	pthread_mutex_t interrupting;
	int interruptible; /* instances may be interrupted */
	outflow_error reason;
	outflow_status cause; /* why it ended: the status that did it */
	void (*on_change)(void *ctx);
	void *on_change_ctx;
	uint64_t breaches; /* of the account */
	uint64_t known_double_resolutions;
	int64_t next_stall_line_ns;
	int64_t next_shrink_ns;
	uint64_t received_at_shrink;
	int owes_trim; /* memory was used since the heap was trimmed last */
	struct throttle throttle;
	uint32_t expect;       /* records of the last poll: room for the next */
	uint64_t expect_bytes; /* of one of them */
	uint64_t abandoned;    /* records whose chain was cut short: nothing will resolve them */
	int source_ended;
	int leaked; /* a client may still read what the pool holds */
};

static inline int task_stop_requested(const struct task *t)
{
	return __atomic_load_n(&t->stop_requested, __ATOMIC_ACQUIRE);
}

static inline int task_is_paused(const struct task *t)
{
	return __atomic_load_n(&t->paused, __ATOMIC_ACQUIRE);
}

static inline const outflow_source_ops *task_source_ops(const struct task *t)
{
	return t->components[0].what->ops;
}

/* [task] */
void task_set_state(struct task *t, enum task_state state);

/* ---- turns: all [task] ---- */

/* Polls, runs the chain and puts until the source has ended, the task shall stop, or something broke (then t->reason says
 * what). */
outflow_status task_run(struct task *t);

/* Sees what is in flight through: to its end when the source ended by itself, else until the deadline. */
outflow_status task_drain(struct task *t);

/* Brings what other threads may read up to date, and says so when a sink misbehaved. */
void task_publish_account(struct task *t);

/* What the chain calls while it waits for a retry. */
outflow_status task_pause(void *ctx, int64_t deadline_ns, outflow_error *err);

/* ---- instances ---- */

/* Loads this task's copies of its components; later calls find them in t->components. [task] */
outflow_status task_load_components(struct task *t, outflow_error *err);

/* Creates and starts everything; on an error t->reason says why and what exists is left for task_stop_instances. [task] */
outflow_status task_start_instances(struct task *t);

/* Sends what a sink holds back. [task] */
void task_flush(struct task *t, int64_t deadline_ns);

/* Stops and destroys everything in the order that keeps the last checkpoint true. [task] */
void task_stop_instances(struct task *t, int64_t deadline_ns);

#endif
