/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h: file I/O of journal and stores goes through one table, so that tests can make it fail, write short, or lose
 * what was not synced. Every function is the system call of its name: -1 and errno on failure. EINTR is the caller's.
 */
#ifndef HOST_BASE_IO_H
#define HOST_BASE_IO_H
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct io {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *to, size_t n, off_t at);
	ssize_t (*pwritev)(int fd, const struct iovec *parts, int n_parts, off_t at);
	int (*fdatasync)(int fd);
	int (*ftruncate)(int fd, off_t length);
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	/* Syncs a directory, so that a new, renamed or removed name in it is durable. */
	int (*sync_dir)(const char *path);
};

/* The table in use: the system's, or a test's. [any] */
const struct io *io(void);

/* Replaces it, or brings the system's back (NULL). Before threads are started. [any] */
void io_use(const struct io *table);

/* Writes all parts, one after the other, from `at` on: one pwritev of the table in all but the rarest case; resumes short
 * writes and EINTR. The parts are used up. 0, or -1 and errno; how much was written before the error is unknown. [any] */
int io_write_parts(int fd, struct iovec *parts, int n_parts, off_t at);

/* The same with one part. [any] */
int io_write_all(int fd, const void *from, size_t n, off_t at);

/* Reads up to n bytes at `at`, resuming short reads and EINTR; fewer only at the end of the file. -1 and errno. [any] */
ssize_t io_read_all(int fd, void *to, size_t n, off_t at);

/* Closes fd and returns -1 with errno as it was: for error paths. [any] */
int io_close_keeping_errno(int fd);

/* Syncs the directory that the file or directory of this path stands in. -1 and errno. [any] */
int io_sync_parent(const char *path);

/* Makes a directory (0700) and those above it, durably; what exists is fine. -1 and errno. [any] */
int io_make_directories(const char *path);

#endif
