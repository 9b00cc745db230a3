/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/plan.h"
#include "host/pipeline/retired.h"

#include <outflow/util.h>

#include <stdlib.h>

static struct log_place place_of(const struct pipeline *p, const struct seat *seat)
{
	return (struct log_place){ p->name, NULL, seat->number };
}

static void on_task_change(void *ctx)
{
	pipeline_wake(ctx);
}

static int is_live(const struct seat *seat)
{
	return seat->task != NULL && !task_state_is_final(task_state(seat->task));
}

/* A task is put into its seat, and out of it, under the lock: others look at it there. */
static void put(struct pipeline *p, struct seat *seat, struct task *task)
{
	pthread_mutex_lock(&p->lock);
	seat->task = task;
	seat->failed = task == NULL;
	seat->started_ns = clock_mono_ns();
	seat->started_ms = clock_wall_ms();
	seat->next_try_ns = CLOCK_NEVER;
	seat->ended = 0;
	seat->end_by_ns = 0;
	pthread_mutex_unlock(&p->lock);
}

static void empty(struct pipeline *p, struct seat *seat)
{
	struct task *task = seat->task;

	pthread_mutex_lock(&p->lock);
	seat->task = NULL;
	seat->failed = 0;
	p->leaks |= task != NULL && task_leaks(task);
	pthread_mutex_unlock(&p->lock);
	task_free(&task);
}

static outflow_status seat_task(struct pipeline *p, struct seat *seat, outflow_error *err)
{
	struct task *task = NULL;
	outflow_status status =
		task_new(p->model, p->environment, seat->number, p->n_tasks, on_task_change, p, &task, err);

	if (status == OUTFLOW_OK)
		task_tap(task, p->taps);
	if (status == OUTFLOW_OK && p->paused)
		task_set_paused(task, 1);
	if (status == OUTFLOW_OK)
		status = task_start(task, err);
	if (status != OUTFLOW_OK)
		task_free(&task);
	put(p, seat, task);
	return status;
}

