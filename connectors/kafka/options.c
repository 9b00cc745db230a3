/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/kafka/kafka.h"

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
	{ .name = "buffer.bytes",
	  .type = OUTFLOW_T_SIZE,
	  .importance = LOW,
	  .dflt = "32MiB",
	  .min = 1048576,
	  .max = INT64_C(1) << 40,
	  .group = "Kafka",
	  .doc = "Memory for records that wait to be sent; beyond it the source waits." },
	{ .name = "producer.",
	  .type = OUTFLOW_T_PREFIX,
	  .importance = LOW,
	  .group = "Kafka",
	  .doc = "Any property of librdkafka, such as producer.security.protocol; it wins over the keys above." },
};

/* ---- librdkafka's properties ---- */

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, outflow_error *err)
{
	char why[300];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
		return 0;
	outflow_fail(err, OUTFLOW_E_CONFIG, "producer.%s: %s", name, why);
	return -1;
}

static int set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, outflow_error *err)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	return set(conf, name, text, err);
}

static int set_text(rd_kafka_conf_t *conf, const char *name, outflow_str value, outflow_error *err)
{
	char *copy = strndup(value.ptr, value.len);
	int rc = copy ? set(conf, name, copy, err) : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");

	free(copy);
	return rc;
}

static int set_own_keys(rd_kafka_conf_t *conf, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_str acks = outflow_config_text(h, c, "acks");
	int64_t timeout = outflow_config_number(h, c, "attempt.timeout"),
		linger = outflow_config_number(h, c, "linger");
	char client[200];

	snprintf(client, sizeof client, "connector-producer-%s-%u", h->pipeline ? h->pipeline : "check", h->task);
	return set_text(conf, "bootstrap.servers", outflow_config_text(h, c, "bootstrap"), err) ||
	       set_text(conf, "acks", acks, err) ||
	       /* Without confirmation from all there is nothing that idempotence could hold on to. */
	       set(conf, "enable.idempotence", outflow_equal(acks, "all") ? "true" : "false", err) ||
	       set_text(conf, "compression.type", outflow_config_text(h, c, "compression"), err) ||
	       set_number(conf, "linger.ms", linger < timeout ? linger : timeout - 1, err) ||
	       set_number(conf, "message.timeout.ms", timeout, err) ||
	       set_number(conf, "queue.buffering.max.kbytes", outflow_config_number(h, c, "buffer.bytes") / 1024,
	                  err) ||
	       set(conf, "queue.buffering.max.messages", "1000000", err) || set(conf, "client.id", client, err) ||
	       /* A typo must not make a topic. */
	       set(conf, "allow.auto.create.topics", "false", err) || set(conf, "socket.nagle.disable", "true", err) ||
	       /* The same partition for a key as Java's producers choose. */
	       set(conf, "partitioner", "murmur2_random", err);
}

static int set_passed_through(rd_kafka_conf_t *conf, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_str key = { NULL, 0 }, value = { NULL, 0 };
	size_t n = h->config->prefix(c, "producer.", SIZE_MAX, &key, &value);

	for (size_t i = 0; i < n; i++) {
		char name[200];

		h->config->prefix(c, "producer.", i, &key, &value);
		snprintf(name, sizeof name, "%.*s", (int)key.len, key.ptr);
		if (set_text(conf, name, value, err) != 0)
			return -1;
	}
	return 0;
}

rd_kafka_conf_t *kafka_sink_conf(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (set_own_keys(conf, h, c, err) == 0 && set_passed_through(conf, h, c, err) == 0)
		return conf;
	rd_kafka_conf_destroy(conf);
	return NULL;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	rd_kafka_conf_t *conf = kafka_sink_conf(h, c, err);
	char *colon;

	if (conf == NULL) {
		/* The error begins with the key, which the host prints by itself. */
		colon = strstr(err->msg, ": ");
		if (colon != NULL)
			*colon = '\0';
		h->problem(h, colon ? err->msg : "bootstrap", colon ? colon + 2 : err->msg);
		return OUTFLOW_E_CONFIG;
	}
	rd_kafka_conf_destroy(conf);
	return OUTFLOW_OK;
}

const outflow_cfg_def kafka_sink_schema = {
	.size = sizeof kafka_sink_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};
