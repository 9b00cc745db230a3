/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many records the partitions are behind: from what is resolved to the high watermark. The client learns that with each
 * answer to a fetch; while nothing is fetched, which is when the lag grows, it is asked for.
 */
#include "connectors/kafka/consumer.h"

/* Each partition is asked for as often, one after the other; and how long an answer may take, with the task waiting for it. */
#define ASK_AGAIN_NS INT64_C(2000000000)
#define ANSWER_MS 100

/* Nothing has been read: it goes on at the group's offset, or where the reset policy says. */
static void ask_where_it_begins(struct consumer *k, struct partition *p, int64_t low, int64_t high)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, p->topic, p->number);
	if (rd_kafka_committed(k->client, list, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
		p->read = list->elems[0].offset >= 0 ? list->elems[0].offset : k->from_end ? high : low;
	rd_kafka_topic_partition_list_destroy(list);
}

void consumer_ask_for_ends(struct consumer *k, int64_t now_ns)
{
	struct partition *p;
	int64_t low, high;
	rd_kafka_resp_err_t code;

	if (k->n == 0 || now_ns < k->ask_at_ns)
		return;
	p = &k->partitions[k->ask_next++ % k->n];
	code = rd_kafka_query_watermark_offsets(k->client, p->topic, p->number, &low, &high, ANSWER_MS);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		p->asked_end = high;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && p->read < 0)
		ask_where_it_begins(k, p, low, high);
	/* A cluster that does not answer is left alone. */
	k->ask_at_ns = now_ns + (code == RD_KAFKA_RESP_ERR_NO_ERROR ? ASK_AGAIN_NS / (int64_t)k->n : ASK_AGAIN_NS);
}

/* Everything below is resolved, or was never there; -1: not known. */
static int64_t done(const struct consumer *k, const struct partition *p)
{
	uint64_t next = 0;

	if (k->host->stream->position(k->host, p->stream, &next) != OUTFLOW_OK)
		return -1;
	/* The end of a partition may lie behind markers of transactions, which are no records. */
	if (p->next < 0 || (int64_t)next >= p->next)
		return p->read;
	return next > 0 ? (int64_t)next : p->first;
}

static void lag(void *self, void (*show)(void *ctx, uint32_t stream, uint64_t behind), void *ctx)
{
	const struct consumer *k = self;

	for (size_t i = 0; i < k->n; i++) {
		const struct partition *p = &k->partitions[i];
		int64_t low, high, from = done(k, p);

		if (rd_kafka_get_watermark_offsets(k->client, p->topic, p->number, &low, &high) !=
		    RD_KAFKA_RESP_ERR_NO_ERROR)
			high = -1;
		if (high < p->asked_end)
			high = p->asked_end;
		if (high >= 0 && from >= 0)
			show(ctx, p->stream, high > from ? (uint64_t)(high - from) : 0);
	}
}

const outflow_lag_api kafka_lag = { .size = sizeof kafka_lag, .unit = "records", .lag = lag };
