/* SPDX-License-Identifier: Apache-2.0 */
/* A log file is written anew: in three steps, of which the slow one does not stop those who put. */
#include "host/base/check.h"
#include "host/base/io.h"
#include "host/base/log.h"
#include "host/store/log_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A file shorter than this is not worth writing anew, nor one that is not so many times as long as what it holds. */
#define COPY_BYTES (UINT64_C(1) << 20)
#define COPY_FACTOR 4u

struct log_copy {
	char *path;
	int fd;
	uint64_t from; /* end of the file when the copy began */
	uint64_t n;    /* bytes of the copy */
	char bytes[];
};

static void free_copy(struct log_copy *copy)
{
	if (copy == NULL)
		return;
	if (copy->fd >= 0)
		io()->close(copy->fd);
	free(copy->path);
	free(copy);
}

static void add_entry(void *ctx, outflow_bytes key, outflow_bytes value)
{
	struct log_copy *copy = ctx;

	log_entry_build(copy->bytes + copy->n, key, value, 0);
	copy->n += log_entry_size(key.len, value.len);
}

struct log_copy *log_copy_begin(struct log_file *f)
{
	struct log_copy *copy;

	CHECK_OBJ(f, LOG_FILE_MAGIC);
	if (!__atomic_load_n(&f->must_copy, __ATOMIC_ACQUIRE) &&
	    (f->end < COPY_BYTES || f->end < COPY_FACTOR * f->live || f->end < f->copy_from))
		return NULL;
	copy = malloc(sizeof *copy + f->live);
	if (copy == NULL)
		return NULL;
	*copy = (struct log_copy){ .fd = -1, .from = f->end };
	if (asprintf(&copy->path, "%s.new", f->path) < 0) {
		copy->path = NULL;
		free_copy(copy);
		return NULL;
	}
	log_file_each(f, add_entry, copy);
	return copy;
}

int log_copy_write(struct log_copy *copy)
{
	copy->fd = io()->open(copy->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (copy->fd < 0)
		return -1;
	if (io_write_all(copy->fd, copy->bytes, copy->n, 0) != 0)
		return -1;
	return io()->fdatasync(copy->fd);
}

/* What was put since the copy began; none of it counts as durable yet. */
static int add_tail(const struct log_file *f, struct log_copy *copy)
{
	char bytes[4096];

	for (uint64_t at = copy->from; at < f->end;) {
		size_t n = f->end - at < sizeof bytes ? (size_t)(f->end - at) : sizeof bytes;
		ssize_t got = io_read_all(f->fd, bytes, n, (off_t)at);

		if (got != (ssize_t)n) {
			errno = got < 0 ? errno : EIO;
			return -1;
		}
		if (io_write_all(copy->fd, bytes, n, (off_t)copy->n) != 0)
			return -1;
		copy->n += n;
		at += n;
	}
	return 0;
}

void log_copy_finish(struct log_file *f, struct log_copy **pcopy, int written)
{
	struct log_copy *copy = *pcopy;
	int old = f->fd;

	*pcopy = NULL;
	if (written != 0 || add_tail(f, copy) != 0 || io()->rename(copy->path, f->path) != 0) {
		log_write(&log_store_place, OUTFLOW_LOG_WARN, "%s: cannot be compacted: %s", f->path, strerror(errno));
		if (copy->fd >= 0)
			(void)io()->unlink(copy->path);
		f->copy_from = 2 * f->end;
		free_copy(copy);
		return;
	}
	/* Until the name is on disk, a power loss brings the old file back: the next sync sees to it before anything in the
	 * new file counts as durable. */
	__atomic_store_n(&f->is_named, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&f->must_copy, 0, __ATOMIC_RELEASE);
	f->fd = copy->fd;
	f->end = copy->n;
	f->tail_is_dirty = 0;
	f->copy_from = 0;
	copy->fd = old;
	free_copy(copy);
}

void log_file_compact(struct log_file *f)
{
	struct log_copy *copy = log_copy_begin(f);

	if (copy != NULL)
		log_copy_finish(f, &copy, log_copy_write(copy));
}

outflow_status log_file_put_durably(struct log_file *f, outflow_bytes key, outflow_bytes value, outflow_error *err)
{
	outflow_bytes old = log_file_get(f, key);
	outflow_status status;
	char *copy = NULL;

	if (old.ptr != NULL) {
		copy = malloc(old.len + 1);
		if (copy == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a value");
		memcpy(copy, old.ptr, old.len);
		old.ptr = copy;
	}
	status = log_file_put(f, key, value, err);
	if (status == OUTFLOW_OK) {
		status = log_file_sync(f, err);
		if (status != OUTFLOW_OK)
			(void)log_file_put(f, key, old, NULL);
	}
	if (status == OUTFLOW_OK)
		log_file_compact(f);
	free(copy);
	return status;
}
