/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_mock.h: a mock cluster of librdkafka and a harness that knows where it is, for the tests of the Kafka plugin. */
#ifndef TESTS_UNIT_KAFKA_MOCK_H
#define TESTS_UNIT_KAFKA_MOCK_H
#include "sdk/testing/harness.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* How long anything may take. */
#define WAIT_MS 20000

struct kafka_mock {
	rd_kafka_t *owner;
	rd_kafka_mock_cluster_t *cluster;
	outflow_harness *t;
};

/* So many brokers, a topic "t" with so many partitions; the harness has a bootstrap and the machine's clock. */
void kafka_mock_begin(struct kafka_mock *m, int brokers, int partitions);
void kafka_mock_end(struct kafka_mock *m);

/* The plugin's component of that name. */
const outflow_component *kafka_component(const char *name);

#endif
