/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/journal_tools.h"

#include "host/journal/frame.h"
#include "host/journal/walk.h"
#include "host/config/json_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef unsigned long long ull; /* what printf knows */

/* Records with their size in the files. */
struct count {
	uint64_t records, bytes;
};

static void count_record(struct count *c, const outflow_record *r)
{
	c->records++;
	c->bytes += frame_length(r);
}

/* What the tools find out in one walk. */
struct found {
	struct journal_job *job;
	struct count waiting, delivered;
	uint64_t segments, records, bytes, lost, damages;
	json_t *list; /* of segments or damages; NULL: in text */
	/* Of a replay. */
	struct count again;
	uint64_t oldest, begin; /* positions; UINT64_MAX: none */
};

static int is_delivered(const struct journal_job *job, uint64_t position)
{
	return job->stream != NULL && position < job->next;
}

static const char *file_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int walk(struct journal_job *job, const struct walk_visitor *v)
{
	outflow_error err = { .size = sizeof err };

	if (journal_walk(job->dir, v, &err) == OUTFLOW_OK)
		return EXIT_OK;
	return tool_fail(job->tool->json, EXIT_ENVIRONMENT, "%s", err.msg);
}

/* ---- inspect ---- */

static outflow_status inspect_record(void *ctx, const outflow_record *r)
{
	struct found *f = ctx;

	count_record(is_delivered(f->job, r->pos) ? &f->delivered : &f->waiting, r);
	return OUTFLOW_OK;
}

static void inspect_damage(void *ctx, const struct walk_damage *d)
{
	struct found *f = ctx;

	f->damages += d->kind != WALK_FOREIGN;
}

static const char *segment_state(const struct journal_job *job, const struct walk_segment *s)
{
	if (s->end == s->first)
		return "empty";
	if (is_delivered(job, s->end - 1))
		return "delivered";
	return is_delivered(job, s->first) ? "delivered in part" : "waiting";
}

static void inspect_segment(void *ctx, const struct walk_segment *s)
{
	struct found *f = ctx;
	struct tool_time from = tool_time(s->from_ms), to = tool_time(s->to_ms);
	const char *state = segment_state(f->job, s);

	f->segments++;
	f->bytes += s->bytes;
	if (f->list == NULL) {
		printf("  %s  %llu records, positions %llu to below %llu, %llu bytes, %s, %s, %s to %s\n",
		       file_of(s->path), (ull)s->records, (ull)s->first, (ull)s->end, (ull)s->bytes,
		       s->closed ? "closed" : "not closed", state, from.text, to.text);
		return;
	}
	json_array_append_new(f->list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s?, s:s?}", "file", s->path,
	                                         "first", (json_int_t)s->first, "end", (json_int_t)s->end, "records",
	                                         (json_int_t)s->records, "bytes", (json_int_t)s->bytes, "closed",
	                                         s->closed, "state", state, "from", s->from_ms < 0 ? NULL : from.text,
	                                         "to", s->to_ms < 0 ? NULL : to.text));
}

static json_t *describe_count(const struct count *c)
{
	return json_pack("{s:I, s:I}", "records", (json_int_t)c->records, "bytes", (json_int_t)c->bytes);
}

int journal_inspect(struct journal_job *job)
{
	struct found f = { .job = job };
	const struct walk_visitor v = { &f, inspect_record, inspect_segment, inspect_damage };
	int status;

	if (job->answer != NULL) {
		f.list = json_array();
		json_object_set_new(job->answer, "segments", f.list);
	} else {
		printf("%s, task %ld: %s\n", job->pipeline, job->task, job->dir);
	}
	status = walk(job, &v);
	if (status != EXIT_OK)
		return status;
	if (job->answer != NULL) {
		json_object_set_new(job->answer, "waiting", describe_count(&f.waiting));
		json_object_set_new(job->answer, "delivered", describe_count(&f.delivered));
		json_object_set_new(job->answer, "damages", json_integer((json_int_t)f.damages));
		return EXIT_OK;
	}
	if (job->stream != NULL)
		printf("  checkpoint %llu: below it everything is delivered\n", (ull)job->next);
	else
		puts("  no checkpoint: nothing is delivered yet");
	printf("  waiting: %llu records, %llu bytes; delivered and kept: %llu records, %llu bytes; %llu segments, %llu "
	       "bytes\n",
	       (ull)f.waiting.records, (ull)f.waiting.bytes, (ull)f.delivered.records, (ull)f.delivered.bytes,
	       (ull)f.segments, (ull)f.bytes);
	if (f.damages > 0)
		printf("  damaged in %llu places: see outflow journal fsck\n", (ull)f.damages);
	return EXIT_OK;
}

/* ---- fsck ---- */

static void fsck_segment(void *ctx, const struct walk_segment *s)
{
	struct found *f = ctx;

	f->segments++;
	f->records += s->records;
	f->bytes += s->bytes;
}

