/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/io.h"
#include "host/journal/journal_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_LENGTH 24u /* twenty digits and ".log" */

static int is_segment(const struct dirent *entry)
{
	return strlen(entry->d_name) == NAME_LENGTH && strspn(entry->d_name, "0123456789") == NAME_LENGTH - 4 &&
	       strcmp(entry->d_name + NAME_LENGTH - 4, ".log") == 0;
}

static void append_segment(struct journal *j, struct segment *s)
{
	s->base = j->newest ? j->newest->base + j->newest->end : 0;
	if (j->newest != NULL)
		j->newest->next = s;
	else
		j->oldest = s;
	j->newest = s;
}

/* A file whose head is not good was being made when the machine stopped, or is not ours. Its records, if any, cannot be
 * told from garbage; it is kept for whoever wants to look, out of the way. */
static outflow_status put_aside(struct journal *j, const char *path, outflow_error *err)
{
	char aside[4300];
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size <= (off_t)sizeof(struct segment_head)) {
		log_write(&j->options.place, OUTFLOW_LOG_WARN,
		          "journal: removed %s: it holds no record and no whole head", path);
		if (io()->unlink(path) == 0)
			return OUTFLOW_OK;
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be removed", path);
	}
	snprintf(aside, sizeof aside, "%s.damaged", path);
	log_write(&j->options.place, OUTFLOW_LOG_ERROR,
	          "journal: LOST %lld bytes: the head of %s is damaged; it was renamed to %s", (long long)st.st_size,
	          path, aside);
	if (io()->rename(path, aside) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be renamed", path);
	return OUTFLOW_OK;
}

/* Walks the last segment. *next: after its last good record; returns where that ends. */
static uint64_t find_end(struct segment *s, uint64_t *next)
{
	uint64_t offset = sizeof(struct segment_head), end = offset;

	*next = s->first;
	while (offset < s->end) {
		const struct record_head *r = segment_record(s, offset, s->end);

		if (r == NULL || r->sequence < *next) {
			offset = segment_next_good(s, offset, s->end, *next);
			continue;
		}
		*next = r->sequence + 1;
		offset += r->length;
		end = offset;
		segment_forget_below(s, offset);
	}
	return end;
}

static outflow_status cut_tail(struct journal *j, struct segment *s, uint64_t end, outflow_error *err)
{
	if (end == s->end)
		return OUTFLOW_OK;
	log_write(&j->options.place, OUTFLOW_LOG_WARN,
	          "journal: cut a torn tail off %s: bytes %llu to %llu, which were never acknowledged", s->path,
	          (unsigned long long)end, (unsigned long long)s->end);
	if (io()->ftruncate(s->fd, (off_t)end) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be cut", s->path);
	s->end = end;
	return OUTFLOW_OK;
}

/* The last segment says where numbering goes on. */
static outflow_status recover_last(struct journal *j, const struct segment_head *head, uint64_t *next, int *clean,
                                   outflow_error *err)
{
	struct segment *s = j->newest;
	uint64_t end;

	*clean = head->end != 0 && head->end_offset == s->end;
	if (*clean) {
		*next = head->end;
		return OUTFLOW_OK;
	}
	if (s->end == sizeof(struct segment_head)) {
		*next = s->first;
		return OUTFLOW_OK;
	}
	if (segment_map(s) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be mapped", s->path);
	end = find_end(s, next);
	return cut_tail(j, s, end, err);
}

/* Without a record it only stands in the way of a new segment of the same name. */
static void drop_empty_last(struct journal *j)
{
	struct segment *last = j->newest, *s;

	if (last == NULL || last->end > sizeof(struct segment_head))
		return;
	io()->unlink(last->path);
	if (j->oldest == last) {
		j->oldest = j->newest = NULL;
	} else {
		for (s = j->oldest; s->next != last; s = s->next)
			;
		s->next = NULL;
		j->newest = s;
	}
	segment_release(last);
}

static outflow_status open_files(struct journal *j, struct dirent **entries, int n, struct segment_head *last,
                                 outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	char path[4200];

	for (int i = 0; i < n && status == OUTFLOW_OK; i++) {
		struct segment_head head;
		struct segment *s = NULL;
		int rc;

		snprintf(path, sizeof path, "%s/%s", j->dir, entries[i]->d_name);
		rc = segment_open(path, &s, &head);
		if (rc < 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", path);
		if (rc > 0) {
			status = put_aside(j, path, err);
			continue;
		}
		append_segment(j, s);
		*last = head;
	}
	return status;
}

outflow_status journal_recover(struct journal *j, uint64_t released, uint64_t *next, outflow_error *err)
{
	struct dirent **entries = NULL;
	struct segment_head last = { 0 };
	int n = scandir(j->dir, &entries, is_segment, alphasort), clean = 1;
	outflow_status status;

	if (n < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", j->dir);
	status = open_files(j, entries, n, &last, err);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	*next = released;
	if (status == OUTFLOW_OK && j->newest != NULL)
		status = recover_last(j, &last, next, &clean, err);
	if (status != OUTFLOW_OK)
		return status;
	drop_empty_last(j);
	/* A checkpoint ahead of the journal: a power loss took acknowledged numbers with it. */
	if (*next < released) {
		*next = released;
		clean = 0;
	}
	if (!clean)
		*next = (*next / SEQUENCE_JUMP + 1) * SEQUENCE_JUMP;
	if (*next == 0)
		*next = 1;
	return OUTFLOW_OK;
}
