/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/walk.h"

#include "host/base/io.h"
#include "host/journal/names.h"
#include "host/journal/scan.h"
#include "host/journal/segment.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT64_MAX

struct walk {
	const struct walk_visitor *visitor;
	const char *dir;
	outflow_error *err;
	struct scan scan;
	char *frame; /* the last record as a whole */
	size_t frame_room;
	outflow_header *headers;
	uint32_t headers_room;
	/* Of the segment in hand. */
	struct walk_segment segment;
	uint32_t mark;     /* 0: unknown until a record is whole */
	uint64_t last;     /* closed: after its last record; else UINT64_MAX */
	uint64_t expected; /* number of the next record */
	uint64_t at;
	uint64_t damaged_from; /* NOWHERE, or where a damaged range began that goes up to `at` */
};

/* ---- telling ---- */

static void tell_damage(const struct walk *w, enum walk_damage_kind kind, uint64_t from, uint64_t to, uint64_t lost)
{
	struct walk_damage d = { kind, w->segment.path, from, to, w->expected, lost };

	if (w->visitor->damage != NULL)
		w->visitor->damage(w->visitor->ctx, &d);
}

static void tell_foreign(void *ctx, const char *name)
{
	const struct walk *w = ctx;
	struct walk_damage d = { .kind = WALK_FOREIGN };
	char *path = NULL;

	if (w->visitor->damage == NULL || asprintf(&path, "%s/%s", w->dir, name) < 0)
		return;
	d.path = path;
	w->visitor->damage(w->visitor->ctx, &d);
	free(path);
}

static void note_time(struct walk_segment *s, int64_t time_ms)
{
	if (time_ms < 0)
		return;
	if (s->from_ms < 0 || time_ms < s->from_ms)
		s->from_ms = time_ms;
	if (time_ms > s->to_ms)
		s->to_ms = time_ms;
}

/* ---- one record ---- */

static int make_room(struct walk *w, const struct frame_head *head)
{
	char *frame;
	outflow_header *headers;

	if (head->length > w->frame_room) {
		frame = realloc(w->frame, head->length);
		if (frame == NULL)
			return -1;
		w->frame = frame;
		w->frame_room = head->length;
	}
	if (head->n_headers > w->headers_room) {
		headers = realloc(w->headers, head->n_headers * sizeof *headers);
		if (headers == NULL)
			return -1;
		w->headers = headers;
		w->headers_room = head->n_headers;
	}
	return 0;
}

static outflow_status cannot_read(const struct walk *w)
{
	return outflow_fail_errno(w->err, OUTFLOW_E_TASK, errno, "%s cannot be read", w->segment.path);
}

/* The record at w->at, whose head and body are good. */
static outflow_status hand_over(struct walk *w, const struct frame_head *head)
{
	outflow_record r;

	if (w->visitor->record == NULL)
		return OUTFLOW_OK;
	if (make_room(w, head) != 0)
		return outflow_fail(w->err, OUTFLOW_E_NOMEM, "no memory for a record of %u bytes", head->length);
	if (io_read_all(w->scan.fd, w->frame, head->length, (off_t)w->at) != (ssize_t)head->length)
		return cannot_read(w);
	if (frame_decode((const struct frame_head *)(const void *)w->frame, w->headers, &r) != 0)
		return OUTFLOW_OK;
	return w->visitor->record(w->visitor->ctx, &r);
}

static void step_over(struct walk *w, uint64_t n)
{
	if (w->damaged_from == NOWHERE)
		w->damaged_from = w->at;
	w->at += n;
}

/* What can begin a frame here, as the reader sees it. */
static int is_likely(const struct walk *w, const struct frame_head *head)
{
	return head->mark != 0 && frame_head_is_good(head, w->mark, w->scan.size - w->at) &&
	       head->sequence >= w->expected && head->sequence < w->last &&
	       head->sequence - w->segment.first <= (w->at - SEGMENT_HEAD_SIZE) / sizeof *head;
}

/* Takes one step from w->at. */
static outflow_status take_step(struct walk *w)
{
	uint64_t room = w->scan.size - w->at;
	struct frame_head head = { 0 };
	const char *bytes;
	outflow_status status;
	int is_good = 0;

	if (room >= sizeof head) {
		bytes = scan_bytes(&w->scan, w->at, sizeof head);
		if (bytes == NULL)
			return cannot_read(w);
		memcpy(&head, bytes, sizeof head);
	}
	if (room < sizeof head || !is_likely(w, &head)) {
		step_over(w, room < FRAME_ALIGN ? room : FRAME_ALIGN);
		return OUTFLOW_OK;
	}
	is_good = scan_body_is_good(&w->scan, w->at, &head);
	if (is_good < 0)
		return cannot_read(w);
	if (!is_good || !frame_has_headers(&head)) {
		/* With the segment's head damaged only a whole record tells its mark. */
		step_over(w, w->mark == 0 ? FRAME_ALIGN : head.length);
		return OUTFLOW_OK;
	}
	if (head.sequence > w->expected || w->damaged_from != NOWHERE)
		tell_damage(w, WALK_RECORDS, w->damaged_from == NOWHERE ? w->at : w->damaged_from, w->at,
		            head.sequence - w->expected);
	w->damaged_from = NOWHERE;
	w->mark = head.mark;
	w->expected = head.sequence + 1;
	w->segment.records++;
	note_time(&w->segment, head.timestamp_ms);
	status = hand_over(w, &head);
	w->at += head.length;
	return status;
}

