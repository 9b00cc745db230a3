/* SPDX-License-Identifier: Apache-2.0 */
/* bare_producer.c: the ceiling for a Kafka sink that is built on librdkafka: COUNT messages of 200 B, acks=all, with a key.
 *
 * bare_producer BOOTSTRAP TOPIC COUNT */
#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[300], value[200];
	rd_kafka_topic_t *topic;
	rd_kafka_t *client;
	long count;

	if (argc != 4)
		return 2;
	count = atol(argv[3]);
	memset(value, 'x', sizeof value);
	rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], NULL, 0);
	rd_kafka_conf_set(conf, "enable.idempotence", "true", NULL, 0);
	rd_kafka_conf_set(conf, "compression.type", "lz4", NULL, 0);
	rd_kafka_conf_set(conf, "queue.buffering.max.messages", "1000000", NULL, 0);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	if (client == NULL) {
		fprintf(stderr, "bare_producer: %s\n", why);
		return 1;
	}
	topic = rd_kafka_topic_new(client, argv[2], NULL);
	for (long i = 0; i < count;) {
		char key[16];
		int n = snprintf(key, sizeof key, "d%ld", i % 20);

		if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, sizeof value, key,
		                     (size_t)n, NULL) == 0)
			i++;
		else
			rd_kafka_poll(client, 10);
	}
	rd_kafka_flush(client, 60000);
	return 0;
}
