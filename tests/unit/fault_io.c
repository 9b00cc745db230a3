/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fault_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct faults faults;
struct io_calls io_calls;
static const struct io *below;
static unsigned turn;

static int fails(int code)
{
	if (code == 0)
		return 0;
	errno = code;
	return 1;
}

static int is_interrupted(void)
{
	return faults.interrupts && __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 2 == 0 && fails(EINTR);
}

static int fault_open(const char *path, int flags, mode_t mode)
{
	__atomic_fetch_add(&io_calls.opens, 1, __ATOMIC_RELAXED);
	return fails(faults.open) ? -1 : below->open(path, flags, mode);
}

static ssize_t fault_pread(int fd, void *to, size_t n, off_t at)
{
	if (is_interrupted() || fails(faults.read))
		return -1;
	if (faults.longest_read > 0 && n > faults.longest_read)
		n = faults.longest_read;
	return below->pread(fd, to, n, at);
}

/* At most n bytes of the parts. */
static ssize_t write_some(int fd, const struct iovec *parts, int n_parts, off_t at, size_t n)
{
	ssize_t total = 0;

	for (int i = 0; i < n_parts && n > 0; i++) {
		struct iovec part = parts[i];
		ssize_t done;

		if (part.iov_len > n)
			part.iov_len = n;
		done = below->pwritev(fd, &part, 1, at + total);
		if (done < 0)
			return total > 0 ? total : -1;
		total += done;
		n -= (size_t)done;
	}
	return total;
}

static ssize_t fault_pwritev(int fd, const struct iovec *parts, int n_parts, off_t at)
{
	size_t wanted = 0, n;
	ssize_t done;

	__atomic_fetch_add(&io_calls.writes, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < n_parts; i++)
		wanted += parts[i].iov_len;
	n = wanted;
	if (is_interrupted() || fails(faults.write))
		return -1;
	if (faults.write_nothing)
		return 0;
	if (faults.longest_write > 0 && n > faults.longest_write)
		n = faults.longest_write;
	if (faults.full && (int64_t)n > faults.room)
		n = (size_t)faults.room;
	if (n == 0 && wanted > 0)
		return fails(ENOSPC) ? -1 : 0;
	if (n == wanted)
		done = below->pwritev(fd, parts, n_parts, at);
	else
		done = write_some(fd, parts, n_parts, at, n);
	if (faults.full && done > 0)
		faults.room -= done;
	return done;
}

static int fault_fdatasync(int fd)
{
	__atomic_fetch_add(&io_calls.syncs, 1, __ATOMIC_RELAXED);
	return fails(__atomic_load_n(&faults.sync, __ATOMIC_RELAXED)) ? -1 : below->fdatasync(fd);
}

static int fault_ftruncate(int fd, off_t length)
{
	__atomic_fetch_add(&io_calls.truncates, 1, __ATOMIC_RELAXED);
	return fails(faults.truncate) ? -1 : below->ftruncate(fd, length);
}

static int fault_rename(const char *from, const char *to)
{
	return fails(faults.rename) ? -1 : below->rename(from, to);
}

static int fault_unlink(const char *path)
{
	__atomic_fetch_add(&io_calls.unlinks, 1, __ATOMIC_RELAXED);
	return fails(faults.unlink) ? -1 : below->unlink(path);
}

static int fault_sync_dir(const char *path)
{
	__atomic_fetch_add(&io_calls.dir_syncs, 1, __ATOMIC_RELAXED);
	return fails(faults.sync_dir) ? -1 : below->sync_dir(path);
}

void fault_io_install(void)
{
	static struct io table;

	io_use(NULL);
	below = io();
	table = (struct io){
		.open = fault_open,
		.close = below->close,
		.pread = fault_pread,
		.pwritev = fault_pwritev,
		.fdatasync = fault_fdatasync,
		.ftruncate = fault_ftruncate,
		.rename = fault_rename,
		.unlink = fault_unlink,
		.sync_dir = fault_sync_dir,
	};
	memset(&faults, 0, sizeof faults);
	memset(&io_calls, 0, sizeof io_calls);
	turn = 0;
	io_use(&table);
}

void fault_io_remove(void)
{
	memset(&faults, 0, sizeof faults);
	io_use(NULL);
}
