/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h: every pipeline of a daemon, declared in files or created while it runs: what each is to do, and what it does.
 *
 * A pipeline has a keeper, a thread of its own that brings what it does to what it is to do, so that a plugin that hangs
 * in one pipeline holds up no other. The functions here never run a plugin's code: they change what is to be done and
 * return, or wait, with a deadline, for a thread that checks a configuration. What was asked for is on disk before they
 * return OUTFLOW_OK's like, and survives kill -9.
 */
#ifndef HOST_PIPELINE_FLEET_H
#define HOST_PIPELINE_FLEET_H
#include "host/pipeline/instance.h"
#include "host/pipeline/reachability.h"
#include "host/pipeline/taps.h"
#include "host/pipeline/task.h"

struct fleet;

/* What a pipeline is to do. PAUSED keeps its connections and its journal going, and delivers nothing new. */
enum pipeline_target { TARGET_STOPPED, TARGET_PAUSED, TARGET_RUNNING };

/* What it does. */
enum pipeline_state {
	PIPELINE_READY, /* stopped; with a reason: by a record that errors.tolerance = none does not let pass */
	PIPELINE_STARTING,
	PIPELINE_RUNNING,
	PIPELINE_PAUSED,
	PIPELINE_STOPPING,        /* what is in flight is seen through */
	PIPELINE_COMPLETED,       /* its bounded source has ended and all of it is delivered */
	PIPELINE_STARTING_FAILED, /* no task could be started */
	PIPELINE_RUNNING_FAILED,  /* a task failed while it ran */
};

const char *pipeline_state_name(enum pipeline_state state);
const char *pipeline_target_name(enum pipeline_target target);

/* How a request ended; all but the first two leave everything as it was, and err says why. */
enum fleet_answer {
	FLEET_OK,
	FLEET_CREATED,     /* of fleet_put: there was none of this name before */
	FLEET_UNKNOWN,     /* there is no pipeline (connection, task) of this name */
	FLEET_EXISTS,      /* there is one already */
	FLEET_INVALID,     /* the configuration is wrong: problems say where */
	FLEET_DECLARED,    /* it stands in a file, and is changed there */
	FLEET_NOT_STOPPED, /* only while the pipeline is stopped */
	FLEET_IN_USE,      /* a connection that pipelines refer to */
	FLEET_TIMEOUT,     /* a plugin did not answer in time; the request was given up */
	FLEET_FAILED,      /* disk, memory, threads; of fleet_list_offsets and its like also: upstream */
	FLEET_UNSUPPORTED, /* its source's plugin cannot do that */
};

/* ---- life of the fleet ---- */

struct fleet_options {
	int64_t stop_timeout_ns; /* what a drain of one pipeline may take */
	/* A pipeline, its state or what is asked of it has changed; from any thread, with the fleet's lock, so that it notes
	 * the name down and calls nothing here; may be NULL. */
	void (*on_change)(void *ctx, const char *name);
	void *ctx;
};

/* Takes over the declared pipelines (files, with their models in the same order, which it owns from now on) and what the
 * state directory knows of created pipelines, connections and targets; nothing runs yet. environment outlives it. A created
 * pipeline that its plugins do not take any more is kept, failed, with the reason. OUTFLOW_E_TASK, OUTFLOW_E_NOMEM: the
 * models stay the caller's. [any, before the others] */
outflow_status fleet_new(const struct environment *environment, const struct loaded *files,
                         struct pipeline_model **models, const struct fleet_options *options, struct fleet **result,
                         outflow_error *err);

/* Starts every pipeline that is to run. [any, once] */
void fleet_start(struct fleet *f);

/* Asks every pipeline to stop, without changing what it is to do after a restart. Returns at once. [any] */
void fleet_stop(struct fleet *f, int64_t deadline_ns);

/* How many pipelines have work going on: tasks that live, or a restart that is due. [any] */
size_t fleet_active(struct fleet *f);

/* Names in the log which tasks still live. [any] */
void fleet_blame(struct fleet *f);

/* Has any pipeline failed (or is READY with a reason)? [any] */
int fleet_has_failed(struct fleet *f);

/* Waits for the keepers; every task must have ended. Clears the pointer, accepts NULL inside. [any] */
void fleet_free(struct fleet **f);

/* ---- pipelines ---- */

/* Checks a configuration as fleet_put would, with all problems at once. [any] */
enum fleet_answer fleet_check(struct fleet *f, const char *name, const struct settings *settings, int64_t timeout_ns,
                              struct problems *problems, outflow_error *err);

