/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/progress.h"

#include "host/base/clock.h"
#include "host/base/crash_point.h"

#include <outflow/util.h>

#include <stdlib.h>

#define TURN_NS (100 * CLOCK_MS)
#define LOG_EVERY_NS (10 * CLOCK_S)

struct position {
	uint64_t next;
	outflow_bytes pos_ext; /* malloc'd */
	uint64_t passed;       /* records of the stream that lie below */
	uint64_t generation;   /* of the store; durable when the store has reached it */
	int set;
};

/* A position that waits for the disk, and the newest one, which waits for the first: under load there is always a newer
 * one, and the source must hear of something. */
struct stream_progress {
	uint32_t stream;
	char *json;
	size_t json_length;
	struct position syncing, newest;
	uint64_t acked; /* records that the source was told of */
	int stored;     /* newest is in the store */
};

void progress_init(struct progress *p, struct services *s, const struct instance *source)
{
	*p = (struct progress){ .services = s, .source = source };
}

static void clear_position(struct position *position)
{
	free((void *)(uintptr_t)position->pos_ext.ptr);
	*position = (struct position){ 0 };
}

static struct stream_progress *find(struct progress *p, uint32_t stream, outflow_str json)
{
	struct stream_progress *list, *s;

	for (size_t i = 0; i < p->n; i++)
		if (p->streams[i].stream == stream)
			return &p->streams[i];
	if (p->n == p->room) {
		list = realloc(p->streams, (p->room * 2 + 2) * sizeof *list);
		if (list == NULL)
			return NULL;
		p->streams = list;
		p->room = p->room * 2 + 2;
	}
	s = &p->streams[p->n];
	*s = (struct stream_progress){ .stream = stream, .json_length = json.len };
	s->json = malloc(json.len + 1);
	if (s->json == NULL)
		return NULL;
	memcpy(s->json, json.ptr, json.len);
	s->json[json.len] = '\0';
	p->n++;
	return s;
}

static void note_position(void *ctx, uint32_t stream, outflow_str json, uint64_t next, const outflow_bytes *pos_ext)
{
	struct progress *p = ctx;
	struct stream_progress *s = find(p, stream, json);
	void *copy = NULL;

	if (s != NULL && pos_ext != NULL)
		copy = malloc(pos_ext->len + 1);
	if (s == NULL || (pos_ext != NULL && copy == NULL)) {
		p->out_of_memory = 1;
		return;
	}
	clear_position(&s->newest);
	s->newest.next = next;
	s->newest.passed = ledger_stream_passed(p->services->ledger, stream);
	s->newest.set = 1;
	s->stored = 0;
	if (pos_ext != NULL) {
		memcpy(copy, pos_ext->ptr, pos_ext->len);
		s->newest.pos_ext = (outflow_bytes){ copy, pos_ext->len };
	}
}

static int source_owns_offsets(const struct progress *p)
{
	const outflow_source_ops *ops = p->source->component.what->ops;

	return (ops->flags & OUTFLOW_SRC_OWNS_OFFSETS) != 0;
}

static outflow_status store(struct progress *p, struct stream_progress *s, outflow_error *err)
{
	struct checkpoint position = { s->newest.next, s->newest.pos_ext };
	outflow_status status = OUTFLOW_OK;

	if (!source_owns_offsets(p))
		status =
			checkpoint_put(p->services->environment->checkpoints, p->services->model->name,
		                       (outflow_str){ s->json, s->json_length }, &position, &s->newest.generation, err);
	s->stored = status == OUTFLOW_OK;
	return status;
}

static void tell_source(struct progress *p, struct stream_progress *s)
{
	const outflow_source_ops *ops = p->source->component.what->ops;
	outflow_commit commit = { .stream = s->stream,
		                  .next = s->syncing.next,
		                  .pos_ext = s->syncing.pos_ext.ptr ? &s->syncing.pos_ext : NULL };
	outflow_error err = { .size = sizeof err };

	CRASH_POINT("checkpoint.before_committed");
	if (OUTFLOW_HAS(outflow_source_ops, ops, committed) && ops->committed(p->source->self, &commit, 1, &err) < 0)
		log_write(&p->source->place, OUTFLOW_LOG_WARN, "committed: %s", err.msg);
	journal_service_release(p->services, s->stream, s->syncing.next);
	p->acked += s->syncing.passed - s->acked;
	s->acked = s->syncing.passed;
	ledger_stream_told(p->services->ledger, s->stream, s->acked);
	clear_position(&s->syncing);
}

static void move_on(struct progress *p, struct stream_progress *s, uint64_t durable)
{
	if (s->syncing.set && s->syncing.generation <= durable)
		tell_source(p, s);
	if (s->syncing.set || !s->newest.set || !s->stored)
		return;
	s->syncing = s->newest;
	s->newest = (struct position){ 0 };
	if (s->syncing.generation <= durable)
		tell_source(p, s);
}

static outflow_status work(struct progress *p, outflow_error *err)
{
	struct checkpoint_store *checkpoints = p->services->environment->checkpoints;
	outflow_status status = OUTFLOW_OK;
	uint64_t durable;

	ledger_advance(p->services->ledger);
	ledger_moved_streams(p->services->ledger, note_position, p);
	if (p->out_of_memory)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a checkpoint");
	for (size_t i = 0; i < p->n; i++)
		if (p->streams[i].newest.set && !p->streams[i].stored && store(p, &p->streams[i], err) != OUTFLOW_OK)
			status = OUTFLOW_E_RETRY;
	durable = checkpoint_durable(checkpoints);
	for (size_t i = 0; i < p->n; i++)
		move_on(p, &p->streams[i], durable);
	return status;
}

outflow_status progress_tick(struct progress *p, int64_t now_ns, outflow_error *err)
{
	outflow_status status;

	p->new_turn = now_ns >= p->next_ns;
	if (!p->new_turn)
		return OUTFLOW_OK;
	p->next_ns = now_ns + TURN_NS;
	status = work(p, err);
	if (status != OUTFLOW_E_RETRY)
		return status;
	if (now_ns >= p->next_log_ns) {
		log_write(&p->source->place, OUTFLOW_LOG_ERROR, "checkpoint not stored, will be tried again: %s",
		          err->msg);
		p->next_log_ns = now_ns + LOG_EVERY_NS;
	}
	return OUTFLOW_OK;
}

int progress_is_new_turn(const struct progress *p)
{
	return p->new_turn;
}

int progress_is_pending(const struct progress *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->streams[i].syncing.set || p->streams[i].newest.set)
			return 1;
	return 0;
}

outflow_status progress_finish(struct progress *p, outflow_error *err)
{
	outflow_status status = work(p, err);
	uint64_t durable;

	if (status == OUTFLOW_OK && progress_is_pending(p) && !source_owns_offsets(p))
		status = checkpoint_sync(p->services->environment->checkpoints, err);
	if (status != OUTFLOW_OK)
		return status;
	durable = checkpoint_durable(p->services->environment->checkpoints);
	for (size_t i = 0; i < p->n; i++) {
		/* Twice: what waited for the first may follow it now. */
		move_on(p, &p->streams[i], durable);
		move_on(p, &p->streams[i], durable);
	}
	return OUTFLOW_OK;
}

void progress_clear(struct progress *p)
{
	for (size_t i = 0; i < p->n; i++) {
		clear_position(&p->streams[i].syncing);
		clear_position(&p->streams[i].newest);
		free(p->streams[i].json);
	}
	free(p->streams);
	p->streams = NULL;
	p->n = p->room = 0;
}
