/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/supervisor.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/signals.h"
#include "host/pipeline/plan.h"
#include "host/pipeline/retired.h"
#include "host/pipeline/task.h"

#include <outflow/util.h>

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SUPERVISOR_MAGIC 0x73757076u
/* Beyond the deadline of a stop: time to interrupt calls that wait, and to say so. */
#define GRACE_NS (5 * CLOCK_S)
#define STOPPING_TURN_MS 100

/* A task, and the ones that take its place when it fails. */
struct seat {
	struct task *task;
	uint32_t number; /* of the task; n_tasks or above: a retired one */
	int64_t started_ns;
	int64_t next_try_ns; /* CLOCK_NEVER: no restart is due */
	uint32_t restarts;   /* in a row */
	int ended;           /* its end has been looked at */
};

struct pipeline {
	const struct pipeline_model *model;
	struct seat *seats; /* n_seats of them, retired ones last; none: not started, or it could not be */
	uint32_t n_seats;
	uint32_t n_tasks; /* how many the source's work is split into */
	int failed;
};

struct supervisor {
	unsigned magic;
	const struct environment *environment;
	struct supervisor_options options;
	struct pipeline *pipelines;
	size_t n;
	int ended_fd; /* counts tasks that ended */
	int signal_fd;
	int stop_signal;
	int64_t deadline_ns;
	int interrupted;
};

static void on_task_end(void *ctx)
{
	struct supervisor *s = ctx;
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(s->ended_fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

outflow_status supervisor_new(const struct environment *environment, struct pipeline_model *const *models,
                              size_t n_models, const struct supervisor_options *options, struct supervisor **result,
                              outflow_error *err)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the supervisor");
	*s = (struct supervisor){ .magic = SUPERVISOR_MAGIC,
		                  .environment = environment,
		                  .options = *options,
		                  .ended_fd = -1,
		                  .signal_fd = -1,
		                  .deadline_ns = CLOCK_NEVER };
	s->pipelines = calloc(n_models + 1, sizeof *s->pipelines);
	if (s->pipelines == NULL) {
		supervisor_free(&s);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the supervisor");
	}
	for (s->n = 0; s->n < n_models; s->n++)
		s->pipelines[s->n].model = models[s->n];
	s->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->signal_fd = signals_open();
	if (s->ended_fd < 0 || s->signal_fd < 0) {
		outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "cannot watch signals");
		supervisor_free(&s);
		return OUTFLOW_E_TASK;
	}
	*result = s;
	return OUTFLOW_OK;
}

static outflow_status seat_task(struct supervisor *s, struct pipeline *p, struct seat *seat, outflow_error *err)
{
	outflow_status status =
		task_new(p->model, s->environment, seat->number, p->n_tasks, on_task_end, s, &seat->task, err);

	seat->started_ns = clock_mono_ns();
	seat->next_try_ns = CLOCK_NEVER;
	seat->ended = 0;
	if (status == OUTFLOW_OK)
		status = task_start(seat->task, err);
	if (status != OUTFLOW_OK)
		task_free(&seat->task);
	return status;
}

/* One seat for each task, and one for each that a larger tasks.max has left behind. */
static outflow_status make_seats(struct supervisor *s, struct pipeline *p, size_t *n, outflow_error *err)
{
	const struct state_dir *d = s->environment->state_dir;
	uint32_t *retired = NULL;
	size_t n_retired = 0;
	outflow_status status = OUTFLOW_OK;

	p->n_tasks = plan_tasks(p->model);
	if (plan_retires(p->model))
		status = retired_find(d, p->model->name, p->n_tasks, &retired, &n_retired, err);
	*n = p->n_tasks + n_retired;
	p->seats = status == OUTFLOW_OK ? calloc(*n, sizeof *p->seats) : NULL;
	for (uint32_t k = 0; p->seats != NULL && k < *n; k++) {
		p->seats[k].number = k < p->n_tasks ? k : retired[k - p->n_tasks];
		if (k < p->n_tasks)
			retired_unmark(d, p->model->name, k);
	}
	free(retired);
	if (status == OUTFLOW_OK && p->seats == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for its tasks");
	return status;
}

static void start_pipeline(struct supervisor *s, struct pipeline *p)
{
	struct log_place place = { p->model->name, NULL, -1 };
	outflow_error err = { .size = sizeof err };
	size_t n = 0;
	outflow_status status = make_seats(s, p, &n, &err);

	for (; status == OUTFLOW_OK && p->n_seats < n; p->n_seats++)
		status = seat_task(s, p, &p->seats[p->n_seats], &err);
	if (status == OUTFLOW_OK)
		return;
	p->failed = 1;
	log_write(&place, OUTFLOW_LOG_ERROR, "cannot be started: %s", err.msg);
}

/* Calls visit for every seat of every pipeline; returns how often it answered with something else than 0. */
static size_t count_seats(struct supervisor *s,
                          int (*visit)(struct supervisor *s, struct pipeline *p, struct seat *seat))
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		for (uint32_t k = 0; k < s->pipelines[i].n_seats; k++)
			n += visit(s, &s->pipelines[i], &s->pipelines[i].seats[k]) != 0;
	return n;
}

static struct log_place place_of(const struct pipeline *p, const struct seat *seat)
{
	return (struct log_place){ p->model->name, NULL, seat->number };
}

static int is_running(struct supervisor *s, struct pipeline *p, struct seat *seat)
{
	(void)s;
	(void)p;
	return seat->next_try_ns != CLOCK_NEVER || (seat->task != NULL && !task_state_is_final(task_state(seat->task)));
}

