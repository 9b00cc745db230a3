/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt.h: what the files of this plugin share beside endpoint and connection. */
#ifndef CONNECTORS_MQTT_H
#define CONNECTORS_MQTT_H
#include "connectors/mqtt/connection.h"

#include <outflow/ext/state.h>

/* ---- puback.c ---- */

/* The message that this thread's callback is about was not taken: no PUBACK may leave for it. */
void puback_refuse(void);
/* The callback of a new message begins. */
void puback_allow(void);

/* ---- socket.c ---- */

/* From now on connections are closed at once, without leaving the broker time to read to the end; or with it, as at first. */
void socket_hurry(int hurry);

/* ---- paho_aids.c ---- */

/* Has Paho format no lines about packets, unless its environment variable asks for them. [load] */
void paho_quiet(void);

/* ---- options.c ---- */

#define MQTT_TOPICS_MAX 256u

struct mqtt_options {
	struct mqtt_endpoint endpoint;
	char **topics; /* n_topics of them, as they are subscribed to */
	size_t n_topics;
	int retired; /* subscribe to nothing */
	int qos;     /* 0 or 1 */
	int clean_start;
	int receive_maximum;
	unsigned session_expiry; /* seconds */
	int filter_duplicates;
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
#define MQTT_HEADER_PREFIX "outflow.mqtt."
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

/* ---- subscription.c ---- */

/* What we are subscribed to, and what the broker may still believe that we are. */
struct mqtt_subscription {
	const outflow_host *host;
	const outflow_state_api *state;
	const struct mqtt_options *options;
	struct mqtt_connection *connection;
	char **stale; /* topics that an edit removed; n_stale of them */
	size_t n_stale;
	int remembers_stale; /* the stored subscription still names them */
	int has_session;     /* atomic: the broker ought to know our session */
	int session_is_noted;
	int subscribed;   /* atomic */
	int64_t asked_ns; /* atomic: since when the broker owes an answer to our subscribing; 0: it does not */
	outflow_metric *sessions_lost;
};

/* Notes the topics durably, before the broker hears of them. [task] */
outflow_status mqtt_subscription_open(struct mqtt_subscription *s, outflow_error *err);
void mqtt_subscription_clear(struct mqtt_subscription *s);

/* A connection is up: subscribes, every time. Returns whether a session that ought to be there is gone. On Paho's thread. */
int mqtt_subscription_begin(struct mqtt_subscription *s, int session_present);

/* Once subscribed: forgets durably what is not subscribed to any more. While the answer is overdue: gives the connection up.
 * [task] */
outflow_status mqtt_subscription_settle(struct mqtt_subscription *s, outflow_error *err);

/* The session is gone at the broker, because we wished it so. [task] */
outflow_status mqtt_subscription_end(struct mqtt_subscription *s, outflow_error *err);

/* ---- retirement.c ---- */

/* A retired task: no new subscription, what the broker kept, then the end of the session there. */
struct mqtt_retirement {
	int phase;       /* atomic */
	int64_t last_ns; /* atomic: when something came last */
};

/* A connection is up. On Paho's thread. */
void mqtt_retirement_up(struct mqtt_retirement *r, struct mqtt_subscription *s, int session_present);
/* A message has come. On Paho's thread. */
void mqtt_retirement_message(struct mqtt_retirement *r, const outflow_host *h);
/* Goes on; returns 1 when the broker has nothing for this client any more. Negative: err says why. [task] */
outflow_status mqtt_retirement_step(struct mqtt_retirement *r, struct mqtt_subscription *s, outflow_error *err);

/* ---- duplicates.c ---- */

struct mqtt_duplicates;

/* A memory of the last n messages of a session. NULL: no memory. */
struct mqtt_duplicates *mqtt_duplicates_new(size_t n);
void mqtt_duplicates_free(struct mqtt_duplicates **d);
/* Has this message, which the broker marks as sent again, been taken before? */
int mqtt_duplicates_know(const struct mqtt_duplicates *d, const MQTTAsync_message *m, const char *topic,
                         size_t topic_length);
/* It has been taken. */
void mqtt_duplicates_note(struct mqtt_duplicates *d, const MQTTAsync_message *m, const char *topic,
                          size_t topic_length);
/* Another session: packet identifiers begin anew. */
void mqtt_duplicates_forget(struct mqtt_duplicates *d);

/* ---- publication.c ---- */

/* One record as a message to be published; topic and payload are the record's own bytes. */
struct mqtt_publication {
	char *topic; /* with a NUL at the end */
	MQTTAsync_message message;
	uint32_t left_out; /* headers that MQTT cannot carry */
};

/* with_properties: MQTT 5. OUTFLOW_E_RECORD: not a message; OUTFLOW_E_NOMEM. mqtt_publication_clear frees what was made,
 * after an error too. */
outflow_status mqtt_publication_make(struct mqtt_publication *p, const outflow_record *r, int with_properties,
                                     outflow_error *err);
void mqtt_publication_clear(struct mqtt_publication *p);

/* ---- probe.c, probe_tls.c ---- */

/* A component's extensions that source and sink share; NULL: it is none of those. */
const void *mqtt_probe_extension(const char *id);

/* Shakes hands by TLS over a connection that does not block, with the same demands as Paho; name: as the broker is called.
 * shown: what was agreed on. Negative: err says what is wrong with a certificate, a file, or the other side. */
outflow_status mqtt_probe_tls(const outflow_host *h, const struct mqtt_endpoint *e, const char *name, int fd,
                              int64_t deadline_ns, char *shown, size_t size, outflow_error *err);

/* ---- source.c, sink.c ---- */
extern const outflow_source_ops mqtt_source_ops;
const void *mqtt_source_extension(const char *id);
extern const outflow_cfg_def mqtt_sink_schema;
extern const outflow_sink_ops mqtt_sink_ops;

#endif
