/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include "readers.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void take_stamp(const struct stat *s, struct file_stamp *stamp)
{
	*stamp = (struct file_stamp){ s->st_dev, s->st_ino, s->st_size, s->st_mtim, s->st_ctim };
}

outflow_status source_stamp(const struct source *s, struct stamp *stamp, outflow_error *err)
{
	struct stat found;
	char *log;

	*stamp = (struct stamp){ 0 };
	if (stat(s->file, &found) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", s->file);
	if (!S_ISREG(found.st_mode))
		return outflow_fail(err, OUTFLOW_E_TASK, "%s is not a file", s->file);
	take_stamp(&found, &stamp->file);
	if (s->format != SOURCE_SQLITE)
		return OUTFLOW_OK;
	if (asprintf(&log, "%s-wal", s->file) < 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a file name");
	/* SQLite makes an empty one when it only reads, and run by root it sets the owner, which changes ctime. */
	if (stat(log, &found) == 0 && found.st_size > 0) {
		take_stamp(&found, &stamp->log);
		stamp->log.changed = (struct timespec){ 0, 0 };
	}
	free(log);
	return OUTFLOW_OK;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

bool source_same(const struct stamp *a, const struct stamp *b)
{
	return same_file(&a->file, &b->file) && same_file(&a->log, &b->log);
}

/* *n bytes of an open file; more than that when it has grown meanwhile, which the stamp tells. */
static outflow_status read_bytes(int fd, const char *file, char *text, size_t *n, outflow_error *err)
{
	size_t done = 0;

	while (done < *n) {
		ssize_t got = read(fd, text + done, *n - done);

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", file);
		done += (size_t)got;
	}
	*n = done;
	return OUTFLOW_OK;
}

/* A whole file, malloc'd. Not mapped: a file that is cut while it is mapped ends the program. */
static outflow_status read_file(const struct source *s, char **text, size_t *n, outflow_error *err)
{
	int fd = open(s->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	outflow_status status = OUTFLOW_OK;
	struct stat found;

	*text = NULL;
	if (fd < 0 || fstat(fd, &found) != 0)
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", s->file);
	else if (!S_ISREG(found.st_mode))
		status = outflow_fail(err, OUTFLOW_E_TASK, "%s is not a file", s->file);
	else if ((uint64_t)found.st_size > s->table.max_bytes)
		status = outflow_fail(err, OUTFLOW_E_TASK, "%s has %jd bytes, more than max.bytes = %" PRIu64, s->file,
		                      (intmax_t)found.st_size, s->table.max_bytes);
	if (status == OUTFLOW_OK) {
		*n = (size_t)found.st_size;
		*text = malloc(*n + 1);
		status = *text ? read_bytes(fd, s->file, *text, n, err)
		               : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for %s", s->file);
	}
	if (fd >= 0)
		close(fd);
	return status;
}

static outflow_status read_text(const struct source *s, struct table_maker *m, outflow_error *err)
{
	size_t n = 0;
	char *text;
	outflow_status status = read_file(s, &text, &n, err);

	if (status == OUTFLOW_OK && s->format == SOURCE_CSV)
		status = csv_read(text, n, s->delimiter, s->typed, s->table.key, m, err);
	else if (status == OUTFLOW_OK)
		status = jsonl_read((outflow_str){ text, n }, s->table.key, m, err);
	free(text);
	return status;
}

static outflow_status read_rows(const struct source *s, struct table_maker *m, outflow_error *err)
{
#ifdef HAVE_SQLITE
	if (s->format == SOURCE_SQLITE)
		return sqlite_read(s->file, s->query, s->table.stop, s->table.key, m, err);
#endif
	return read_text(s, m, err);
}

/* Names the file in a reason that does not do so yet. */
static outflow_status blame(const struct source *s, outflow_status status, const outflow_error *cause,
                            outflow_error *err)
{
	const char *name = strrchr(s->file, '/');

	name = name ? name + 1 : s->file;
	if (strncmp(cause->msg, s->file, strlen(s->file)) == 0)
		return outflow_fail(err, status, "%s", cause->msg);
	return outflow_fail(err, status, "%s: %s", name, cause->msg);
}

outflow_status source_load(const struct source *s, struct table **t, struct stamp *stamp, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	struct table_maker *m = NULL;
	struct stamp after;
	outflow_status status = source_stamp(s, stamp, &cause);

	*t = NULL;
	if (status == OUTFLOW_OK)
		status = table_begin(&s->table, &m, &cause);
	if (status == OUTFLOW_OK)
		status = read_rows(s, m, &cause);
	if (status == OUTFLOW_OK)
		status = table_finish(&m, t, &cause);
	table_discard(&m);
	/* A mistake in half of a file is none. */
	if (status != OUTFLOW_E_CANCELED && source_stamp(s, &after, &cause) == OUTFLOW_OK &&
	    !source_same(stamp, &after)) {
		table_free(t);
		return OUTFLOW_AGAIN;
	}
	return status == OUTFLOW_OK ? OUTFLOW_OK : blame(s, status, &cause, err);
}