/* One sentence. */
static void describe_damage(const struct found *f, const struct walk_damage *d, char *text, size_t size)
{
	int n = 0;

	if (d->kind != WALK_FOREIGN)
		n = snprintf(text, size, "bytes %llu to below %llu: ", (ull)d->from, (ull)d->to);
	text += n;
	size -= (size_t)n;
	switch (d->kind) {
	case WALK_HEAD:
		snprintf(text, size, "the head of the segment is damaged; its records are found without it");
		return;
	case WALK_TAIL:
		snprintf(text, size,
		         "no whole record: a crash leaves this, or it was the last record; the next start cuts it off");
		return;
	case WALK_MISPLACED:
		snprintf(text, size, "the file was renamed: its records begin at position %llu; it is ignored",
		         (ull)d->first);
		return;
	case WALK_FOREIGN:
		snprintf(text, size, "does not belong here; it is ignored");
		return;
	case WALK_RECORDS:
		break;
	}
	if (d->lost == 0)
		snprintf(text, size, "damaged, but no record is lost");
	else
		snprintf(text, size, "%llu records are lost, from position %llu to below %llu%s", (ull)d->lost,
		         (ull)d->first, (ull)(d->first + d->lost),
		         is_delivered(f->job, d->first + d->lost - 1) ? "; they were delivered before" : "");
}

static void fsck_damage(void *ctx, const struct walk_damage *d)
{
	static const char *const kinds[] = { "head", "records", "tail", "misplaced", "foreign" };
	struct found *f = ctx;
	char text[300];

	f->damages += d->kind != WALK_FOREIGN;
	f->lost += d->lost;
	describe_damage(f, d, text, sizeof text);
	if (f->list == NULL)
		printf("%s: %s\n", d->path, text);
	else
		json_array_append_new(f->list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "file", d->path, "kind",
		                                         kinds[d->kind], "from", (json_int_t)d->from, "to",
		                                         (json_int_t)d->to, "first", (json_int_t)d->first, "lost",
		                                         (json_int_t)d->lost, "message", text));
}

int journal_fsck(struct journal_job *job)
{
	struct found f = { .job = job };
	const struct walk_visitor v = { &f, NULL, fsck_segment, fsck_damage };
	int status;

	if (job->answer != NULL) {
		f.list = json_array();
		json_object_set_new(job->answer, "damages", f.list);
	}
	status = walk(job, &v);
	if (status != EXIT_OK)
		return status;
	if (job->answer != NULL)
		json_object_update_new(job->answer,
		                       json_pack("{s:I, s:I, s:I, s:I}", "segments", (json_int_t)f.segments, "records",
		                                 (json_int_t)f.records, "bytes", (json_int_t)f.bytes, "lost",
		                                 (json_int_t)f.lost));
	else
		printf("%s, task %ld: %llu segments, %llu whole records, %llu bytes; %llu damages, %llu records lost\n",
		       job->pipeline, job->task, (ull)f.segments, (ull)f.records, (ull)f.bytes, (ull)f.damages,
		       (ull)f.lost);
	return f.damages > 0 ? EXIT_FAILED : EXIT_OK;
}

/* ---- export ---- */

/* -1: before, 1: behind. */
static int compare(const struct journal_bound *b, const outflow_record *r)
{
	if (b->is_time)
		return r->timestamp_ms < b->time_ms ? -1 : r->timestamp_ms > b->time_ms;
	return r->pos < b->position ? -1 : r->pos > b->position;
}

static json_t *describe_record(const struct journal_job *job, const outflow_record *r)
{
	json_t *headers = json_array();

	for (uint32_t i = 0; i < r->n_headers; i++)
		json_array_append_new(headers,
		                      json_pack("[o, o]", json_value_bytes(outflow_text_bytes(r->headers[i].name)),
		                                json_value_bytes(r->headers[i].value)));
	return json_pack("{s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "task", (int)job->task, "position", (json_int_t)r->pos,
	                 "topic", json_value_bytes(outflow_text_bytes(r->topic)), "key", json_value_bytes(r->key),
	                 "value", json_value_bytes(r->value), "headers", headers, "timestamp",
	                 r->timestamp_ms < 0 ? json_null() : json_integer(r->timestamp_ms));
}

static outflow_status export_record(void *ctx, const outflow_record *r)
{
	const struct journal_job *job = ctx;
	json_t *o;
	int rc;

	if ((job->from.given && compare(&job->from, r) < 0) || (job->to.given && compare(&job->to, r) > 0))
		return OUTFLOW_OK;
	o = describe_record(job, r);
	if (o == NULL)
		return OUTFLOW_E_NOMEM;
	rc = json_dumpf(o, stdout, JSON_COMPACT);
	json_decref(o);
	return rc == 0 && putchar('\n') != EOF ? OUTFLOW_OK : OUTFLOW_E_TASK;
}

