/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/journal/journal_internal.h"

#include <errno.h>
#include <stdlib.h>

outflow_status journal_reader_open(struct journal *j, uint64_t from, struct journal_reader **result, outflow_error *err)
{
	struct journal_reader *r = calloc(1, sizeof *r);
	struct segment *s;

	CHECK_OBJ(j, JOURNAL_MAGIC);
	if (r == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	r->journal = j;
	r->from = from;
	r->offset = sizeof(struct segment_head);
	pthread_mutex_lock(&j->lock);
	for (s = j->oldest; s->next != NULL && s->next->first <= from; s = s->next)
		;
	r->segment = segment_hold(s);
	r->leaves_marks = j->readers == NULL;
	r->next = j->readers;
	j->readers = r;
	pthread_mutex_unlock(&j->lock);
	*result = r;
	return OUTFLOW_OK;
}

void journal_reader_close(struct journal_reader **pr)
{
	struct journal_reader *r = *pr, **link;

	*pr = NULL;
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->journal->lock);
	for (link = &r->journal->readers; *link != r; link = &(*link)->next)
		;
	*link = r->next;
	pthread_mutex_unlock(&r->journal->lock);
	segment_release(r->segment);
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

/* ---- one record ---- */

static outflow_bytes take(const char **at, uint32_t length)
{
	outflow_bytes b = { NULL, 0 };

	if (length == LENGTH_NULL)
		return b;
	b.ptr = *at;
	b.len = length;
	*at += length;
	return b;
}

/* The array lies in the batch, what it points at in the mapping. OUTFLOW_E_RECORD: the lengths do not add up. */
static outflow_status take_headers(const outflow_host *h, outflow_batch *out, const struct record_head *head,
                                   const char **at, outflow_record *r)
{
	const char *lengths = (const char *)(head + 1);
	const char *end = *at + head->headers_length;
	outflow_header *headers;

	r->n_headers = head->n_headers;
	if (head->n_headers == 0)
		return OUTFLOW_OK;
	headers = outflow_alloc(h, out, head->n_headers * sizeof *headers, _Alignof(outflow_header));
	if (headers == NULL)
		return OUTFLOW_E_NOMEM;
	r->headers = headers;
	for (uint32_t i = 0; i < head->n_headers; i++) {
		uint32_t pair[2];
		uint64_t needed;

		memcpy(pair, lengths + i * sizeof pair, sizeof pair);
		needed = (uint64_t)pair[0] + (pair[1] == LENGTH_NULL ? 0 : pair[1]);
		if (pair[0] == LENGTH_NULL || needed > (uint64_t)(end - *at))
			return OUTFLOW_E_RECORD;
		headers[i].name = (outflow_str){ *at, pair[0] };
		*at += pair[0];
		headers[i].value = take(at, pair[1]);
	}
	return *at == end ? OUTFLOW_OK : OUTFLOW_E_RECORD;
}

static outflow_status emit(const outflow_host *h, outflow_batch *out, uint32_t stream, const struct record_head *head)
{
	const char *at = (const char *)(head + 1) + (size_t)head->n_headers * 2 * sizeof(uint32_t);
	outflow_record r = { .partition = -1,
		             .timestamp_ms = head->timestamp_ms,
		             .stream = stream,
		             .pos = head->sequence,
		             .next = head->sequence + 1 };
	outflow_status status = take_headers(h, out, head, &at, &r);
	outflow_bytes topic;

	if (status != OUTFLOW_OK)
		return status;
	topic = take(&at, head->topic_length);
	r.topic = (outflow_str){ topic.ptr, topic.len };
	r.key = take(&at, head->key_length);
	r.value = take(&at, head->value_length);
	return outflow_emit(h, out, &r) != NULL ? OUTFLOW_OK : OUTFLOW_AGAIN;
}

/* ---- marks ---- */

static void leave_mark(struct journal *j, struct journal_reader *r)
{
	struct mark *m;

	if (j->n_marks == j->marks_room) {
		size_t room = j->marks_room * 2 + 64;
		struct mark *marks = malloc(room * sizeof *marks);

		/* Without a mark the next one stands for both: the level lags, nothing else. */
		if (marks == NULL)
			return;
		for (size_t i = 0; i < j->n_marks; i++)
			marks[i] = j->marks[(j->first_mark + i) % j->marks_room];
		free(j->marks);
		j->marks = marks;
		j->marks_room = room;
		j->first_mark = 0;
	}
	m = &j->marks[(j->first_mark + j->n_marks++) % j->marks_room];
	*m = (struct mark){ r->expected, r->segment->base + r->offset, segment_hold(r->segment), r->offset };
}

/* ---- many records ---- */

/* At a place where no good record stands: go on at the next one and say exactly what was skipped. */
static void skip_damage(struct journal_reader *r, uint64_t end)
{
	uint64_t to = segment_next_good(r->segment, r->offset, end, r->expected);
	const struct record_head *good = to < end ? segment_record(r->segment, to, end) : NULL;

	log_write(&r->journal->options.place, OUTFLOW_LOG_ERROR,
	          "journal: LOST damaged records in %s: bytes %llu to %llu, sequence numbers from %llu to below %llu",
	          r->segment->path, (unsigned long long)r->offset, (unsigned long long)to,
	          (unsigned long long)r->expected,
	          (unsigned long long)(good               ? good->sequence
	                               : r->segment->next ? r->segment->next->first
	                                                  : r->expected));
	r->offset = to;
}

/* Moves to the next segment when this one is through. 0: there is none. */
static int next_segment(struct journal_reader *r)
{
	struct segment *s = r->segment, *next;

	pthread_mutex_lock(&r->journal->lock);
	next = s->next;
	/* The end was read before the next segment was seen: a record may have come in between. */
	if (next != NULL && r->offset >= __atomic_load_n(&s->end, __ATOMIC_SEQ_CST)) {
		r->segment = segment_hold(next);
		r->offset = sizeof(struct segment_head);
	}
	pthread_mutex_unlock(&r->journal->lock);
	if (r->segment != s)
		segment_release(s);
	return next != NULL;
}

/* Emits what is in the current segment. *emitted counts. */
static outflow_status read_segment(struct journal_reader *r, const outflow_host *h, outflow_batch *out, uint32_t stream,
                                   uint32_t max, uint32_t *emitted)
{
	uint64_t end = __atomic_load_n(&r->segment->end, __ATOMIC_SEQ_CST);
	outflow_status status = OUTFLOW_OK;
	int attached = 0;

	while (r->offset < end && *emitted < max && status == OUTFLOW_OK) {
		const struct record_head *head = segment_record(r->segment, r->offset, end);

		if (head == NULL || head->sequence < r->expected) {
			skip_damage(r, end);
			continue;
		}
		if (head->sequence >= r->from) {
			if (!attached) {
				attached = 1;
				status = h->batch->attach(out, segment_hold(r->segment), segment_release);
			}
			if (status != OUTFLOW_OK) {
				segment_release(r->segment);
				break;
			}
			status = emit(h, out, stream, head);
			if (status == OUTFLOW_E_RECORD) {
				status = OUTFLOW_OK;
				skip_damage(r, end);
				continue;
			}
			if (status != OUTFLOW_OK)
				break;
			++*emitted;
		}
		r->expected = head->sequence + 1;
		r->offset += head->length;
	}
	return status;
}

/* Waits for an append. OUTFLOW_AGAIN: the deadline; OUTFLOW_E_CANCELED: interrupted. */
static outflow_status wait(struct journal_reader *r, int64_t deadline_ns)
{
	struct journal *j = r->journal;
	outflow_status status = OUTFLOW_OK;

	pthread_mutex_lock(&j->lock);
	__atomic_store_n(&j->may_wait, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		if (__atomic_exchange_n(&r->interrupted, 0, __ATOMIC_SEQ_CST)) {
			status = OUTFLOW_E_CANCELED;
			break;
		}
		if (r->segment->next != NULL || r->offset < __atomic_load_n(&r->segment->end, __ATOMIC_SEQ_CST))
			break;
		if (clock_mono_ns() >= deadline_ns) {
			status = OUTFLOW_AGAIN;
			break;
		}
		clock_wait(&j->appended, &j->lock, deadline_ns);
	}
	__atomic_store_n(&j->may_wait, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&j->lock);
	return status;
}

outflow_status journal_read(struct journal_reader *r, const outflow_host *h, outflow_batch *out, uint32_t stream,
                            uint32_t max, int64_t deadline_ns, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	uint32_t emitted = 0;

	while (emitted == 0 && max > 0 && status == OUTFLOW_OK) {
		uint64_t expected = r->expected;

		if (segment_map(r->segment) != 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be mapped", r->segment->path);
		status = read_segment(r, h, out, stream, max, &emitted);
		if (r->leaves_marks && r->expected != expected) {
			leave_mark(r->journal, r);
			journal_pass_marks(r->journal, r->journal->released);
		}
		if (emitted > 0 || status != OUTFLOW_OK || next_segment(r))
			continue;
		status = wait(r, deadline_ns);
	}
	if (emitted > 0)
		return OUTFLOW_OK;
	if (status == OUTFLOW_E_NOMEM)
		return outflow_fail(err, status, "no memory for a record of the journal");
	return max == 0 && status == OUTFLOW_OK ? OUTFLOW_AGAIN : status;
}
