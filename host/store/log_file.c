/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/log_file.h"

#include "host/base/check.h"
#include "host/base/crc32c.h"
#include "host/base/io.h"
#include "host/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LOG_FILE_MAGIC 0x6c6f6766u
#define ENTRY_MAX (UINT32_C(1) << 20)
/* A file shorter than this is not worth writing anew. */
#define COMPACT_BYTES (UINT64_C(1) << 20)

struct head {
	uint32_t length; /* of all that is covered by crc */
	uint32_t crc;
	uint32_t key_length;
	uint32_t removed;
};
#define COVERED (sizeof(struct head) - offsetof(struct head, key_length))

struct entry {
	char *bytes; /* key, then value */
	size_t key_length, value_length;
};

struct log_file {
	unsigned magic;
	char *path;
	int fd;
	uint64_t end;      /* of the good entries */
	uint64_t live;     /* bytes that a file with nothing else would have */
	int tail_is_dirty; /* a failed write may have left bytes beyond end */
	struct entry *entries;
	size_t n, room;
};

static size_t find(const struct log_file *f, outflow_bytes key)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->entries[i].key_length == key.len && memcmp(f->entries[i].bytes, key.ptr, key.len) == 0)
			break;
	return i;
}

static uint64_t size_of(size_t key_length, size_t value_length)
{
	return sizeof(struct head) + key_length + value_length;
}

static void forget(struct log_file *f, size_t i)
{
	f->live -= size_of(f->entries[i].key_length, f->entries[i].value_length);
	free(f->entries[i].bytes);
	f->entries[i] = f->entries[--f->n];
}

/* Takes over bytes (key, then value). */
static outflow_status remember(struct log_file *f, char *bytes, size_t key_length, size_t value_length)
{
	size_t i = find(f, (outflow_bytes){ bytes, key_length });
	struct entry *entries;

	if (i < f->n)
		forget(f, i);
	if (f->n == f->room) {
		entries = realloc(f->entries, (f->room * 2 + 16) * sizeof *entries);
		if (entries == NULL)
			return OUTFLOW_E_NOMEM;
		f->entries = entries;
		f->room = f->room * 2 + 16;
	}
	f->entries[f->n++] = (struct entry){ bytes, key_length, value_length };
	f->live += size_of(key_length, value_length);
	return OUTFLOW_OK;
}

/* Reads the entry at f->end. 0: none that is whole and good. */
static int read_entry(struct log_file *f, struct head *head, char **bytes)
{
	size_t n;

	*bytes = NULL;
	if (io_read_all(f->fd, head, sizeof *head, (off_t)f->end) != (ssize_t)sizeof *head || head->length < COVERED ||
	    head->length > ENTRY_MAX || head->key_length > head->length - COVERED)
		return 0;
	n = head->length - COVERED;
	*bytes = malloc(n + 1);
	if (*bytes != NULL && io_read_all(f->fd, *bytes, n, (off_t)(f->end + sizeof *head)) == (ssize_t)n &&
	    crc32c(crc32c(0, &head->key_length, COVERED), *bytes, n) == head->crc)
		return 1;
	free(*bytes);
	*bytes = NULL;
	return 0;
}

static outflow_status read_entries(struct log_file *f)
{
	struct head head;
	char *bytes;

	while (read_entry(f, &head, &bytes)) {
		size_t value_length = head.length - COVERED - head.key_length;
		outflow_status status = OUTFLOW_OK;

		if (head.removed) {
			size_t i = find(f, (outflow_bytes){ bytes, head.key_length });

			if (i < f->n)
				forget(f, i);
			free(bytes);
		} else {
			status = remember(f, bytes, head.key_length, value_length);
		}
		if (status != OUTFLOW_OK) {
			free(bytes);
			return status;
		}
		f->end += sizeof head + head.length - COVERED;
	}
	return OUTFLOW_OK;
}

static outflow_status cut_tail(struct log_file *f, outflow_error *err)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", f->path);
	if ((uint64_t)st.st_size == f->end)
		return OUTFLOW_OK;
	log_write(NULL, OUTFLOW_LOG_WARN, "%s: dropped a torn or damaged tail, bytes %llu to %llu", f->path,
	          (unsigned long long)f->end, (unsigned long long)st.st_size);
	if (io()->ftruncate(f->fd, (off_t)f->end) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be cut", f->path);
	return OUTFLOW_OK;
}

outflow_status log_file_open(const char *path, struct log_file **result, outflow_error *err)
{
	struct log_file *f = calloc(1, sizeof *f);
	outflow_status status;

	if (f == NULL || (f->path = strdup(path)) == NULL) {
		free(f);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	}
	f->magic = LOG_FILE_MAGIC;
	f->fd = io()->open(path, O_RDWR | O_CREAT, 0600);
	if (f->fd < 0)
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", path);
	else if (io_sync_parent(path) != 0) /* a file without a durable name loses what was synced into it */
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: its directory cannot be synced", path);
	else
		status = read_entries(f) == OUTFLOW_OK ? cut_tail(f, err)
		                                       : outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	if (status != OUTFLOW_OK) {
		log_file_close(&f);
		return status;
	}
	*result = f;
	return OUTFLOW_OK;
}

