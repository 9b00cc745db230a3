/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/check.h"
#include "host/base/crash_point.h"
#include "host/base/crc32c.h"
#include "host/base/io.h"
#include "host/journal/journal_internal.h"

#include <errno.h>
#include <stdlib.h>

/* Lays out everything but the value in j->scratch. Returns its size, 0: no memory. */
static size_t lay_out(struct journal *j, const outflow_record *r, struct record_head *head)
{
	size_t table = (size_t)r->n_headers * 2 * sizeof(uint32_t), at;
	size_t size = sizeof *head + table + head->headers_length + r->topic.len + r->key.len;
	char *to;

	if (size > j->scratch_size) {
		to = realloc(j->scratch, size * 2);
		if (to == NULL)
			return 0;
		j->scratch = to;
		j->scratch_size = size * 2;
	}
	to = j->scratch;
	at = sizeof *head + table;
	for (uint32_t i = 0; i < r->n_headers; i++) {
		const outflow_header *h = &r->headers[i];
		uint32_t lengths[2] = { (uint32_t)h->name.len, h->value.ptr ? (uint32_t)h->value.len : LENGTH_NULL };

		memcpy(to + sizeof *head + i * sizeof lengths, lengths, sizeof lengths);
		memcpy(to + at, h->name.ptr, h->name.len);
		at += h->name.len;
		if (h->value.ptr != NULL && h->value.len > 0)
			memcpy(to + at, h->value.ptr, h->value.len);
		at += h->value.ptr ? h->value.len : 0;
	}
	if (r->topic.len > 0)
		memcpy(to + at, r->topic.ptr, r->topic.len);
	at += r->topic.len;
	if (r->key.len > 0)
		memcpy(to + at, r->key.ptr, r->key.len);
	memcpy(to, head, sizeof *head);
	return size;
}

