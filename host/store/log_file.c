/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/log_file.h"

#include "host/base/check.h"
#include "host/base/crash_point.h"
#include "host/base/crc32c.h"
#include "host/base/io.h"
#include "host/base/log.h"
#include "host/store/log_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ENTRY_MAX (UINT32_C(1) << 20)

struct head {
	uint32_t length; /* of all that is covered by crc */
	uint32_t crc;
	uint32_t key_length;
	uint32_t removed;
};
#define COVERED (sizeof(struct head) - offsetof(struct head, key_length))

/* ---- entries in the file ---- */

uint64_t log_entry_size(size_t key_length, size_t value_length)
{
	return sizeof(struct head) + key_length + value_length;
}

void log_entry_build(char *to, outflow_bytes key, outflow_bytes value, int removed)
{
	struct head head = { .length = (uint32_t)(COVERED + key.len + value.len),
		             .key_length = (uint32_t)key.len,
		             .removed = (uint32_t)removed };

	memcpy(to + sizeof head, key.ptr, key.len);
	if (value.len > 0)
		memcpy(to + sizeof head + key.len, value.ptr, value.len);
	head.crc = crc32c(crc32c(0, &head.key_length, COVERED), to + sizeof head, key.len + value.len);
	memcpy(to, &head, sizeof head);
}

/* ---- entries in memory ---- */

/* Where the entry of key is linked, or would be. */
static struct log_entry **find(const struct log_file *f, outflow_bytes key)
{
	uint32_t hash = crc32c(0, key.ptr, key.len);
	struct log_entry **link = &f->buckets[hash & (f->n_buckets - 1)];

	while (*link != NULL && ((*link)->hash != hash || (*link)->key_length != key.len ||
	                         memcmp((*link)->bytes, key.ptr, key.len) != 0))
		link = &(*link)->next;
	return link;
}

static void forget(struct log_file *f, outflow_bytes key)
{
	struct log_entry **link = find(f, key), *e = *link;

	if (e == NULL)
		return;
	*link = e->next;
	f->live -= log_entry_size(e->key_length, e->value_length);
	f->n--;
	free(e);
}

static struct log_entry *new_entry(size_t key_length, size_t value_length)
{
	struct log_entry *e = malloc(sizeof *e + key_length + value_length);

	if (e != NULL)
		*e = (struct log_entry){ .key_length = (uint32_t)key_length, .value_length = (uint32_t)value_length };
	return e;
}

/* Without memory it only gets slower. */
static void grow(struct log_file *f)
{
	size_t n = f->n_buckets * 2;
	struct log_entry **buckets = calloc(n, sizeof *buckets);

	if (buckets == NULL)
		return;
	for (size_t i = 0; i < f->n_buckets; i++)
		while (f->buckets[i] != NULL) {
			struct log_entry *e = f->buckets[i];

			f->buckets[i] = e->next;
			e->next = buckets[e->hash & (n - 1)];
			buckets[e->hash & (n - 1)] = e;
		}
	free(f->buckets);
	f->buckets = buckets;
	f->n_buckets = n;
}

/* Takes over e, in place of an older entry of its key. */
static void remember(struct log_file *f, struct log_entry *e)
{
	struct log_entry **link;

	forget(f, (outflow_bytes){ e->bytes, e->key_length });
	if (f->n >= f->n_buckets)
		grow(f);
	e->hash = crc32c(0, e->bytes, e->key_length);
	link = &f->buckets[e->hash & (f->n_buckets - 1)];
	e->next = *link;
	*link = e;
	f->n++;
	f->live += log_entry_size(e->key_length, e->value_length);
}

/* ---- opening ---- */

enum reading { READ_FAILED, READ_NO_MEMORY, READ_NOTHING, READ_DAMAGED, READ_GOOD };

/* Reads what may be an entry at `at`. *entry, when it is good: with key and value, malloc'd. *end: where it ends, if its
 * length can be believed. */
