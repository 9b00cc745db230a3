/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/replayed.h"

#include "host/base/check.h"
#include "host/base/io.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLAYED_MAGIC 0x7265706cu
/* A file with fewer superfluous lines than this is not worth writing anew. */
#define COMPACT_LINES 1000u
/* Longer than any line: what could not be read again is not written. */
#define LINE_BYTES 1100u

struct range {
	uint64_t from, to;
	uint32_t checksum; /* of the record at from */
	uint8_t checked;   /* that record has been seen again, or is gone */
	uint8_t unsaved;
};

struct replayed_stream {
	char *json;
	struct range *ranges; /* in order, with gaps between them */
	size_t n, room;
	uint64_t oldest; /* position asked for first */
	int asked;
};

struct replayed {
	unsigned magic;
	char *path;
	int fd; /* -1: not writable, or nothing was written yet */
	int writable;
	off_t end;
	int tail_is_dirty; /* there may be half a line behind end */
	size_t n_lines;    /* in the file */
	int rewrite;       /* the file holds what is forgotten */
	struct replayed_stream *streams;
	size_t n;
	size_t forgotten;
};

outflow_status replayed_stream(struct replayed *r, outflow_str json, size_t *stream)
{
	struct replayed_stream *streams;

	CHECK_OBJ(r, REPLAYED_MAGIC);
	for (*stream = 0; *stream < r->n; ++*stream)
		if (outflow_equal(json, r->streams[*stream].json))
			return OUTFLOW_OK;
	streams = realloc(r->streams, (r->n + 1) * sizeof *streams);
	if (streams == NULL)
		return OUTFLOW_E_NOMEM;
	r->streams = streams;
	streams[r->n] = (struct replayed_stream){ .json = strndup(json.ptr, json.len) };
	if (streams[r->n].json == NULL)
		return OUTFLOW_E_NOMEM;
	r->n++;
	return OUTFLOW_OK;
}

/* The first range that ends behind position. */
static size_t find(const struct replayed_stream *s, uint64_t position)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->ranges[middle].to > position)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static outflow_status insert(struct replayed_stream *s, size_t at, const struct range *range)
{
	if (s->n == s->room) {
		struct range *ranges = realloc(s->ranges, (s->room * 2 + 16) * sizeof *ranges);

		if (ranges == NULL)
			return OUTFLOW_E_NOMEM;
		s->ranges = ranges;
		s->room = s->room * 2 + 16;
	}
	memmove(&s->ranges[at + 1], &s->ranges[at], (s->n - at) * sizeof *s->ranges);
	s->ranges[at] = *range;
	s->n++;
	return OUTFLOW_OK;
}

/* Joins range `at` with those behind it that it has grown into. */
static void join(struct replayed_stream *s, size_t at)
{
	size_t next = at + 1;

	while (next < s->n && s->ranges[next].from <= s->ranges[at].to) {
		if (s->ranges[next].to > s->ranges[at].to)
			s->ranges[at].to = s->ranges[next].to;
		next++;
	}
	memmove(&s->ranges[at + 1], &s->ranges[next], (s->n - next) * sizeof *s->ranges);
	s->n -= next - at - 1;
}

static outflow_status add(struct replayed_stream *s, const struct range *range)
{
	size_t at = find(s, range->from);

	/* The one before may end where this one begins. */
	if (at > 0 && s->ranges[at - 1].to == range->from)
		at--;
	if (at == s->n || s->ranges[at].from > range->from) {
		outflow_status status = insert(s, at, range);

		if (status != OUTFLOW_OK)
			return status;
	} else if (range->to > s->ranges[at].to) {
		s->ranges[at].to = range->to;
		s->ranges[at].unsaved = range->unsaved;
	}
	join(s, at);
	return OUTFLOW_OK;
}

outflow_status replayed_add(struct replayed *r, size_t stream, uint64_t from, uint64_t to, uint32_t checksum)
{
	struct range range = { .from = from, .to = to, .checksum = checksum, .checked = 1, .unsaved = 1 };

	return add(&r->streams[stream], &range);
}

int replayed_has(struct replayed *r, size_t stream, uint64_t position, uint32_t checksum)
{
	struct replayed_stream *s = &r->streams[stream];
	size_t at = find(s, position);
	struct range *range;

	if (!s->asked) {
		s->asked = 1;
		s->oldest = position;
	}
	if (at == s->n || s->ranges[at].from > position)
		return 0;
	range = &s->ranges[at];
	if (range->checked)
		return 1;
	range->checked = position == range->from ? checksum == range->checksum : s->oldest > range->from;
	if (range->checked)
		return 1;
	s->n = 0;
	r->forgotten++;
	r->rewrite = 1;
	return 0;
}

size_t replayed_forgotten(const struct replayed *r)
{
	return r->forgotten;
}

/* ---- the file ---- */

/* One line; what a crash left of one, and what somebody else wrote, is passed over. */
static outflow_status read_line(struct replayed *r, const char *line, size_t n)
{
	struct range range = { 0 };
	char copy[LINE_BYTES];
	int json = 0;
	size_t stream;
	outflow_status status;

	r->n_lines++;
	if (n >= sizeof copy)
		return OUTFLOW_OK;
	memcpy(copy, line, n);
	copy[n] = '\0';
	if (sscanf(copy, "%" SCNu64 " %" SCNu64 " %" SCNx32 " %n", &range.from, &range.to, &range.checksum, &json) !=
	            3 ||
	    json == 0 || range.from >= range.to)
		return OUTFLOW_OK;
	status = replayed_stream(r, outflow_text(copy + json), &stream);
	return status == OUTFLOW_OK ? add(&r->streams[stream], &range) : status;
}

