/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h: a record seen as a CloudEvent, without making one.
 *
 * Attributes, data.props, data.body (also named data.value) and data.key are worked out when somebody asks for
 * them. A record whose content type is application/cloudevents+json is a whole event itself: everything is then
 * on its payload's tape. One that carries a CloudEvent in the binary mode of MQTT or Kafka has that event's attributes
 * (attributes.h). All [task].
 */
#ifndef EVENT_ENVELOPE_H
#define EVENT_ENVELOPE_H
#include "settings.h"
#include "value.h"

/* What the envelope is made of; a value that it makes names its field in struct value. */
enum envelope_field {
	ENVELOPE_NONE,
	ENVELOPE_EVENT,
	ENVELOPE_SPECVERSION,
	ENVELOPE_ID,
	ENVELOPE_SOURCE,
	ENVELOPE_TYPE,
	ENVELOPE_SUBJECT,
	ENVELOPE_TIME,
	ENVELOPE_DATASCHEMA,
	ENVELOPE_DATACONTENTTYPE,
	ENVELOPE_EXTENSION, /* any other attribute, see envelope_extension */
	ENVELOPE_DATA,
	ENVELOPE_PROPS,
	ENVELOPE_BODY,
	ENVELOPE_KEY,
	ENVELOPE_TOPIC,
	ENVELOPE_PARENT_TOPIC,
	ENVELOPE_QOS,
	ENVELOPE_RETAIN,
	ENVELOPE_DUP,
	ENVELOPE_FORMAT,
	ENVELOPE_CONTENT_TYPE,
	ENVELOPE_RESPONSE_TOPIC,
	ENVELOPE_CORRELATION_DATA,
	ENVELOPE_EXPIRY,
	ENVELOPE_PART, /* of a payload that was split: which one, and of how many */
	ENVELOPE_PARTS,
	ENVELOPE_USER_PROPERTIES,
	ENVELOPE_USER_PROPERTY,
	ENVELOPE_USER_KEY,
	ENVELOPE_USER_VALUE,
};

/* The headers that a record has which is one part of several. */
#define ENVELOPE_PART_HEADER "outflow.part"
#define ENVELOPE_PARTS_HEADER "outflow.parts"

/* One record on its way through one stage. Made on the stack by event_begin; the arena holds what it makes up. */
struct event {
	const outflow_host *host;
	outflow_batch *arena;
	const struct event_settings *settings;
	const outflow_record *record;
	const outflow_record *source; /* the record as its source made it */
	const outflow_json *json;     /* of the body once it was looked at; NULL: not JSON */
	bool whole, body_known, binding_known;
	enum event_format format; /* of the body once it was looked at */
	uint32_t binding;         /* see attributes.h */
	outflow_status status;    /* the first failure; all later answers are then VALUE_MISSING */
	outflow_error *err;
};

void event_begin(struct event *e, const outflow_host *h, outflow_batch *arena, const struct event_settings *s,
                 const outflow_record *r, outflow_error *err);

/* The field of that name inside a container of the envelope, or ENVELOPE_NONE; of the event itself ENVELOPE_EXTENSION for
 * any other name that an attribute can have. [any], so that patterns and paths can ask when they are compiled. */
enum envelope_field envelope_member(enum envelope_field container, outflow_str name);

/* The name of a field other than ENVELOPE_EXTENSION, and the container that it is a member of; [any]. */
outflow_str envelope_name(enum envelope_field field, enum envelope_field *container);

/* Does field hold members (or elements) that the envelope makes? */
bool envelope_is_container(enum envelope_field field);

/* The value of a field other than a user property's or an extension, VALUE_MISSING when the record has none. A failure (a
 * body that is not valid, an attribute that is too long, no memory) goes into e->status. */
void envelope_get(struct event *e, enum envelope_field field, struct value *v);

/* The extension attribute of that name, and the name of one. */
void envelope_extension(struct event *e, outflow_str name, struct value *v);
outflow_str envelope_extension_name(struct event *e, const struct value *v);

/* The next member of an event, data, props or a user property that the record has, in the order in which they are
 * written; value, the other name of body, is passed over. *at is 0 at first. false: no more, or a failure. */
bool envelope_next(struct event *e, const struct value *container, size_t *at, outflow_str *name, struct value *v);

/* User property number at, from the end when negative, VALUE_MISSING beyond; the number of one (or of its key or value);
 * and key or value of one. */
void envelope_user_property(struct event *e, int64_t at, struct value *v);
uint32_t envelope_user_index(struct event *e, const struct value *property);
void envelope_user_part(struct event *e, const struct value *property, enum envelope_field part, struct value *v);

/* What the payload turned out to be; of a whole event EVENT_JSON. A failure goes into e->status. */
enum event_format event_payload_format(struct event *e);

/* The tape of a record that is a whole event or has a JSON body, NULL for any other and on failure. */
const outflow_json *event_tape(struct event *e);

/* v as JSON text: a slice of the payload, or written into the arena. ptr NULL: missing, or no memory (e->status). */
outflow_bytes event_value_json(struct event *e, const struct value *v);

/* v as text: scalars as they are spelled, strings decoded, objects and arrays as JSON; in the arena where it is not in the
 * payload. ptr NULL: null or missing, or no memory (e->status). */
outflow_bytes event_value_text(struct event *e, const struct value *v);

/* The complete event as JSON: the payload when it is the whole event, else the envelope written out. ptr NULL: e->status
 * says why. */
outflow_bytes event_whole_json(struct event *e);

#endif