/* The model of a configuration for a trial: of secrets, and what references lead to, its stages see nothing. The caller frees it.
 * FLEET_INVALID, FLEET_TIMEOUT, FLEET_FAILED. [any] */
enum fleet_answer fleet_model_for_trial(struct fleet *f, const char *name, const struct settings *settings,
                                        int64_t timeout_ns, struct pipeline_model **result, struct problems *problems,
                                        outflow_error *err);

/* Creates a pipeline that is to do target. FLEET_EXISTS, FLEET_INVALID, FLEET_TIMEOUT, FLEET_FAILED. [any] */
enum fleet_answer fleet_create(struct fleet *f, const char *name, const struct settings *settings,
                               enum pipeline_target target, int64_t timeout_ns, struct problems *problems,
                               outflow_error *err);

/* Creates it (to run), or gives it another configuration: positions and target stay, what is in flight is seen through, and
 * when the new one cannot be started, the old one comes back. FLEET_CREATED, FLEET_OK, FLEET_DECLARED, and as above.
 * [any] */
enum fleet_answer fleet_put(struct fleet *f, const char *name, const struct settings *settings, int64_t timeout_ns,
                            struct problems *problems, outflow_error *err);

/* Gives a pipeline that there is another configuration, as fleet_put; version: NULL, or do so only while its own still is
 * that. FLEET_OK, FLEET_UNKNOWN, FLEET_EXISTS (another version), FLEET_DECLARED, and as fleet_put. [any] */
enum fleet_answer fleet_edit(struct fleet *f, const char *name, const char *version, const struct settings *settings,
                             int64_t timeout_ns, struct problems *problems, outflow_error *err);

/* Asks it to run, pause or stop; returns before it does. Asking a failed one to run starts it again. FLEET_UNKNOWN,
 * FLEET_FAILED. [any] */
enum fleet_answer fleet_aim(struct fleet *f, const char *name, enum pipeline_target target, outflow_error *err);

/* Starts tasks again that live or have failed: all, or only failed ones; a pipeline that is not to run is left alone.
 * task: its number, or -1 for all of them. FLEET_UNKNOWN. [any] */
enum fleet_answer fleet_restart(struct fleet *f, const char *name, int64_t task, int only_failed, outflow_error *err);

/* Calls change(ctx), which returns FLEET_OK or what this is to return, while the pipeline is stopped, without tasks, and kept
 * so: its positions may be changed. FLEET_UNKNOWN, FLEET_NOT_STOPPED. [any] */
enum fleet_answer fleet_while_stopped(struct fleet *f, const char *name, enum fleet_answer (*change)(void *ctx),
                                      void *ctx, outflow_error *err);

/* Positions that upstream keeps, of a pipeline whose source owns its offsets (pipeline_snapshot.owns_offsets): the plugin asks
 * upstream, in a thread that is given up after ten seconds or timeout_ns. A change needs the pipeline to be stopped, and keeps
 * it so until its answer. FLEET_UNKNOWN, FLEET_NOT_STOPPED, FLEET_INVALID (what is asked for cannot be), FLEET_TIMEOUT,
 * FLEET_UNSUPPORTED, FLEET_FAILED. [any] */
struct fleet_offset {
	char *partition; /* JSON, as the source calls its streams */
	uint64_t next;
	int forget; /* of fleet_alter_offsets: no position any more */
};
enum fleet_answer fleet_list_offsets(struct fleet *f, const char *name, int64_t timeout_ns,
                                     void (*show)(void *ctx, const struct fleet_offset *offset), void *ctx,
                                     outflow_error *err);
enum fleet_answer fleet_alter_offsets(struct fleet *f, const char *name, const struct fleet_offset *list, size_t n,
                                      int64_t timeout_ns, outflow_error *err);
/* Forgets all of them. */
enum fleet_answer fleet_reset_offsets(struct fleet *f, const char *name, int64_t timeout_ns, outflow_error *err);

/* Stops and removes a created pipeline: gone from every answer at once, its end is seen to in the background. Positions and
 * journal are kept, for one of the same name, unless purge. FLEET_UNKNOWN, FLEET_DECLARED, FLEET_FAILED. [any] */
enum fleet_answer fleet_delete(struct fleet *f, const char *name, int purge, outflow_error *err);

/* ---- looking ---- */