/* ---- one segment ---- */

static outflow_status walk_records(struct walk *w)
{
	outflow_status status = OUTFLOW_OK;
	uint64_t from;

	w->at = SEGMENT_HEAD_SIZE;
	w->damaged_from = NOWHERE;
	w->scan.at = 0;
	w->scan.n = 0;
	while (status == OUTFLOW_OK && w->at < w->scan.size && w->expected < w->last)
		status = take_step(w);
	if (status != OUTFLOW_OK)
		return status;
	from = w->damaged_from == NOWHERE ? w->at : w->damaged_from;
	if (w->segment.closed && w->expected < w->last)
		tell_damage(w, WALK_RECORDS, from, w->at, w->last - w->expected);
	else if (!w->segment.closed && w->damaged_from != NOWHERE)
		tell_damage(w, WALK_TAIL, from, w->scan.size, 0);
	w->segment.end = w->segment.closed ? w->last : w->expected;
	if (w->visitor->segment != NULL)
		w->visitor->segment(w->visitor->ctx, &w->segment);
	return OUTFLOW_OK;
}

static outflow_status walk_file(struct walk *w)
{
	struct segment_head head;
	struct stat st;
	ssize_t n = io_read_all(w->scan.fd, &head, sizeof head, 0);
	int is_good;

	if (n < 0 || fstat(w->scan.fd, &st) != 0)
		return cannot_read(w);
	w->scan.size = w->segment.bytes = (uint64_t)st.st_size;
	is_good = n == (ssize_t)sizeof head && segment_head_is_good(&head);
	if (is_good && head.version != SEGMENT_FORMAT)
		return outflow_fail(w->err, OUTFLOW_E_TASK, "%s has format %u, this program reads format %u",
		                    w->segment.path, head.version, SEGMENT_FORMAT);
	if (is_good && head.first != w->segment.first) {
		w->expected = head.first;
		tell_damage(w, WALK_MISPLACED, 0, w->scan.size, 0);
		return OUTFLOW_OK;
	}
	/* An empty one, or one that has only begun, is what a crash leaves. */
	if (!is_good && w->scan.size > 0)
		tell_damage(w, w->scan.size < sizeof head ? WALK_TAIL : WALK_HEAD, 0, (uint64_t)n, 0);
	w->mark = is_good ? head.mark : 0;
	w->segment.closed = is_good && head.closed && head.end >= head.first && head.next >= head.end;
	w->last = w->segment.closed ? head.end : UINT64_MAX;
	return walk_records(w);
}

static outflow_status walk_segment(struct walk *w, uint64_t first)
{
	char *path = segment_path(w->dir, first);
	outflow_status status;

	if (path == NULL)
		return outflow_fail(w->err, OUTFLOW_E_NOMEM, "no memory for the journal in %s", w->dir);
	w->segment = (struct walk_segment){ .path = path, .first = first, .from_ms = -1, .to_ms = -1 };
	w->expected = first;
	w->scan.fd = io()->open(path, O_RDONLY, 0);
	if (w->scan.fd < 0) {
		status = outflow_fail_errno(w->err, OUTFLOW_E_TASK, errno, "%s cannot be opened", path);
	} else {
		status = walk_file(w);
		io()->close(w->scan.fd);
	}
	free(path);
	return status;
}

outflow_status journal_walk(const char *dir, const struct walk_visitor *visitor, outflow_error *err)
{
	struct walk w = { .visitor = visitor, .dir = dir, .err = err };
	struct segment_names names = { 0 };
	outflow_status status;

	w.scan.window = malloc(SCAN_WINDOW);
	if (w.scan.window == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory to look through %s", dir);
	status = segment_names_read(&names, dir, tell_foreign, &w, err);
	for (size_t i = 0; i < names.n && status == OUTFLOW_OK; i++)
		status = walk_segment(&w, names.firsts[i]);
	segment_names_clear(&names);
	free(w.scan.window);
	free(w.frame);
	free(w.headers);
	return status;
}
