/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of duplicates. DUP alone says only that the broker has sent a message before, not that we have taken it
 * (MQTT 5.0, section 3.3.1.1); one is dropped only when packet identifier, topic and payload are those of a message that
 * is in the journal. Two that differ would need the same 64-bit hash and the same identifier within one window.
 */
#include "connectors/mqtt/mqtt.h"

#include <stdlib.h>

struct known {
	uint64_t hash;
	int packet;
};

struct mqtt_duplicates {
	size_t n, next;
	struct known ring[];
};

struct mqtt_duplicates *mqtt_duplicates_new(size_t n)
{
	struct mqtt_duplicates *d = calloc(1, sizeof *d + n * sizeof d->ring[0]);

	if (d != NULL)
		d->n = n;
	return d;
}

void mqtt_duplicates_free(struct mqtt_duplicates **d)
{
	free(*d);
	*d = NULL;
}

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_of(const MQTTAsync_message *m, const char *topic, size_t topic_length)
{
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), topic, topic_length);

	/* With a zero between, so that a byte moved from one to the other counts. */
	hash = mix(hash, "", 1);
	return mix(hash, m->payload, m->payloadlen > 0 ? (size_t)m->payloadlen : 0);
}

int mqtt_duplicates_know(const struct mqtt_duplicates *d, const MQTTAsync_message *m, const char *topic,
                         size_t topic_length)
{
	uint64_t hash;

	if (!m->dup || m->qos == 0)
		return 0;
	hash = hash_of(m, topic, topic_length);
	for (size_t i = 0; i < d->n; i++)
		if (d->ring[i].packet == m->msgid && d->ring[i].hash == hash)
			return 1;
	return 0;
}

void mqtt_duplicates_note(struct mqtt_duplicates *d, const MQTTAsync_message *m, const char *topic, size_t topic_length)
{
	if (m->qos == 0)
		return;
	d->ring[d->next] = (struct known){ hash_of(m, topic, topic_length), m->msgid };
	d->next = (d->next + 1) % d->n;
}

void mqtt_duplicates_forget(struct mqtt_duplicates *d)
{
	memset(d->ring, 0, d->n * sizeof d->ring[0]);
	d->next = 0;
}