struct task_snapshot {
	uint32_t number;
	int retired; /* beyond tasks.max: delivers what its journal still has */
	enum task_state state;
	char *reason;           /* "" without one */
	uint32_t restarts;      /* in a row */
	int64_t next_try_ms;    /* until the next restart; -1: none is due */
	int64_t started_ms;     /* wall clock */
	struct account account; /* of this life of the task */
	uint64_t retried;
	uint64_t lag_records; /* upstream, as its source tells, else in its journal or received, and not resolved yet */
	int64_t oldest_ms;    /* age of the oldest record in flight */
	struct lag lag;       /* of its source, stream by stream */
};

struct pipeline_snapshot {
	char *name;
	int declared;
	char *file; /* where it is declared; NULL */
	int line;
	enum pipeline_target target;
	enum pipeline_state state;
	char *reason;                   /* "" without one */
	int64_t created_ms, changed_ms; /* wall clock; created_ms 0: unknown */
	struct settings settings;       /* as given, secrets included: mask them before they are shown */
	char version[9];
	char *source_class, *sink_class; /* "mqtt/source" */
	int owns_offsets;                /* upstream stores the positions of its source (OUTFLOW_SRC_OWNS_OFFSETS) */
	struct task_snapshot *tasks;
	size_t n_tasks;
};

/* What there is to say about one. FLEET_UNKNOWN, FLEET_FAILED (no memory). The caller frees it. [any] */
enum fleet_answer fleet_look(struct fleet *f, const char *name, struct pipeline_snapshot **result);

/* The same for all, in order of name. NULL: no memory. The caller frees each and the array. [any] */
struct pipeline_snapshot **fleet_look_all(struct fleet *f, size_t *n);

/* Live copies of its records from now on, whatever it does now. options.n_shown is filled in here. FLEET_INVALID: it has no such
 * stage, err names those that there are; FLEET_IN_USE: TAPS_MAX tap it already; FLEET_UNKNOWN, FLEET_FAILED. [any] */
enum fleet_answer fleet_tap(struct fleet *f, const char *name, const struct tap_options *options, struct tap **result,
                            outflow_error *err);

void pipeline_snapshot_free(struct pipeline_snapshot **s);

/* ---- declared pipelines ---- */

struct fleet_change {
	char *name;
	enum { CHANGE_NONE, CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED } kind;
};

struct fleet_plan {
	struct fleet_change *list; /* in order of name */
	size_t n;
	char hash[17]; /* of what the files say and what is declared now */
};

/* What reading the files anew would change; with apply, changes it: nothing at all unless everything is good. hash: NULL, or
 * apply only when it is still the plan's. The files stay the caller's.
 * FLEET_INVALID, FLEET_TIMEOUT, FLEET_FAILED, FLEET_EXISTS (the hash differs). [any] */
enum fleet_answer fleet_declare(struct fleet *f, const struct loaded *files, int apply, const char *hash,
                                int64_t timeout_ns, struct fleet_plan *plan, struct problems *problems,
                                outflow_error *err);
void fleet_plan_clear(struct fleet_plan *plan);

/* ---- connections ---- */

struct connection_snapshot {
	char *name;
	int declared;
	struct settings settings; /* secrets included */
	char **used_by;           /* names of pipelines */
	size_t n_used_by;
};

/* Creates one, or, if may_exist, changes it; pipelines that use it are given the new settings as by fleet_put.
 * FLEET_CREATED, FLEET_OK, FLEET_EXISTS, FLEET_DECLARED, FLEET_INVALID, FLEET_TIMEOUT, FLEET_FAILED. [any] */
enum fleet_answer fleet_put_connection(struct fleet *f, const char *name, const struct settings *settings,
                                       int may_exist, int64_t timeout_ns, struct problems *problems,
                                       outflow_error *err);

/* FLEET_UNKNOWN, FLEET_DECLARED, FLEET_IN_USE, FLEET_FAILED. [any] */
enum fleet_answer fleet_delete_connection(struct fleet *f, const char *name, outflow_error *err);

/* Can its server be reached? settings: NULL, or what it is to have for the test, whether there is one of this name or not.
 * FLEET_OK: result says what came of it; FLEET_UNKNOWN, FLEET_INVALID, FLEET_TIMEOUT, FLEET_FAILED. [any] */
enum fleet_answer fleet_test_connection(struct fleet *f, const char *name, const struct settings *settings,
                                        int64_t timeout_ns, struct reachability *result, struct problems *problems,
                                        outflow_error *err);

/* All of them, in order of name. NULL: no memory. The caller frees each and the array. [any] */
struct connection_snapshot **fleet_look_connections(struct fleet *f, size_t *n);
void connection_snapshot_free(struct connection_snapshot **s);

#endif
