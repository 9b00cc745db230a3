/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/kafka/kafka.h"

#include <outflow/topic.h>

#include <stdio.h>
#include <stdlib.h>

static const char *const acks_choices[] = { "0", "1", "all", NULL };
static const char *const compression_choices[] = { "none", "gzip", "snappy", "lz4", "zstd", NULL };

#define HIGH OUTFLOW_IMPORTANCE_HIGH
#define MEDIUM OUTFLOW_IMPORTANCE_MEDIUM
#define LOW OUTFLOW_IMPORTANCE_LOW

static const outflow_cfg_key keys[] = {
	{ .name = "bootstrap",
	  .type = OUTFLOW_T_LIST,
	  .flags = OUTFLOW_K_REQUIRED,
	  .importance = HIGH,
	  .group = "Kafka",
	  .doc = "Brokers to begin with, HOST:PORT." },
	{ .name = "acks",
	  .type = OUTFLOW_T_ENUM,
	  .importance = HIGH,
	  .dflt = "all",
	  .choices = acks_choices,
	  .group = "Kafka",
	  .doc = "Who has to confirm a record: all in-sync replicas, the leader (1), or nobody (0: at most once)." },
	{ .name = "compression",
	  .type = OUTFLOW_T_ENUM,
	  .importance = MEDIUM,
	  .dflt = "lz4",
	  .choices = compression_choices,
	  .group = "Kafka",
	  .doc = "Compression of the batches sent." },
	{ .name = "linger",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = MEDIUM,
	  .dflt = "5ms",
	  .min = 0,
	  .max = 900000,
	  .group = "Kafka",
	  .doc = "How long a batch waits for more records." },
	{ .name = "attempt.timeout",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = MEDIUM,
	  .dflt = "30s",
	  .min = 1000,
	  .max = 86400000,
	  .group = "Kafka",
	  .doc = "One attempt ends after this; then the pipeline's retries decide. An attempt that ended so may have been "
	         "stored all the same: a retry may duplicate." },
	{ .name = "grace",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = MEDIUM,
	  .dflt = "60s",
	  .min = 0,
	  .max = 86400000,
	  .group = "Kafka",
	  .doc = "How long a running task waits when its topic is gone or its login is refused, before it fails. At the "
	         "start it fails at once." },
	{ .name = "payload.copy",
	  .type = OUTFLOW_T_BOOL,
	  .flags = OUTFLOW_K_ADVANCED,
	  .importance = LOW,
	  .dflt = "false",
	  .group = "Kafka",
	  .doc = "Does the client copy payloads? It reads them where they are; a copy tells faults of lifetime from others." },
	{ .name = "buffer.bytes",
	  .type = OUTFLOW_T_SIZE,
	  .importance = LOW,
	  .dflt = "32MiB",
	  .min = 1048576,
	  .max = INT64_C(1) << 40,
	  .group = "Kafka",
	  .doc = "Memory for records that wait to be sent; beyond it the source waits." },
	{ .name = "create.partitions",
	  .type = OUTFLOW_T_INT,
	  .importance = LOW,
	  .min = -1,
	  .max = 100000,
	  .group = "Kafka",
	  .doc = "A topic that does not exist is created, with so many partitions; -1: as the brokers choose. Unset: it is "
	         "not created." },
	{ .name = "create.replicas",
	  .type = OUTFLOW_T_INT,
	  .importance = LOW,
	  .min = -1,
	  .max = 32767,
	  .group = "Kafka",
	  .doc = "With create.partitions: so many replicas of each; -1: as the brokers choose." },
	{ .name = "create.config.",
	  .type = OUTFLOW_T_PREFIX,
	  .importance = LOW,
	  .group = "Kafka",
	  .doc = "With create.partitions: settings of such a topic, such as create.config.cleanup.policy." },
	{ .name = "producer.",
	  .type = OUTFLOW_T_PREFIX,
	  .importance = LOW,
	  .group = "Kafka",
	  .doc = "Any property of librdkafka, such as producer.security.protocol; it wins over the keys above." },
};

