/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/probe.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/plugin/loader.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_TIMEOUT_MS 5000
#define ANSWER_LIMIT (1u << 20) /* bytes that a plugin may have to say of itself */
#define SERVE "outflow: looking at plugins"
#define ANSWERS_FD 3
#define PROGRAM "/proc/self/exe"

extern char **environ;

static int can_serve;

/* ---- in the other process ---- */

static int write_all(int to, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t written = write(to, at, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		n -= (size_t)written;
	}
	return 0;
}

/* An answer is its length in 32 bits and the texts of known_plugin_pack. */
static int look(const char *path)
{
	struct module *m = NULL;
	outflow_error err = { .size = sizeof err };
	outflow_status status = module_load(path, NULL, &m, &err);
	uint32_t length;
	char *text;
	size_t n;

	if (known_plugin_pack(m ? m->plugin : NULL, status == OUTFLOW_OK ? "" : err.msg, &text, &n) != OUTFLOW_OK)
		return -1;
	length = n > ANSWER_LIMIT ? ANSWER_LIMIT + 1 : (uint32_t)n;
	if (write_all(ANSWERS_FD, &length, sizeof length) != 0)
		return -1;
	return n > ANSWER_LIMIT ? 0 : write_all(ANSWERS_FD, text, n);
}

/* What a plugin prints while it crashes is not ours to show, its core is not ours to keep, and one that hangs must not
 * outlive the host. */
