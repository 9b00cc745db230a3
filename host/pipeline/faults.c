/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/faults.h"

#include "host/base/clock.h"
#include "host/pipeline/dead_letter.h"
#include "host/pipeline/error_log.h"
#include "host/pipeline/retry.h"
#include "host/pipeline/watch.h"

#include <outflow/util.h>

#include <sys/random.h>

#define LINE_EVERY_NS (10 * CLOCK_S)

void faults_init(struct faults *f, struct services *s, struct outbox *sink, struct outbox *dead_letters,
                 struct order *order)
{
	*f = (struct faults){
		.services = s, .sink = sink, .dead_letters = dead_letters, .order = order, .next_due_ns = CLOCK_NEVER
	};
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

static void log_drop(struct faults *f, const struct failure *failure)
{
	log_now_and_then(&f->drop_line, failure->where, "dropped by errors.tolerance = all", failure->reason);
}

void faults_log_source(struct faults *f, const struct instance *source, const outflow_error *err)
{
	log_now_and_then(&f->source_line, source, "in trouble, asked again", err);
}

/* ---- trying again ---- */

int faults_is_transient(outflow_status status)
{
	return status == OUTFLOW_E_RETRY || status == OUTFLOW_E_OUTAGE || status == OUTFLOW_E_NOMEM;
}

/* Does this failure use up a retry? */
static int counts(const struct faults *f, outflow_status status)
{
	return status == OUTFLOW_E_RETRY || (status == OUTFLOW_E_OUTAGE && f->services->model->outage_to_dlq);
}

int64_t faults_wait_ns(const struct faults *f, outflow_status status, uint32_t attempts, int64_t first_ns)
{
	uint64_t random = 0;

	if (!counts(f, status))
		return outage_wait_ns(attempts);
	/* Without random numbers everybody waits the same time: still a wait. */
	(void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
	return retry_wait_ns(&f->services->model->retry, attempts, clock_mono_ns() - first_ns, random);
}

static struct outbox *outbox_of(const struct faults *f, const struct delivery *d)
{
	return d->dead_letter ? f->dead_letters : f->sink;
}

/* OUTFLOW_E_RECORD: the retries are used up; OUTFLOW_E_TASK: no memory. */
static outflow_status wait_for_retry(struct faults *f, struct delivery *d, int64_t now_ns, outflow_error *err)
{
	uint32_t attempts = counts(f, d->status) ? ++d->attempts : ++d->outages;
	int64_t wait;

	if (d->first_failed_ns == 0)
		d->first_failed_ns = now_ns;
	wait = faults_wait_ns(f, d->status, attempts, d->first_failed_ns);
	if (wait == RETRY_NO_MORE)
		return OUTFLOW_E_RECORD;
	d->due_ns = now_ns + wait;
	if (!d->dead_letter && order_retry_waits(f->order, d) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a retry");
	if (d->due_ns < f->next_due_ns)
		f->next_due_ns = d->due_ns;
	d->next = NULL;
	*f->end = d;
	f->end = &d->next;
	f->retried++;
	log_now_and_then(&f->retry_line, outbox_of(f, d)->sink, "will be tried again", err);
	return OUTFLOW_OK;
}

static void put_again_what_is_due(struct faults *f, int64_t now_ns)
{
	struct delivery **link = &f->waiting;

	f->next_due_ns = CLOCK_NEVER;
	while (*link != NULL) {
		struct delivery *d = *link;

		if (d->due_ns > now_ns) {
			if (d->due_ns < f->next_due_ns)
				f->next_due_ns = d->due_ns;
			link = &d->next;
			continue;
		}
		*link = d->next;
		delivery_reopen(d);
		outbox_add(outbox_of(f, d), d);
		if (!d->dead_letter)
			order_retry_goes(f->order, d);
	}
	f->end = link;
}

int64_t faults_next(const struct faults *f)
{
	return f->next_due_ns;
}

/* ---- giving up ---- */

/* Says in err why the task ends over this record; its own status would stop everything or be tried again. */
static outflow_status refuse(const struct failure *failure, outflow_status status, outflow_error *err)
{
	if (err != failure->reason)
		*err = *failure->reason;
	return instance_blame(failure->where, status, err);
}

/* To whoever wants to know: what becomes of it is certain. */
static void tell(const struct faults *f, const struct slot *slot, const struct failure *failure)
{
	const struct watch *w = watch_of(f->services);
	enum outcome outcome = f->dead_letters ? OUTCOME_DEAD_LETTERED : OUTCOME_DROPPED;

	error_log_write(f->services, slot, failure);
	if (w == NULL)
		return;
	if (f->services->model->tolerance == TOLERANCE_NONE ||
	    failure->where == (f->dead_letters ? f->dead_letters->sink : NULL))
		outcome = OUTCOME_NONE;
	w->failure(w->ctx, slot, failure, outcome);
}

outflow_status faults_reject(struct faults *f, struct slot *slot, const struct failure *failure, outflow_error *err)
{
	outflow_record *letter;
	struct delivery *d;

	tell(f, slot, failure);
	if (f->services->model->tolerance == TOLERANCE_NONE)
		return refuse(failure, OUTFLOW_E_RECORD, err);
	if (f->dead_letters == NULL) {
		log_drop(f, failure);
		ledger_drop(slot);
		return OUTFLOW_OK;
	}
	letter = dead_letter_new(f->services, slot, failure);
	d = letter ? ledger_add_dead_letter(slot, letter) : NULL;
	if (d == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a dead letter");
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

/* The sink will never take it, or has been asked often enough. */
static outflow_status give_up(struct faults *f, struct delivery *d, int64_t now_ns, outflow_error *err)
{
	int64_t now_ms = clock_wall_ms();
	int64_t age_ns = d->first_failed_ns != 0 ? now_ns - d->first_failed_ns : 0;
	struct failure failure = { .where = outbox_of(f, d)->sink,
		                   .status = d->status,
		                   .attempts = d->attempts + d->outages + (d->status == OUTFLOW_E_RECORD),
		                   .first_ms = now_ms - age_ns / CLOCK_MS,
		                   .last_ms = now_ms,
		                   .reason = err };
	outflow_record *letter;
	struct delivery *heir;

	tell(f, d->cell.origin, &failure);
	/* A dead letter of a dead letter would go the same way. */
	if (d->dead_letter)
		return refuse(&failure, OUTFLOW_E_TASK, err);
	if (f->services->model->tolerance == TOLERANCE_NONE)
		return refuse(&failure, OUTFLOW_E_RECORD, err);
	if (f->dead_letters == NULL) {
		log_drop(f, &failure);
		ledger_finish(d, OUTCOME_DROPPED);
		return OUTFLOW_OK;
	}
	letter = dead_letter_new(f->services, d->cell.origin, &failure);
	heir = letter ? ledger_pass_on(d, letter) : NULL;
	if (heir == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "no memory for a dead letter");
	outbox_add(f->dead_letters, heir);
	return OUTFLOW_OK;
}

static outflow_status handle(struct faults *f, struct delivery *d, int64_t now_ns, outflow_error *err)
{
	outflow_status status = d->status;

	delivery_take_reason(d, err);
	if (faults_is_transient(status)) {
		status = wait_for_retry(f, d, now_ns, err);
		if (status != OUTFLOW_E_RECORD)
			return status;
	}
	if (status == OUTFLOW_E_RECORD)
		return give_up(f, d, now_ns, err);
	return instance_blame(outbox_of(f, d)->sink, status, err);
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
	if (status == OUTFLOW_OK && f->next_due_ns <= now_ns)
		put_again_what_is_due(f, now_ns);
	return status;
}
