/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/pipeline.h"

#include "host/base/check.h"
#include "host/pipeline/purge.h"

#include <outflow/util.h>

#include <stdlib.h>

#define PIPELINE_MAGIC 0x70697065u
/* Beyond the deadline of a stop: time for calls that were interrupted to come back. */
#define GRACE_NS (5 * CLOCK_S)
/* A keeper has little to do, and plugins that plan little more. */
#define KEEPER_STACK (512u * 1024)

/* What is asked for, as of one turn of the keeper. */
struct orders {
	enum pipeline_target target;
	int leaving, deleted, purge, held, has_next, fresh_start;
	int64_t leaving_deadline_ns;
};

outflow_status pipeline_new(struct fleet *f, const struct environment *environment, const char *name,
                            struct pipeline_model *model, int64_t stop_timeout_ns, struct pipeline **result,
                            outflow_error *err)
{
	struct pipeline *p = calloc(1, sizeof *p);

	if (p != NULL && (p->name = strdup(name)) != NULL && (p->taps = taps_new()) != NULL &&
	    wakeup_init(&p->wakeup) == 0) {
		p->magic = PIPELINE_MAGIC;
		p->fleet = f;
		p->environment = environment;
		p->stop_timeout_ns = stop_timeout_ns;
		p->model = model;
		pthread_mutex_init(&p->lock, NULL);
		*result = p;
		return OUTFLOW_OK;
	}
	if (p != NULL) {
		taps_release(&p->taps);
		free(p->name);
	}
	free(p);
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for pipeline %s", name);
}

void pipeline_wake(struct pipeline *p)
{
	wakeup_signal(&p->wakeup);
}

/* A client that could not be stopped may still log with its names. */
static void free_model(const struct pipeline *p, struct pipeline_model **m)
{
	if (!p->leaks)
		pipeline_model_free(m);
	*m = NULL;
}

void pipeline_free(struct pipeline **pp)
{
	struct pipeline *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	CHECK_OBJ(p, PIPELINE_MAGIC);
	free_model(p, &p->model);
	free_model(p, &p->former);
	free_model(p, &p->next);
	settings_clear(&p->given);
	settings_clear(&p->former_given);
	wakeup_destroy(&p->wakeup);
	pthread_mutex_destroy(&p->lock);
	taps_end(p->taps, TAP_DELETED, "");
	taps_release(&p->taps);
	free(p->problem);
	free(p->name);
	p->magic = 0;
	free(p);
}

/* ---- the keeper ---- */

static struct orders read_orders(struct pipeline *p)
{
	struct orders o;

	pthread_mutex_lock(&p->lock);
	o = (struct orders){ .target = p->target,
		             .leaving = p->leaving,
		             .deleted = p->deleted,
		             .purge = p->purge,
		             .held = p->held > 0,
		             .has_next = p->next != NULL,
		             .fresh_start = p->fresh_start,
		             .leaving_deadline_ns = p->leaving_deadline_ns };
	p->fresh_start = 0;
	pthread_mutex_unlock(&p->lock);
	return o;
}

static void set_problem(struct pipeline *p, const char *text)
{
	char *copy = text ? strdup(text) : NULL, *old;

	pthread_mutex_lock(&p->lock);
	old = p->problem;
	p->problem = copy;
	pthread_mutex_unlock(&p->lock);
	free(old);
}

static int is_working(enum pipeline_state state)
{
	return state == PIPELINE_RUNNING || state == PIPELINE_PAUSED || state == PIPELINE_COMPLETED;
}

/* Will nothing come any more unless somebody asks for it? */
static int is_over(const struct pipeline *p, enum pipeline_state state)
{
	return state == PIPELINE_COMPLETED || (state == PIPELINE_READY && p->n_seats > 0) ||
	       ((state == PIPELINE_STARTING_FAILED || state == PIPELINE_RUNNING_FAILED) &&
	        seats_next_restart(p) == CLOCK_NEVER);
}

