/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial_ends.h: what the source and the sink of a pipeline do with a record, for trials, in which there are none: the record
 * that the source would have made of a message, and whether the sink would send one.
 */
#ifndef HOST_PIPELINE_TRIAL_ENDS_H
#define HOST_PIPELINE_TRIAL_ENDS_H
#include "host/base/text.h"
#include "host/config/model.h"

/* One message, as somebody describes it. Zeroed, but for timestamp_ms -1, is a message without anything. */
struct message {
	struct text payload;
	int has_payload;
	int is_event;            /* the payload is a whole CloudEvent */
	const char *topic, *key; /* NULL: what the source would give it */
	struct message_header {
		char *name, *value;
	} * headers;
	size_t n_headers;
	int64_t timestamp_ms; /* since 1970; -1: now */
	uint64_t position;    /* last part of the event's id */
	outflow_header *all;  /* of the record */
	char *own_topic;
};

/* Copies both. OUTFLOW_E_NOMEM. */
outflow_status message_add_header(struct message *m, outflow_str name, outflow_str value);

/* The record that a source of this kind would have made; source NULL: the record is nothing but the message. It points into
 * m. OUTFLOW_E_NOMEM. */
outflow_status message_record(struct message *m, const struct stage_model *source, outflow_record *r);

/* Gives a message without a topic the one that everything from this source has. OUTFLOW_E_CONFIG: the source takes several, err
 * says so; OUTFLOW_E_NOMEM. */
outflow_status message_default_topic(struct message *m, const struct stage_model *source, outflow_error *err);

/* "json", "text" or "binary"? */
int message_format_is_known(const char *name);

void message_clear(struct message *m);

/* Would this sink send the record? 0: err says why not. What only its other side can know is left out. */
int trial_sink_takes(const struct stage_model *sink, const outflow_record *r, outflow_error *err);

#endif
