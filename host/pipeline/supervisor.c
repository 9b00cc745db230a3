/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/supervisor.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/notify.h"
#include "host/base/signals.h"

#include <outflow/util.h>

#include <errno.h>
#include <limits.h>
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
	int64_t watchdog_ns, watchdog_at_ns; /* how often the service manager is told, and when next; 0: never */
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
	notify_send("STOPPING=1\nSTATUS=seeing through what is in flight");
	if (s->options.stop != NULL)
		s->options.stop(s->options.ctx);
	s->deadline_ns = clock_mono_ns() + s->options.stop_timeout_ns;
	fleet_stop(s->fleet, s->deadline_ns);
}

/* systemd.service(5), Type=notify-reload, wants the time with it. */
static void reload(struct supervisor *s)
{
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the files anew",
	            (long long)(clock_mono_ns() / 1000));
	s->options.reload(s->options.ctx);
	notify_send("READY=1\nSTATUS=running");
}

static void read_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGHUP) {
		if (s->options.reload != NULL && s->stop_signal == 0)
			reload(s);
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

/* Tells the service manager that this loop turns, and says how long it may sleep. */
static int patience_ms(struct supervisor *s, int is_ending)
{
	int64_t now = clock_mono_ns(), wait_ms;

	if (s->watchdog_ns == 0)
		return is_ending ? STOPPING_TURN_MS : -1;
	if (now >= s->watchdog_at_ns) {
		notify_send("WATCHDOG=1");
		s->watchdog_at_ns = now + s->watchdog_ns;
	}
	wait_ms = (s->watchdog_at_ns - now) / 1000000 + 1;
	if (is_ending && wait_ms > STOPPING_TURN_MS)
		return STOPPING_TURN_MS;
	return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

static void wait_for_news(struct supervisor *s)
{
	struct pollfd fds[] = { { s->signal_fd, POLLIN, 0 }, { s->changed_fd, POLLIN, 0 } };
	int is_ending = s->deadline_ns != CLOCK_NEVER || s->options.until_done;
	uint64_t count;
	ssize_t n;

	if (poll(fds, 2, patience_ms(s, is_ending)) <= 0)
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
	s->watchdog_ns = notify_watchdog_ns();
	notify_send("READY=1\nSTATUS=running");
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