static void show_state(struct pipeline *p)
{
	enum pipeline_state before = p->state, now;
	const char *reason = "";
	char text[sizeof((outflow_error *)0)->msg];

	pthread_mutex_lock(&p->lock);
	if (p->n_seats > 0)
		now = p->blamed ? PIPELINE_RUNNING_FAILED : p->stopping ? PIPELINE_STOPPING : seats_state(p, &reason);
	else if (p->problem != NULL && p->former == NULL && p->target != TARGET_STOPPED)
		now = PIPELINE_STARTING_FAILED;
	else
		now = p->target == TARGET_PAUSED ? PIPELINE_PAUSED : PIPELINE_READY;
	p->state = now;
	snprintf(text, sizeof text, "%s", p->problem ? p->problem : reason);
	p->worked |= p->n_seats > 0 && is_working(now);
	pthread_mutex_unlock(&p->lock);
	if (is_over(p, now))
		taps_end(p->taps, now == PIPELINE_COMPLETED ? TAP_COMPLETED : TAP_FAILED, text);
	if (now != before)
		fleet_state_changed(p->fleet, p->name);
}

static void begin_stop(struct pipeline *p, const struct orders *o)
{
	const char *reason;

	p->stop_deadline_ns = o->leaving ? o->leaving_deadline_ns : clock_mono_ns() + p->stop_timeout_ns;
	pthread_mutex_lock(&p->lock);
	/* An edit may come before the keeper has seen it work. */
	p->worked |= is_working(seats_state(p, &reason));
	p->stopping = 1;
	pthread_mutex_unlock(&p->lock);
	seats_stop(p, p->stop_deadline_ns);
}

/* While the seats empty. */
static void watch_stop(struct pipeline *p, const struct orders *o)
{
	static const char blame[] = "does not stop: a plugin's call does not return";
	struct log_place place = { p->name, NULL, -1 };
	int64_t now = clock_mono_ns();

	if (o->leaving && o->leaving_deadline_ns < p->stop_deadline_ns)
		p->stop_deadline_ns = o->leaving_deadline_ns;
	if (now >= p->stop_deadline_ns && !p->interrupted) {
		p->interrupted = 1;
		seats_interrupt(p);
	}
	if (now < p->stop_deadline_ns + GRACE_NS || p->blamed)
		return;
	log_write(&place, OUTFLOW_LOG_ERROR, "%s", blame);
	set_problem(p, blame);
	pthread_mutex_lock(&p->lock);
	p->blamed = 1;
	pthread_mutex_unlock(&p->lock);
}

static void end_stop(struct pipeline *p, const struct orders *o)
{
	seats_clear(p);
	taps_end(p->taps,
	         o->deleted    ? TAP_DELETED
	         : o->leaving  ? TAP_STOPPING
	         : o->has_next ? TAP_EDITED
	                       : TAP_STOPPED,
	         "");
	if (p->blamed)
		set_problem(p, NULL);
	p->interrupted = 0;
	pthread_mutex_lock(&p->lock);
	p->stopping = p->blamed = 0;
	pthread_mutex_unlock(&p->lock);
}

/* With no seats: the configuration that waits is in force from now on. */
static void take_next(struct pipeline *p)
{
	struct pipeline_model *old;

	pthread_mutex_lock(&p->lock);
	old = p->model;
	/* One that never worked is nothing to go back to. */
	if (p->former == NULL && p->worked) {
		p->former = old;
		old = NULL;
	}
	p->model = p->next;
	p->next = NULL;
	p->worked = 0;
	pthread_mutex_unlock(&p->lock);
	free_model(p, &old);
	set_problem(p, NULL);
	taps_end(p->taps, TAP_EDITED, "");
}

static void forget_former(struct pipeline *p)
{
	struct pipeline_model *former;

	pthread_mutex_lock(&p->lock);
	former = p->former;
	p->former = NULL;
	pthread_mutex_unlock(&p->lock);
	free_model(p, &former);
}

static void start(struct pipeline *p, const struct orders *o)
{
	struct log_place place = { p->name, NULL, -1 };
	outflow_error err = { .size = sizeof err };

	seats_set_paused(p, o->target == TARGET_PAUSED);
	if (seats_start(p, &err) == OUTFLOW_OK)
		return;
	log_write(&place, OUTFLOW_LOG_ERROR, "cannot be started: %s", err.msg);
	set_problem(p, err.msg);
}

/* The edited pipeline does not start: the former model goes on, and says why it is there again. 0: there is a newer edit. */
static int go_back(struct pipeline *p, const char *reason)
{
	char text[sizeof((outflow_error *)0)->msg + 120];
	struct log_place place = { p->name, NULL, -1 };
	struct pipeline_model *failed;

	seats_clear(p);
	failed = fleet_go_back(p->fleet, p);
	if (failed == NULL)
		return 0;
	snprintf(text, sizeof text,
	         "the edited configuration could not be started, the one before is in force again: %s", reason);
	log_write(&place, OUTFLOW_LOG_ERROR, "%s", text);
	free_model(p, &failed);
	set_problem(p, text);
	return 1;
}

