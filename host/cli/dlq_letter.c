/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define REPLAY_COUNT "outflow.replay.count"
/* The first of the headers that a failure adds. */
#define FIRST_HEADER "__connect.errors.topic"
/* Positions of other tasks than the first, and of dead letters that do not say theirs, are kept apart by these bits, so that
 * no two records have one event id. */
#define TASK_SHIFT 48
#define UNKNOWN_TASK UINT64_C(0xffff)

static outflow_bytes header(const outflow_record *r, const char *name)
{
	const outflow_header *h = outflow_find_header(r, name);

	return h ? h->value : (outflow_bytes){ NULL, 0 };
}

/* 0 when it is no number. */
static uint64_t number(outflow_bytes text)
{
	char copy[24];

	if (text.ptr == NULL || text.len >= sizeof copy)
		return 0;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return strtoull(copy, NULL, 10);
}

static outflow_bytes either(outflow_bytes first, outflow_bytes second)
{
	return first.ptr != NULL ? first : second;
}

static int64_t time_of(const outflow_record *r)
{
	outflow_bytes text = header(r, "outflow.errors.last.time");
	char copy[40];
	int64_t ms;

	if (text.ptr != NULL && text.len < sizeof copy) {
		memcpy(copy, text.ptr, text.len);
		copy[text.len] = '\0';
		if (dlq_parse_time(copy, 0, &ms) == 0)
			return ms;
	}
	return r->timestamp_ms;
}

void dlq_letter_read(struct dlq_letter *l, const outflow_record *r)
{
	l->record = r;
	l->stage = either(header(r, "outflow.errors.stage"), header(r, "__connect.errors.stage"));
	l->class = either(header(r, "outflow.errors.class"), header(r, "__connect.errors.exception.class.name"));
	l->reason = header(r, "__connect.errors.exception.message");
	l->topic = header(r, FIRST_HEADER);
	l->task = header(r, "__connect.errors.task.id");
	l->offset = header(r, "__connect.errors.offset");
	l->attempts = header(r, "outflow.errors.attempts");
	l->time_ms = time_of(r);
	l->replays = (uint32_t)number(header(r, REPLAY_COUNT));
}

static int begins(outflow_str name, const char *prefix)
{
	size_t n = strlen(prefix);

	return name.len >= n && memcmp(name.ptr, prefix, n) == 0;
}

/* Of the last failure: a record that was a dead letter of another pipeline keeps what that one said. */
static uint32_t first_header_of_failure(const outflow_record *r)
{
	for (uint32_t i = r->n_headers; i-- > 0;)
		if (outflow_equal(r->headers[i].name, FIRST_HEADER))
			return i;
	return r->n_headers;
}

static outflow_status restore_headers(const struct dlq_letter *l, const outflow_host *h, outflow_batch *b,
                                      outflow_record *r)
{
	uint32_t first = first_header_of_failure(r), n = 0;
	outflow_header *headers =
		outflow_alloc(h, b, (r->n_headers + (size_t)1) * sizeof *headers, _Alignof(outflow_header));
	outflow_str count = outflow_print(h, b, "%u", l->replays + 1);

	if (headers == NULL || count.ptr == NULL)
		return OUTFLOW_E_NOMEM;
	for (uint32_t i = 0; i < r->n_headers; i++) {
		outflow_str name = r->headers[i].name;

		if (outflow_equal(name, REPLAY_COUNT) ||
		    (i >= first && (begins(name, "__connect.errors.") || begins(name, "outflow.errors."))))
			continue;
		headers[n++] = r->headers[i];
	}
	headers[n++] = (outflow_header){ outflow_text(REPLAY_COUNT), outflow_text_bytes(count) };
	r->headers = headers;
	r->n_headers = n;
	return OUTFLOW_OK;
}

outflow_status dlq_letter_restore(const struct dlq_letter *l, const outflow_host *h, outflow_batch *b,
                                  outflow_record *r)
{
	uint64_t task = l->offset.ptr != NULL ? number(l->task) : UNKNOWN_TASK;

	r->next = r->next ? r->next : r->pos + 1;
	r->pos = (l->offset.ptr != NULL ? number(l->offset) : r->pos) | task << TASK_SHIFT;
	r->partition = -1;
	if (l->topic.ptr != NULL)
		r->topic = (outflow_str){ l->topic.ptr, l->topic.len };
	return restore_headers(l, h, b, r);
}
