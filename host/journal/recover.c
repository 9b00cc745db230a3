/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/io.h"
#include "host/journal/journal_internal.h"
#include "host/journal/names.h"
#include "host/journal/scan.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Numbers are 32 bits of count below 32 bits of unclean openings. The step is larger than what any crash can take: with
 * journal.sync = none a power loss takes all that the kernel had not written back, which may be many segments. */
#define JUMP_BITS 32

uint64_t journal_jump_above(uint64_t end)
{
	return ((end >> JUMP_BITS) + 1) << JUMP_BITS;
}

/* ---- looking through a segment that was not closed ---- */

static int is_expected(const struct segment *s, const struct frame_head *head, uint64_t at)
{
	return head->sequence >= s->end && head->sequence - s->first <= (at - SEGMENT_HEAD_SIZE) / sizeof *head;
}

/* Finds s->end and s->size behind the last good record; what is damaged before it is the readers' to report. -1 and errno. */
static int find_end(struct segment *s, struct scan *scan)
{
	uint64_t at = SEGMENT_HEAD_SIZE;

	while (at + sizeof(struct frame_head) <= scan->size) {
		const char *bytes = scan_bytes(scan, at, sizeof(struct frame_head));
		struct frame_head head;
		int is_good;

		if (bytes == NULL)
			return -1;
		memcpy(&head, bytes, sizeof head);
		if (head.mark == 0 || !frame_head_is_good(&head, s->mark, scan->size - at) ||
		    !is_expected(s, &head, at)) {
			at += FRAME_ALIGN;
			continue;
		}
		is_good = scan_body_is_good(scan, at, &head);
		if (is_good < 0)
			return -1;
		/* With the segment's head damaged only a whole record tells its mark. */
		if (!is_good && s->mark == 0) {
			at += FRAME_ALIGN;
			continue;
		}
		at += head.length;
		if (!is_good)
			continue;
		s->mark = head.mark;
		s->end = head.sequence + 1;
		s->size = at;
	}
	return 0;
}

/* ---- one segment ---- */

/* The segment ends with its last good record, for good: it is cut there and closed. Whatever of this fails is tried again
 * by the next opening. */
static void close_behind(struct journal *j, struct segment *s, int fd, uint64_t size)
{
	if (s->size < size) {
		log_write(&j->options.place, OUTFLOW_LOG_WARN,
		          "journal: bytes %llu to below %llu of %s are no whole record, "
		          "as a crash leaves them; cut off",
		          (unsigned long long)s->size, (unsigned long long)size, s->path);
		if (io()->ftruncate(fd, (off_t)s->size) != 0)
			log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s cannot be cut: %s", s->path,
			          strerror(errno));
	}
	if (segment_write_closed(s, fd, s->end, journal_jump_above(s->end)) != 0)
		log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s cannot be written: %s", s->path,
		          strerror(errno));
}