/* An edit is on trial until every task has got beyond starting. */
static void watch_trial(struct pipeline *p, const struct orders *o)
{
	char text[sizeof((outflow_error *)0)->msg];
	enum pipeline_state state;
	const char *reason;

	if (p->n_seats == 0 && p->problem == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	state = p->n_seats > 0 ? seats_state(p, &reason) : PIPELINE_STARTING_FAILED;
	snprintf(text, sizeof text, "%s", p->n_seats > 0 ? reason : p->problem);
	pthread_mutex_unlock(&p->lock);
	if (state == PIPELINE_STARTING)
		return;
	if (state == PIPELINE_STARTING_FAILED && p->former != NULL && seats_any_live(p)) {
		seats_stop(p, clock_mono_ns() + p->stop_timeout_ns);
	} else if (state == PIPELINE_STARTING_FAILED && !o->has_next) {
		if (go_back(p, text))
			start(p, o);
	} else if (state != PIPELINE_STARTING_FAILED && state != PIPELINE_STOPPING) {
		forget_former(p);
	}
}

static void start_failed_again(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	for (uint32_t k = 0; k < p->n_seats; k++)
		p->seats[k].again |= p->seats[k].task == NULL || task_state(p->seats[k].task) >= TASK_READY;
	pthread_mutex_unlock(&p->lock);
	if (!p->blamed)
		set_problem(p, NULL);
}

/* What it was deleted with: one of the same name begins anew. */
static void forget_all(struct pipeline *p)
{
	struct log_place place = { p->name, NULL, -1 };
	outflow_error err = { .size = sizeof err };

	if (purge_pipeline(p->environment, p->name, &err) != OUTFLOW_OK)
		log_write(&place, OUTFLOW_LOG_ERROR, "its positions and journal could not be removed: %s", err.msg);
	pthread_mutex_lock(&p->lock);
	p->purge = 0;
	pthread_mutex_unlock(&p->lock);
}

static int may_be_done(const struct orders *o)
{
	return o->leaving || o->deleted;
}

/* Brings the pipeline one step nearer to what it is to be. Returns 1 when nothing is left to do for good. */
static int turn(struct pipeline *p)
{
	struct orders o = read_orders(p);
	int is_to_work = o.target != TARGET_STOPPED && !may_be_done(&o);

	if (o.fresh_start)
		start_failed_again(p);
	if (p->n_seats > 0 && !p->stopping && (!is_to_work || o.has_next))
		begin_stop(p, &o);
	if (p->stopping || p->former == NULL)
		seats_look_after(p, is_to_work && !p->stopping);
	if (p->stopping && seats_any_live(p)) {
		watch_stop(p, &o);
		return 0;
	}
	if (p->stopping)
		end_stop(p, &o);
	if (p->n_seats == 0 && o.purge)
		forget_all(p);
	if (p->n_seats == 0 && may_be_done(&o))
		return 1;
	if (p->n_seats == 0 && o.has_next)
		take_next(p);
	if (p->n_seats == 0 && is_to_work && !o.held && p->model != NULL && p->problem == NULL)
		start(p, &o);
	else if (p->n_seats > 0)
		seats_set_paused(p, o.target == TARGET_PAUSED);
	if (p->former != NULL && is_to_work)
		watch_trial(p, &o);
	else
		forget_former(p);
	return 0;
}

static int64_t next_turn(const struct pipeline *p)
{
	int64_t now = clock_mono_ns(), next = seats_next_restart(p);

	if (p->stopping || seats_any_ending(p) || p->former != NULL)
		return now + PIPELINE_TURN_NS;
	return next < now + CLOCK_S * 3600 ? next : now + CLOCK_S * 3600;
}

static void *keep(void *arg)
{
	struct pipeline *p = arg;

	for (;;) {
		if (turn(p) && fleet_keeper_ends(p->fleet, p))
			return NULL;
		show_state(p);
		wakeup_wait(&p->wakeup, next_turn(p));
	}
}

outflow_status pipeline_keep(struct pipeline *p, outflow_error *err)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int rc = pthread_attr_init(&attributes);

	if (rc == 0) {
		pthread_attr_setstacksize(&attributes, KEEPER_STACK);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&thread, &attributes, keep, p);
		pthread_attr_destroy(&attributes);
	}
	return rc == 0 ? OUTFLOW_OK
	               : outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "%s: no thread for its keeper", p->name);
}
