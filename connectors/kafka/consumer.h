/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.h: what the group's source and the bounded reader share: a librdkafka consumer, the partitions that are ours,
 * and how a message becomes a record. [task] throughout.
 */
#ifndef CONNECTORS_KAFKA_CONSUMER_H
#define CONNECTORS_KAFKA_CONSUMER_H
#include "connectors/kafka/kafka.h"

#include <outflow/ext/lag.h>
#include <outflow/ext/offsets.h>

/* A partition that is assigned to us. */
struct partition {
	char *topic;
	int32_t number;
	uint32_t stream;
	int64_t first, next; /* offset of the first record emitted, and behind the last one; -1: none was */
	int64_t read;        /* nothing below is still to be read; -1: not known */
	int64_t asked_end;   /* the end as last asked for; -1: it was not */
	int64_t end;         /* the reader's: nothing from this offset on is read */
	int done;            /* the reader's: it has been read up to its end */
};

struct consumer {
	const outflow_host *host;
	rd_kafka_conf_t *conf; /* until consumer_start */
	rd_kafka_t *client;
	rd_kafka_queue_t *queue;
	struct partition *partitions;
	size_t n, latest;         /* latest: where the last message belonged */
	rd_kafka_message_t *kept; /* one that found no room */
	size_t ask_next;          /* lag.c: which partition is asked for, and when */
	int64_t ask_at_ns;
	int from_end;           /* without an offset of the group */
	int started;            /* something has been assigned once */
	outflow_status refusal; /* what it means when */
	char refused[300];      /* what the broker said against our credentials; "" as long as it did not */
};

/* Keys that both have. */
#define CONSUMER_KEYS(TOPICS)                                                                                          \
	{ .name = "bootstrap",                                                                                         \
	  .type = OUTFLOW_T_LIST,                                                                                      \
	  .flags = OUTFLOW_K_REQUIRED,                                                                                 \
	  .importance = OUTFLOW_IMPORTANCE_HIGH,                                                                       \
	  .group = "Kafka",                                                                                            \
	  .doc = "Brokers to begin with, HOST:PORT." },                                                                \
		{ .name = "topics",                                                                                    \
		  .type = OUTFLOW_T_LIST,                                                                              \
		  .flags = OUTFLOW_K_REQUIRED,                                                                         \
		  .importance = OUTFLOW_IMPORTANCE_HIGH,                                                               \
		  .group = "Kafka",                                                                                    \
		  .doc = TOPICS },                                                                                     \
	{                                                                                                              \
		.name = "consumer.", .type = OUTFLOW_T_PREFIX, .importance = OUTFLOW_IMPORTANCE_LOW, .group = "Kafka", \
		.doc = "Any property of librdkafka, such as consumer.security.protocol; it wins over the keys above."  \
	}

/* The group that the source is a member of, malloc'd; NULL: no memory. [any] */
char *consumer_group(const outflow_host *h, const outflow_config *c);

/* Makes librdkafka's configuration from the shared keys; group: group.id. OUTFLOW_E_CONFIG. */
outflow_status consumer_configure(struct consumer *k, const outflow_host *h, const outflow_config *c, const char *group,
                                  outflow_error *err);

/* Makes the client; from here on new messages wake the task. OUTFLOW_E_CONFIG. */
outflow_status consumer_start(struct consumer *k, outflow_error *err);

/* Asks for one topic's partitions. OUTFLOW_E_CONFIG: there is no such topic; OUTFLOW_E_TASK: we may not read it;
 * OUTFLOW_E_OUTAGE: no answer within the time, err says so. *n: how many. */
outflow_status consumer_ask(struct consumer *k, const char *topic, int timeout_ms, int32_t *n, outflow_error *err);

/* How a partition is called towards the host, in Kafka Connect's spelling. [any] */
#define CONSUMER_STREAM_MAX 400
void consumer_stream_name(const char *topic, int32_t number, char name[CONSUMER_STREAM_MAX]);

/* Opens the partition's stream and adds it. *resume may be NULL. OUTFLOW_E_NOMEM, OUTFLOW_E_CONFIG. */
outflow_status consumer_add(struct consumer *k, const char *topic, int32_t number, outflow_resume *resume,
                            outflow_error *err);

/* The partition's entry, or NULL when it is not ours. */
struct partition *consumer_find(struct consumer *k, const char *topic, int32_t number);

/* Closes the partition's stream and forgets it. */
void consumer_remove(struct consumer *k, struct partition *p);

/* Emits the message as a record of p; the batch gets copies. OUTFLOW_AGAIN: no room. OUTFLOW_E_NOMEM. */
outflow_status consumer_emit(struct consumer *k, struct partition *p, const rd_kafka_message_t *m, outflow_batch *out);

/* What a message without payload says: logs it and returns OUTFLOW_OK when the client goes on by itself, else ends the
 * task with the status. */
outflow_status consumer_error(struct consumer *k, const rd_kafka_message_t *m, outflow_error *err);

/* The credentials were refused before anything was ever assigned: nothing to wait for. */
outflow_status consumer_check_refused(const struct consumer *k, outflow_error *err);

void consumer_clear(struct consumer *k);

/* lag.c: how far the partitions are behind, by what the client knows; and what it does not learn while it does not fetch: asks
 * for the end of one partition, now and then, and waits a moment for the answer. */
extern const outflow_lag_api kafka_lag;
void consumer_ask_for_ends(struct consumer *k, int64_t now_ns);

/* offsets.c: the group's committed offsets, while nobody reads with it. */
extern const outflow_offsets_api kafka_offsets;

/* 1 when topic is the name of one, 0 for a pattern ("^..."), which librdkafka matches itself. */
int consumer_is_name(outflow_str topic);

#endif
