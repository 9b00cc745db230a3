/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int system_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags | O_CLOEXEC, mode);
}

static int system_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc, code;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	/* File systems without a sync of directories say so in this way; there is nothing more that could be done. */
	if (rc != 0 && errno == EINVAL)
		rc = 0;
	code = errno;
	close(fd);
	errno = code;
	return rc;
}

static const struct io system_io = {
	.open = system_open,
	.close = close,
	.pread = pread,
	.pwritev = pwritev,
	.fdatasync = fdatasync,
	.ftruncate = ftruncate,
	.rename = rename,
	.unlink = unlink,
	.sync_dir = system_sync_dir,
};
static const struct io *in_use = &system_io;

const struct io *io(void)
{
	return in_use;
}

void io_use(const struct io *table)
{
	in_use = table ? table : &system_io;
}

int io_write_parts(int fd, struct iovec *parts, int n_parts, off_t at)
{
	while (n_parts > 0) {
		ssize_t written = io()->pwritev(fd, parts, n_parts, at), n = written;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		while (n_parts > 0 && (size_t)n >= parts->iov_len) {
			n -= (ssize_t)parts->iov_len;
			parts++;
			n_parts--;
		}
		if (n_parts == 0)
			break;
		if (written == 0) {
			errno = EIO;
			return -1;
		}
		/* A short write: the next one says why, or goes on. */
		parts->iov_base = (char *)parts->iov_base + n;
		parts->iov_len -= (size_t)n;
	}
	return 0;
}

int io_write_all(int fd, const void *from, size_t n, off_t at)
{
	struct iovec part = { (void *)(uintptr_t)from, n };

	return io_write_parts(fd, &part, 1, at);
}

ssize_t io_read_all(int fd, void *to, size_t n, off_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t some = io()->pread(fd, (char *)to + done, n - done, at + (off_t)done);

		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0)
			return -1;
		if (some == 0)
			break;
		done += (size_t)some;
	}
	return (ssize_t)done;
}

int io_close_keeping_errno(int fd)
{
	int code = errno;

	io()->close(fd);
	errno = code;
	return -1;
}

int io_sync_parent(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= sizeof parent) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, n);
	parent[n] = '\0';
	return io()->sync_dir(slash == NULL ? "." : n == 0 ? "/" : parent);
}

int io_make_directories(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof part) {
		errno = n == 0 ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) == 0 ? io_sync_parent(part) != 0 : errno != EEXIST)
			return -1;
	}
	return 0;
}
