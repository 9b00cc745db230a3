/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/order.h"

#include "host/base/crc32c.h"

#include <stdlib.h>

/* Keys that share a bucket wait for each other; a power of two. */
#define N_BUCKETS 4096u

/* The retries of one stream. */
struct stream_retries {
	uint32_t n_waiting;
	int64_t latest_due_ns;
};

/* The records of some keys: the one under way, and those that wait for it. */
struct bucket {
	struct delivery *current;
	struct delivery *held, **end_held;
	struct bucket *next_busy;
};

static void release_resolved(void *ctx)
{
	order_release(ctx);
}

outflow_status order_init(struct order *o, enum order_mode mode, struct outbox *outbox, struct ledger *ledger)
{
	*o = (struct order){ .mode = mode, .outbox = outbox, .ledger = ledger };
	o->end_held = &o->held;
	if (mode != ORDER_STRICT)
		return OUTFLOW_OK;
	o->buckets = calloc(N_BUCKETS, sizeof *o->buckets);
	if (o->buckets == NULL)
		return OUTFLOW_E_NOMEM;
	/* A bucket points at a delivery: it has to let go before the delivery's memory does. */
	ledger_watch_resolved(ledger, release_resolved, o);
	return OUTFLOW_OK;
}

void order_clear(struct order *o)
{
	free(o->streams);
	free(o->buckets);
	*o = (struct order){ .mode = o->mode };
}

/* ---- default: by stream ---- */

static struct stream_retries *retries_of(struct order *o, const struct delivery *d)
{
	uint32_t stream = d->cell.origin->stream;

	return stream < o->n_streams ? &o->streams[stream] : NULL;
}

static int stream_waits(struct order *o, const struct delivery *d)
{
	const struct stream_retries *retries = retries_of(o, d);

	return retries != NULL && retries->n_waiting > 0;
}

static outflow_status make_room_for(struct order *o, uint32_t stream)
{
	struct stream_retries *list;
	uint32_t n = stream + 8;

	if (stream < o->n_streams)
		return OUTFLOW_OK;
	list = realloc(o->streams, n * sizeof *list);
	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	for (uint32_t i = o->n_streams; i < n; i++)
		list[i] = (struct stream_retries){ 0 };
	o->streams = list;
	o->n_streams = n;
	return OUTFLOW_OK;
}

outflow_status order_retry_waits(struct order *o, struct delivery *d)
{
	struct stream_retries *retries;

	if (o->mode != ORDER_DEFAULT)
		return OUTFLOW_OK;
	if (make_room_for(o, d->cell.origin->stream) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	retries = retries_of(o, d);
	if (retries->n_waiting++ > 0 && d->due_ns < retries->latest_due_ns)
		d->due_ns = retries->latest_due_ns;
	retries->latest_due_ns = d->due_ns;
	o->n_waiting++;
	return OUTFLOW_OK;
}

static void release_streams(struct order *o)
{
	struct delivery **link = &o->held;

	while (*link != NULL) {
		struct delivery *d = *link;

		if (stream_waits(o, d)) {
			link = &d->next;
			continue;
		}
		*link = d->next;
		o->n_held--;
		outbox_add(o->outbox, d);
	}
	o->end_held = link;
}

void order_retry_goes(struct order *o, struct delivery *d)
{
	if (o->mode != ORDER_DEFAULT)
		return;
	o->n_waiting--;
	if (--retries_of(o, d)->n_waiting == 0 && o->held != NULL)
		release_streams(o);
}

/* ---- strict: by topic and key ---- */

static struct bucket *bucket_of(struct order *o, const outflow_record *r)
{
	uint32_t hash = crc32c(0, r->topic.ptr, r->topic.len);

	return &o->buckets[crc32c(hash, r->key.ptr, r->key.len) & (N_BUCKETS - 1)];
}

static int take_way(struct order *o, struct delivery *d)
{
	struct bucket *b;

	if (d->record->key.ptr == NULL)
		return 1;
	b = bucket_of(o, d->record);
	if (b->current != NULL)
		return b->current == d;
	b->current = d;
	b->held = NULL;
	b->end_held = &b->held;
	b->next_busy = o->busy;
	o->busy = b;
	return 1;
}

static void release_buckets(struct order *o)
{
	struct bucket **link = &o->busy;

	while (*link != NULL) {
		struct bucket *b = *link;

		if (!delivery_is_resolved(b->current)) {
			link = &b->next_busy;
			continue;
		}
		b->current = b->held;
		if (b->current == NULL) {
			*link = b->next_busy;
			continue;
		}
		b->held = b->held->next;
		if (b->held == NULL)
			b->end_held = &b->held;
		o->n_held--;
		outbox_add(o->outbox, b->current);
		link = &b->next_busy;
	}
}

void order_release(struct order *o)
{
	if (o->mode == ORDER_STRICT)
		release_buckets(o);
}

/* ---- both ---- */

static int may_go(struct order *o, struct delivery *d)
{
	return o->mode == ORDER_STRICT ? take_way(o, d) : !stream_waits(o, d);
}

static void hold(struct order *o, struct delivery *d)
{
	struct delivery ***end = &o->end_held;

	if (o->mode == ORDER_STRICT)
		end = &bucket_of(o, d->record)->end_held;
	d->next = NULL;
	**end = d;
	*end = &d->next;
	o->n_held++;
}

uint32_t order_admit(struct order *o, struct delivery *deliveries, uint32_t n)
{
	uint32_t i = 0;

	if (o->mode == ORDER_NONE || (o->mode == ORDER_DEFAULT && o->n_waiting == 0))
		return n;
	while (i < n && may_go(o, &deliveries[i]))
		i++;
	if (i == 0)
		hold(o, &deliveries[0]);
	return i;
}
