/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/journal.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/base/io.h"
#include "host/journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- opening ---- */

static outflow_status take_directory(struct journal *j, outflow_error *err)
{
	char path[4200];

	if (io_make_directories(j->dir) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "the journal's directory %s cannot be made",
		                          j->dir);
	snprintf(path, sizeof path, "%s/lock", j->dir);
	j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->lock_fd < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", path);
	if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return outflow_fail(err, OUTFLOW_E_TASK, "the journal in %s is open already", j->dir);
	return OUTFLOW_OK;
}

static void *sync_main(void *arg);

static outflow_status begin(struct journal *j, uint64_t released, outflow_error *err)
{
	struct segment *s = NULL;
	outflow_status status = take_directory(j, err);
	int rc;

	if (status == OUTFLOW_OK)
		status = journal_recover(j, released, &j->next, err);
	if (status != OUTFLOW_OK)
		return status;
	if (segment_create(j->dir, j->next, j->options.segment_bytes, &s) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "a segment cannot be made in %s", j->dir);
	s->base = j->newest ? j->newest->base + j->newest->end : 0;
	if (j->newest != NULL)
		j->newest->next = s;
	else
		j->oldest = s;
	j->newest = s;
	j->appended_bytes = s->base + s->end;
	j->durable = j->next;
	if (j->options.sync == JOURNAL_SYNC_INTERVAL) {
		rc = pthread_create(&j->sync_thread, NULL, sync_main, j);
		if (rc != 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "cannot start a thread");
		j->sync_thread_started = 1;
	}
	journal_release(j, released);
	return OUTFLOW_OK;
}

outflow_status journal_open(const struct journal_options *options, uint64_t released, struct journal **result,
                            outflow_error *err)
{
	struct journal *j = calloc(1, sizeof *j);
	outflow_status status;

	if (j == NULL || (j->dir = strdup(options->dir)) == NULL) {
		free(j);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a journal");
	}
	j->magic = JOURNAL_MAGIC;
	j->options = *options;
	j->options.dir = j->dir;
	j->lock_fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	clock_cond_init(&j->appended);
	clock_cond_init(&j->ending);
	status = begin(j, released, err);
	if (status != OUTFLOW_OK) {
		journal_close(&j);
		return status;
	}
	*result = j;
	return OUTFLOW_OK;
}

/* ---- syncing ---- */

/* Syncs every segment that may hold unsynced records, from the one that holds `from` on. 0, or -1 and errno. */
static int sync_from(struct journal *j, uint64_t from)
{
	struct segment *s;
	int rc = 0, code = 0;

	pthread_mutex_lock(&j->lock);
	for (s = j->oldest; s != NULL && s->next != NULL && s->next->first <= from; s = s->next)
		;
	if (s != NULL)
		segment_hold(s);
	pthread_mutex_unlock(&j->lock);
	while (s != NULL) {
		struct segment *next;

		if (io()->fdatasync(s->fd) != 0) {
			rc = -1;
			code = errno;
		}
		pthread_mutex_lock(&j->lock);
		next = s->next ? segment_hold(s->next) : NULL;
		pthread_mutex_unlock(&j->lock);
		segment_release(s);
		s = next;
	}
	errno = code;
	return rc;
}

static void sync_now(struct journal *j)
{
	uint64_t next = __atomic_load_n(&j->next, __ATOMIC_ACQUIRE);
	uint64_t durable = __atomic_load_n(&j->durable, __ATOMIC_RELAXED);

	if (next == durable)
		return;
	if (sync_from(j, durable) == 0)
		__atomic_store_n(&j->durable, next, __ATOMIC_RELEASE);
	else
		log_write(&j->options.place, OUTFLOW_LOG_ERROR, "journal: cannot be synced: %s", strerror(errno));
}

