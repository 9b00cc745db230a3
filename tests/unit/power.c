/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/power.h"

#include "host/base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES 96u
#define NAMES 96u
#define SECTOR 512u
#define OPERATIONS 8192u
#define NOTHING UINT32_MAX

enum kind { CREATE, WRITE, TRUNCATE, SYNC, RENAME, REMOVE, SYNC_NAMES };

struct operation {
	enum kind kind;
	uint32_t file, name, to; /* name: of CREATE, REMOVE, RENAME */
	size_t at, n;
	char *bytes;
};

static struct operation operations[OPERATIONS];
static unsigned n_operations, n_files, n_names, n_syncs, fail_syncs;
static char names[NAMES][256];
static uint32_t now[NAMES]; /* which file a name means */
static ino_t inodes[FILES];
static char directory[256];
static struct io recorder;
static const struct io *below;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- recording ---- */

static void note(struct operation o)
{
	assert_true(n_operations < OPERATIONS);
	operations[n_operations++] = o;
}

static uint32_t name_of(const char *path)
{
	const char *last = strrchr(path, '/') + 1;
	uint32_t i;

	for (i = 0; i < n_names && strcmp(names[i], last) != 0; i++)
		;
	assert_true(i < NAMES);
	if (i == n_names) {
		snprintf(names[n_names], sizeof names[0], "%s", last);
		now[n_names++] = NOTHING;
	}
	return i;
}

/* An inode may be used again: the newest file counts. */
static uint32_t file_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	for (uint32_t i = n_files; i-- > 0;)
		if (inodes[i] == st.st_ino)
			return i;
	fail_msg("a write to an unknown file");
	return NOTHING;
}

