/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h: one pipeline of the fleet: its tasks, and the keeper, the thread that brings what it does to what it is to do.
 *
 * The fleet (fleet.h) owns the map of names and all that is `asked`; the keeper owns the rest. Locks: the fleet's before a
 * pipeline's.
 */
#ifndef HOST_PIPELINE_PIPELINE_H
#define HOST_PIPELINE_PIPELINE_H
#include "host/base/clock.h"
#include "host/pipeline/fleet.h"
#include "host/pipeline/taps.h"

/* How often a keeper looks around while tasks stop. */
#define PIPELINE_TURN_NS (100 * CLOCK_MS)

/* A task, and the ones that take its place when it fails. */
struct seat {
	struct task *task; /* NULL: none could be made (failed), or one is about to be */
	int failed;
	uint32_t number; /* of the task; n_tasks or above: a retired one */
	int64_t started_ns, started_ms;
	int64_t next_try_ns; /* CLOCK_NEVER: no restart is due */
	uint32_t restarts;   /* in a row */
	int ended;           /* its end has been looked at */
	int again;           /* asked: start it again */
	int64_t end_by_ns;   /* it ends to start again; 0: it does not */
};

struct pipeline {
	unsigned magic;
	char *name;
	const struct environment *environment;
	struct fleet *fleet;
	int64_t stop_timeout_ns;
	struct wakeup wakeup;
	struct taps *taps;
	pthread_mutex_t lock; /* of all below; the keeper reads what only it writes without */

	/* asked: written by the fleet */
	enum pipeline_target target;
	struct pipeline_model *next; /* takes the place of the model */
	int fresh_start;             /* what failed before counts no more */
	int leaving;                 /* the fleet stops */
	int64_t leaving_deadline_ns;
	int deleted, purge;
	int held; /* how many change what upstream keeps of it: it gets no seats, and stays */

	/* given: under the fleet's lock */
	int declared, declared_running;
	struct settings given, former_given;
	int64_t created_ms, changed_ms;

	/* done: written by the keeper */
	struct pipeline_model *model;  /* NULL: its configuration is not understood, see problem */
	struct pipeline_model *former; /* comes back when the model cannot be started */
	int worked;                    /* the model has been running */
	int leaks;                     /* a task's memory was given up: models are, too */
	struct seat *seats;            /* retired ones last; none: not started, or it could not be */
	uint32_t n_seats, n_tasks;
	int paused;   /* its seats poll nothing */
	int starting; /* its seats are there, its tasks are being made */
	int stopping; /* its seats have been asked to stop */
	int interrupted, blamed;
	int64_t stop_deadline_ns;
	enum pipeline_state state;
	char *problem; /* why it is not what it is to be; NULL: a task's reason counts */
};

/* Makes a pipeline that does nothing yet. It owns the model, which may be NULL with a problem. OUTFLOW_E_NOMEM: the model
 * stays the caller's. [any] */
outflow_status pipeline_new(struct fleet *f, const struct environment *environment, const char *name,
                            struct pipeline_model *model, int64_t stop_timeout_ns, struct pipeline **result,
                            outflow_error *err);

/* Starts the keeper. OUTFLOW_E_TASK. [any, once] */
outflow_status pipeline_keep(struct pipeline *p, outflow_error *err);

/* Tells the keeper that something was asked for. [any] */
void pipeline_wake(struct pipeline *p);

/* Without a keeper, and without tasks that live. Clears the pointer, accepts NULL inside. [any] */
void pipeline_free(struct pipeline **p);

/* ---- what the keeper tells the fleet; without the pipeline's lock ---- */

/* The keeper of a pipeline that is deleted, or of a fleet that stops, has nothing left to do. 0: it was asked for something
 * else meanwhile and goes on; else it ends without touching p again. */
int fleet_keeper_ends(struct fleet *f, struct pipeline *p);

/* The state has changed. */
void fleet_state_changed(struct fleet *f, const char *name);

/* The last edit could not be started, and it has no seats: the model before it is in force again, with what was given for it.
 * Returns the one that failed, for the keeper to free; NULL: another edit waits already, and nothing has changed. */
struct pipeline_model *fleet_go_back(struct fleet *f, struct pipeline *p);

/* ---- its tasks (seats.c): all from the keeper ---- */

/* Seats one task at each place, and one for each that a larger tasks.max has left behind. On an error there are none. */
outflow_status seats_start(struct pipeline *p, outflow_error *err);

/* Asks all to stop; with interrupt, ends calls of stages and sinks that wait, too. */
void seats_stop(struct pipeline *p, int64_t deadline_ns);
void seats_interrupt(struct pipeline *p);

/* Has all poll nothing, or go on. */
void seats_set_paused(struct pipeline *p, int paused);

/* Looks at tasks that have ended, and restarts those that are due. may_restart: by themselves. */
void seats_look_after(struct pipeline *p, int may_restart);

/* Does any end in order to start again? */
int seats_any_ending(const struct pipeline *p);

/* Does any live? */
int seats_any_live(const struct pipeline *p);

/* When the next restart is due; CLOCK_NEVER. */
int64_t seats_next_restart(const struct pipeline *p);

/* Frees them all; none may live. */
void seats_clear(struct pipeline *p);

/* What the task in a seat does, or is about to. [under lock] */
enum task_state seat_state(const struct seat *seat);

/* What the pipeline does, by its tasks, and why; the text lives as long as the seats. [under lock] */
enum pipeline_state seats_state(const struct pipeline *p, const char **reason);

#endif
