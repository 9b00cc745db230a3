/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/probe.h"

#include "host/plugin/loader.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_TIMEOUT_MS 5000

/* The child writes one byte a file that it got through, whatever the verdict: the parent finds that out itself. */
static void look(const char *const *paths, size_t n, int to)
{
	for (size_t i = 0; i < n; i++) {
		struct module *m = NULL;
		outflow_error err = { .size = sizeof err };

		(void)module_load(paths[i], NULL, "", &m, &err);
		if (write(to, "", 1) != 1)
			break;
	}
	_exit(0);
}

/* What a plugin prints while it crashes is not ours to show, its core is not ours to keep, and one that hangs must not
 * outlive us, with our files open. */
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

static pid_t start_child(const char *const *paths, size_t n, int *from)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		isolate();
		look(paths, n, ends[1]);
	}
	close(ends[1]);
	*from = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

/* How many files the child got through; *timed_out when it was the clock that ended the count. */
static size_t count_passed(int from, size_t n, int *timed_out)
{
	size_t passed = 0;

	*timed_out = 0;
	while (passed < n) {
		struct pollfd fd = { from, POLLIN, 0 };
		int ready = poll(&fd, 1, FILE_TIMEOUT_MS);
		char byte;

		if (ready < 0 && errno == EINTR)
			continue;
		*timed_out = ready == 0;
		if (ready <= 0 || read(from, &byte, 1) != 1)
			break;
		passed++;
	}
	return passed;
}

static char *describe_death(const char *path, int timed_out, int how)
{
	char *text = NULL;
	int n;

	if (timed_out)
		n = asprintf(&text, "%s: does not return while it is loaded (%d s)", path, FILE_TIMEOUT_MS / 1000);
	else if (WIFSIGNALED(how))
		n = asprintf(&text, "%s: crashes while it is loaded (signal %d, %s)", path, WTERMSIG(how),
		             strsignal(WTERMSIG(how)));
	else
		n = asprintf(&text, "%s: ends the process while it is loaded (exit status %d)", path, WEXITSTATUS(how));
	return n < 0 ? NULL : text;
}

outflow_status probe_files(const char *const *paths, size_t n, char **verdicts)
{
	size_t at = 0;

	while (at < n) {
		int from, timed_out, how = 0;
		pid_t pid = start_child(paths + at, n - at, &from);

		/* No child to be had: load them here and now, as a host without this precaution would. */
		if (pid < 0)
			return OUTFLOW_OK;
		at += count_passed(from, n - at, &timed_out);
		if (at < n)
			kill(pid, SIGKILL); /* one that has ended by itself keeps its status */
		close(from);
		while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
			;
		if (at == n)
			break;
		verdicts[at] = describe_death(paths[at], timed_out, how);
		if (verdicts[at] == NULL)
			return OUTFLOW_E_NOMEM;
		at++;
	}
	return OUTFLOW_OK;
}