static void *sync_main(void *arg)
{
	struct journal *j = arg;

	pthread_mutex_lock(&j->lock);
	while (!j->closing) {
		clock_wait(&j->ending, &j->lock, clock_mono_ns() + j->options.sync_interval_ns);
		pthread_mutex_unlock(&j->lock);
		sync_now(j);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* ---- releasing ---- */

void journal_pass_marks(struct journal *j, uint64_t next)
{
	while (j->n_marks > 0) {
		struct mark *m = &j->marks[j->first_mark];

		if (m->sequence > next)
			break;
		__atomic_store_n(&j->released_bytes, m->bytes, __ATOMIC_RELAXED);
		segment_forget_below(m->segment, m->offset);
		segment_release(m->segment);
		j->first_mark = (j->first_mark + 1) % j->marks_room;
		j->n_marks--;
	}
}

static int is_needed(const struct journal *j, const struct segment *s)
{
	for (const struct journal_reader *r = j->readers; r != NULL; r = r->next)
		if (r->segment == s)
			return 1;
	return 0;
}

/* The oldest segment, taken out of the list, when nothing in it is needed; else NULL. */
static struct segment *take_done_segment(struct journal *j, uint64_t next)
{
	struct segment *s;

	pthread_mutex_lock(&j->lock);
	s = j->oldest;
	if (s->next == NULL || s->next->first > next || is_needed(j, s))
		s = NULL;
	else
		j->oldest = s->next;
	pthread_mutex_unlock(&j->lock);
	return s;
}

void journal_release(struct journal *j, uint64_t next)
{
	struct segment *s;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	if (next > j->released)
		__atomic_store_n(&j->released, next, __ATOMIC_RELAXED);
	journal_pass_marks(j, next);
	while ((s = take_done_segment(j, next)) != NULL) {
		uint64_t end = s->base + s->end;

		CRASH_POINT("segment.before_unlink");
		if (io()->unlink(s->path) != 0)
			log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s cannot be removed: %s", s->path,
			          strerror(errno));
		if (j->released_bytes < end)
			__atomic_store_n(&j->released_bytes, end, __ATOMIC_RELAXED);
		segment_release(s);
	}
}

/* ---- reading the state ---- */

uint64_t journal_durable(struct journal *j)
{
	if (j->options.sync == JOURNAL_SYNC_INTERVAL)
		return __atomic_load_n(&j->durable, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&j->next, __ATOMIC_ACQUIRE);
}

void journal_level(struct journal *j, uint64_t *records, uint64_t *bytes, uint64_t *limit_bytes)
{
	uint64_t next = __atomic_load_n(&j->next, __ATOMIC_RELAXED);
	uint64_t released = __atomic_load_n(&j->released, __ATOMIC_RELAXED);

	*records = next > released ? next - released : 0;
	*bytes = __atomic_load_n(&j->appended_bytes, __ATOMIC_RELAXED) -
	         __atomic_load_n(&j->released_bytes, __ATOMIC_RELAXED);
	*limit_bytes = j->options.hard_bytes;
}

/* ---- closing ---- */

static void end_sync_thread(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->closing = 1;
	pthread_cond_signal(&j->ending);
	pthread_mutex_unlock(&j->lock);
	if (j->sync_thread_started)
		pthread_join(j->sync_thread, NULL);
}

void journal_close(struct journal **pj)
{
	struct journal *j = *pj;

	*pj = NULL;
	if (j == NULL)
		return;
	CHECK_OBJ(j, JOURNAL_MAGIC);
	end_sync_thread(j);
	if (j->newest != NULL && j->next > 0 && !j->tail_is_dirty && segment_mark_closed(j->newest, j->next) != 0)
		log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s cannot be marked as closed: %s",
		          j->newest->path, strerror(errno));
	journal_pass_marks(j, UINT64_MAX);
	while (j->oldest != NULL) {
		struct segment *s = j->oldest;

		j->oldest = s->next;
		segment_release(s);
	}
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	free(j->marks);
	free(j->scratch);
	free(j->dir);
	pthread_cond_destroy(&j->appended);
	pthread_cond_destroy(&j->ending);
	pthread_mutex_destroy(&j->lock);
	j->magic = 0;
	free(j);
}
