/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/faults.h"

#include "host/base/clock.h"
#include "host/pipeline/dead_letter.h"
#include "host/pipeline/retry.h"

#include <outflow/util.h>

#define LINE_EVERY_NS (10 * CLOCK_S)

void faults_init(struct faults *f, struct services *s, struct outbox *sink, struct outbox *dead_letters)
{
	*f = (struct faults){ .services = s, .sink = sink, .dead_letters = dead_letters };
	f->end = &f->waiting;
}

static void log_now_and_then(struct repeated_line *line, const struct instance *where, const char *what,
                             const outflow_error *err)
{
	int64_t now = clock_mono_ns();

	line->unlogged++;
	if (now < line->next_ns)
		return;
	log_write(&where->place, OUTFLOW_LOG_WARN, "%s (%llu since the last line like this): %s", what,
	          (unsigned long long)line->unlogged, err->msg);
	line->unlogged = 0;
	line->next_ns = now + LINE_EVERY_NS;
}

static void log_drop(struct faults *f, const struct instance *where, const outflow_error *err)
{
	log_now_and_then(&f->drop_line, where, "dropped by errors.tolerance = all", err);
}

outflow_status faults_reject(struct faults *f, struct slot *slot, const struct instance *where, outflow_status status,
                             outflow_error *err)
{
	outflow_record *letter;
	struct delivery *d;

	if (f->services->model->tolerance == TOLERANCE_NONE)
		return instance_blame(where, status, err);
	if (f->dead_letters == NULL) {
		log_drop(f, where, err);
		ledger_drop(slot);
		return OUTFLOW_OK;
	}
	letter = dead_letter_new(f->services, slot, where, status, err);
	d = letter ? ledger_add_dead_letter(slot, letter) : NULL;
	if (d == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a dead letter");
	d->next = f->unpublished;
	f->unpublished = d;
	return OUTFLOW_OK;
}

void faults_published(struct faults *f)
{
	struct delivery *oldest_first = NULL;

	while (f->unpublished != NULL) {
		struct delivery *d = f->unpublished;

		f->unpublished = d->next;
		d->next = oldest_first;
		oldest_first = d;
	}
	while (oldest_first != NULL) {
		struct delivery *next = oldest_first->next;

		outbox_add(f->dead_letters, oldest_first);
		oldest_first = next;
	}
}

static struct outbox *outbox_of(const struct faults *f, const struct delivery *d)
{
	return d->dead_letter ? f->dead_letters : f->sink;
}

static void wait_for_retry(struct faults *f, struct delivery *d, int64_t now_ns, const outflow_error *err)
{
	d->attempts++;
	d->due_ns = now_ns + retry_wait_ns(d->attempts);
	d->next = NULL;
	*f->end = d;
	f->end = &d->next;
	f->retried++;
	log_now_and_then(&f->retry_line, outbox_of(f, d)->sink, "will be tried again", err);
}

/* The record itself is at fault: the sink will never take it. */
static outflow_status settle(struct faults *f, struct delivery *d, outflow_error *err)
{
	const struct instance *where = outbox_of(f, d)->sink;
	outflow_record *letter;
	struct delivery *heir;

	if (d->dead_letter || f->services->model->tolerance == TOLERANCE_NONE)
		return instance_blame(where, d->status, err);
	if (f->dead_letters == NULL) {
		log_drop(f, where, err);
		ledger_finish(d, OUTCOME_DROPPED);
		return OUTFLOW_OK;
	}
	letter = dead_letter_new(f->services, d->cell.origin, where, d->status, err);
	heir = letter ? ledger_pass_on(d, letter) : NULL;
	if (heir == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a dead letter");
	outbox_add(f->dead_letters, heir);
	return OUTFLOW_OK;
}

static outflow_status handle(struct faults *f, struct delivery *d, int64_t now_ns, outflow_error *err)
{
	delivery_take_reason(d, err);
	switch (d->status) {
	case OUTFLOW_E_RETRY:
	case OUTFLOW_E_OUTAGE:
	case OUTFLOW_E_NOMEM:
		wait_for_retry(f, d, now_ns, err);
		return OUTFLOW_OK;
	case OUTFLOW_E_RECORD:
		return settle(f, d, err);
	default:
		return instance_blame(outbox_of(f, d)->sink, d->status, err);
	}
}

static void put_again_what_is_due(struct faults *f, int64_t now_ns)
{
	struct delivery **link = &f->waiting;

	while (*link != NULL) {
		struct delivery *d = *link;

		if (d->due_ns > now_ns) {
			link = &d->next;
			continue;
		}
		*link = d->next;
		delivery_reopen(d);
		outbox_add(outbox_of(f, d), d);
	}
	f->end = link;
}

outflow_status faults_handle(struct faults *f, int64_t now_ns, outflow_error *err)
{
	struct delivery *d = ledger_take_failed(f->services->ledger);
	outflow_status status = OUTFLOW_OK;
	outflow_error unused;

	while (d != NULL) {
		struct delivery *next = d->next;

		/* After the first fatal one the rest stays unresolved, as everything of a failed task does. */
		if (status == OUTFLOW_OK)
			status = handle(f, d, now_ns, err);
		else
			delivery_take_reason(d, &unused);
		d = next;
	}
	if (status != OUTFLOW_OK)
		return status;
	if (f->waiting != NULL)
		put_again_what_is_due(f, now_ns);
	return OUTFLOW_OK;
}

int64_t faults_next(const struct faults *f)
{
	int64_t next = CLOCK_NEVER;

	for (const struct delivery *d = f->waiting; d != NULL; d = d->next)
		if (d->due_ns < next)
			next = d->due_ns;
	return next;
}
