/* SPDX-License-Identifier: Apache-2.0 */
/* deliver.h: the stage before the sink, between the files that it is in. */
#ifndef EVENT_DELIVER_H
#define EVENT_DELIVER_H
#include "transforms/language/form.h"

enum part { TOPIC, KEY, VALUE, PARTITION, TIMESTAMP, N_PARTS };

enum cloudevents { CLOUDEVENTS_NONE, CLOUDEVENTS_BINARY, CLOUDEVENTS_STRUCTURED };

struct named_form {
	outflow_str name;
	struct form form;
	char key[80]; /* "headers.<name>", for errors */
};

struct deliver {
	const outflow_host *host;
	struct event_settings settings;
	struct form parts[N_PARTS];
	struct named_form *headers;
	size_t n_headers;
	struct path *header_map; /* NULL: the record keeps its own */
	outflow_str header_map_text;
	enum cloudevents cloudevents;
};

/* What one record becomes; a part whose form is not set stays as it is. */
struct delivery {
	outflow_bytes parts[N_PARTS];
	enum form_content content; /* of parts[VALUE] */
	bool has_key;              /* one that no form has made */
	int32_t partition;
	int64_t timestamp_ms;
	outflow_header *headers; /* of the arena */
	uint32_t n_headers, headers_room;
};

/* ---- deliver_config.c ---- */

extern const outflow_cfg_def deliver_config;

typedef outflow_status on_problem(const outflow_host *h, const char *key, outflow_status, const outflow_error *cause,
                                  outflow_error *err);

/* Reads the whole configuration into d; each problem is told to `problem`, whose last answer is returned. The caller
 * calls deliver_clear in any case. [any] */
outflow_status deliver_read(struct deliver *d, const outflow_host *h, const outflow_config *c, on_problem *problem,
                            outflow_error *err);
void deliver_clear(struct deliver *d);

/* What a text says as a partition or a timestamp; false: it is none. [any] */
bool deliver_read_partition(outflow_bytes text, int32_t *partition);
bool deliver_read_timestamp(outflow_bytes text, int64_t *ms);

/* ---- deliver.c ---- */

/* Is there a form for the header of that name? [any] */
bool deliver_makes_header(const struct deliver *d, outflow_str name);

/* Does a header of that name stay, because nothing else makes it? [task] */
bool deliver_keeps_header(const struct deliver *d, struct event *e, outflow_str name);

/* Appends a header; its bytes are not copied. OUTFLOW_E_NOMEM: e->err says so. [task] */
outflow_status delivery_add_header(struct delivery *to, struct event *e, outflow_str name, outflow_bytes value);

/* ---- header_map.c ---- */

/* Appends the headers that d->header_map finds; null is none at all. OUTFLOW_E_RECORD: it is something else than headers;
 * OUTFLOW_E_NOMEM. [task] */
outflow_status header_map_add(const struct deliver *d, struct event *e, struct delivery *to);

/* ---- cloudevents.c: the CloudEvents Kafka protocol binding 1.0 ---- */

/* Is this header of a record one that the binding writes itself? [task] */
bool cloudevents_owns_header(struct event *e, outflow_str name);

/* Makes of `to`, whose value is the data, a CloudEvent: headers in binary mode, the value in structured mode; and its key
 * of the event's partitionkey when it has none of its own. OUTFLOW_E_RECORD, OUTFLOW_E_NOMEM: e->err says why. [task] */
outflow_status cloudevents_make(const struct deliver *d, struct event *e, struct delivery *to);

#endif
