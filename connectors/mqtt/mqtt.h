/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt.h: what the files of this plugin share. */
#ifndef CONNECTORS_MQTT_H
#define CONNECTORS_MQTT_H
#include <outflow/util.h>

#include <MQTTAsync.h>

/* ---- puback.c ---- */

/* The message that this thread's callback is about was not taken: no PUBACK may leave for it. */
void puback_refuse(void);
/* The callback of a new message begins. */
void puback_allow(void);

/* ---- options.c ---- */

#define MQTT_TOPICS_MAX 256u

struct mqtt_options {
	char *broker;
	char *client_id;
	char *username, *password;
	char **topics; /* n_topics of them */
	size_t n_topics;
	int qos;       /* 0 or 1 */
	int version;   /* MQTTVERSION_5 or MQTTVERSION_3_1_1 */
	int keepalive; /* seconds */
	int receive_maximum;
	unsigned session_expiry; /* seconds */
	int tls;
	int tls_verify;
	char *tls_ca, *tls_cert, *tls_key, *tls_key_password;
};

extern const outflow_cfg_def mqtt_source_schema;

/* OUTFLOW_E_NOMEM. mqtt_options_clear frees what it made, also after an error. */
outflow_status mqtt_options_read(const outflow_host *h, const outflow_config *c, struct mqtt_options *o,
                                 outflow_error *err);
void mqtt_options_clear(struct mqtt_options *o);

/* Why text is not a topic filter (MQTT 5.0, section 4.7); NULL: it is one. */
const char *mqtt_filter_problem(outflow_str text);

/* ---- message.c ---- */

/* A received message as a record to be appended, its headers in `room`; topic and payload are not copied. */
#define MQTT_HEADERS_MAX 128u
struct mqtt_record {
	outflow_record record;
	outflow_header headers[MQTT_HEADERS_MAX];
	char text[256];           /* numbers, as text */
	char names[4096];         /* renamed user properties */
	uint32_t dropped_headers; /* more than there is room for */
};
void mqtt_record_make(struct mqtt_record *r, const char *topic, size_t topic_length, const MQTTAsync_message *m,
                      int64_t now_ms);

/* ---- source.c ---- */
extern const outflow_source_ops mqtt_source_ops;

#endif
