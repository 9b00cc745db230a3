/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_subscriber.c: the ceiling for an MQTT source that is built on Paho: subscribes at QoS 1, counts, does nothing else.
 *
 * bare_subscriber URL CLIENT-ID FILTER register   subscribes, so that the broker keeps a queue for the client
 * bare_subscriber URL CLIENT-ID FILTER COUNT      takes COUNT messages and ends
 */
#include <MQTTAsync.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MQTTAsync client;
static const char *filter;
static long wanted, taken;
static int registering;
static sem_t done;

static int on_message(void *context, char *topic, int length, MQTTAsync_message *message)
{
	(void)context;
	(void)length;
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	if (!registering && ++taken == wanted)
		sem_post(&done);
	return 1;
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
	(void)context;
	(void)data;
	if (registering)
		sem_post(&done);
}

static void on_connected(void *context, char *cause)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

	(void)context;
	(void)cause;
	response.onSuccess = on_subscribed;
	MQTTAsync_subscribe(client, filter, 1, &response);
}

int main(int argc, char **argv)
{
	MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;

	if (argc != 5)
		return 2;
	filter = argv[3];
	registering = strcmp(argv[4], "register") == 0;
	wanted = atol(argv[4]);
	sem_init(&done, 0, 0);
	MQTTAsync_create(&client, argv[1], argv[2], MQTTCLIENT_PERSISTENCE_NONE, NULL);
	MQTTAsync_setCallbacks(client, NULL, NULL, on_message, NULL);
	MQTTAsync_setConnected(client, NULL, on_connected);
	options.MQTTVersion = MQTTVERSION_3_1_1;
	options.cleansession = 0;
	if (MQTTAsync_connect(client, &options) != MQTTASYNC_SUCCESS)
		return 1;
	sem_wait(&done);
	MQTTAsync_disconnect(client, NULL);
	/* No destroy: the process ends here. */
	return 0;
}
