/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"

#include "host/base/clock.h"
#include "host/base/crc32c.h"
#include "host/pipeline/instance.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

/* So many records may be sent and not yet remembered: what a killed replay may send twice. */
#define WINDOW 8192u
/* Until the task has carried confirmed positions back here. */
#define CONFIRM_NS (20 * CLOCK_MS)

struct dlq_stream {
	char name[24];     /* partition of a topic, before the colon; "": a file */
	uint64_t n_read;   /* records so far: the number of a line */
	size_t remembered; /* its number in `replayed` */
};

/* A record that went on its way. */
struct dlq_sent {
	uint64_t from, to;
	uint32_t stream, checksum;
};

/* There is one reader a process, and the functions of a source are not told whose they are before create. */
static struct dlq_reader *reader_of(const outflow_host *h)
{
	const struct instance *i = h->ctx;
	uintptr_t component = (uintptr_t)i->component.what;

	return (struct dlq_reader *)(component - offsetof(struct dlq_reader, component));
}

/* ---- streams ---- */

/* The partition that a source of topics has in the name of its stream; a file has none. */
static void name_stream(struct dlq_stream *s, outflow_str json)
{
	json_t *o = json_loadb(json.ptr, json.len, 0, NULL);
	json_t *partition = json_object_get(o, "kafka_partition");

	if (json_is_integer(partition))
		snprintf(s->name, sizeof s->name, "%" JSON_INTEGER_FORMAT, json_integer_value(partition));
	json_decref(o);
}

static outflow_status stream_open(const outflow_host *h, outflow_str json, uint32_t *stream, outflow_resume *resume)
{
	struct dlq_reader *d = reader_of(h);
	outflow_status status = services_open_stream(d->instance->services, json, stream, resume);
	struct dlq_stream *streams;

	if (status != OUTFLOW_OK)
		return status;
	streams = realloc(d->streams, (*stream + (size_t)1) * sizeof *streams);
	if (streams == NULL)
		return OUTFLOW_E_NOMEM;
	d->streams = streams;
	for (; d->n_streams <= *stream; d->n_streams++)
		streams[d->n_streams] = (struct dlq_stream){ .n_read = 0 };
	name_stream(&streams[*stream], json);
	return d->replayed ? replayed_stream(d->replayed, json, &streams[*stream].remembered) : OUTFLOW_OK;
}

static outflow_status stream_close(const outflow_host *h, uint32_t stream)
{
	return ledger_stream_close(reader_of(h)->instance->services->ledger, stream);
}

static outflow_status stream_position(const outflow_host *h, uint32_t stream, uint64_t *next)
{
	return ledger_stream_position(reader_of(h)->instance->services->ledger, stream, next);
}

static const outflow_stream_api stream_api = { sizeof stream_api, stream_open, stream_close, stream_position };

/* ---- the source's functions ---- */

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct dlq_reader *d = reader_of(h);

	d->host = h;
	d->instance = h->ctx;
	d->instance->host.stream = &stream_api;
	*self = d;
	return d->inner->create(h, c, &d->self, err);
}

static outflow_status start(void *self, outflow_error *err)
{
	struct dlq_reader *d = self;

	return OUTFLOW_HAS(outflow_source_ops, d->inner, start) ? d->inner->start(d->self, err) : OUTFLOW_OK;
}

static uint32_t checksum_of(const outflow_record *r)
{
	uint32_t sum = crc32c(0, &r->timestamp_ms, sizeof r->timestamp_ms);

	sum = crc32c(sum, r->key.ptr, r->key.ptr ? r->key.len : 0);
	return crc32c(sum, r->value.ptr, r->value.ptr ? r->value.len : 0);
}

static void print_position(struct dlq_stream *s, const outflow_record *r, char *to, size_t size)
{
	s->n_read++;
	if (s->name[0] != '\0')
		snprintf(to, size, "%s:%llu", s->name, (unsigned long long)r->pos);
	else
		snprintf(to, size, "%llu", (unsigned long long)s->n_read);
}

/* Shows one record to the visitor. 1: it goes on; 0: it does not; -1: there is no memory. */
static int show(struct dlq_reader *d, outflow_batch *b, outflow_record *r, const struct reject *broken)
{
	struct dlq_stream *s = &d->streams[r->stream];
	struct dlq_sent sent = { r->pos, r->next ? r->next : r->pos + 1, r->stream, checksum_of(r) };
	struct dlq_letter letter = { .record = r };

	print_position(s, r, letter.position, sizeof letter.position);
	if (broken != NULL) {
		if (d->unreadable != NULL)
			d->unreadable(d->ctx, letter.position, &broken->error);
		return 0;
	}
	dlq_letter_read(&letter, r);
	letter.replayed = d->replayed && replayed_has(d->replayed, s->remembered, sent.from, sent.checksum);
	switch (d->visit(d->ctx, &letter, d->host, b, r)) {
	case DLQ_SEND:
		d->sent[d->n_sent++] = sent;
		return 1;
	case DLQ_FAIL:
		return -1;
	default:
		return 0;
	}
}

