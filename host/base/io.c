/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/io.h"

#include <errno.h>
#include <fcntl.h>
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
	int rc, saved;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	saved = errno;
	close(fd);
	errno = saved;
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

int io_write_all(int fd, const void *from, size_t n, off_t at)
{
	while (n > 0) {
		struct iovec part = { (void *)(uintptr_t)from, n };
		ssize_t done = io()->pwritev(fd, &part, 1, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done < 0 ? errno : EIO;
			return -1;
		}
		from = (const char *)from + done;
		at += done;
		n -= (size_t)done;
	}
	return 0;
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

int io_make_directories(const char *path)
{
	char part[4200];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}
