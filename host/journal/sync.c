/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/base/io.h"
#include "host/journal/journal_internal.h"

#include <errno.h>
#include <string.h>

/* [under lock] */
static struct segment *first_unsynced(const struct journal *j)
{
	for (struct segment *s = j->oldest; s != NULL; s = s->next)
		if (s->fd >= 0 && !s->sync_failed &&
		    (!s->is_named || s->synced < __atomic_load_n(&s->end, __ATOMIC_ACQUIRE)))
			return s;
	return NULL;
}

int journal_sync_data(const struct journal *j, int fd)
{
	int64_t begin = clock_mono_ns();
	int rc = io()->fdatasync(fd), code = errno;

	if (j->options.sync_times != NULL)
		histogram_add(j->options.sync_times, (clock_mono_ns() - begin) / (CLOCK_MS / 1000));
	errno = code;
	return rc;
}

static int sync_segment(const struct journal *j, const struct segment *s, int is_named)
{
	return journal_sync_data(j, s->fd) == 0 && (is_named || io()->sync_dir(j->dir) == 0) ? 0 : -1;
}

/* A later sync of the same file may report success for pages that were thrown away, so there is none: the appender goes on
 * in a new segment, and only when that can be synced. [under lock] */
static void note_failure(struct journal *j, struct segment *s, uint64_t end, int code)
{
	s->sync_failed = 1;
	__atomic_store_n(&j->sync_failed, 1, __ATOMIC_RELAXED);
	log_write(&j->options.place, OUTFLOW_LOG_ERROR,
	          "journal: %s cannot be synced: %s; records from position %llu to "
	          "below %llu may not survive a power loss",
	          s->path, strerror(code), (unsigned long long)s->synced, (unsigned long long)end);
}

/* What was published before the sync began is on disk after it. The lock is not held meanwhile. [under lock] */
static void sync_one(struct journal *j, struct segment *s)
{
	uint64_t end = __atomic_load_n(&s->end, __ATOMIC_ACQUIRE);
	int is_named = s->is_named, rc, code;

	segment_hold(s);
	pthread_mutex_unlock(&j->lock);
	rc = sync_segment(j, s, is_named);
	code = errno;
	pthread_mutex_lock(&j->lock);
	if (rc == 0) {
		s->synced = end;
		s->is_named = 1;
	} else {
		note_failure(j, s, end, code);
	}
	if (s != j->writing && (rc != 0 || s->synced == s->end)) {
		io()->close(s->fd);
		s->fd = -1;
	}
	segment_release(s);
}

void journal_sync_all(struct journal *j)
{
	struct segment *s;
	int is_last = 0;
	uint64_t last;

	pthread_mutex_lock(&j->lock);
	last = j->newest ? j->newest->first : 0;
	/* Each segment once: what is appended meanwhile waits for the next round. */
	while (!is_last && (s = first_unsynced(j)) != NULL && s->first <= last) {
		is_last = s->first == last;
		sync_one(j, s);
	}
	pthread_mutex_unlock(&j->lock);
}

/* Sleeps without a time-out while there is nothing to sync, so that an idle journal costs no wake-ups. */
static void *sync_main(void *arg)
{
	struct journal *j = arg;

	pthread_mutex_lock(&j->lock);
	while (!j->closing) {
		int64_t until;

		__atomic_store_n(&j->sync_idle, 1, __ATOMIC_SEQ_CST);
		if (first_unsynced(j) == NULL) {
			clock_wait(&j->sync_wanted, &j->lock, CLOCK_NEVER);
			continue;
		}
		__atomic_store_n(&j->sync_idle, 0, __ATOMIC_SEQ_CST);
		until = clock_mono_ns() + j->options.sync_interval_ns;
		while (!j->closing && clock_mono_ns() < until)
			clock_wait(&j->sync_wanted, &j->lock, until);
		pthread_mutex_unlock(&j->lock);
		journal_sync_all(j);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

int journal_start_sync_thread(struct journal *j)
{
	int rc = pthread_create(&j->sync_thread, NULL, sync_main, j);

	j->sync_started = rc == 0;
	return rc;
}

void journal_stop_sync_thread(struct journal *j)
{
	if (!j->sync_started)
		return;
	pthread_mutex_lock(&j->lock);
	j->closing = 1;
	pthread_cond_signal(&j->sync_wanted);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->sync_thread, NULL);
	j->sync_started = 0;
}

void journal_want_sync(struct journal *j)
{
	if (!__atomic_load_n(&j->sync_idle, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&j->lock);
	__atomic_store_n(&j->sync_idle, 0, __ATOMIC_SEQ_CST);
	pthread_cond_signal(&j->sync_wanted);
	pthread_mutex_unlock(&j->lock);
}