outflow_bytes log_file_get(const struct log_file *f, outflow_bytes key)
{
	size_t i = find(f, key);
	outflow_bytes none = { NULL, 0 };

	if (i == f->n)
		return none;
	return (outflow_bytes){ f->entries[i].bytes + key.len, f->entries[i].value_length };
}

static int write_entry(int fd, uint64_t at, const char *bytes, size_t key_length, size_t value_length, int removed)
{
	struct head head = { .length = (uint32_t)(COVERED + key_length + value_length),
		             .key_length = (uint32_t)key_length,
		             .removed = (uint32_t)removed };

	head.crc = crc32c(crc32c(0, &head.key_length, COVERED), bytes, key_length + value_length);
	if (io_write_all(fd, &head, sizeof head, (off_t)at) != 0)
		return -1;
	return io_write_all(fd, bytes, key_length + value_length, (off_t)(at + sizeof head));
}

/* All live entries into a new file, which then takes the old one's name. */
static int write_anew(struct log_file *f, const char *path, int *result)
{
	int fd = io()->open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint64_t at = 0;
	int saved;

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		const struct entry *e = &f->entries[i];

		if (write_entry(fd, at, e->bytes, e->key_length, e->value_length, 0) != 0)
			goto failed;
		at += size_of(e->key_length, e->value_length);
	}
	if (io()->fdatasync(fd) == 0 && io()->rename(path, f->path) == 0) {
		*result = fd;
		return 0;
	}
failed:
	saved = errno;
	io()->close(fd);
	io()->unlink(path);
	errno = saved;
	return -1;
}

/* Failing costs nothing but length: the old file goes on. */
static void compact(struct log_file *f)
{
	char path[4200];
	int fd;

	if (f->end < COMPACT_BYTES || f->end < 4 * f->live)
		return;
	snprintf(path, sizeof path, "%s.new", f->path);
	if (write_anew(f, path, &fd) != 0) {
		log_write(NULL, OUTFLOW_LOG_WARN, "%s: cannot be compacted: %s", f->path, strerror(errno));
		return;
	}
	io()->close(f->fd);
	f->fd = fd;
	f->end = f->live;
	f->tail_is_dirty = 0;
	/* Before anything in the new file counts as durable. */
	if (io_sync_parent(path) != 0)
		log_write(NULL, OUTFLOW_LOG_ERROR,
		          "%s: its directory cannot be synced: %s; a power loss may bring the old file back", f->path,
		          strerror(errno));
}

outflow_status log_file_put(struct log_file *f, outflow_bytes key, outflow_bytes value, outflow_error *err)
{
	size_t n = key.len + value.len, i;
	char *bytes;

	CHECK_OBJ(f, LOG_FILE_MAGIC);
	if (n > ENTRY_MAX - COVERED)
		return outflow_fail(err, OUTFLOW_E_RECORD, "%s: an entry of %zu bytes is too large", f->path, n);
	bytes = malloc(n + 1);
	if (bytes == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", f->path);
	memcpy(bytes, key.ptr, key.len);
	if (value.len > 0)
		memcpy(bytes + key.len, value.ptr, value.len);
	if ((f->tail_is_dirty && io()->ftruncate(f->fd, (off_t)f->end) != 0) ||
	    write_entry(f->fd, f->end, bytes, key.len, value.len, value.ptr == NULL) != 0) {
		outflow_fail_errno(err, OUTFLOW_E_RETRY, errno, "%s cannot be written", f->path);
		f->tail_is_dirty = 1;
		free(bytes);
		return OUTFLOW_E_RETRY;
	}
	f->tail_is_dirty = 0;
	f->end += size_of(key.len, value.len);
	i = find(f, key);
	if (value.ptr == NULL && i < f->n)
		forget(f, i);
	if (value.ptr == NULL) {
		free(bytes);
	} else if (remember(f, bytes, key.len, value.len) != OUTFLOW_OK) {
		free(bytes);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", f->path);
	}
	compact(f);
	return OUTFLOW_OK;
}

int log_file_duplicate(const struct log_file *f)
{
	return fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
}

outflow_status log_file_sync(struct log_file *f, outflow_error *err)
{
	if (io()->fdatasync(f->fd) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_RETRY, errno, "%s cannot be synced", f->path);
	return OUTFLOW_OK;
}

void log_file_each(const struct log_file *f, void (*visit)(void *ctx, outflow_bytes key, outflow_bytes value),
                   void *ctx)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct entry *e = &f->entries[i];

		visit(ctx, (outflow_bytes){ e->bytes, e->key_length },
		      (outflow_bytes){ e->bytes + e->key_length, e->value_length });
	}
}

void log_file_close(struct log_file **pf)
{
	struct log_file *f = *pf;

	*pf = NULL;
	if (f == NULL)
		return;
	CHECK_OBJ(f, LOG_FILE_MAGIC);
	if (f->fd >= 0)
		io()->close(f->fd);
	for (size_t i = 0; i < f->n; i++)
		free(f->entries[i].bytes);
	free(f->entries);
	free(f->path);
	f->magic = 0;
	free(f);
}
