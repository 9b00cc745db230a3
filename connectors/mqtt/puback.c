/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paho acknowledges a QoS 1 message when messageArrived has returned, whatever it returns. The plugin is linked with
 * --wrap=MQTTPacket_send_puback, so that the call comes here, on the same thread: when the journal did not take the
 * message, the acknowledgement is not sent and the failure that is reported makes Paho drop the connection. The task makes
 * the next one, and the broker, which keeps the session, sends the message again with DUP set (MQTT 5.0, section 4.4).
 */
#include "connectors/mqtt/mqtt.h"

#define SOCKET_ERROR -1

static __thread int refused;

void puback_refuse(void)
{
	refused = 1;
}

void puback_allow(void)
{
	refused = 0;
}

int __real_MQTTPacket_send_puback(int version, int packet_id, void *socket, const char *client_id);
int __wrap_MQTTPacket_send_puback(int version, int packet_id, void *socket, const char *client_id);

int __wrap_MQTTPacket_send_puback(int version, int packet_id, void *socket, const char *client_id)
{
	if (refused) {
		refused = 0;
		return SOCKET_ERROR;
	}
	return __real_MQTTPacket_send_puback(version, packet_id, socket, client_id);
}