/* The whole record's length, padded; 0: larger than any segment. */
static uint64_t measure(const struct journal *j, const outflow_record *r, struct record_head *head)
{
	uint64_t headers = 0, n;

	for (uint32_t i = 0; i < r->n_headers; i++)
		headers += r->headers[i].name.len + (r->headers[i].value.ptr ? r->headers[i].value.len : 0);
	n = sizeof *head + (uint64_t)r->n_headers * 2 * sizeof(uint32_t) + headers + r->topic.len + r->key.len +
	    r->value.len;
	n = (n + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
	if (n > j->options.segment_bytes - sizeof(struct segment_head))
		return 0;
	*head = (struct record_head){
		.magic = RECORD_MAGIC,
		.length = (uint32_t)n,
		.n_headers = r->n_headers,
		.timestamp_ms = r->timestamp_ms,
		.topic_length = (uint32_t)r->topic.len,
		.key_length = r->key.ptr ? (uint32_t)r->key.len : LENGTH_NULL,
		.value_length = r->value.ptr ? (uint32_t)r->value.len : LENGTH_NULL,
		.headers_length = (uint32_t)headers,
	};
	return n;
}

/* One system call in all but the rarest case. */
static int write_parts(int fd, struct iovec *parts, int n_parts, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = io()->pwritev(fd, parts, n_parts, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		done += (size_t)n;
		while (n_parts > 0 && (size_t)n >= parts->iov_len) {
			n -= (ssize_t)parts->iov_len;
			parts++;
			n_parts--;
		}
		if (n_parts > 0) {
			parts->iov_base = (char *)parts->iov_base + n;
			parts->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static int write_record(struct journal *j, struct segment *s, const outflow_record *r, size_t laid_out, size_t length)
{
	static const char zeros[RECORD_ALIGN];
	struct record_head *head = (struct record_head *)(void *)j->scratch;
	size_t skip = offsetof(struct record_head, length), padding = length - laid_out - r->value.len;
	struct iovec parts[] = {
		{ j->scratch, laid_out },
		{ (void *)(uintptr_t)r->value.ptr, r->value.len },
		{ (void *)(uintptr_t)zeros, padding },
	};
	uint32_t crc = crc32c(0, j->scratch + skip, laid_out - skip);

	crc = crc32c(crc, r->value.ptr, r->value.len);
	head->crc = crc32c(crc, zeros, padding);
	return write_parts(s->fd, parts, 3, length, s->end);
}

/* Starts the next segment. -1 and errno: the current one goes on. */
static int roll_over(struct journal *j)
{
	struct segment *s;

	if (segment_create(j->dir, j->next, j->options.segment_bytes, &s) != 0)
		return -1;
	if (j->options.sync != JOURNAL_SYNC_NONE && io()->sync_dir(j->dir) != 0)
		log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s cannot be synced: %s", j->dir,
		          strerror(errno));
	pthread_mutex_lock(&j->lock);
	s->base = j->newest->base + j->newest->end;
	__atomic_store_n(&j->appended_bytes, s->base + s->end, __ATOMIC_RELAXED);
	j->newest->next = s;
	j->newest = s;
	pthread_mutex_unlock(&j->lock);
	return 0;
}

/* Makes room for a record in the newest segment, and cleans up behind a write that failed. */
static int prepare(struct journal *j, uint64_t length)
{
	if (j->tail_is_dirty && io()->ftruncate(j->newest->fd, (off_t)j->newest->end) != 0)
		return -1;
	j->tail_is_dirty = 0;
	if (j->newest->end + length <= j->options.segment_bytes)
		return 0;
	return roll_over(j);
}

static void wake_readers(struct journal *j)
{
	/* Pairs with the reader, which says that it may wait before it looks at the end. */
	if (!__atomic_load_n(&j->may_wait, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&j->lock);
	pthread_cond_broadcast(&j->appended);
	pthread_mutex_unlock(&j->lock);
}

static outflow_status refuse(struct journal *j, int code, outflow_error *err)
{
	if (j->newest != NULL)
		j->tail_is_dirty = io()->ftruncate(j->newest->fd, (off_t)j->newest->end) != 0;
	return outflow_fail_errno(err, OUTFLOW_E_RETRY, code, "the journal in %s cannot be written", j->dir);
}

outflow_status journal_append(struct journal *j, const outflow_record *r, uint64_t *pos, outflow_error *err)
{
	struct record_head head;
	uint64_t length, waiting;
	size_t laid_out;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	length = measure(j, r, &head);
	if (length == 0)
		return outflow_fail(err, OUTFLOW_E_RECORD,
		                    "a message of %zu bytes does not fit a journal segment of %llu bytes", r->value.len,
		                    (unsigned long long)j->options.segment_bytes);
	waiting = j->appended_bytes - __atomic_load_n(&j->released_bytes, __ATOMIC_RELAXED);
	if (waiting + length > j->options.hard_bytes)
		return outflow_fail(err, OUTFLOW_E_RETRY,
		                    "the journal in %s holds %llu unconfirmed bytes, its limit "
		                    "journal.hard.bytes",
		                    j->dir, (unsigned long long)waiting);
	CRASH_POINT("journal.before_write");
	if (prepare(j, length) != 0)
		return refuse(j, errno, err);
	head.sequence = j->next;
	laid_out = lay_out(j, r, &head);
	if (laid_out == 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a message");
	if (write_record(j, j->newest, r, laid_out, length) != 0 ||
	    (j->options.sync == JOURNAL_SYNC_ALWAYS && io()->fdatasync(j->newest->fd) != 0))
		return refuse(j, errno, err);
	CRASH_POINT("journal.after_write");
	*pos = j->next;
	__atomic_store_n(&j->next, j->next + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&j->appended_bytes, j->appended_bytes + length, __ATOMIC_RELAXED);
	__atomic_store_n(&j->newest->end, j->newest->end + length, __ATOMIC_SEQ_CST);
	wake_readers(j);
	return waiting + length > j->options.soft_bytes ? OUTFLOW_SLOW : OUTFLOW_OK;
}