static outflow_status make_seats(struct pipeline *p, uint32_t *n, struct seat **result, outflow_error *err)
{
	const struct state_dir *d = p->environment->state_dir;
	uint32_t *retired = NULL;
	size_t n_retired = 0;
	outflow_status status = OUTFLOW_OK;
	struct seat *seats = NULL;
	uint32_t n_tasks = plan_tasks(p->model);

	pthread_mutex_lock(&p->lock);
	p->n_tasks = n_tasks;
	pthread_mutex_unlock(&p->lock);
	if (plan_retires(p->model))
		status = retired_find(d, p->name, p->n_tasks, &retired, &n_retired, err);
	*n = p->n_tasks + (uint32_t)n_retired;
	if (status == OUTFLOW_OK && (seats = calloc(*n, sizeof *seats)) == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for its tasks");
	for (uint32_t k = 0; seats != NULL && k < *n; k++) {
		seats[k] = (struct seat){ .number = k < p->n_tasks ? k : retired[k - p->n_tasks],
			                  .next_try_ns = CLOCK_NEVER };
		if (k < p->n_tasks)
			retired_unmark(d, p->name, k);
	}
	free(retired);
	*result = seats;
	return status;
}

outflow_status seats_start(struct pipeline *p, outflow_error *err)
{
	struct seat *seats = NULL;
	uint32_t n = 0;
	outflow_status status = make_seats(p, &n, &seats, err);

	pthread_mutex_lock(&p->lock);
	p->seats = seats;
	p->n_seats = status == OUTFLOW_OK ? n : 0;
	p->starting = 1;
	pthread_mutex_unlock(&p->lock);
	for (uint32_t k = 0; status == OUTFLOW_OK && k < n; k++)
		status = seat_task(p, &p->seats[k], err);
	pthread_mutex_lock(&p->lock);
	p->starting = 0;
	pthread_mutex_unlock(&p->lock);
	return status;
}

void seats_stop(struct pipeline *p, int64_t deadline_ns)
{
	pthread_mutex_lock(&p->lock);
	for (uint32_t k = 0; k < p->n_seats; k++)
		p->seats[k].next_try_ns = CLOCK_NEVER;
	pthread_mutex_unlock(&p->lock);
	for (uint32_t k = 0; k < p->n_seats; k++)
		if (p->seats[k].task != NULL)
			task_stop(p->seats[k].task, deadline_ns);
}

void seats_interrupt(struct pipeline *p)
{
	for (uint32_t k = 0; k < p->n_seats; k++)
		if (p->seats[k].task != NULL)
			task_interrupt(p->seats[k].task);
}

void seats_set_paused(struct pipeline *p, int paused)
{
	p->paused = paused;
	for (uint32_t k = 0; k < p->n_seats; k++)
		if (p->seats[k].task != NULL)
			task_set_paused(p->seats[k].task, paused);
}

int seats_any_live(const struct pipeline *p)
{
	for (uint32_t k = 0; k < p->n_seats; k++)
		if (is_live(&p->seats[k]))
			return 1;
	return 0;
}

int64_t seats_next_restart(const struct pipeline *p)
{
	int64_t next = CLOCK_NEVER;

	for (uint32_t k = 0; k < p->n_seats; k++)
		if (p->seats[k].next_try_ns < next)
			next = p->seats[k].next_try_ns;
	return next;
}

void seats_clear(struct pipeline *p)
{
	struct seat *seats = p->seats;

	for (uint32_t k = 0; k < p->n_seats; k++)
		empty(p, &p->seats[k]);
	pthread_mutex_lock(&p->lock);
	p->seats = NULL;
	p->n_seats = 0;
	pthread_mutex_unlock(&p->lock);
	free(seats);
}

/* ---- restarts ---- */

static int64_t restart_wait_ns(const struct restart_policy *policy, uint32_t restarts)
{
	int64_t wait = policy->initial_ns;

	while (restarts-- > 0 && wait < policy->max_wait_ns)
		wait *= 2;
	return wait < policy->max_wait_ns ? wait : policy->max_wait_ns;
}

/* A task has ended: is another one to take its seat? */
static void plan_restart(const struct pipeline *p, struct seat *seat)
{
	const struct restart_policy *policy = &p->model->restart;
	struct log_place place = place_of(p, seat);
	int64_t now = clock_mono_ns();
	int64_t wait;

	if (!policy->enabled || !task_may_recover(seat->task))
		return;
	if (now - seat->started_ns >= policy->healthy_ns)
		seat->restarts = 0;
	if (policy->max_attempts != RETRY_NO_LIMIT && seat->restarts >= policy->max_attempts) {
		log_write(&place, OUTFLOW_LOG_ERROR, "is not restarted any more: restart.max.attempts is reached");
		return;
	}
	wait = restart_wait_ns(policy, seat->restarts++);
	seat->next_try_ns = now + wait;
	log_write(&place, OUTFLOW_LOG_WARN, "restart %u in %.1f s", seat->restarts, (double)wait / CLOCK_S);
}

static void look_at_end(struct pipeline *p, struct seat *seat, int may_restart)
{
	pthread_mutex_lock(&p->lock);
	seat->ended = 1;
	if (may_restart)
		plan_restart(p, seat);
	pthread_mutex_unlock(&p->lock);
	if (seat->number >= p->n_tasks && task_state(seat->task) == TASK_COMPLETED)
		retired_mark(p->environment->state_dir, p->name, seat->number);
}

static int take_again(struct pipeline *p, struct seat *seat)
{
	int again;

	pthread_mutex_lock(&p->lock);
	again = seat->again;
	if (again && !is_live(seat)) {
		seat->again = 0;
		seat->restarts = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return again;
}

/* It is called again, at least every PIPELINE_TURN_NS, until the task has ended. */
static void end_for_again(struct pipeline *p, struct seat *seat)
{
	int64_t now = clock_mono_ns();

	if (seat->end_by_ns == 0) {
		seat->end_by_ns = now + p->stop_timeout_ns;
		task_stop(seat->task, seat->end_by_ns);
	} else if (now >= seat->end_by_ns) {
		task_interrupt(seat->task);
	}
}

int seats_any_ending(const struct pipeline *p)
{
	for (uint32_t k = 0; k < p->n_seats; k++)
		if (p->seats[k].end_by_ns != 0)
			return 1;
	return 0;
}

static void look_after_seat(struct pipeline *p, struct seat *seat, int may_restart)
{
	struct log_place place = place_of(p, seat);
	outflow_error err = { .size = sizeof err };
	int again = may_restart && take_again(p, seat);

	if (again && is_live(seat))
		end_for_again(p, seat);
	if (is_live(seat))
		return;
	if (seat->task != NULL && !seat->ended)
		look_at_end(p, seat, may_restart && !again);
	if (!again && seat->next_try_ns > clock_mono_ns())
		return;
	empty(p, seat);
	if (seat_task(p, seat, &err) != OUTFLOW_OK)
		log_write(&place, OUTFLOW_LOG_ERROR, "cannot be restarted: %s", err.msg);
}

void seats_look_after(struct pipeline *p, int may_restart)
{
	for (uint32_t k = 0; k < p->n_seats; k++)
		look_after_seat(p, &p->seats[k], may_restart);
}

/* ---- what it all comes to ---- */

enum task_state seat_state(const struct seat *seat)
{
	if (seat->task != NULL)
		return task_state(seat->task);
	return seat->failed ? TASK_STARTING_FAILED : TASK_STARTING;
}

static enum pipeline_state state_of(const struct seat *seat)
{
	static const enum pipeline_state states[] = {
		[TASK_STARTING] = PIPELINE_STARTING,     [TASK_RUNNING] = PIPELINE_RUNNING,
		[TASK_PAUSED] = PIPELINE_PAUSED,         [TASK_STOPPING] = PIPELINE_STOPPING,
		[TASK_STOPPED] = PIPELINE_STOPPING,      [TASK_COMPLETED] = PIPELINE_COMPLETED,
		[TASK_READY] = PIPELINE_READY,           [TASK_STARTING_FAILED] = PIPELINE_STARTING_FAILED,
		[TASK_FAILED] = PIPELINE_RUNNING_FAILED,
	};

	return states[seat_state(seat)];
}

/* Of the states of several tasks, the one that says most: the first of these. */
static int weight(enum pipeline_state state)
{
	static const int weights[] = {
		[PIPELINE_STARTING_FAILED] = 0, [PIPELINE_RUNNING_FAILED] = 1, [PIPELINE_READY] = 2,
		[PIPELINE_STOPPING] = 3,        [PIPELINE_STARTING] = 4,       [PIPELINE_PAUSED] = 5,
		[PIPELINE_RUNNING] = 6,         [PIPELINE_COMPLETED] = 7,
	};

	return weights[state];
}

enum pipeline_state seats_state(const struct pipeline *p, const char **reason)
{
	enum pipeline_state result = PIPELINE_COMPLETED;

	*reason = "";
	for (uint32_t k = 0; k < p->n_seats; k++) {
		const struct seat *seat = &p->seats[k];
		enum pipeline_state state = state_of(seat);

		if (k > 0 && weight(state) >= weight(result))
			continue;
		result = state;
		if (seat->task != NULL && task_state_is_final(task_state(seat->task)))
			*reason = task_reason(seat->task);
	}
	return result;
}
