/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets.h: the values of the payload that a list of paths leads to, for transforms that edit them.
 *
 * Paths lead into the event, as everywhere: $.data.body... is the payload; of a message that is a whole CloudEvent
 * they begin at its own top.
 */
#ifndef LANGUAGE_TARGETS_H
#define LANGUAGE_TARGETS_H
#include "envelope.h"

struct targets;

/* Makes a list without any path. NULL: no memory. The caller frees it with targets_free. [any] */
struct targets *targets_new(void);

/* Adds a path, of which the text is copied. OUTFLOW_E_CONFIG: the error says why; OUTFLOW_E_NOMEM. [any] */
outflow_status targets_add(struct targets *t, outflow_str path, outflow_error *err);

/* Frees *t and clears it; NULL inside is fine. [any] */
void targets_free(struct targets **t);

/* How many paths there are. [any] */
size_t targets_count(const struct targets *t);

/* One value: v->json is the payload's tape and v->token its place there; of a payload that is not JSON it is the
 * payload itself, v->json NULL. Anything but OUTFLOW_OK ends the walk. */
typedef outflow_status target_found(void *arg, const struct value *v);

/* Calls found for each value, path by path; a value to which two paths lead comes twice. A path that finds nothing is no
 * error; the first such path goes into *missing, unless that is NULL. OUTFLOW_E_RECORD: a path leads to a part of the event that is not in the payload, or the payload is not
 * valid; else what found returned, or the event's own failure. The error is the event's. [task] */
outflow_status targets_walk(const struct targets *t, struct event *e, target_found *found, void *arg,
                            outflow_str *missing);

#endif
