/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.h: what waits to be put to one sink, in order. [task] throughout. */
#ifndef HOST_PIPELINE_OUTBOX_H
#define HOST_PIPELINE_OUTBOX_H
#include "host/pipeline/instance.h"

struct order;

/* Zeroed with a sink set is empty. */
struct outbox {
	struct instance *sink;
	struct ledger *ledger;
	struct order *order;                         /* who may hold back outputs of families; NULL: nobody */
	struct family *first, *last;                 /* outputs of whole families */
	struct delivery *first_single, **end_single; /* dead letters and records put again; these go first */
};

void outbox_init(struct outbox *o, struct instance *sink, struct ledger *ledger, struct order *order);

/* All outputs of a published family. */
void outbox_add_family(struct outbox *o, struct family *f);

/* One open delivery. */
void outbox_add(struct outbox *o, struct delivery *d);

/* Puts until the sink has no room (OUTFLOW_AGAIN: try again after a wake-up) or nothing is left (OUTFLOW_OK). What the
 * sink refuses is resolved as failed. */
outflow_status outbox_put(struct outbox *o);

int outbox_is_empty(const struct outbox *o);

#endif
