/* SPDX-License-Identifier: Apache-2.0 */
/* envelope_internal.h: how the values of the envelope are made; for envelope.c and attributes.c. */
#ifndef EVENT_ENVELOPE_INTERNAL_H
#define EVENT_ENVELOPE_INTERNAL_H
#include "envelope.h"

#define ENVELOPE_RESERVED "outflow.mqtt." /* headers that stand for what MQTT says about a message */

/* The record as its source made it: what the envelope tells must not change when a stage routes or renames. */
const outflow_record *event_source(struct event *e);

void event_no_memory(struct event *e);

void value_set_text(struct value *v, uint32_t type, const void *text, size_t n);

/* A string of two parts, in the arena. */
void value_set_joined(struct event *e, struct value *v, outflow_str head, outflow_str tail);

#endif
