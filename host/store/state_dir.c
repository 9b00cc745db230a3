/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/state_dir.h"

#include "host/base/io.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct state_dir {
	char *root;
	int lock_fd;
};

static outflow_status make_layout(const char *root, outflow_error *err)
{
	static const char *const parts[] = { "/journal", "/plugins" };
	char path[PATH_MAX];

	if (io_make_directories(root) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno,
		                          "the state directory %s cannot be made (choose "
		                          "another with --state-dir)",
		                          root);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(path, sizeof path, "%s%s", root, parts[i]);
		if (io_make_directories(path) != 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be made", path);
	}
	return OUTFLOW_OK;
}

/* Who wrote the lock file last, for the refusal. */
static long holder_of(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	return n > 0 ? strtol(text, NULL, 10) : 0;
}

static outflow_status take_lock(const char *root, int *result, outflow_error *err)
{
	char path[PATH_MAX], text[24];
	int fd, n;

	snprintf(path, sizeof path, "%s/lock", root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int code = errno;
		long pid = holder_of(fd);

		close(fd);
		if (code != EWOULDBLOCK)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, code, "%s cannot be locked", path);
		return outflow_fail(err, OUTFLOW_E_RETRY,
		                    "the state directory %s is in use by process %ld; stop it, or "
		                    "choose another directory with --state-dir",
		                    root, pid);
	}
	n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		int code = errno;

		close(fd);
		return outflow_fail_errno(err, OUTFLOW_E_TASK, code, "%s cannot be written", path);
	}
	*result = fd;
	return OUTFLOW_OK;
}

static char *absolute(const char *path)
{
	char directory[PATH_MAX];
	char *result = NULL;

	if (*path == '/')
		return strdup(path);
	if (getcwd(directory, sizeof directory) == NULL || asprintf(&result, "%s/%s", directory, path) < 0)
		return NULL;
	return result;
}

outflow_status state_dir_open(const char *path, struct state_dir **result, outflow_error *err)
{
	struct state_dir *d = calloc(1, sizeof *d);
	outflow_status status;

	if (d == NULL || (d->root = absolute(path)) == NULL) {
		free(d);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	d->lock_fd = -1;
	status = strlen(d->root) > PATH_MAX - 600
	                 ? outflow_fail(err, OUTFLOW_E_TASK, "the state directory's path is too long")
	                 : make_layout(d->root, err);
	if (status == OUTFLOW_OK)
		status = take_lock(d->root, &d->lock_fd, err);
	if (status != OUTFLOW_OK) {
		state_dir_close(&d);
		return status;
	}
	*result = d;
	return OUTFLOW_OK;
}

/* A name as one path component: what is not plain becomes %XX, a leading dot too. */
static int encode(const char *name, char *to, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t n = 0;

	for (const char *p = name; *p != '\0'; p++) {
		if (n + 4 > size)
			return -1;
		if (strchr(plain, *p) != NULL && !(*p == '.' && p == name))
			to[n++] = *p;
		else
			n += (size_t)snprintf(to + n, size - n, "%%%02X", (unsigned char)*p);
	}
	to[n] = '\0';
	return n > 0 && n <= NAME_MAX ? 0 : -1;
}

outflow_status state_dir_path_in(const char *root, const char *kind, const char *pipeline, int64_t task, char *path,
                                 size_t size)
{
	char name[3 * NAME_MAX];
	int n = snprintf(path, size, "%s/%s", root, kind);

	if (pipeline != NULL && n >= 0 && (size_t)n < size) {
		if (encode(pipeline, name, sizeof name) != 0)
			return OUTFLOW_E_CONFIG;
		n += snprintf(path + n, size - (size_t)n, "/%s", name);
	}
	if (task >= 0 && n >= 0 && (size_t)n < size)
		n += snprintf(path + n, size - (size_t)n, "/%lld", (long long)task);
	return n >= 0 && (size_t)n < size ? OUTFLOW_OK : OUTFLOW_E_CONFIG;
}

outflow_status state_dir_path(const struct state_dir *d, const char *kind, const char *pipeline, int64_t task,
                              char *path, size_t size)
{
	return state_dir_path_in(d->root, kind, pipeline, task, path, size);
}

const char *state_dir_root(const struct state_dir *d)
{
	return d->root;
}

void state_dir_close(struct state_dir **pd)
{
	struct state_dir *d = *pd;

	*pd = NULL;
	if (d == NULL)
		return;
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->root);
	free(d);
}
