/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes.h: the CloudEvents attributes of a record: those that its message brought along, else made ones.
 *
 * A message brings them along in the binary mode of the CloudEvents bindings, version 1.0: MQTT 5, section 3.1, as user
 * properties of the attributes' names, the content type being datacontenttype; Kafka, section 3.2, as headers "ce_<name>",
 * "content-type" being datacontenttype. It is an event when the four required ones are there. All [task] unless said.
 */
#ifndef EVENT_ATTRIBUTES_H
#define EVENT_ATTRIBUTES_H
#include "envelope.h"

/* A message with more headers than this carries no event, and an event with more attributes is none: looking for one among
 * them takes time in the square of their number. */
#define ATTRIBUTES_MAX 256u

enum attributes_binding { ATTRIBUTES_MADE, ATTRIBUTES_OF_MQTT, ATTRIBUTES_OF_KAFKA };

/* Where the attributes of e come from, of a record that is not a whole event. */
enum attributes_binding attributes_binding(struct event *e);

/* The content type that the message came with, ptr NULL: it said none. */
outflow_str attributes_content_type(struct event *e);

/* May an attribute be called so? CloudEvents 1.0, "Attribute Naming Convention": lower-case letters and digits; "data"
 * is not one. [any] */
bool attribute_name_is_valid(outflow_str name);

/* Is it one of those that CloudEvents itself defines? [any] */
bool attribute_is_standard(outflow_str name);

/* The attribute that is envelope field `field`, from ENVELOPE_SPECVERSION to ENVELOPE_DATACONTENTTYPE; VALUE_MISSING
 * when there is none; a failure goes into e->status. */
void attribute_get(struct event *e, enum envelope_field field, struct value *v);

/* Called for one attribute; v is a string, of a whole event any scalar. OUTFLOW_OK: go on. */
typedef outflow_status attribute_found(void *arg, outflow_str name, const struct value *v);

/* The next extension attribute of a record that is not a whole event. *at is 0 at first. false: no more, or a failure. */
bool attributes_next_extension(struct event *e, size_t *at, outflow_str *name, struct value *v);

/* All attributes but datacontenttype, of whole events too. OUTFLOW_E_RECORD also when an attribute of a whole event is an
 * object or an array, or when there are more than ATTRIBUTES_MAX. */
outflow_status attributes_all(struct event *e, attribute_found *found, void *arg);

#endif
