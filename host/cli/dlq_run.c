/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/base/signals.h"
#include "host/cli/dlq.h"

#include <outflow/util.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PROGRESS_MS 1000
#define STOPPING_MS 100

/* A task that is watched until it ends. */
struct run {
	struct task *task;
	int ended_fd, signal_fd;
	int64_t stop_timeout_ns, deadline_ns; /* CLOCK_NEVER: not stopping */
	int interrupted;
};

static void on_change(void *ctx)
{
	const struct run *run = ctx;
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(run->ended_fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

static void read_signal(struct run *run)
{
	struct signalfd_siginfo info;

	if (read(run->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (run->deadline_ns != CLOCK_NEVER)
		_exit(128 + (int)info.ssi_signo);
	fputs("stopping: what is under way is seen through; a second signal ends at once\n", stderr);
	run->deadline_ns = clock_mono_ns() + run->stop_timeout_ns;
	task_stop(run->task, run->deadline_ns);
}

static void watch(struct run *run, void (*progress)(void *ctx, const struct account *a), void *ctx)
{
	struct pollfd fds[] = { { run->ended_fd, POLLIN, 0 }, { run->signal_fd, POLLIN, 0 } };
	int64_t next_ns = clock_mono_ns() + PROGRESS_MS * CLOCK_MS;

	while (!task_state_is_final(task_state(run->task))) {
		struct task_figures figures;
		int64_t now;

		(void)poll(fds, 2, run->deadline_ns == CLOCK_NEVER ? PROGRESS_MS : STOPPING_MS);
		if (fds[1].revents != 0)
			read_signal(run);
		now = clock_mono_ns();
		if (now >= run->deadline_ns && !run->interrupted) {
			run->interrupted = 1;
			task_interrupt(run->task);
		}
		if (progress == NULL || now < next_ns)
			continue;
		next_ns = now + PROGRESS_MS * CLOCK_MS;
		task_look(run->task, &figures);
		progress(ctx, &figures.account);
	}
}

static enum dlq_end judge(const struct task *t, outflow_error *reason)
{
	switch (task_state(t)) {
	case TASK_COMPLETED:
		return DLQ_DONE;
	case TASK_STOPPED:
		outflow_fail(reason, OUTFLOW_E_CANCELED, "stopped before the end");
		return DLQ_ENDED;
	default:
		outflow_fail(reason, OUTFLOW_E_TASK, "%s: %s", task_state_name(task_state(t)), task_reason(t));
		return DLQ_ENDED_IN_LOG;
	}
}

enum dlq_end dlq_run(const struct pipeline_model *m, const struct environment *e,
                     void (*progress)(void *ctx, const struct account *a), void *ctx, struct account *account,
                     outflow_error *reason)
{
	struct run run = { .stop_timeout_ns = e->host->stop_timeout_ns, .deadline_ns = CLOCK_NEVER };
	enum dlq_end end = DLQ_ENDED;
	struct task_figures figures;

	run.ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	run.signal_fd = signals_open();
	if (run.ended_fd < 0 || run.signal_fd < 0) {
		outflow_fail_errno(reason, OUTFLOW_E_TASK, errno, "cannot watch signals");
	} else if (task_new(m, e, 0, 1, on_change, &run, &run.task, reason) == OUTFLOW_OK &&
	           task_start(run.task, reason) == OUTFLOW_OK) {
		watch(&run, progress, ctx);
		task_look(run.task, &figures);
		*account = figures.account;
		end = judge(run.task, reason);
	}
	task_free(&run.task);
	if (run.ended_fd >= 0)
		close(run.ended_fd);
	if (run.signal_fd >= 0)
		close(run.signal_fd);
	return end;
}