static void export_damage(void *ctx, const struct walk_damage *d)
{
	const struct found f = { .job = ctx };
	char text[300];

	describe_damage(&f, d, text, sizeof text);
	fprintf(stderr, "outflow: %s: %s\n", d->path, text);
}

int journal_export(struct journal_job *job)
{
	const struct walk_visitor v = { job, export_record, NULL, export_damage };
	outflow_error err = { .size = sizeof err };
	outflow_status status = journal_walk(job->dir, &v, &err);

	if (status == OUTFLOW_OK && fflush(stdout) == 0)
		return EXIT_OK;
	if (err.msg[0] == '\0')
		outflow_fail_errno(&err, status, errno, "the records cannot be written");
	return tool_fail(0, EXIT_FAILED, "%s", err.msg);
}

/* ---- replay ---- */

static outflow_status replay_record(void *ctx, const outflow_record *r)
{
	struct found *f = ctx;
	const struct journal_job *job = f->job;

	if (f->oldest == UINT64_MAX)
		f->oldest = r->pos;
	if (f->begin == UINT64_MAX && compare(&job->from, r) >= 0)
		f->begin = r->pos;
	if (r->pos >= job->next)
		f->waiting.records++;
	else if (f->begin != UINT64_MAX)
		count_record(&f->again, r);
	return OUTFLOW_OK;
}

static int move_checkpoint(struct journal_job *job, uint64_t next)
{
	struct checkpoint position = { next, { NULL, 0 } };
	outflow_error err = { .size = sizeof err };
	uint64_t generation;

	if (checkpoint_put(job->tool->checkpoints, job->pipeline, outflow_text(job->stream), &position, &generation,
	                   &err) == OUTFLOW_OK &&
	    checkpoint_sync(job->tool->checkpoints, &err) == OUTFLOW_OK)
		return EXIT_OK;
	return tool_fail(job->tool->json, EXIT_FAILED, "%s", err.msg);
}

/* Only what is complete is delivered again: when the oldest record kept is not the first one ever, a time before it is no
 * place to begin. */
static int check_range(const struct journal_job *job, const struct found *f)
{
	int json = job->tool->json;

	if (f->oldest == UINT64_MAX || f->oldest >= job->next)
		return tool_fail(json, EXIT_CONFIG,
		                 "%s, task %ld: no delivered record is kept (journal.retain.bytes keeps them)",
		                 job->pipeline, job->task);
	if (!job->from.is_time && (job->from.position < f->oldest || job->from.position >= job->next))
		return tool_fail(
			json, EXIT_CONFIG,
			"%s, task %ld: position %llu %s; positions from %llu to below %llu can be delivered again",
			job->pipeline, job->task, (ull)job->from.position,
			job->from.position < f->oldest ? "is not kept any more" : "is not delivered yet",
			(ull)f->oldest, (ull)job->next);
	if (f->begin == UINT64_MAX || f->begin >= job->next)
		return tool_fail(json, EXIT_CONFIG, "%s, task %ld: no delivered record is as new as that",
		                 job->pipeline, job->task);
	if (job->from.is_time && f->begin == f->oldest && f->oldest > 0)
		return tool_fail(json, EXIT_CONFIG,
		                 "%s, task %ld: what came first after that time may have been removed already; from "
		                 "position %llu on everything is kept (--from %llu)",
		                 job->pipeline, job->task, (ull)f->oldest, (ull)f->oldest);
	return EXIT_OK;
}

int journal_replay(struct journal_job *job)
{
	struct found f = { .job = job, .oldest = UINT64_MAX, .begin = UINT64_MAX };
	const struct walk_visitor v = { &f, replay_record, NULL, NULL };
	uint64_t to = job->next;
	int status;

	if (job->stream == NULL)
		return tool_fail(job->tool->json, EXIT_CONFIG,
		                 "%s, task %ld has no checkpoint: the next start delivers all that the journal holds",
		                 job->pipeline, job->task);
	status = walk(job, &v);
	if (status == EXIT_OK)
		status = check_range(job, &f);
	if (status == EXIT_OK && !job->dry_run)
		status = move_checkpoint(job, f.begin);
	if (status != EXIT_OK)
		return status;
	if (job->answer != NULL) {
		json_object_set_new(job->answer, "again", describe_count(&f.again));
		json_object_set_new(job->answer, "from", json_integer((json_int_t)f.begin));
		json_object_set_new(job->answer, "to", json_integer((json_int_t)to));
		json_object_set_new(job->answer, "waiting", json_integer((json_int_t)f.waiting.records));
		return EXIT_OK;
	}
	printf("%s, task %ld: %llu records, positions from %llu to below %llu, %s delivered again by the next start, then %llu "
	       "that wait anyway\n",
	       job->pipeline, job->task, (ull)f.again.records, (ull)f.begin, (ull)to, job->dry_run ? "would be" : "are",
	       (ull)f.waiting.records);
	return EXIT_OK;
}
