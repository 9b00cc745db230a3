/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/journal/frame.h"
#include "host/journal/journal_internal.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

#define READER_MAGIC 0x6a726472u
#define PAGE UINT64_C(4096)
/* How much is made touchable at a time, and how much behind the reader stays in our memory. */
#define AHEAD (UINT64_C(256) << 10)
#define BEHIND (UINT64_C(1) << 20)

/* One call of journal_read. */
struct output {
	const outflow_host *h;
	outflow_batch *batch;
	uint32_t stream, max, n;
	const struct segment *attached; /* to the batch, by this call */
};

/* ---- opening and closing ---- */

/* [under lock] */
static void enter(struct journal_reader *r, struct segment *s)
{
	r->segment = s;
	r->at = SEGMENT_HEAD_SIZE;
	if (r->expected < s->first)
		r->expected = s->first;
	r->damaged_from = DAMAGE_NONE;
	r->populated = 0;
	r->forgotten = 0;
	/* All of it was read before. */
	if (s != r->journal->writing && r->from >= s->end) {
		r->at = s->size;
		if (r->expected < s->end)
			r->expected = s->end;
	}
}

outflow_status journal_reader_open(struct journal *j, uint64_t from, struct journal_reader **result, outflow_error *err)
{
	struct journal_reader *r = calloc(1, sizeof *r);
	struct segment *s;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	if (r == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a reader of the journal in %s", j->dir);
	r->magic = READER_MAGIC;
	r->journal = j;
	r->from = from;
	pthread_mutex_lock(&j->lock);
	for (s = j->oldest; s != NULL && s->next != NULL && s->next->first <= from; s = s->next)
		;
	if (s != NULL)
		enter(r, s);
	r->next = j->readers;
	j->readers = r;
	pthread_mutex_unlock(&j->lock);
	*result = r;
	return OUTFLOW_OK;
}

void journal_reader_close(struct journal_reader **pr)
{
	struct journal_reader *r = *pr, **link;
	struct journal *j;

	*pr = NULL;
	if (r == NULL)
		return;
	CHECK_OBJ(r, READER_MAGIC);
	j = r->journal;
	pthread_mutex_lock(&j->lock);
	for (link = &j->readers; *link != r; link = &(*link)->next)
		;
	*link = r->next;
	pthread_mutex_unlock(&j->lock);
	journal_trim(j);
	r->magic = 0;
	free(r);
}

void journal_interrupt(struct journal_reader *r)
{
	struct journal *j = r->journal;

	__atomic_store_n(&r->interrupted, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&j->lock);
	pthread_cond_broadcast(&j->appended);
	pthread_mutex_unlock(&j->lock);
}

/* ---- damage ---- */

/* The damaged range ends here, where the record numbered `number` or the end of the segment is: says once what was lost. */
static void report_damage(struct journal_reader *r, uint64_t number)
{
	struct journal *j = r->journal;
	struct segment *s = r->segment;
	uint64_t from = r->damaged_from == DAMAGE_NONE ? r->at : r->damaged_from;
	uint64_t first = r->expected > r->from ? r->expected : r->from;
	uint64_t n = number > first ? number - first : 0;
	int is_new;

	r->damaged_from = DAMAGE_NONE;
	/* What lies below `from` was delivered before it was damaged. */
	if (n == 0 && number <= r->from)
		return;
	pthread_mutex_lock(&j->lock);
	is_new = from >= s->reported;
	if (is_new)
		s->reported = r->at > from ? r->at : from + 1;
	pthread_mutex_unlock(&j->lock);
	if (!is_new)
		return;
	__atomic_add_fetch(&j->lost, n, __ATOMIC_RELAXED);
	log_write(&j->options.place, OUTFLOW_LOG_ERROR,
	          "journal: bytes %llu to below %llu of %s are damaged; %llu records are "
	          "lost, from position %llu to below %llu",
	          (unsigned long long)from, (unsigned long long)r->at, s->path, (unsigned long long)n,
	          (unsigned long long)first, (unsigned long long)(first + n));
}

static void step_over(struct journal_reader *r, uint64_t n)
{
	if (r->damaged_from == DAMAGE_NONE)
		r->damaged_from = r->at;
	r->at += n;
}

/* ---- one segment ---- */

/* Makes bytes up to `to` touchable, and more if there are more below `size`. */
static outflow_status populate(struct journal_reader *r, uint64_t to, uint64_t size, outflow_error *err)
{
	uint64_t upto = r->populated + AHEAD;

	if (to <= r->populated)
		return OUTFLOW_OK;
	if (upto < to)
		upto = to;
	if (upto > size)
		upto = size;
	upto = (upto + PAGE - 1) & ~(PAGE - 1);
	if (segment_populate(r->segment, r->populated, upto) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "bytes %llu to %llu of %s cannot be read",
		                          (unsigned long long)r->populated, (unsigned long long)upto, r->segment->path);
	r->populated = upto;
	return OUTFLOW_OK;
}

static void forget_behind(struct journal_reader *r)
{
	uint64_t upto;

	if (r->at < r->forgotten + 2 * BEHIND)
		return;
	upto = (r->at - BEHIND) & ~(PAGE - 1);
	segment_forget(r->segment, r->forgotten, upto);
	r->forgotten = upto;
}

/* The head at r->at, if a frame can begin there; NULL: go on looking. */
static const struct frame_head *look(const struct journal_reader *r, uint64_t size, uint64_t end)
{
	const struct segment *s = r->segment;
	const struct frame_head *head = (const void *)(s->map + r->at);

	if (!frame_head_is_good(head, s->mark, size - r->at))
		return NULL;
	/* Numbers rise by one up to `end`, and every record before it took a frame. */
	if (head->sequence < r->expected || head->sequence >= end ||
	    head->sequence - s->first > (r->at - SEGMENT_HEAD_SIZE) / sizeof *head)
		return NULL;
	return head;
}

/* The frame at r->at becomes a record, is skipped, or is stepped over as damaged. */
static outflow_status read_frame(struct journal_reader *r, const struct frame_head *head, struct output *out)
{
	outflow_status status;

	if (head->sequence >= r->from) {
		if (out->attached != r->segment) {
			segment_hold(r->segment);
			status = out->h->batch->attach(out->batch, r->segment, segment_release);
			if (status != OUTFLOW_OK) {
				segment_release(r->segment);
				return status;
			}
			out->attached = r->segment;
		}
		status = frame_emit(head, out->h, out->batch, out->stream);
		if (status == OUTFLOW_E_RECORD) {
			step_over(r, head->length);
			return OUTFLOW_OK;
		}
		if (status != OUTFLOW_OK)
			return status;
		out->n++;
	}
	if (head->sequence > r->expected || r->damaged_from != DAMAGE_NONE)
		report_damage(r, head->sequence);
	r->expected = head->sequence + 1;
	r->at += head->length;
	return OUTFLOW_OK;
}

/* Reads what is published; `end` bounds what is written for good, UINT64_MAX: more may come. */
static outflow_status read_segment(struct journal_reader *r, uint64_t size, uint64_t end, struct output *out,
                                   outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	while (r->at < size && r->expected < end && out->n < out->max && status == OUTFLOW_OK) {
		const struct frame_head *head = NULL;
		uint64_t room = size - r->at;

		status = populate(r, r->at + (room < sizeof *head ? room : sizeof *head), size, err);
		if (status != OUTFLOW_OK)
			break;
		if (room >= sizeof *head)
			head = look(r, size, end);
		if (head == NULL) {
			step_over(r, room < FRAME_ALIGN ? room : FRAME_ALIGN);
			continue;
		}
		status = populate(r, r->at + head->length, size, err);
		if (status == OUTFLOW_OK)
			status = read_frame(r, head, out);
	}
	forget_behind(r);
	return status;
}

/* ---- many segments ---- */

/* What may be read where the reader stands. A segment that is followed by another is complete. */
static outflow_status look_around(struct journal_reader *r, uint64_t *size, uint64_t *end, outflow_error *err)
{
	struct journal *j = r->journal;
	outflow_status status = OUTFLOW_OK;

	*size = *end = 0;
	pthread_mutex_lock(&j->lock);
	if (r->segment == NULL && j->oldest != NULL)
		enter(r, j->oldest);
	if (r->segment != NULL) {
		*end = r->segment == j->writing ? UINT64_MAX : r->segment->end;
		*size = __atomic_load_n(&r->segment->size, __ATOMIC_ACQUIRE);
		if (segment_map(r->segment) != 0)
			status =
				outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be mapped", r->segment->path);
	}
	pthread_mutex_unlock(&j->lock);
	return status;
}

/* All of a complete segment was read: goes on to the next. 0: there is none. */
static int move_on(struct journal_reader *r, uint64_t size, uint64_t end)
{
	struct journal *j = r->journal;
	struct segment *s = r->segment;
	int moved, is_done;

	if (s == NULL || end == UINT64_MAX || (r->at < size && r->expected < end))
		return 0;
	if (r->expected < end) {
		report_damage(r, end);
		r->expected = end;
	}
	if (r->forgotten < size) {
		segment_forget(s, r->forgotten, size);
		r->forgotten = size;
	}
	pthread_mutex_lock(&j->lock);
	moved = s->next != NULL;
	is_done = moved && s == j->oldest && s->end <= j->released;
	if (moved)
		enter(r, s->next);
	pthread_mutex_unlock(&j->lock);
	if (is_done)
		journal_trim(j);
	return moved;
}

static outflow_status read_available(struct journal_reader *r, struct output *out, outflow_error *err)
{
	outflow_status status;
	uint64_t size, end;

	do {
		status = look_around(r, &size, &end, err);
		if (status == OUTFLOW_OK && r->segment != NULL)
			status = read_segment(r, size, end, out, err);
	} while (status == OUTFLOW_OK && out->n < out->max && move_on(r, size, end));
	return status;
}

int64_t journal_reader_next_ms(struct journal_reader *r)
{
	outflow_error err = { .size = sizeof err };
	const struct frame_head *head = NULL;
	uint64_t size, end, to;

	CHECK_OBJ(r, READER_MAGIC);
	do {
		if (look_around(r, &size, &end, &err) != OUTFLOW_OK || r->segment == NULL)
			return -1;
	} while (move_on(r, size, end));
	to = r->at + sizeof *head;
	if (to <= size && populate(r, to, size, &err) == OUTFLOW_OK)
		head = look(r, size, end);
	return head ? head->timestamp_ms : -1;
}

/* Is there something to look at? [under lock] */
static int has_more(const struct journal_reader *r)
{
	const struct journal *j = r->journal;

	if (r->segment == NULL)
		return j->oldest != NULL;
	if (r->segment->next != NULL)
		return 1;
	return r->segment == j->writing && r->at < __atomic_load_n(&r->segment->size, __ATOMIC_SEQ_CST);
}

/* Until something was appended. OUTFLOW_AGAIN: the deadline has passed; OUTFLOW_E_CANCELED: interrupted. */
static outflow_status wait(struct journal_reader *r, int64_t deadline_ns)
{
	struct journal *j = r->journal;
	outflow_status status = OUTFLOW_OK;

	pthread_mutex_lock(&j->lock);
	__atomic_add_fetch(&j->n_waiting, 1, __ATOMIC_SEQ_CST);
	while (!has_more(r) && status == OUTFLOW_OK) {
		if (__atomic_load_n(&r->interrupted, __ATOMIC_SEQ_CST))
			status = OUTFLOW_E_CANCELED;
		else if (clock_mono_ns() >= deadline_ns)
			status = OUTFLOW_AGAIN;
		else
			clock_wait(&j->appended, &j->lock, deadline_ns);
	}
	__atomic_sub_fetch(&j->n_waiting, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&j->lock);
	return status;
}

outflow_status journal_read(struct journal_reader *r, const outflow_host *h, outflow_batch *batch, uint32_t stream,
                            uint32_t max, int64_t deadline_ns, outflow_error *err)
{
	struct output out = { .h = h, .batch = batch, .stream = stream, .max = max };
	outflow_status status;

	CHECK_OBJ(r, READER_MAGIC);
	do {
		if (__atomic_load_n(&r->interrupted, __ATOMIC_SEQ_CST)) {
			__atomic_store_n(&r->interrupted, 0, __ATOMIC_SEQ_CST);
			return OUTFLOW_E_CANCELED;
		}
		if (max == 0)
			return OUTFLOW_AGAIN;
		status = read_available(r, &out, err);
		/* An error will come again, after what was read before it. */
		if (out.n > 0)
			return OUTFLOW_OK;
		if (status == OUTFLOW_OK)
			status = wait(r, deadline_ns);
	} while (status == OUTFLOW_OK || status == OUTFLOW_E_CANCELED);
	if (status == OUTFLOW_E_NOMEM)
		return outflow_fail(err, status, "no memory for a record of the journal in %s", r->journal->dir);
	return status;
}
