/* SPDX-License-Identifier: Apache-2.0 */
/* outflow.journal/1: a journal in the state directory, one stream, one reader. */
#include "host/base/check.h"
#include "host/journal/journal.h"
#include "host/pipeline/instance.h"

#include <outflow/util.h>

#include <limits.h>

#define JOURNAL_SERVICE_MAGIC 0x6a737276u

struct outflow_journal {
	unsigned magic;
	struct services *services;
	const outflow_host *host;
	struct journal *journal;
	struct journal_reader *reader;
	uint32_t stream;
	struct journal_status known; /* counted already */
	outflow_journal *next;
};

/* What has happened since the last look goes into the task's numbers and the account. */
static void count(outflow_journal *j, const struct journal_status *now)
{
	uint64_t *counters = j->services->journal_numbers.counters;

	counters[TASK_DROPPED_JOURNAL] += now->dropped - j->known.dropped;
	counters[TASK_JOURNAL_REFUSED] += now->refused - j->known.refused;
	counters[TASK_JOURNAL_LOST] += now->lost - j->known.lost;
	j->services->journal_dropped += now->dropped - j->known.dropped;
	j->known = *now;
}

static void add_level(int64_t *gauges, const struct journal_status *now)
{
	gauges[TASK_JOURNALS]++;
	gauges[TASK_JOURNAL_RECORDS] += (int64_t)now->records;
	gauges[TASK_JOURNAL_BYTES] += (int64_t)now->bytes;
	gauges[TASK_JOURNAL_LIMIT] += (int64_t)now->limit_bytes;
	gauges[TASK_JOURNAL_RETAINED] += (int64_t)now->retained_bytes;
	gauges[TASK_JOURNAL_SEGMENTS] += (int64_t)now->segments;
}

static void take_status(outflow_journal *j)
{
	struct journal_status now;

	journal_status(j->journal, &now);
	count(j, &now);
	add_level(j->services->journal_numbers.gauges, &now);
}

static void close_journal(outflow_journal *j)
{
	struct journal_status last;
	outflow_journal **link;

	if (j == NULL)
		return;
	CHECK_OBJ(j, JOURNAL_SERVICE_MAGIC);
	for (link = &j->services->journals; *link != NULL && *link != j; link = &(*link)->next)
		;
	if (*link == j)
		*link = j->next;
	if (j->journal != NULL) {
		journal_status(j->journal, &last);
		count(j, &last);
	}
	journal_reader_close(&j->reader);
	journal_close(&j->journal);
	j->magic = 0;
	free(j);
}

static outflow_status open_files(outflow_journal *j, const struct log_place *place, uint64_t from, outflow_error *err)
{
	const struct pipeline_model *m = j->services->model;
	struct task_histograms *histograms = task_metrics_histograms(j->services->metrics);
	char dir[PATH_MAX];
	struct journal_options options = {
		.dir = dir,
		.sync = (enum journal_sync)m->journal.sync,
		.sync_interval_ns = m->journal.sync_interval_ns,
		.segment_bytes = m->journal.segment_bytes,
		.soft_bytes = m->journal.soft_bytes,
		.hard_bytes = m->journal.hard_bytes,
		.on_full = (enum journal_full)m->journal.on_full,
		.retain_bytes = m->journal.retain_bytes,
		.place = *place,
		.sync_times = histograms ? &histograms->sync : NULL,
	};
	outflow_status status = state_dir_path(j->services->environment->state_dir, "journal", m->name,
	                                       j->services->task, dir, sizeof dir);

	if (status != OUTFLOW_OK)
		return outflow_fail(err, status, "the path of the journal is too long");
	status = journal_open(&options, from, &j->journal, err);
	return status == OUTFLOW_OK ? journal_reader_open(j->journal, from, &j->reader, err) : status;
}

static outflow_status service_open(const outflow_host *h, outflow_str stream_json, outflow_journal **result,
                                   outflow_error *err)
{
	struct instance *i = h->ctx;
	outflow_journal *j = calloc(1, sizeof *j);
	outflow_resume resume;
	outflow_status status;

	if (j == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the journal");
	*j = (outflow_journal){ .magic = JOURNAL_SERVICE_MAGIC, .services = i->services, .host = h };
	status = services_open_stream(i->services, stream_json, &j->stream, &resume);
	if (status != OUTFLOW_OK)
		outflow_fail(err, status, "the stream %.*s cannot be opened", (int)stream_json.len, stream_json.ptr);
	else
		status = open_files(j, &i->place, resume.next, err);
	if (status != OUTFLOW_OK) {
		close_journal(j);
		return status;
	}
	j->next = i->services->journals;
	i->services->journals = j;
	*result = j;
	return OUTFLOW_OK;
}

static outflow_status service_append(outflow_journal *j, const outflow_record *rec, uint64_t *pos, outflow_error *err)
{
	return journal_append(j->journal, rec, pos, err);
}

static outflow_status service_read(outflow_journal *j, outflow_batch *out, uint32_t max, int64_t deadline_ns,
                                   outflow_error *err)
{
	return journal_read(j->reader, j->host, out, j->stream, max, deadline_ns, err);
}

static void service_interrupt(outflow_journal *j)
{
	journal_interrupt(j->reader);
}

static uint64_t service_durable(outflow_journal *j)
{
	return journal_durable(j->journal);
}

static void service_level(outflow_journal *j, uint64_t *records, uint64_t *bytes, uint64_t *limit_bytes)
{
	journal_level(j->journal, records, bytes, limit_bytes);
}

const outflow_journal_api journal_service = {
	.size = sizeof journal_service,
	.open = service_open,
	.append = service_append,
	.read = service_read,
	.interrupt = service_interrupt,
	.durable = service_durable,
	.level = service_level,
	.close = close_journal,
};

void journal_service_release(struct services *s, uint32_t stream, uint64_t next)
{
	for (outflow_journal *j = s->journals; j != NULL; j = j->next)
		if (j->stream == stream)
			journal_release(j->journal, next);
}

void journal_service_watch(struct services *s, int64_t now_ns)
{
	memset(s->journal_numbers.gauges, 0, sizeof s->journal_numbers.gauges);
	for (outflow_journal *j = s->journals; j != NULL; j = j->next) {
		journal_watch(j->journal, now_ns);
		take_status(j);
	}
}

int64_t journal_service_oldest_ms(struct services *s)
{
	int64_t oldest = -1;

	for (outflow_journal *j = s->journals; j != NULL; j = j->next) {
		int64_t next = journal_reader_next_ms(j->reader);

		if (next >= 0 && (oldest < 0 || next < oldest))
			oldest = next;
	}
	return oldest;
}
