/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h: one connection after the other to one broker. Each is a Paho client of its own, made and destroyed by the
 * task, so that nothing that one connection left unfinished is taken up by the next behind our back.
 *
 * Paho's callbacks run on its thread under its one lock: they take no lock that is ever held around a call of Paho, and
 * leave what they find out in atomic flags.
 */
#ifndef CONNECTORS_MQTT_CONNECTION_H
#define CONNECTORS_MQTT_CONNECTION_H
#include "connectors/mqtt/endpoint.h"

/* How a session is asked for. */
struct mqtt_session {
	int clean;           /* forget what the broker kept */
	unsigned expiry;     /* MQTT 5: seconds that the broker keeps it while we are away */
	int receive_maximum; /* MQTT 5: unacknowledged messages towards us; 0: no limit */
	int max_inflight;    /* unacknowledged messages from us; 0: Paho's default */
};

struct mqtt_events {
	/* Connected; properties: of the CONNACK, NULL for 3.1.1. May subscribe. On Paho's thread. */
	void (*up)(void *owner, int session_present, MQTTProperties *properties);
	/* As MQTTAsync_messageArrived; NULL: nothing is subscribed to. On Paho's thread. */
	MQTTAsync_messageArrived *message;
	/* The task has something to look after. [any] */
	void (*wake)(void *owner);
	/* The client of a connection is destroyed: no callback of it comes any more. May be NULL. [task] */
	void (*gone)(void *owner);
};

struct mqtt_connection {
	const outflow_host *host;
	const struct mqtt_endpoint *endpoint;
	const struct mqtt_events *events;
	void *owner;
	struct mqtt_session session; /* of the next connection */
	MQTTAsync client;            /* NULL: none */
	int state;                   /* atomic */
	int ever_up;                 /* atomic */
	int failed;                  /* atomic: failure is set, the task must end */
	outflow_error failure;
	int refused; /* atomic: the broker refused the last attempt for good reason */
	/* Why the last attempt failed, and what TLS said; of Paho's thread until the state tells of the failure */
	char reason[200], tls_reason[200];
	int is_answer; /* the reason is the broker's, not Paho's */
	/* Paho's thread's own */
	int64_t up_at_ns;
	int64_t quiet_until_ns; /* a connection that broke at once has been told of */
	/* the task's own */
	int64_t refused_since_ns;
	int64_t retry_wait_ns, retry_at_ns;
};

/* Begins to connect and waits for the answer, wait_ms at most. OUTFLOW_E_CONFIG: the broker refuses, or there is no such
 * client; a broker that does not answer is only away. [task] */
outflow_status mqtt_connection_start(struct mqtt_connection *k, int wait_ms, outflow_error *err);

/* Connects again when it is time. Negative: the task must end, err says why. [task] */
outflow_status mqtt_connection_look_after(struct mqtt_connection *k, outflow_error *err);

/* When look_after has something to do without being woken; INT64_MAX: never. [task] */
int64_t mqtt_connection_next_ns(const struct mqtt_connection *k);

int mqtt_connection_is_up(const struct mqtt_connection *k);

/* Why the last attempt failed, once that is known; "" before, or when nobody said why. [task] */
const char *mqtt_connection_reason(const struct mqtt_connection *k);

/* Gives the client up; look_after makes a new one. [task] */
void mqtt_connection_drop(struct mqtt_connection *k);

/* The next look_after ends the task with this. The first one counts. [any] */
void mqtt_connection_fail(struct mqtt_connection *k, outflow_status status, int32_t code, const char *what,
                          const char *why);

/* Says goodbye if there is time for it, and destroys the client. [task] */
void mqtt_connection_stop(struct mqtt_connection *k, int64_t deadline_ns);

#endif
