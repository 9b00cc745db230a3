/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.h: which broker, as whom: the keys that source and sink share. */
#ifndef CONNECTORS_MQTT_ENDPOINT_H
#define CONNECTORS_MQTT_ENDPOINT_H
#include <outflow/util.h>

#include <MQTTAsync.h>

struct mqtt_endpoint {
	char *broker;
	char *client_id;
	char *username, *password;
	int version;   /* MQTTVERSION_5 or MQTTVERSION_3_1_1 */
	int keepalive; /* seconds */
	int tls;
	int tls_verify;
	char *tls_ca, *tls_cert, *tls_key, *tls_key_password;
};

extern const char *const mqtt_protocols[];

#define MQTT_KEY(NAME, TYPE, FLAGS, IMPORTANCE, GROUP, DOC)                                                            \
	.name = NAME, .type = OUTFLOW_T_##TYPE, .flags = FLAGS, .importance = OUTFLOW_IMPORTANCE_##IMPORTANCE,         \
	.group = GROUP, .doc = DOC

/* For a schema's list of keys. CLIENT_ID: what it is when it is not set. */
#define MQTT_ENDPOINT_KEYS(CLIENT_ID)                                                                                                      \
	{ MQTT_KEY(                                                                                                                        \
		"broker", STRING, OUTFLOW_K_REQUIRED, HIGH, "MQTT",                                                                        \
		"Address of the broker: tcp://HOST:PORT, ssl://HOST:PORT for TLS, ws:// or wss:// for WebSocket.") },                      \
		{ MQTT_KEY("protocol", ENUM, 0, MEDIUM, "MQTT", "Version of MQTT."), .dflt = "5",                                          \
		  .choices = mqtt_protocols },                                                                                             \
		{ MQTT_KEY(                                                                                                                \
			"client.id", STRING, 0, MEDIUM, "MQTT",                                                                            \
			"Identity at the broker; must stay the same. With several tasks the task's number is added. Unset: " CLIENT_ID) }, \
		{ MQTT_KEY("username", STRING, 0, MEDIUM, "MQTT", "User name.") },                                                         \
		{ MQTT_KEY("password", STRING, OUTFLOW_K_SECRET, MEDIUM, "MQTT",                                                           \
		           "Password; better as a reference: ${file:/path} or ${env:NAME}.") },                                            \
		{ MQTT_KEY("keepalive", DURATION_MS, 0, LOW, "MQTT",                                                                       \
		           "A silent connection is given up after about one and a half of this."),                                         \
		  .dflt = "60s", .min = 1000, .max = 65535000 },                                                                           \
		{ MQTT_KEY("tls.ca", STRING, 0, MEDIUM, "TLS",                                                                             \
		           "File of CA certificates that the broker's is checked against. Unset: the system's.") },                        \
		{ MQTT_KEY("tls.cert", STRING, 0, LOW, "TLS",                                                                              \
		           "File of our own certificate, for brokers that ask for one.") },                                                \
		{ MQTT_KEY("tls.key", STRING, 0, LOW, "TLS", "File of its private key.") },                                                \
		{ MQTT_KEY("tls.key.password", STRING, OUTFLOW_K_SECRET, LOW, "TLS",                                                       \
		           "Password of the private key.") },                                                                              \
	{                                                                                                                                  \
		MQTT_KEY("tls.verify", BOOL, 0, LOW, "TLS",                                                                                \
		         "false accepts any certificate and any name: for trials only."),                                                  \
			.dflt = "true"                                                                                                     \
	}

/* role: what tells this client from others of the pipeline in its default name: "outflow-" or "outflow-sink-".
 * OUTFLOW_E_NOMEM; mqtt_endpoint_clear frees what was made. */
outflow_status mqtt_endpoint_read(const outflow_host *h, const outflow_config *c, const char *role,
                                  struct mqtt_endpoint *e, outflow_error *err);
void mqtt_endpoint_clear(struct mqtt_endpoint *e);

/* Reports what no single key shows; returns how many problems. */
int mqtt_endpoint_check(const outflow_host *h, const outflow_config *c);

#endif
