/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/supervisor.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/signals.h"

#include <outflow/util.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SUPERVISOR_MAGIC 0x73757076u
/* Beyond the deadline of a stop: time to interrupt calls that wait, and to say so. */
#define GRACE_NS (5 * CLOCK_S)
#define STOPPING_TURN_MS 100

struct supervisor {
	unsigned magic;
	struct supervisor_options options;
	struct fleet *fleet;
	int changed_fd; /* counts what the fleet notifies of */
	int signal_fd;
	int stop_signal;
	int64_t deadline_ns;
};

outflow_status supervisor_new(const struct supervisor_options *options, struct supervisor **result, outflow_error *err)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the supervisor");
	*s = (struct supervisor){ .magic = SUPERVISOR_MAGIC, .options = *options, .deadline_ns = CLOCK_NEVER };
	s->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->signal_fd = signals_open();
	if (s->changed_fd < 0 || s->signal_fd < 0) {
		outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "cannot watch signals");
		supervisor_free(&s);
		return OUTFLOW_E_TASK;
	}
	*result = s;
	return OUTFLOW_OK;
}

void supervisor_notify(void *supervisor, const char *name)
{
	struct supervisor *s = supervisor;
	uint64_t one = 1;
	ssize_t n;

	(void)name;
	do
		n = write(s->changed_fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

static void begin_stop(struct supervisor *s)
{
	if (s->options.stop != NULL)
		s->options.stop(s->options.ctx);
	s->deadline_ns = clock_mono_ns() + s->options.stop_timeout_ns;
	fleet_stop(s->fleet, s->deadline_ns);
}

static void read_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGHUP) {
		if (s->options.reload != NULL && s->stop_signal == 0)
			s->options.reload(s->options.ctx);
		return;
	}
	if (s->stop_signal != 0) {
		log_write(NULL, OUTFLOW_LOG_WARN, "second signal: ending at once, what is in flight will come again");
		_exit(128 + (int)info.ssi_signo);
	}
	s->stop_signal = (int)info.ssi_signo;
	log_write(NULL, OUTFLOW_LOG_INFO, "signal %d: draining for at most %lld s; a second signal ends at once",
	          s->stop_signal, (long long)(s->options.stop_timeout_ns / CLOCK_S));
	begin_stop(s);
}

static void wait_for_news(struct supervisor *s)
{
	struct pollfd fds[] = { { s->signal_fd, POLLIN, 0 }, { s->changed_fd, POLLIN, 0 } };
	int is_ending = s->deadline_ns != CLOCK_NEVER || s->options.until_done;
	uint64_t count;
	ssize_t n;

	if (poll(fds, 2, is_ending ? STOPPING_TURN_MS : -1) <= 0)
		return;
	if (fds[0].revents != 0)
		read_signal(s);
	if (fds[1].revents != 0) {
		n = read(s->changed_fd, &count, sizeof count);
		(void)n;
	}
}

/* Pipelines see to their own deadlines; when even that did not help, the process ends without them. */
static void enforce_deadline(struct supervisor *s)
{
	if (s->deadline_ns == CLOCK_NEVER || clock_mono_ns() < s->deadline_ns + GRACE_NS)
		return;
	fleet_blame(s->fleet);
	_exit(1);
}

int supervisor_run(struct supervisor *s, struct fleet *f)
{
	int failed;

	CHECK_OBJ(s, SUPERVISOR_MAGIC);
	s->fleet = f;
	fleet_start(f);
	while (s->stop_signal == 0 && !(s->options.until_done && fleet_active(f) == 0))
		wait_for_news(s);
	failed = s->options.until_done && fleet_has_failed(f);
	if (s->stop_signal == 0)
		begin_stop(s);
	while (fleet_active(f) > 0) {
		wait_for_news(s);
		enforce_deadline(s);
	}
	return failed;
}

void supervisor_free(struct supervisor **ps)
{
	struct supervisor *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	CHECK_OBJ(s, SUPERVISOR_MAGIC);
	if (s->changed_fd >= 0)
		close(s->changed_fd);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	s->magic = 0;
	free(s);
}