rd_kafka_conf_t *kafka_sink_conf(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_str acks = outflow_config_text(h, c, "acks");
	int64_t timeout = outflow_config_number(h, c, "attempt.timeout"),
		linger = outflow_config_number(h, c, "linger");
	struct kafka_conf conf;
	char client[200];

	kafka_conf_begin(&conf, "producer.", err);
	snprintf(client, sizeof client, "connector-producer-%s-%u", h->pipeline ? h->pipeline : "check", h->task);
	kafka_conf_set_text(&conf, "bootstrap.servers", outflow_config_text(h, c, "bootstrap"));
	kafka_conf_set_text(&conf, "acks", acks);
	/* Without confirmation from all there is nothing that idempotence could hold on to. */
	kafka_conf_set(&conf, "enable.idempotence", outflow_equal(acks, "all") ? "true" : "false");
	kafka_conf_set_text(&conf, "compression.type", outflow_config_text(h, c, "compression"));
	kafka_conf_set_number(&conf, "linger.ms", linger < timeout ? linger : timeout - 1);
	kafka_conf_set_number(&conf, "message.timeout.ms", timeout);
	kafka_conf_set_number(&conf, "queue.buffering.max.kbytes", outflow_config_number(h, c, "buffer.bytes") / 1024);
	kafka_conf_set(&conf, "queue.buffering.max.messages", "1000000");
	kafka_conf_set(&conf, "client.id", client);
	/* A typo must not make a topic. */
	kafka_conf_set(&conf, "allow.auto.create.topics", "false");
	/* Records for a topic that nobody knows are held back for so long, in case it was made just now. */
	kafka_conf_set_number(&conf, "topic.metadata.propagation.max.ms", timeout < 10000 ? timeout / 2 : 5000);
	kafka_conf_set(&conf, "socket.nagle.disable", "true");
	/* Flowing again soon after an outage is worth one attempt a second; the client's own limit is 10 s. */
	kafka_conf_set(&conf, "reconnect.backoff.max.ms", "1000");
	/* The same partition for a key as Java's producers choose. */
	kafka_conf_set(&conf, "partitioner", "murmur2_random");
	kafka_conf_pass_through(&conf, h, c);
	kafka_conf_insist(&conf, "delivery.report.only.error", "false", "every record needs its report");
	kafka_conf_insist(&conf, "transactional.id", "", "this sink has no transactions");
	return kafka_conf_end(&conf);
}

static outflow_status check_creation(const outflow_host *h, const outflow_config *c)
{
	outflow_str key = { NULL, 0 }, value = { NULL, 0 };
	int partitions = h->config->str(c, "create.partitions", &value) == OUTFLOW_OK;
	int replicas = h->config->str(c, "create.replicas", &value) == OUTFLOW_OK;
	int good = 1;

	if (!partitions && (replicas || h->config->prefix(c, "create.config.", SIZE_MAX, &key, &value) > 0)) {
		h->problem(h, replicas ? "create.replicas" : "create.config.",
		           "has no effect without create.partitions");
		good = 0;
	}
	if (partitions && !replicas) {
		h->problem(h, "create.partitions", "needs create.replicas beside it");
		good = 0;
	}
	if (partitions && outflow_config_number(h, c, "create.partitions") == 0) {
		h->problem(h, "create.partitions", "'0': a topic has one partition at least");
		good = 0;
	}
	if (replicas && outflow_config_number(h, c, "create.replicas") == 0) {
		h->problem(h, "create.replicas", "'0': a partition has one replica at least");
		good = 0;
	}
	return good ? OUTFLOW_OK : OUTFLOW_E_CONFIG;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_status status = kafka_conf_report(h, kafka_sink_conf(h, c, err), err);
	outflow_status topic = outflow_topic_check_constant(h, c, OUTFLOW_TOPIC_KAFKA), creation = check_creation(h, c);

	return status != OUTFLOW_OK ? status : topic != OUTFLOW_OK ? topic : creation;
}

const outflow_cfg_def kafka_sink_schema = {
	.size = sizeof kafka_sink_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};