static outflow_status read_lines(struct replayed *r, const char *text, size_t n)
{
	outflow_status status = OUTFLOW_OK;
	const char *end;

	while (status == OUTFLOW_OK && (end = memchr(text, '\n', n)) != NULL) {
		status = read_line(r, text, (size_t)(end - text));
		n -= (size_t)(end + 1 - text);
		r->end += end + 1 - text;
		text = end + 1;
	}
	return status;
}

static outflow_status read_file(struct replayed *r, outflow_error *err)
{
	int fd = io()->open(r->path, O_RDONLY | O_CLOEXEC, 0);
	char *text = NULL;
	struct stat st;
	outflow_status status;

	if (fd < 0 && errno == ENOENT)
		return OUTFLOW_OK;
	if (fd < 0 || fstat(fd, &st) != 0) {
		outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", r->path);
		if (fd >= 0)
			io()->close(fd);
		return OUTFLOW_E_TASK;
	}
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for %s", r->path);
	else if (io_read_all(fd, text, (size_t)st.st_size, 0) != st.st_size)
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", r->path);
	else if ((status = read_lines(r, text, (size_t)st.st_size)) != OUTFLOW_OK)
		outflow_fail(err, status, "no memory for %s", r->path);
	free(text);
	io()->close(fd);
	return status;
}

outflow_status replayed_open(const char *path, int writable, struct replayed **result, outflow_error *err)
{
	struct replayed *r = calloc(1, sizeof *r);
	size_t n_ranges = 0;
	outflow_status status;

	if (r == NULL || (r->path = strdup(path)) == NULL) {
		free(r);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	r->magic = REPLAYED_MAGIC;
	r->fd = -1;
	r->writable = writable;
	status = read_file(r, err);
	if (status != OUTFLOW_OK) {
		replayed_close(&r);
		return status;
	}
	for (size_t i = 0; i < r->n; i++)
		n_ranges += r->streams[i].n;
	r->rewrite = r->n_lines > 2 * n_ranges + COMPACT_LINES;
	*result = r;
	return OUTFLOW_OK;
}

/* Writes the ranges (all, or those that are not saved) at *end of fd. -1 and errno. */
static int write_ranges(struct replayed *r, int fd, int all, off_t *end)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct replayed_stream *s = &r->streams[i];

		for (size_t k = 0; k < s->n; k++) {
			const struct range *g = &s->ranges[k];
			char line[LINE_BYTES];
			int n;

			if (!all && !g->unsaved)
				continue;
			n = snprintf(line, sizeof line, "%" PRIu64 " %" PRIu64 " %08" PRIx32 " %s\n", g->from, g->to,
			             g->checksum, s->json);
			if (n >= (int)sizeof line) {
				errno = ENAMETOOLONG;
				return -1;
			}
			if (io_write_all(fd, line, (size_t)n, *end) != 0)
				return -1;
			*end += n;
			r->n_lines++;
		}
	}
	return io()->fdatasync(fd);
}

static void mark_saved(struct replayed *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->streams[i].n; k++)
			r->streams[i].ranges[k].unsaved = 0;
}

/* Beside itself, then in its place. -1 and errno. */
static int write_anew(struct replayed *r)
{
	char path[PATH_MAX];
	off_t end = 0;
	int fd;

	snprintf(path, sizeof path, "%s.new", r->path);
	fd = io()->open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	r->n_lines = 0;
	if (write_ranges(r, fd, 1, &end) != 0 || io()->rename(path, r->path) != 0 || io_sync_parent(r->path) != 0)
		return io_close_keeping_errno(fd);
	if (r->fd >= 0)
		io()->close(r->fd);
	r->fd = fd;
	r->end = end;
	r->rewrite = 0;
	return 0;
}

/* -1 and errno; what was written of it is cut off by the next try. */
static int append(struct replayed *r)
{
	off_t end = r->end;

	if (r->fd < 0) {
		r->fd = io()->open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (r->fd < 0 || io_sync_parent(r->path) != 0)
			return -1;
		r->tail_is_dirty = 1;
	}
	if (r->tail_is_dirty && io()->ftruncate(r->fd, r->end) != 0)
		return -1;
	r->tail_is_dirty = 1;
	if (write_ranges(r, r->fd, 0, &end) != 0)
		return -1;
	r->tail_is_dirty = 0;
	r->end = end;
	return 0;
}

static int has_unsaved(const struct replayed *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->streams[i].n; k++)
			if (r->streams[i].ranges[k].unsaved)
				return 1;
	return 0;
}

outflow_status replayed_save(struct replayed *r, outflow_error *err)
{
	CHECK_OBJ(r, REPLAYED_MAGIC);
	if (!r->writable || (!r->rewrite && !has_unsaved(r)))
		return OUTFLOW_OK;
	if ((r->rewrite ? write_anew(r) : append(r)) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_RETRY, errno, "%s cannot be written", r->path);
	mark_saved(r);
	return OUTFLOW_OK;
}

void replayed_close(struct replayed **pr)
{
	struct replayed *r = *pr;

	*pr = NULL;
	if (r == NULL)
		return;
	CHECK_OBJ(r, REPLAYED_MAGIC);
	if (r->fd >= 0)
		io()->close(r->fd);
	for (size_t i = 0; i < r->n; i++) {
		free(r->streams[i].json);
		free(r->streams[i].ranges);
	}
	free(r->streams);
	free(r->path);
	r->magic = 0;
	free(r);
}
