/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock_kafka.c: librdkafka's mock cluster as a process of its own, the embedded Kafka of the demo and of quick tests.
 *
 * mock_kafka [TOPIC[:PARTITIONS]]... prints HOST:PORT and stays until its standard input ends or it is signalled. It is not
 * a real Kafka: it keeps 5 MiB a partition in memory and knows no transactions; guarantees are proved on the real one.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int create_topic(rd_kafka_mock_cluster_t *cluster, char *topic)
{
	char *colon = strchr(topic, ':');
	int partitions = colon ? atoi(colon + 1) : 1;

	if (colon != NULL)
		*colon = '\0';
	return rd_kafka_mock_topic_create(cluster, topic, partitions, 1) == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -1;
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *cluster;
	char why[300], byte;
	rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);

	if (client == NULL) {
		fprintf(stderr, "mock_kafka: %s\n", why);
		return 1;
	}
	cluster = rd_kafka_mock_cluster_new(client, 1);
	if (cluster == NULL) {
		fputs("mock_kafka: the cluster cannot be made\n", stderr);
		return 1;
	}
	for (int i = 1; i < argc; i++)
		if (create_topic(cluster, argv[i]) != 0)
			fprintf(stderr, "mock_kafka: no topic %s\n", argv[i]);
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(client);
	return 0;
}