static int has_failed(struct supervisor *s, struct pipeline *p, struct seat *seat)
{
	(void)s;
	(void)p;
	return seat->task == NULL || task_state(seat->task) >= TASK_READY;
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

static int look_after_seat(struct supervisor *s, struct pipeline *p, struct seat *seat)
{
	struct log_place place = place_of(p, seat);
	outflow_error err = { .size = sizeof err };

	if (seat->task == NULL || !task_state_is_final(task_state(seat->task)))
		return 0;
	if (!seat->ended) {
		seat->ended = 1;
		if (seat->number >= p->n_tasks && task_state(seat->task) == TASK_COMPLETED)
			retired_mark(s->environment->state_dir, p->model->name, seat->number);
		if (s->stop_signal == 0)
			plan_restart(p, seat);
	}
	if (seat->next_try_ns > clock_mono_ns())
		return 0;
	task_free(&seat->task);
	if (seat_task(s, p, seat, &err) != OUTFLOW_OK)
		log_write(&place, OUTFLOW_LOG_ERROR, "cannot be restarted: %s", err.msg);
	return 0;
}

static int64_t next_restart(const struct supervisor *s)
{
	int64_t next = CLOCK_NEVER;

	for (size_t i = 0; i < s->n; i++)
		for (uint32_t k = 0; k < s->pipelines[i].n_seats; k++)
			if (s->pipelines[i].seats[k].next_try_ns < next)
				next = s->pipelines[i].seats[k].next_try_ns;
	return next;
}

/* ---- the end ---- */

static int any_failed(struct supervisor *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->pipelines[i].failed)
			return 1;
	return count_seats(s, has_failed) > 0;
}

static int stop_seat(struct supervisor *s, struct pipeline *p, struct seat *seat)
{
	(void)p;
	seat->next_try_ns = CLOCK_NEVER;
	if (seat->task != NULL)
		task_stop(seat->task, s->deadline_ns);
	return 0;
}

static void stop_all(struct supervisor *s)
{
	s->deadline_ns = clock_mono_ns() + s->options.stop_timeout_ns;
	count_seats(s, stop_seat);
}

static void read_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (s->stop_signal != 0) {
		log_write(NULL, OUTFLOW_LOG_WARN, "second signal: ending at once, what is in flight will come again");
		_exit(128 + (int)info.ssi_signo);
	}
	s->stop_signal = (int)info.ssi_signo;
	log_write(NULL, OUTFLOW_LOG_INFO, "signal %d: draining for at most %lld s; a second signal ends at once",
	          s->stop_signal, (long long)(s->options.stop_timeout_ns / CLOCK_S));
	stop_all(s);
}

static int interrupt_seat(struct supervisor *s, struct pipeline *p, struct seat *seat)
{
	(void)s;
	(void)p;
	if (seat->task != NULL)
		task_interrupt(seat->task);
	return 0;
}

static int blame_seat(struct supervisor *s, struct pipeline *p, struct seat *seat)
{
	struct log_place place = place_of(p, seat);

	if (is_running(s, p, seat))
		log_write(&place, OUTFLOW_LOG_ERROR,
		          "does not stop: a plugin's call does not return; ending without it");
	return 0;
}

/* Returns -1 when tasks do not stop and all has been tried. */
static int enforce_deadline(struct supervisor *s)
{
	int64_t now = clock_mono_ns();

	if (now >= s->deadline_ns && !s->interrupted) {
		s->interrupted = 1;
		count_seats(s, interrupt_seat);
	}
	if (s->deadline_ns == CLOCK_NEVER || now < s->deadline_ns + GRACE_NS)
		return 0;
	count_seats(s, blame_seat);
	return -1;
}

static void wait_for_news(struct supervisor *s)
{
	struct pollfd fds[] = { { s->signal_fd, POLLIN, 0 }, { s->ended_fd, POLLIN, 0 } };
	int64_t next = next_restart(s);
	uint64_t count;
	ssize_t n;
	int wait_ms = -1;

	if (s->stop_signal != 0)
		wait_ms = STOPPING_TURN_MS;
	else if (next != CLOCK_NEVER)
		wait_ms = (int)((next - clock_mono_ns()) / CLOCK_MS) + 1;
	if (wait_ms < -1)
		wait_ms = 0;
	if (poll(fds, 2, wait_ms) <= 0)
		return;
	if (fds[0].revents != 0)
		read_signal(s);
	if (fds[1].revents != 0) {
		n = read(s->ended_fd, &count, sizeof count);
		(void)n;
	}
}

int supervisor_run(struct supervisor *s)
{
	CHECK_OBJ(s, SUPERVISOR_MAGIC);
	for (size_t i = 0; i < s->n; i++)
		if (s->pipelines[i].model->running)
			start_pipeline(s, &s->pipelines[i]);
	while (count_seats(s, is_running) > 0 || (!s->options.until_done && s->stop_signal == 0)) {
		wait_for_news(s);
		count_seats(s, look_after_seat);
		if (enforce_deadline(s) != 0)
			_exit(1);
	}
	return s->options.until_done && any_failed(s);
}

void supervisor_free(struct supervisor **ps)
{
	struct supervisor *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	CHECK_OBJ(s, SUPERVISOR_MAGIC);
	for (size_t i = 0; i < s->n; i++) {
		for (uint32_t k = 0; k < s->pipelines[i].n_seats; k++)
			task_free(&s->pipelines[i].seats[k].task);
		free(s->pipelines[i].seats);
	}
	free(s->pipelines);
	if (s->ended_fd >= 0)
		close(s->ended_fd);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	s->magic = 0;
	free(s);
}