static enum reading read_entry(const struct log_file *f, uint64_t at, struct head *head, struct log_entry **entry,
                               uint64_t *end)
{
	ssize_t got = io_read_all(f->fd, head, sizeof *head, (off_t)at);
	struct log_entry *e;
	size_t n;

	if (got < 0)
		return READ_FAILED;
	if ((size_t)got < sizeof *head || head->length < COVERED || head->length > ENTRY_MAX)
		return READ_NOTHING;
	n = head->length - COVERED;
	*end = at + sizeof *head + n;
	if (head->key_length > n)
		return READ_DAMAGED;
	e = new_entry(head->key_length, n - head->key_length);
	if (e == NULL)
		return READ_NO_MEMORY;
	got = io_read_all(f->fd, e->bytes, n, (off_t)(at + sizeof *head));
	if (got == (ssize_t)n && crc32c(crc32c(0, &head->key_length, COVERED), e->bytes, n) == head->crc) {
		*entry = e;
		return READ_GOOD;
	}
	free(e);
	return got < 0 ? READ_FAILED : (size_t)got < n ? READ_NOTHING : READ_DAMAGED;
}

/* A damaged entry whose length leads to a good one lies in the middle; anything else is the end. */
static enum reading step_over_damage(struct log_file *f, uint64_t next)
{
	struct log_entry *e = NULL;
	enum reading result;
	struct head head;
	uint64_t end;

	result = read_entry(f, next, &head, &e, &end);
	free(e);
	if (result != READ_GOOD)
		return result == READ_DAMAGED ? READ_NOTHING : result;
	log_write(&log_store_place, OUTFLOW_LOG_ERROR, "%s: bytes %llu to below %llu are damaged; one entry is lost",
	          f->path, (unsigned long long)f->end, (unsigned long long)next);
	f->end = next;
	return READ_GOOD;
}

static enum reading read_entries(struct log_file *f)
{
	enum reading result;

	do {
		struct log_entry *e = NULL;
		struct head head;
		uint64_t end = 0;

		result = read_entry(f, f->end, &head, &e, &end);
		if (result == READ_DAMAGED) {
			result = step_over_damage(f, end);
		} else if (result == READ_GOOD) {
			f->end = end;
			if (!head.removed) {
				remember(f, e);
				continue;
			}
			forget(f, (outflow_bytes){ e->bytes, e->key_length });
			free(e);
		}
	} while (result == READ_GOOD);
	return result;
}

static outflow_status cut_tail(struct log_file *f, outflow_error *err)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", f->path);
	if ((uint64_t)st.st_size == f->end)
		return OUTFLOW_OK;
	log_write(&log_store_place, OUTFLOW_LOG_WARN, "%s: dropped a torn or damaged tail, bytes %llu to below %llu",
	          f->path, (unsigned long long)f->end, (unsigned long long)st.st_size);
	if (io()->ftruncate(f->fd, (off_t)f->end) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be cut", f->path);
	return OUTFLOW_OK;
}