static int record_open(const char *path, int flags, mode_t mode)
{
	int fd = below->open(path, flags, mode);
	uint32_t name;
	struct stat st;

	if (fd < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return fd;
	pthread_mutex_lock(&lock);
	name = name_of(path);
	if (now[name] == NOTHING) {
		assert_true(n_files < FILES && fstat(fd, &st) == 0);
		inodes[n_files] = st.st_ino;
		now[name] = n_files++;
		note((struct operation){ .kind = CREATE, .file = now[name], .name = name });
	} else if (flags & O_TRUNC) {
		note((struct operation){ .kind = TRUNCATE, .file = now[name] });
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

static ssize_t record_write(int fd, const struct iovec *parts, int n_parts, off_t at)
{
	ssize_t n = below->pwritev(fd, parts, n_parts, at);
	char *bytes;
	size_t to = 0;

	if (n < 0)
		return n;
	bytes = malloc((size_t)n + 1);

	for (int i = 0; i < n_parts; i++) {
		if (parts[i].iov_len > 0)
			memcpy(bytes + to, parts[i].iov_base, parts[i].iov_len);
		to += parts[i].iov_len;
	}
	assert_int_equal(to, n);
	pthread_mutex_lock(&lock);
	note((struct operation){ .kind = WRITE, .file = file_of(fd), .at = (size_t)at, .n = to, .bytes = bytes });
	pthread_mutex_unlock(&lock);
	return n;
}

static int record_truncate(int fd, off_t length)
{
	pthread_mutex_lock(&lock);
	note((struct operation){ .kind = TRUNCATE, .file = file_of(fd), .at = (size_t)length });
	pthread_mutex_unlock(&lock);
	return below->ftruncate(fd, length);
}

static int record_sync(int fd)
{
	int fails;

	if (below->fdatasync(fd) != 0)
		return -1;
	pthread_mutex_lock(&lock);
	fails = fail_syncs > 0 && ++n_syncs % fail_syncs == 0;
	if (!fails)
		note((struct operation){ .kind = SYNC, .file = file_of(fd) });
	pthread_mutex_unlock(&lock);
	errno = EIO;
	return fails ? -1 : 0;
}

static int record_rename(const char *from, const char *to)
{
	uint32_t a, b;

	pthread_mutex_lock(&lock);
	a = name_of(from);
	b = name_of(to);
	note((struct operation){ .kind = RENAME, .file = now[a], .name = a, .to = b });
	now[b] = now[a];
	now[a] = NOTHING;
	pthread_mutex_unlock(&lock);
	return below->rename(from, to);
}

static int record_unlink(const char *path)
{
	uint32_t name;

	pthread_mutex_lock(&lock);
	name = name_of(path);
	note((struct operation){ .kind = REMOVE, .name = name });
	now[name] = NOTHING;
	pthread_mutex_unlock(&lock);
	return below->unlink(path);
}

static int record_sync_dir(const char *path)
{
	(void)path;
	pthread_mutex_lock(&lock);
	note((struct operation){ .kind = SYNC_NAMES });
	pthread_mutex_unlock(&lock);
	return 0;
}

void power_begin(const char *dir, unsigned fail)
{
	power_forget();
	snprintf(directory, sizeof directory, "%s", dir);
	fail_syncs = fail;
	below = io();
	recorder = *below;
	recorder.open = record_open;
	recorder.pwritev = record_write;
	recorder.ftruncate = record_truncate;
	recorder.fdatasync = record_sync;
	recorder.rename = record_rename;
	recorder.unlink = record_unlink;
	recorder.sync_dir = record_sync_dir;
	io_use(&recorder);
}

void power_end(void)
{
	io_use(below);
}

unsigned power_now(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = n_operations;
	pthread_mutex_unlock(&lock);
	return n;
}

void power_forget(void)
{
	for (unsigned i = 0; i < n_operations; i++)
		free(operations[i].bytes);
	n_operations = n_files = n_names = n_syncs = 0;
}

/* ---- what a cut leaves ---- */

struct content {
	size_t size;
	char bytes[POWER_FILE_BYTES];
};
/* longest: before it was cut, if that is not synced either. */
static struct content written[FILES], durable[FILES], longest[FILES];
static uint32_t names_written[NAMES], names_durable[NAMES];

static void write_to(struct content *c, const struct operation *o, size_t n)
{
	assert_true(o->at + o->n <= POWER_FILE_BYTES);
	memcpy(c->bytes + o->at, o->bytes, n);
	c->size = o->at + n > c->size ? o->at + n : c->size;
}

static void apply(const struct operation *o)
{
	struct content *c = &written[o->file];

	switch (o->kind) {
	case CREATE:
		names_written[o->name] = o->file;
		return;
	case WRITE:
		write_to(c, o, o->n);
		return;
	case TRUNCATE:
		if (c->size > longest[o->file].size)
			longest[o->file] = *c;
		if (o->at < c->size)
			memset(c->bytes + o->at, 0, c->size - o->at);
		c->size = o->at;
		return;
	case SYNC:
		longest[o->file].size = 0;
		durable[o->file].size = c->size;
		memcpy(durable[o->file].bytes, c->bytes, sizeof c->bytes);
		return;
	case RENAME:
		names_written[o->to] = o->file;
		names_written[o->name] = NOTHING;
		return;
	case REMOVE:
		names_written[o->name] = NOTHING;
		return;
	case SYNC_NAMES:
		memcpy(names_durable, names_written, sizeof names_durable);
		return;
	}
}

static void replay(unsigned n)
{
	memset(written, 0, n_files * sizeof *written);
	memset(durable, 0, n_files * sizeof *durable);
	memset(longest, 0, n_files * sizeof *longest);
	memset(names_written, 0xff, sizeof names_written);
	memset(names_durable, 0xff, sizeof names_durable);
	for (unsigned i = 0; i < n; i++)
		apply(&operations[i]);
}

static void write_image(uint32_t name, uint32_t file, int in_order)
{
	const struct content *w = &written[file], *d = &durable[file];
	unsigned chance = in_order ? 4 : (unsigned)rand() % 5;
	size_t size;
	static char bytes[POWER_FILE_BYTES];
	char path[600];
	int fd;

	if (!in_order && longest[file].size > 0 && rand() % 2)
		w = &longest[file];
	size = in_order || rand() % 2 ? w->size : d->size;
	memcpy(bytes, d->bytes, sizeof bytes);
	for (size_t at = 0; at < POWER_FILE_BYTES; at += SECTOR)
		if (chance == 4 || (unsigned)rand() % 4 < chance)
			memcpy(bytes + at, w->bytes + at, SECTOR);
	snprintf(path, sizeof path, "%s/%s", directory, names[name]);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void empty_directory(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
	closedir(dir);
}

void power_cut(unsigned n, int in_order)
{
	const struct operation *last = n < n_operations ? &operations[n] : NULL;

	empty_directory();
	replay(n);
	if (in_order && last != NULL && last->kind == WRITE)
		write_to(&written[last->file], last, (size_t)rand() % (last->n + 1));
	for (uint32_t name = 0; name < n_names; name++) {
		uint32_t file = in_order || rand() % 2 ? names_written[name] : names_durable[name];

		if (file != NOTHING)
			write_image(name, file, in_order);
	}
}

long power_cuts(long otherwise)
{
	const char *wanted = getenv("OUTFLOW_TORTURE");

	return wanted ? strtol(wanted, NULL, 10) : otherwise;
}