static outflow_status look_through(struct journal *j, struct segment *s, int fd, uint64_t size, outflow_error *err)
{
	struct scan scan = { .fd = fd, .size = size, .window = malloc(SCAN_WINDOW) };
	int rc;

	if (scan.window == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory to look through %s", s->path);
	rc = find_end(s, &scan);
	free(scan.window);
	if (rc != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", s->path);
	close_behind(j, s, fd, size);
	return OUTFLOW_OK;
}

/* Fills s from its file. *next: where numbering may go on after it. OUTFLOW_AGAIN: it is not of this journal. */
static outflow_status recover_file(struct journal *j, struct segment *s, int fd, uint64_t *next, outflow_error *err)
{
	struct segment_head head;
	outflow_status status;
	struct stat st;
	ssize_t n = io_read_all(fd, &head, sizeof head, 0);
	int is_good;

	if (n < 0 || fstat(fd, &st) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", s->path);
	is_good = n == (ssize_t)sizeof head && segment_head_is_good(&head);
	if (is_good && head.version != SEGMENT_FORMAT)
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "%s has format %u, this program reads format %u: start the version that "
		                    "wrote it, or let that deliver what is left first",
		                    s->path, head.version, SEGMENT_FORMAT);
	if (is_good && head.first != s->first) {
		log_write(&j->options.place, OUTFLOW_LOG_WARN,
		          "journal: %s was renamed, it begins at position %llu; ignored", s->path,
		          (unsigned long long)head.first);
		return OUTFLOW_AGAIN;
	}
	s->mark = is_good ? head.mark : 0;
	if (is_good && head.closed && head.end >= head.first && head.next >= head.end) {
		s->end = head.end;
		s->size = (uint64_t)st.st_size;
		*next = head.next;
		return OUTFLOW_OK;
	}
	if (!is_good)
		log_write(&j->options.place, OUTFLOW_LOG_WARN,
		          "journal: the head of %s is damaged or missing; its records are "
		          "looked for",
		          s->path);
	status = look_through(j, s, fd, (uint64_t)st.st_size, err);
	*next = journal_jump_above(s->end);
	return status;
}

static outflow_status recover_segment(struct journal *j, uint64_t first, uint64_t *next, outflow_error *err)
{
	struct segment *s = segment_new(j->dir, first, 0);
	outflow_status status;
	int fd;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the journal in %s", j->dir);
	fd = io()->open(s->path, O_RDWR, 0);
	if (fd < 0) {
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", s->path);
		segment_release(s);
		return status;
	}
	status = recover_file(j, s, fd, next, err);
	/* A killed process may have left it unsynced, and nobody else will sync it. */
	if (status == OUTFLOW_OK && j->options.sync != JOURNAL_SYNC_NONE && io()->fdatasync(fd) != 0)
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be synced", s->path);
	io()->close(fd);
	if (status != OUTFLOW_OK) {
		segment_release(s);
		return status;
	}
	s->capacity = s->size;
	s->synced = s->end;
	s->is_named = 1;
	journal_add_segment(j, s);
	j->appended_bytes += segment_record_bytes(s);
	return OUTFLOW_OK;
}

/* ---- the directory ---- */

static outflow_status recover_all(struct journal *j, const struct segment_names *names, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < names->n && status >= OUTFLOW_OK; i++) {
		uint64_t next = 0;

		status = recover_segment(j, names->firsts[i], &next, err);
		/* The last one decides; a foreign file's name stands in the way all the same. */
		j->next = status == OUTFLOW_OK ? next : journal_jump_above(names->firsts[i]);
	}
	return status < OUTFLOW_OK ? status : OUTFLOW_OK;
}

static void note_foreign(void *ctx, const char *name)
{
	const struct journal *j = ctx;

	log_write(&j->options.place, OUTFLOW_LOG_WARN, "journal: %s/%s does not belong here; ignored", j->dir, name);
}

outflow_status journal_recover(struct journal *j, uint64_t released, outflow_error *err)
{
	struct segment_names names = { 0 };
	outflow_status status = segment_names_read(&names, j->dir, note_foreign, j, err);

	if (status == OUTFLOW_OK)
		status = recover_all(j, &names, err);
	if (status == OUTFLOW_OK && names.n > 0 && j->options.sync != JOURNAL_SYNC_NONE && io()->sync_dir(j->dir) != 0)
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be synced", j->dir);
	segment_names_clear(&names);
	if (status != OUTFLOW_OK)
		return status;
	/* A checkpoint ahead of the journal: a power loss took records whose numbers were given out. */
	if (released > j->next)
		j->next = journal_jump_above(released);
	if (j->next < released || (j->newest != NULL && j->next < j->newest->end))
		return outflow_fail(err, OUTFLOW_E_TASK,
		                    "the journal in %s has no numbers left: its checkpoint (%llu) or the "
		                    "last of its files cannot be right",
		                    j->dir, (unsigned long long)released);
	return OUTFLOW_OK;
}
