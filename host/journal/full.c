/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the sink is slower than the source for longer than the limits allow. */
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/base/io.h"
#include "host/journal/journal_internal.h"

#include <errno.h>
#include <string.h>

#define LINE_EVERY_NS (10 * CLOCK_S)

/* ---- dropping ---- */

static uint64_t waiting(const struct journal *j)
{
	return j->appended_bytes - __atomic_load_n(&j->released_bytes, __ATOMIC_RELAXED);
}

/* Has this reader come as far as s, or does it begin behind it? */
static int is_before(const struct journal_reader *r, const struct segment *s)
{
	return r->segment == NULL || r->segment->first < s->first;
}

static int is_unread(const struct journal *j, const struct segment *s)
{
	for (const struct journal_reader *r = j->readers; r != NULL; r = r->next)
		if (!is_before(r, s))
			return 0;
	return j->readers != NULL;
}

/* The oldest segment of which nothing has been read, taken out of the list; what is in flight lies before it. Neither the
 * newest one, which is being written, nor, as their bytes count no more, one that is released. */
static struct segment *take_unread(struct journal *j)
{
	struct segment **link, *s;
	uint64_t bytes;

	pthread_mutex_lock(&j->lock);
	for (link = &j->oldest; (s = *link) != NULL; link = &s->next)
		if (s != j->newest && s->first >= j->released && s->end > s->first && is_unread(j, s))
			break;
	if (s != NULL) {
		*link = s->next;
		bytes = segment_record_bytes(s);
		j->removed_bytes += bytes;
		__atomic_store_n(&j->released_bytes, j->released_bytes + bytes, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&j->lock);
	return s;
}

static outflow_status drop_oldest(struct journal *j, uint64_t length)
{
	while (waiting(j) + length > j->options.hard_bytes) {
		struct segment *s = take_unread(j);

		if (s == NULL)
			return OUTFLOW_AGAIN;
		CRASH_POINT("segment.before_drop");
		__atomic_add_fetch(&j->dropped, s->end - s->first, __ATOMIC_RELAXED);
		log_write(&j->options.place, OUTFLOW_LOG_WARN,
		          "journal: full (journal.hard.bytes = %llu); dropped the oldest %llu records, from position "
		          "%llu to below %llu (journal.on.full = drop_oldest)",
		          (unsigned long long)j->options.hard_bytes, (unsigned long long)(s->end - s->first),
		          (unsigned long long)s->first, (unsigned long long)s->end);
		if (io()->unlink(s->path) != 0)
			log_write(&j->options.place, OUTFLOW_LOG_ERROR,
			          "journal: %s is dropped but cannot be removed: %s; the next start delivers it",
			          s->path, strerror(errno));
		segment_release(s);
	}
	return OUTFLOW_OK;
}

static void drop_newest(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	if (j->drops.n++ == 0) {
		j->drops.from = j->next;
		j->drops.since_ms = clock_wall_ms();
	}
	j->drops.to = j->next;
	__atomic_add_fetch(&j->dropped, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&j->lock);
}

outflow_status journal_make_room(struct journal *j, uint64_t length, outflow_error *err)
{
	if (j->options.on_full == JOURNAL_FULL_DROP_NEWEST) {
		drop_newest(j);
		return OUTFLOW_AGAIN;
	}
	if (j->options.on_full == JOURNAL_FULL_DROP_OLDEST && drop_oldest(j, length) == OUTFLOW_OK)
		return OUTFLOW_OK;
	return outflow_fail(err, OUTFLOW_E_RETRY,
	                    "the journal in %s is full: %llu bytes wait for the sink, the limit is %llu "
	                    "(journal.hard.bytes)",
	                    j->dir, (unsigned long long)waiting(j), (unsigned long long)j->options.hard_bytes);
}

/* ---- keeping ---- */

/* The newest segment is never one of them: its name says how far the numbers have come. */
uint64_t journal_retained(const struct journal *j)
{
	uint64_t bytes = 0;

	for (const struct segment *s = j->oldest; s != NULL && s != j->newest && s->end <= j->released; s = s->next)
		bytes += s->size;
	return bytes;
}

/* ---- telling ---- */

void journal_report_drops(struct journal *j)
{
	struct journal_drops drops;

	pthread_mutex_lock(&j->lock);
	drops = j->drops;
	j->drops.n = 0;
	pthread_mutex_unlock(&j->lock);
	if (drops.n > 0)
		log_write(
			&j->options.place, OUTFLOW_LOG_WARN,
			"journal: full (journal.hard.bytes = %llu); dropped %llu records that came in the last %.1f s, "
			"between positions %llu and %llu (journal.on.full = drop_newest)",
			(unsigned long long)j->options.hard_bytes, (unsigned long long)drops.n,
			(double)(clock_wall_ms() - drops.since_ms) / 1000, (unsigned long long)drops.from,
			(unsigned long long)drops.to);
}

void journal_status(struct journal *j, struct journal_status *result)
{
	CHECK_OBJ(j, JOURNAL_MAGIC);
	journal_level(j, &result->records, &result->bytes, &result->limit_bytes);
	pthread_mutex_lock(&j->lock);
	result->retained_bytes = journal_retained(j);
	result->segments = 0;
	for (const struct segment *s = j->oldest; s != NULL; s = s->next)
		result->segments++;
	pthread_mutex_unlock(&j->lock);
	result->refused = __atomic_load_n(&j->refused, __ATOMIC_RELAXED);
	result->dropped = __atomic_load_n(&j->dropped, __ATOMIC_RELAXED);
	result->lost = __atomic_load_n(&j->lost, __ATOMIC_RELAXED);
}

static void tell_step(const struct journal *j, int step, const struct journal_status *now)
{
	static const char *const texts[] = {
		[0] = "below the soft limit again",
		[1] = "above the soft limit",
		[2] = "refuses records, which are not acknowledged (the source says why)",
	};

	log_write(&j->options.place, step == 0 ? OUTFLOW_LOG_INFO : OUTFLOW_LOG_WARN,
	          "journal: %s: %llu records, %llu bytes wait for the sink (journal.soft.bytes = %llu, "
	          "journal.hard.bytes = %llu)",
	          texts[step], (unsigned long long)now->records, (unsigned long long)now->bytes,
	          (unsigned long long)j->options.soft_bytes, (unsigned long long)j->options.hard_bytes);
}

/* A step is told at once, unless another one was told just now. */
static void watch_ladder(struct journal *j, int64_t now_ns, const struct journal_status *now)
{
	struct journal_ladder *l = &j->ladder;
	int step = now->refused > l->refused ? 2 : now->bytes > j->options.soft_bytes;

	if (now_ns < l->next_line_ns)
		return;
	if (step != l->step)
		tell_step(j, step, now);
	/* Refusals come one by one: that there was none has to be true of some time. */
	if (step != l->step || step == 2)
		l->next_line_ns = now_ns + LINE_EVERY_NS;
	l->step = step;
	l->refused = now->refused;
}

void journal_watch(struct journal *j, int64_t now_ns)
{
	struct journal_status now;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	journal_status(j, &now);
	watch_ladder(j, now_ns, &now);
	if (now.dropped > 0 && now_ns >= j->ladder.next_drops_line_ns) {
		journal_report_drops(j);
		j->ladder.next_drops_line_ns = now_ns + LINE_EVERY_NS;
	}
}
