/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/journal.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/base/io.h"
#include "host/journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- opening ---- */

static outflow_status lock_directory(struct journal *j, outflow_error *err)
{
	if (io_make_directories(j->dir) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "the journal's directory %s cannot be made",
		                          j->dir);
	j->dir_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "the journal's directory %s cannot be opened",
		                          j->dir);
	if (flock(j->dir_fd, LOCK_EX | LOCK_NB) == 0)
		return OUTFLOW_OK;
	if (errno == EWOULDBLOCK)
		return outflow_fail(err, OUTFLOW_E_TASK, "the journal in %s is in use by another task or process",
		                    j->dir);
	return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "the journal's directory %s cannot be locked", j->dir);
}

outflow_status journal_open(const struct journal_options *options, uint64_t released, struct journal **result,
                            outflow_error *err)
{
	struct journal *j = calloc(1, sizeof *j);
	outflow_status status;

	CHECK(options->segment_bytes > SEGMENT_HEAD_SIZE);
	if (j == NULL || (j->dir = strdup(options->dir)) == NULL) {
		free(j);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the journal in %s", options->dir);
	}
	j->magic = JOURNAL_MAGIC;
	j->options = *options;
	j->options.dir = j->dir;
	j->dir_fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	clock_cond_init(&j->appended);
	clock_cond_init(&j->sync_wanted);
	status = lock_directory(j, err);
	if (status == OUTFLOW_OK)
		status = journal_recover(j, released, err);
	if (status != OUTFLOW_OK) {
		journal_close(&j);
		return status;
	}
	journal_release(j, released);
	*result = j;
	return OUTFLOW_OK;
}

void journal_add_segment(struct journal *j, struct segment *s)
{
	if (j->newest != NULL)
		j->newest->next = s;
	else
		j->oldest = s;
	j->newest = s;
}

/* ---- releasing ---- */

/* Of the segment's bytes, the share of the released records. */
static uint64_t released_part(const struct segment *s, uint64_t released)
{
	uint64_t end = __atomic_load_n(&s->end, __ATOMIC_ACQUIRE), bytes = segment_record_bytes(s);

	if (released <= s->first)
		return 0;
	return released >= end ? bytes : bytes / (end - s->first) * (released - s->first);
}

static int is_read(const struct journal *j, const struct segment *s)
{
	for (const struct journal_reader *r = j->readers; r != NULL; r = r->next)
		if (r->segment == NULL || r->segment == s)
			return 1;
	return 0;
}

/* The oldest segment, taken out of the list, when it is released, need not be kept and nobody reads it. */
static struct segment *take_unneeded(struct journal *j)
{
	struct segment *s;

	pthread_mutex_lock(&j->lock);
	s = j->oldest;
	if (journal_retained(j) <= j->options.retain_bytes || is_read(j, s)) {
		s = NULL;
	} else {
		j->oldest = s->next;
		j->removed_bytes += segment_record_bytes(s);
	}
	pthread_mutex_unlock(&j->lock);
	return s;
}

void journal_trim(struct journal *j)
{
	struct segment *s;

	while ((s = take_unneeded(j)) != NULL) {
		CRASH_POINT("segment.before_unlink");
		/* The next opening tries again. */
		if (io()->unlink(s->path) != 0)
			log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s is done but cannot be removed: %s",
			          s->path, strerror(errno));
		segment_release(s);
	}
}

void journal_release(struct journal *j, uint64_t next)
{
	uint64_t bytes;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	pthread_mutex_lock(&j->lock);
	if (next > j->released)
		j->released = next;
	bytes = j->removed_bytes;
	for (const struct segment *s = j->oldest; s != NULL && s->first < j->released; s = s->next)
		bytes += released_part(s, j->released);
	__atomic_store_n(&j->released_bytes, bytes, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&j->lock);
	journal_trim(j);
}

/* ---- reading the state ---- */

uint64_t journal_durable(struct journal *j)
{
	uint64_t durable;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	pthread_mutex_lock(&j->lock);
	durable = j->newest ? __atomic_load_n(&j->newest->end, __ATOMIC_ACQUIRE) : j->released;
	if (j->options.sync == JOURNAL_SYNC_INTERVAL)
		for (const struct segment *s = j->oldest; s != NULL; s = s->next)
			if (s->synced < __atomic_load_n(&s->end, __ATOMIC_ACQUIRE)) {
				durable = s->synced;
				break;
			}
	pthread_mutex_unlock(&j->lock);
	return durable;
}

void journal_level(struct journal *j, uint64_t *records, uint64_t *bytes, uint64_t *limit_bytes)
{
	uint64_t released, appended;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	*records = 0;
	pthread_mutex_lock(&j->lock);
	for (const struct segment *s = j->oldest; s != NULL; s = s->next) {
		uint64_t end = __atomic_load_n(&s->end, __ATOMIC_ACQUIRE);
		uint64_t from = s->first > j->released ? s->first : j->released;

		*records += end > from ? end - from : 0;
	}
	pthread_mutex_unlock(&j->lock);
	released = __atomic_load_n(&j->released_bytes, __ATOMIC_ACQUIRE);
	appended = __atomic_load_n(&j->appended_bytes, __ATOMIC_RELAXED);
	*bytes = appended > released ? appended - released : 0;
	*limit_bytes = j->options.hard_bytes;
}

uint64_t journal_lost(struct journal *j)
{
	return __atomic_load_n(&j->lost, __ATOMIC_RELAXED);
}

/* ---- closing ---- */

/* A clean end: the next opening need not look for it, and numbering goes on without a gap. */
static void close_written(struct journal *j)
{
	struct segment *s = j->writing;
	int syncs = j->options.sync != JOURNAL_SYNC_NONE;

	if (syncs)
		journal_sync_all(j);
	if (segment_write_closed(s, s->fd, s->end, j->next) != 0 || (syncs && io()->fdatasync(s->fd) != 0))
		log_write(&j->options.place, OUTFLOW_LOG_WARN,
		          "journal: %s cannot be closed in order: %s; the next start will "
		          "look through it",
		          s->path, strerror(errno));
}

void journal_close(struct journal **pj)
{
	struct journal *j = *pj;

	*pj = NULL;
	if (j == NULL)
		return;
	CHECK_OBJ(j, JOURNAL_MAGIC);
	CHECK(j->readers == NULL);
	journal_stop_sync_thread(j);
	journal_report_drops(j);
	if (j->writing != NULL)
		close_written(j);
	while (j->oldest != NULL) {
		struct segment *s = j->oldest;

		j->oldest = s->next;
		segment_release(s);
	}
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	pthread_cond_destroy(&j->sync_wanted);
	pthread_cond_destroy(&j->appended);
	pthread_mutex_destroy(&j->lock);
	free(j->buffer);
	free(j->dir);
	j->magic = 0;
	free(j);
}
