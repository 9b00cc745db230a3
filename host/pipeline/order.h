/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h: which records may go to the sink now, so that a retry changes their order no more than `order` allows.
 *
 *   default  while a record waits for its retry, no newer one of its stream goes; retries of a stream go in the order in
 *            which they failed. What was under way already may overtake: at most inflight.records
 *   strict   of the records with one topic and key only one is under way. Records without a key have no order
 *   none     everything goes at once
 *
 * [task] throughout.
 */
#ifndef HOST_PIPELINE_ORDER_H
#define HOST_PIPELINE_ORDER_H
#include "host/pipeline/outbox.h"

struct bucket;
struct stream_retries;

struct order {
	enum order_mode mode;
	struct outbox *outbox;
	struct ledger *ledger;
	uint64_t n_held;
	/* default */
	struct stream_retries *streams; /* by handle */
	uint32_t n_streams;
	uint64_t n_waiting;
	struct delivery *held, **end_held;
	/* strict */
	struct bucket *buckets, *busy;
};

/* OUTFLOW_E_NOMEM: nothing is left behind. */
outflow_status order_init(struct order *o, enum order_mode mode, struct outbox *outbox, struct ledger *ledger);
void order_clear(struct order *o);

/* Of n deliveries in the order of emission: how many, from the first on, may go now. 0: the first one is held back; it
 * is put into the outbox when its way is free. */
uint32_t order_admit(struct order *o, struct delivery *deliveries, uint32_t n);

/* A failed delivery waits until d->due_ns, which may be put off. OUTFLOW_E_NOMEM. */
outflow_status order_retry_waits(struct order *o, struct delivery *d);

/* Its wait is over and it is in the outbox again. */
void order_retry_goes(struct order *o, struct delivery *d);

/* Lets go what is held back behind records that have been resolved since. */
void order_release(struct order *o);

#endif
