/* SPDX-License-Identifier: Apache-2.0 */
/* instance.h: one component at work in a task, and the services that the host offers it. */
#ifndef HOST_PIPELINE_INSTANCE_H
#define HOST_PIPELINE_INSTANCE_H
#include "host/base/log.h"
#include "host/base/timers.h"
#include "host/base/wakeup.h"
#include "host/config/model.h"
#include "host/pipeline/task_metrics.h"
#include "host/record/ledger.h"
#include "host/store/checkpoint.h"
#include "host/store/state.h"
#include "host/store/state_dir.h"

#include <outflow/abi.h>
#include <outflow/ext/journal.h>
#include <outflow/ext/state.h>

/* What all pipelines of the process share. */
struct environment {
	struct inventory *inventory;
	const struct host_model *host;
	const struct state_dir *state_dir;
	struct checkpoint_store *checkpoints;
	struct state_store *state; /* NULL: there is no outflow.state/1 */
};

struct watch;

/* One input that a stage rejected during the call in progress. */
struct reject {
	size_t index;
	outflow_status status;
	outflow_error error;
};

struct rejects {
	const outflow_record *in; /* of the call in progress */
	size_t n_in;
	const outflow_batch *polled; /* instead of in: what is being polled, whose array may move */
	struct reject *list;
	size_t n, room;
	int lost; /* a reject could not be kept: the call has failed */
};

/* What the instances of one task share. Owned by the task's thread; wakeup is for any. */
struct services {
	const struct environment *environment;
	const struct pipeline_model *model;
	struct ledger *ledger;
	struct timers timers;
	struct wakeup wakeup;
	struct rejects rejects;
	outflow_journal *journals;           /* open ones, linked */
	uint64_t journal_dropped;            /* by journals, not in the ledger's account yet */
	struct task_numbers journal_numbers; /* what they have to say of them all */
	struct task_metrics *metrics;        /* NULL: none */
	const struct watch *watch;           /* NULL: nobody ever looks on */
	uint32_t task, n_tasks;
	int apart; /* a trial beside the pipeline of that name: its log lines are not that one's, and it has no metrics */
};

struct instance {
	unsigned magic;
	outflow_host host; /* what the plugin sees; its ctx points here */
	struct services *services;
	const struct stage_model *model;
	struct instance *predicate; /* of a transform: which records it works on, see model->negate; NULL: on all */
	struct component component; /* as loaded for this instance */
	struct log_place place;
	void *self;
	int started;       /* its start went through: stop is called before destroy */
	void *state_value; /* what outflow.state/1 handed out last */
};

/* Prepares i and has the component make its self. component: what inventory_instance gave. On an error nothing is left
 * behind. [task] */
outflow_status instance_create(struct instance *i, struct services *s, const struct stage_model *model,
                               const struct component *component, outflow_error *err);

/* Destroys the self and all that the host holds for it; an instance without self is left alone. [task] */
void instance_destroy(struct instance *i);

/* Puts the stage's name before the reason in err, and returns status. [any] */
outflow_status instance_blame(const struct instance *i, outflow_status status, outflow_error *err);

/* The component broke the plugins' contract: counted by kind ("put_count"), and said in the log. [any] */
void instance_misbehaved(const struct instance *i, const char *kind, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* Begins a call with these inputs: rejects of before are forgotten. [task] */
void rejects_begin(struct rejects *r, const outflow_record *in, size_t n);
/* The same for the polls that fill this batch, which outlives them. */
void rejects_begin_poll(struct rejects *r, const outflow_batch *polled);
void rejects_clear(struct rejects *r);

/* The functions behind outflow.journal/1 and outflow.state/1. */
extern const outflow_journal_api journal_service;
extern const outflow_state_api state_service;

/* Everything below `next` of this stream is stored as done: its journal, if it has one, may forget it. [task] */
void journal_service_release(struct services *s, uint32_t stream, uint64_t next);

/* Brings the journals' log lines, services.journal_numbers and services.journal_dropped up to date. [task] */
void journal_service_watch(struct services *s, int64_t now_ns);

/* When the oldest record arrived that no journal has handed out yet; -1: there is none. [task] */
int64_t journal_service_oldest_ms(struct services *s);

/* Opens a stream at its checkpoint. [task] */
outflow_status services_open_stream(struct services *s, outflow_str json, uint32_t *stream, outflow_resume *resume);

#endif