static void isolate(void)
{
	const struct rlimit none = { 0, 0 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

void probe_serve(int argc, char **argv)
{
	can_serve = 1;
	if (argc < 1 || strcmp(argv[0], SERVE) != 0)
		return;
	isolate();
	for (int i = 1; i < argc; i++)
		if (look(argv[i]) != 0)
			_exit(1);
	_exit(0);
}

/* ---- in the host ---- */

/* paths of the other process as its arguments. NULL: no memory. */
static char **make_arguments(const char *const *paths, size_t n)
{
	char **arguments = calloc(n + 2, sizeof *arguments);

	if (arguments == NULL)
		return NULL;
	arguments[0] = (char *)(uintptr_t)SERVE;
	memcpy(arguments + 1, paths, n * sizeof *paths);
	return arguments;
}

/* By its name, which tools that run this program inside theirs keep up; by the link itself when its file was replaced. */
static const char *find_program(char *path, size_t size)
{
	ssize_t n = readlink(PROGRAM, path, size - 1);

	path[n > 0 ? n : 0] = '\0';
	return access(path, X_OK) == 0 ? path : PROGRAM;
}

/* An errno, or 0. */
static int spawn(char *const *arguments, int to, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char path[PATH_MAX];
	int code = posix_spawn_file_actions_init(&actions);

	if (code != 0)
		return code;
	code = posix_spawn_file_actions_adddup2(&actions, to, ANSWERS_FD);
	if (code == 0)
		code = posix_spawn(pid, find_program(path, sizeof path), &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return code;
}

static int start_process(const char *const *paths, size_t n, pid_t *pid, int *from)
{
	char **arguments = make_arguments(paths, n);
	int ends[2], code;

	if (arguments == NULL)
		return ENOMEM;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		code = errno;
		free(arguments);
		return code;
	}
	code = spawn(arguments, ends[1], pid);
	free(arguments);
	close(ends[1]);
	*from = ends[0];
	if (code != 0)
		close(ends[0]);
	return code;
}

enum outcome { ANSWERED, ENDED, TIMED_OUT };

static enum outcome read_all(int from, void *bytes, size_t n, int64_t deadline_ns)
{
	char *at = bytes;

	while (n > 0) {
		struct pollfd fd = { from, POLLIN, 0 };
		int64_t left_ns = deadline_ns - clock_mono_ns();
		int ready = left_ns > 0 ? poll(&fd, 1, (int)(left_ns / 1000000) + 1) : 0;
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready == 0 ? TIMED_OUT : ENDED;
		got = read(from, at, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ENDED;
		at += got;
		n -= (size_t)got;
	}
	return ANSWERED;
}

static outflow_status refuse(const char *path, const char *why, struct finding *f)
{
	return asprintf(&f->reason, "%s: %s", path, why) < 0 ? OUTFLOW_E_NOMEM : OUTFLOW_OK;
}

/* Of one file. Fills f when it was answered. */
static outflow_status read_answer(int from, const char *path, struct finding *f, enum outcome *outcome)
{
	int64_t deadline_ns = clock_mono_ns() + FILE_TIMEOUT_MS * INT64_C(1000000);
	outflow_status status;
	uint32_t length;
	char *text;

	*outcome = read_all(from, &length, sizeof length, deadline_ns);
	if (*outcome != ANSWERED)
		return OUTFLOW_OK;
	if (length > ANSWER_LIMIT)
		return refuse(path, "has more than 1 MiB to say of itself", f);
	text = malloc(length + 1u);
	if (text == NULL)
		return OUTFLOW_E_NOMEM;
	*outcome = read_all(from, text, length, deadline_ns);
	if (*outcome != ANSWERED) {
		free(text);
		return OUTFLOW_OK;
	}
	status = known_plugin_unpack(text, length, &f->plugin, &f->reason);
	return status == OUTFLOW_E_RECORD ? refuse(path, "says nothing that makes sense of itself", f) : status;
}

static outflow_status describe_death(const char *path, enum outcome outcome, int how, struct finding *f)
{
	char why[200];

	if (outcome == TIMED_OUT)
		snprintf(why, sizeof why, "does not return while it is loaded (%d s)", FILE_TIMEOUT_MS / 1000);
	else if (WIFSIGNALED(how))
		snprintf(why, sizeof why, "crashes while it is loaded (signal %d, %s)", WTERMSIG(how),
		         strsignal(WTERMSIG(how)));
	else
		snprintf(why, sizeof why, "ends the process while it is loaded (exit status %d)", WEXITSTATUS(how));
	return refuse(path, why, f);
}

/* With one process as far as it gets, which is one file at least. */
static outflow_status look_at(const char *const *paths, size_t n, pid_t pid, int from, struct finding *findings,
                              size_t *n_done)
{
	enum outcome outcome = ANSWERED;
	outflow_status status = OUTFLOW_OK;
	size_t i = 0;
	int how = 0;

	while (i < n && status == OUTFLOW_OK) {
		status = read_answer(from, paths[i], &findings[i], &outcome);
		if (outcome != ANSWERED)
			break;
		i++;
	}
	if (i < n)
		kill(pid, SIGKILL); /* one that has ended by itself keeps its status */
	close(from);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (i < n && status == OUTFLOW_OK) {
		status = describe_death(paths[i], outcome, how, &findings[i]);
		i++;
	}
	*n_done = i;
	return status;
}

static outflow_status refuse_all(const char *const *paths, size_t n, int code, struct finding *findings)
{
	outflow_status status = OUTFLOW_OK;
	char why[200];

	snprintf(why, sizeof why, "cannot be looked at, no process for it can be started from " PROGRAM ": %s",
	         strerror(code));
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++)
		status = refuse(paths[i], why, &findings[i]);
	return status;
}

outflow_status probe_files(const char *const *paths, size_t n, struct finding *findings)
{
	outflow_status status = OUTFLOW_OK;
	size_t at = 0, done;

	CHECK(can_serve);
	while (at < n && status == OUTFLOW_OK) {
		pid_t pid = -1;
		int from = -1, code = start_process(paths + at, n - at, &pid, &from);

		if (code != 0)
			return refuse_all(paths + at, n - at, code, findings + at);
		status = look_at(paths + at, n - at, pid, from, findings + at, &done);
		at += done;
	}
	return status;
}
