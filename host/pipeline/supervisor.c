/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/supervisor.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/pipeline/plan.h"
#include "host/pipeline/task.h"

#include <outflow/util.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SUPERVISOR_MAGIC 0x73757076u
/* Beyond the deadline of a stop: time to interrupt calls that wait, and to say so. */
#define GRACE_NS (5 * CLOCK_S)

struct pipeline {
	const struct pipeline_model *model;
	struct task **tasks; /* n_tasks of them; none: not started, or it could not be */
	uint32_t n_tasks;
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

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
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
	s->signal_fd = open_signals();
	if (s->ended_fd < 0 || s->signal_fd < 0) {
		outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "cannot watch signals");
		supervisor_free(&s);
		return OUTFLOW_E_TASK;
	}
	*result = s;
	return OUTFLOW_OK;
}

static outflow_status start_task(struct supervisor *s, struct pipeline *p, uint32_t n, outflow_error *err)
{
	struct task **task = &p->tasks[p->n_tasks];
	outflow_status status = task_new(p->model, s->environment, p->n_tasks, n, on_task_end, s, task, err);

	if (status == OUTFLOW_OK)
		status = task_start(*task, err);
	if (status == OUTFLOW_OK)
		p->n_tasks++;
	else
		task_free(task);
	return status;
}

static void start_pipeline(struct supervisor *s, struct pipeline *p)
{
	struct log_place place = { p->model->name, NULL, -1 };
	outflow_error err = { .size = sizeof err };
	uint32_t n = plan_tasks(p->model);
	outflow_status status;

	p->tasks = calloc(n, sizeof *p->tasks);
	status = p->tasks ? OUTFLOW_OK : outflow_fail(&err, OUTFLOW_E_NOMEM, "no memory for its tasks");
	while (status == OUTFLOW_OK && p->n_tasks < n)
		status = start_task(s, p, n, &err);
	if (status == OUTFLOW_OK)
		return;
	p->failed = 1;
	log_write(&place, OUTFLOW_LOG_ERROR, "cannot be started: %s", err.msg);
}

/* Calls visit for every task of every pipeline; returns how often it answered with something else than 0. */
static size_t count_tasks(struct supervisor *s, int (*visit)(struct supervisor *s, struct task *t))
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		for (uint32_t k = 0; k < s->pipelines[i].n_tasks; k++)
			n += visit(s, s->pipelines[i].tasks[k]) != 0;
	return n;
}

static int is_running(struct supervisor *s, struct task *t)
{
	(void)s;
	return !task_state_is_final(task_state(t));
}

static int has_failed(struct supervisor *s, struct task *t)
{
	(void)s;
	return task_state(t) == TASK_FAILED || task_state(t) == TASK_STARTING_FAILED;
}

static int any_failed(struct supervisor *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->pipelines[i].failed)
			return 1;
	return count_tasks(s, has_failed) > 0;
}

static int stop_task(struct supervisor *s, struct task *t)
{
	task_stop(t, s->deadline_ns);
	return 0;
}

static void stop_all(struct supervisor *s)
{
	s->deadline_ns = clock_mono_ns() + s->options.stop_timeout_ns;
	count_tasks(s, stop_task);
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

static int interrupt_task(struct supervisor *s, struct task *t)
{
	(void)s;
	task_interrupt(t);
	return 0;
}

static int blame_task(struct supervisor *s, struct task *t)
{
	if (is_running(s, t))
		task_log(t, OUTFLOW_LOG_ERROR, "does not stop: a plugin's call does not return; ending without it");
	return 0;
}

/* Returns -1 when tasks do not stop and all has been tried. */
static int enforce_deadline(struct supervisor *s)
{
	int64_t now = clock_mono_ns();

	if (now >= s->deadline_ns && !s->interrupted) {
		s->interrupted = 1;
		count_tasks(s, interrupt_task);
	}
	if (s->deadline_ns == CLOCK_NEVER || now < s->deadline_ns + GRACE_NS)
		return 0;
	count_tasks(s, blame_task);
	return -1;
}

static void wait_for_news(struct supervisor *s)
{
	struct pollfd fds[] = { { s->signal_fd, POLLIN, 0 }, { s->ended_fd, POLLIN, 0 } };
	uint64_t count;
	ssize_t n;

	if (poll(fds, 2, s->stop_signal != 0 ? 100 : -1) <= 0)
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
	while (count_tasks(s, is_running) > 0 || (!s->options.until_done && s->stop_signal == 0)) {
		wait_for_news(s);
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
		for (uint32_t k = 0; k < s->pipelines[i].n_tasks; k++)
			task_free(&s->pipelines[i].tasks[k]);
		free(s->pipelines[i].tasks);
	}
	free(s->pipelines);
	if (s->ended_fd >= 0)
		close(s->ended_fd);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	s->magic = 0;
	free(s);
}