/* Shows what was polled from `first` on and keeps of it what goes on. OUTFLOW_E_NOMEM. */
static outflow_status show_all(struct dlq_reader *d, outflow_batch *b, uint32_t first)
{
	struct rejects *rejects = &d->instance->services->rejects;
	uint32_t kept = first, n = b->n;
	size_t next = 0;

	for (uint32_t i = first; i < n && !d->ended; i++) {
		const struct reject *broken = NULL;
		int goes_on;

		while (next < rejects->n && rejects->list[next].index < i)
			next++;
		if (next < rejects->n && rejects->list[next].index == i)
			broken = &rejects->list[next];
		goes_on = show(d, b, &b->recs[i], broken);
		if (goes_on < 0)
			return OUTFLOW_E_NOMEM;
		if (goes_on)
			b->recs[kept++] = b->recs[i];
		d->ended = d->max > 0 && d->accepted >= d->max;
	}
	b->n = kept;
	rejects->n = 0;
	return OUTFLOW_OK;
}

void dlq_reader_count(struct dlq_reader *d)
{
	d->accepted++;
}

static void wake(void *arg)
{
	struct dlq_reader *d = arg;

	d->host->wake(d->host);
}

/* Is there room for what one poll may bring? If not, the task is woken to look again. */
static int may_send(struct dlq_reader *d)
{
	uint64_t id;

	if (d->n_sent <= WINDOW - DLQ_POLL_MAX)
		return 1;
	/* Without memory for a timer the task looks again by itself, only later. */
	(void)d->host->time->timer(d->host, d->host->time->mono_ns(d->host) + CONFIRM_NS, wake, d, &id);
	return 0;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct dlq_reader *d = self;
	uint32_t first = out->n;
	outflow_status status;

	if (d->ended)
		return OUTFLOW_EOF;
	if (out->cap > 0 && !may_send(d))
		return OUTFLOW_AGAIN;
	status = d->inner->poll(d->self, out, deadline_ns, err);
	if (status < 0)
		return status;
	if (show_all(d, out, first) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a dead letter");
	if (d->ended || status == OUTFLOW_EOF)
		return OUTFLOW_EOF;
	if (out->n > first || status == OUTFLOW_AGAIN)
		return status;
	/* There was something, only not for the chain: the next poll need not wait. */
	wake(d);
	return OUTFLOW_AGAIN;
}

static outflow_status committed(void *self, const outflow_commit *commits, size_t n, outflow_error *err)
{
	struct dlq_reader *d = self;
	outflow_status status = OUTFLOW_OK;
	size_t left = 0;

	for (size_t i = 0; i < d->n_sent; i++) {
		const struct dlq_sent *s = &d->sent[i];
		int done = 0;

		for (size_t k = 0; k < n && !done; k++)
			done = commits[k].stream == s->stream && s->to <= commits[k].next;
		if (!done)
			d->sent[left++] = *s;
		else if (d->replayed != NULL && status == OUTFLOW_OK)
			status = replayed_add(d->replayed, d->streams[s->stream].remembered, s->from, s->to,
			                      s->checksum);
	}
	d->n_sent = left;
	wake(d);
	if (status != OUTFLOW_OK)
		return outflow_fail(err, status, "no memory to remember what was replayed");
	return d->replayed ? replayed_save(d->replayed, err) : OUTFLOW_OK;
}

static void interrupt(void *self)
{
	struct dlq_reader *d = self;

	if (OUTFLOW_HAS(outflow_source_ops, d->inner, interrupt))
		d->inner->interrupt(d->self);
}

static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct dlq_reader *d = self;

	return OUTFLOW_HAS(outflow_source_ops, d->inner, stop) ? d->inner->stop(d->self, deadline_ns, err) : OUTFLOW_OK;
}

static void destroy(void *self)
{
	struct dlq_reader *d = self;

	d->inner->destroy(d->self);
}

static const outflow_source_ops ops = {
	.size = sizeof ops,
	.flags = OUTFLOW_SRC_OWNS_OFFSETS,
	.create = create,
	.start = start,
	.poll = poll,
	.committed = committed,
	.interrupt = interrupt,
	.stop = stop,
	.destroy = destroy,
};

outflow_status dlq_reader_install(struct dlq_reader *d, struct stage_model *source)
{
	d->sent = calloc(WINDOW, sizeof *d->sent);
	if (d->sent == NULL)
		return OUTFLOW_E_NOMEM;
	d->inner = source->component.what->ops;
	d->component = *source->component.what;
	d->component.size = sizeof d->component;
	/* Neither a copy of its own nor the division of the work: there is one. */
	d->component.flags = 0;
	d->component.extension = NULL;
	d->component.ops = &ops;
	source->component.what = &d->component;
	return OUTFLOW_OK;
}

void dlq_reader_clear(struct dlq_reader *d)
{
	free(d->streams);
	free(d->sent);
	d->streams = NULL;
	d->sent = NULL;
}