static outflow_status open_file(struct log_file *f, outflow_error *err)
{
	f->fd = io()->open(f->path, O_RDWR | O_CREAT, 0600);
	if (f->fd < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", f->path);
	/* A file without a durable name loses what was synced into it. */
	if (io_sync_parent(f->path) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: its directory cannot be synced", f->path);
	f->is_named = 1;
	switch (read_entries(f)) {
	case READ_FAILED:
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", f->path);
	case READ_NO_MEMORY:
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", f->path);
	default:
		return cut_tail(f, err);
	}
}

outflow_status log_file_open(const char *path, struct log_file **result, outflow_error *err)
{
	struct log_file *f = calloc(1, sizeof *f);
	outflow_status status;

	if (f != NULL) {
		f->magic = LOG_FILE_MAGIC;
		f->fd = -1;
		f->n_buckets = 16;
		f->buckets = calloc(f->n_buckets, sizeof *f->buckets);
		f->path = strdup(path);
	}
	if (f == NULL || f->path == NULL || f->buckets == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	else
		status = open_file(f, err);
	if (status != OUTFLOW_OK) {
		log_file_close(&f);
		return status;
	}
	*result = f;
	return OUTFLOW_OK;
}

/* ---- the map ---- */

outflow_bytes log_file_get(const struct log_file *f, outflow_bytes key)
{
	const struct log_entry *e = *find(f, key);
	outflow_bytes none = { NULL, 0 };

	return e ? (outflow_bytes){ e->bytes + e->key_length, e->value_length } : none;
}

/* One write, so that a crash leaves it or a torn tail. */
static int write_entry(struct log_file *f, outflow_bytes key, outflow_bytes value)
{
	uint64_t size = log_entry_size(key.len, value.len);
	char small[512], *bytes = size <= sizeof small ? small : malloc(size);
	int rc = -1;

	if (bytes == NULL) {
		errno = ENOMEM;
		return -1;
	}
	log_entry_build(bytes, key, value, value.ptr == NULL);
	if (!f->tail_is_dirty || io()->ftruncate(f->fd, (off_t)f->end) == 0) {
		/* A kill does not tear a write this small, a full disk or a power cut does. */
		if (CRASH_POINT_ARMED && io_write_all(f->fd, bytes, size / 2, (off_t)f->end) == 0)
			CRASH_POINT("store.half_written");
		rc = io_write_all(f->fd, bytes, size, (off_t)f->end);
		f->tail_is_dirty = rc != 0;
	}
	if (bytes != small)
		free(bytes);
	return rc;
}

outflow_status log_file_put(struct log_file *f, outflow_bytes key, outflow_bytes value, outflow_error *err)
{
	struct log_entry *e = NULL;

	CHECK_OBJ(f, LOG_FILE_MAGIC);
	if (key.len + value.len > ENTRY_MAX - COVERED)
		return outflow_fail(err, OUTFLOW_E_RECORD, "%s: an entry of %zu bytes is too large", f->path,
		                    key.len + value.len);
	/* Before anything is written, so that file and memory say the same afterwards. */
	if (value.ptr != NULL && (e = new_entry(key.len, value.len)) == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", f->path);
	if (write_entry(f, key, value) != 0) {
		free(e);
		return outflow_fail_errno(err, errno == ENOMEM ? OUTFLOW_E_NOMEM : OUTFLOW_E_RETRY, errno,
		                          "%s cannot be written", f->path);
	}
	f->end += log_entry_size(key.len, value.len);
	if (e == NULL) {
		forget(f, key);
		return OUTFLOW_OK;
	}
	memcpy(e->bytes, key.ptr, key.len);
	if (value.len > 0)
		memcpy(e->bytes + key.len, value.ptr, value.len);
	remember(f, e);
	return OUTFLOW_OK;
}

void log_file_each(const struct log_file *f, void (*visit)(void *ctx, outflow_bytes key, outflow_bytes value),
                   void *ctx)
{
	for (size_t i = 0; i < f->n_buckets; i++)
		for (const struct log_entry *e = f->buckets[i]; e != NULL; e = e->next)
			visit(ctx, (outflow_bytes){ e->bytes, e->key_length },
			      (outflow_bytes){ e->bytes + e->key_length, e->value_length });
}

/* ---- syncing ---- */

static int sync_all(struct log_file *f, int fd)
{
	if (__atomic_load_n(&f->must_copy, __ATOMIC_ACQUIRE)) {
		errno = EIO;
		return -1;
	}
	if (io()->fdatasync(fd) != 0) {
		__atomic_store_n(&f->must_copy, 1, __ATOMIC_RELEASE);
		return -1;
	}
	if (!__atomic_load_n(&f->is_named, __ATOMIC_ACQUIRE) && io_sync_parent(f->path) != 0)
		return -1;
	__atomic_store_n(&f->is_named, 1, __ATOMIC_RELEASE);
	return 0;
}

outflow_status log_file_sync(struct log_file *f, outflow_error *err)
{
	if (f->must_copy)
		log_file_compact(f);
	if (sync_all(f, f->fd) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_RETRY, errno, "%s cannot be synced", f->path);
	return OUTFLOW_OK;
}

int log_file_duplicate(const struct log_file *f)
{
	return fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
}

int log_file_sync_duplicate(struct log_file *f, int fd)
{
	int rc = sync_all(f, fd);

	io_close_keeping_errno(fd);
	return rc;
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
	for (size_t i = 0; f->buckets != NULL && i < f->n_buckets; i++)
		while (f->buckets[i] != NULL) {
			struct log_entry *e = f->buckets[i];

			f->buckets[i] = e->next;
			free(e);
		}
	free(f->buckets);
	free(f->path);
	f->magic = 0;
	free(f);
}
