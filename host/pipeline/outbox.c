/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/outbox.h"

#include "host/base/crash_point.h"
#include "host/pipeline/order.h"

#define RESOLVED_AT_ONCE 64u

void outbox_init(struct outbox *o, struct instance *sink, struct ledger *ledger, struct order *order)
{
	*o = (struct outbox){ .sink = sink, .ledger = ledger, .order = order };
	o->end_single = &o->first_single;
}

void outbox_add_family(struct outbox *o, struct family *f)
{
	f->next_put = NULL;
	if (o->first == NULL)
		o->first = f;
	else
		o->last->next_put = f;
	o->last = f;
}

void outbox_add(struct outbox *o, struct delivery *d)
{
	d->next = NULL;
	*o->end_single = d;
	o->end_single = &d->next;
}

int outbox_is_empty(const struct outbox *o)
{
	return o->first == NULL && o->first_single == NULL;
}

static void resolve_taken(struct outbox *o, outflow_record *recs, size_t n)
{
	outflow_record *some[RESOLVED_AT_ONCE];

	while (n > 0) {
		size_t part = n < RESOLVED_AT_ONCE ? n : RESOLVED_AT_ONCE;

		for (size_t i = 0; i < part; i++)
			some[i] = &recs[i];
		ledger_resolve(o->ledger, some, part, OUTFLOW_OK, NULL);
		recs += part;
		n -= part;
	}
}

/* One call of the sink with n records and their deliveries. *settled: how many of recs need no further put. Nothing of a family may be touched afterwards
 * when all of it is settled. */
static outflow_status put(struct outbox *o, struct delivery *first, outflow_record *recs, size_t n, size_t *settled)
{
	const outflow_sink_ops *ops = o->sink->component.what->ops;
	outflow_error err = { .size = sizeof err };
	outflow_record *refused;
	outflow_status status;
	size_t taken = 0;

	ledger_note_put(first, n);
	status = ops->put(o->sink->self, recs, n, &taken, &err);
	CRASH_POINT("sink.after_put");
	if (status == OUTFLOW_OK || status == OUTFLOW_SLOW)
		taken = n;
	if (taken > n || (status < 0 && taken == n)) {
		instance_misbehaved(o->sink, "put_count", "put() says that it took %zu of %zu records", taken, n);
		taken = status < 0 ? n - 1 : n;
	}
	if (status > 0 && status != OUTFLOW_AGAIN && status != OUTFLOW_SLOW) {
		instance_misbehaved(o->sink, "put_status", "put() answers %d", (int)status);
		status = OUTFLOW_AGAIN;
	}
	if (ops->flags & OUTFLOW_SINK_SYNC)
		resolve_taken(o, recs, taken);
	*settled = taken;
	if (status >= 0)
		return status == OUTFLOW_AGAIN && taken < n ? OUTFLOW_AGAIN : OUTFLOW_OK;
	refused = &recs[taken];
	ledger_resolve(o->ledger, &refused, 1, status, &err);
	*settled = taken + 1;
	return OUTFLOW_OK;
}

/* One that was let go may have to wait again; a retry goes when its time has come. */
static int is_held_back(struct outbox *o, struct delivery *d)
{
	return o->order != NULL && d->first_failed_ns == 0 && order_admit(o->order, d, 1) == 0;
}

static outflow_status put_singles(struct outbox *o)
{
	while (o->first_single != NULL) {
		struct delivery *d = o->first_single;
		struct delivery *next = d->next;
		int dead_letter = d->dead_letter;
		size_t settled = 0;
		outflow_status status;

		/* Out of the list first: once it is put, its link may serve another list. */
		o->first_single = next;
		if (next == NULL)
			o->end_single = &o->first_single;
		if (is_held_back(o, d))
			continue;
		status = put(o, d, d->record, 1, &settled);
		if (settled == 0) {
			d->next = o->first_single;
			if (o->first_single == NULL)
				o->end_single = &d->next;
			o->first_single = d;
			if (status == OUTFLOW_AGAIN)
				return status;
		}
		if (dead_letter)
			CRASH_POINT("dead_letter.after_put");
	}
	return OUTFLOW_OK;
}

outflow_status outbox_put(struct outbox *o)
{
	outflow_status status = put_singles(o);

	while (status == OUTFLOW_OK && o->first != NULL) {
		struct family *f = o->first;
		struct family *next = f->next_put;
		uint32_t from = f->n_put;
		uint32_t left = f->n_outputs - from;
		uint32_t n = o->order != NULL ? order_admit(o->order, &f->deliveries[from], left) : left;
		size_t settled = 1; /* the one held back */

		if (n > 0)
			status = put(o, &f->deliveries[from], f->outputs + from, n, &settled);
		if (settled < left) {
			f->n_put += (uint32_t)settled;
			continue;
		}
		o->first = next;
	}
	return status;
}
