/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/check.h"
#include "host/base/crash_point.h"
#include "host/base/io.h"
#include "host/journal/frame.h"
#include "host/journal/journal_internal.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

static outflow_status refuse(struct journal *j, int code, outflow_error *err)
{
	return outflow_fail_errno(err, OUTFLOW_E_RETRY, code, "the journal in %s cannot be written", j->dir);
}

/* Cuts the segment back to its last good record. */
static int cut_tail(struct journal *j)
{
	struct segment *s = j->writing;

	j->tail_is_dirty = s != NULL && io()->ftruncate(s->fd, (off_t)s->size) != 0;
	return j->tail_is_dirty ? -1 : 0;
}

static int sync_new(struct journal *j, struct segment *s)
{
	if (journal_sync_data(j, s->fd) != 0 || io()->sync_dir(j->dir) != 0)
		return -1;
	s->is_named = 1;
	return 0;
}

/* In interval mode the sync thread closes what it still has to sync. [under lock] */
static void close_finished(struct journal *j, struct segment *old)
{
	int synced = old->sync_failed || (old->is_named && old->synced == old->end);

	if (j->options.sync == JOURNAL_SYNC_INTERVAL && !synced)
		return;
	io()->close(old->fd);
	old->fd = -1;
}

static outflow_status start_segment(struct journal *j, outflow_error *err)
{
	struct segment *old = j->writing, *s = segment_new(j->dir, j->next, j->options.segment_bytes);
	int code;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a segment of the journal in %s", j->dir);
	if (segment_create(s) != 0)
		goto failed;
	/* After a sync that failed, the new segment must show that the disk works again before anything is taken. */
	if ((j->options.sync == JOURNAL_SYNC_ALWAYS || j->must_start_segment) && sync_new(j, s) != 0) {
		segment_discard(s);
		goto failed;
	}
	/* So that the next opening need not look for its end; if this fails, it will. */
	if (old != NULL)
		(void)segment_write_closed(old, old->fd, old->end, j->next);
	pthread_mutex_lock(&j->lock);
	journal_add_segment(j, s);
	j->writing = s;
	if (old != NULL)
		close_finished(j, old);
	pthread_mutex_unlock(&j->lock);
	j->must_start_segment = 0;
	j->tail_is_dirty = 0;
	return OUTFLOW_OK;
failed:
	code = errno;
	/* Whatever is left of the file stands in the way of this number; and numbers have no gap inside a segment. */
	j->next++;
	j->must_start_segment = 1;
	segment_release(s);
	return refuse(j, code, err);
}

/* Room for the frame in memory and in a segment whose end is its last good record. */
static outflow_status prepare(struct journal *j, const outflow_record *r, uint64_t length, outflow_error *err)
{
	size_t size = frame_buffer_size(r);
	char *buffer;
	int rc;

	if (size > j->buffer_size) {
		buffer = realloc(j->buffer, size + size / 2);
		if (buffer == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a record of %zu bytes", size);
		j->buffer = buffer;
		j->buffer_size = size + size / 2;
	}
	if (j->options.sync == JOURNAL_SYNC_INTERVAL && !j->sync_started) {
		rc = journal_start_sync_thread(j);
		if (rc != 0)
			return outflow_fail_errno(err, OUTFLOW_E_RETRY, rc,
			                          "the thread that syncs the journal in %s "
			                          "cannot be started",
			                          j->dir);
	}
	if (__atomic_load_n(&j->sync_failed, __ATOMIC_RELAXED)) {
		__atomic_store_n(&j->sync_failed, 0, __ATOMIC_RELAXED);
		j->must_start_segment = 1;
	}
	if (j->tail_is_dirty && cut_tail(j) != 0)
		return refuse(j, errno, err);
	if (j->writing == NULL || j->must_start_segment || j->writing->size + length > j->options.segment_bytes)
		return start_segment(j, err);
	return OUTFLOW_OK;
}

/* Bytes of the record on their way to the disk, in `always` mode on the disk. On an error the segment ends where it did. */
static outflow_status write_frame(struct journal *j, const outflow_record *r, outflow_error *err)
{
	struct segment *s = j->writing;
	struct iovec parts[FRAME_PARTS];
	int code;

	frame_build(r, j->next, s->mark, j->buffer, parts);
	CRASH_POINT("journal.before_write");
	if (io_write_parts(s->fd, parts, FRAME_PARTS, (off_t)s->size) != 0) {
		code = errno;
		cut_tail(j);
		return refuse(j, code, err);
	}
	CRASH_POINT("journal.after_write");
	if (j->options.sync == JOURNAL_SYNC_ALWAYS && journal_sync_data(j, s->fd) != 0) {
		code = errno;
		cut_tail(j);
		/* After a failed sync a later one may report success for pages that were thrown away. And the record may be
		 * found by a recovery, so its number is used up. */
		j->must_start_segment = 1;
		j->next++;
		return refuse(j, code, err);
	}
	return OUTFLOW_OK;
}

static void publish(struct journal *j, uint64_t length)
{
	struct segment *s = j->writing;

	j->next++;
	__atomic_store_n(&j->appended_bytes, j->appended_bytes + length, __ATOMIC_RELAXED);
	__atomic_store_n(&s->end, j->next, __ATOMIC_RELEASE);
	/* Sequentially consistent, as a reader does it the other way round: says that it waits, then looks at the size. */
	__atomic_store_n(&s->size, s->size + length, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&j->n_waiting, __ATOMIC_SEQ_CST) > 0) {
		pthread_mutex_lock(&j->lock);
		pthread_cond_broadcast(&j->appended);
		pthread_mutex_unlock(&j->lock);
	}
	if (j->options.sync == JOURNAL_SYNC_INTERVAL)
		journal_want_sync(j);
}

outflow_status journal_append(struct journal *j, const outflow_record *r, uint64_t *pos, outflow_error *err)
{
	uint64_t length = frame_length(r), waiting;
	outflow_status status = OUTFLOW_OK;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	if (length > j->options.segment_bytes - SEGMENT_HEAD_SIZE)
		return outflow_fail(err, OUTFLOW_E_RECORD,
		                    "a record of %zu bytes does not fit into a journal segment of %llu "
		                    "(journal.segment.bytes)",
		                    frame_buffer_size(r) + r->value.len, (unsigned long long)j->options.segment_bytes);
	waiting = j->appended_bytes - __atomic_load_n(&j->released_bytes, __ATOMIC_RELAXED);
	if (waiting + length > j->options.hard_bytes)
		status = journal_make_room(j, length, err);
	if (status == OUTFLOW_AGAIN) {
		*pos = j->next;
		return OUTFLOW_OK;
	}
	if (status == OUTFLOW_OK)
		status = prepare(j, r, length, err);
	if (status == OUTFLOW_OK)
		status = write_frame(j, r, err);
	if (status != OUTFLOW_OK) {
		__atomic_add_fetch(&j->refused, 1, __ATOMIC_RELAXED);
		return status;
	}
	*pos = j->next;
	publish(j, length);
	/* A source that is slowed down piles up elsewhere what on_full shall drop. */
	return waiting + length > j->options.soft_bytes && j->options.on_full == JOURNAL_FULL_BLOCK ? OUTFLOW_SLOW
	                                                                                            : OUTFLOW_OK;
}
