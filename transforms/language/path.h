/* SPDX-License-Identifier: Apache-2.0 */
/* path.h: JSONPath queries that find one value at most: the singular ones of RFC 9535 ($, .name, ['name'], [index]);
 * query.h has them all. */
#ifndef EVENT_PATH_H
#define EVENT_PATH_H
#include "envelope.h"

struct path;

/* Compiles text, which need not live on. OUTFLOW_E_CONFIG: the error says at which column and why, and what
 * could stand there; OUTFLOW_E_NOMEM. The caller frees *p with path_free. [any] */
outflow_status path_compile(outflow_str text, struct path **p, outflow_error *err);

/* Frees *p and clears it; NULL inside is fine. [any] */
void path_free(struct path **p);

/* Is it $.data.body or $.data.value, the payload as it is? [any] */
bool path_is_body(const struct path *p);

/* How many steps p has. [any] */
size_t path_length(const struct path *p);

/* The name at step i, escapes decoded, p's own; ptr NULL: the step is an index. [any] */
outflow_str path_name(const struct path *p, size_t i);

/* What the first n steps of p find, as path_find says. [task] */
void path_find_first(const struct path *p, size_t n, struct event *e, struct value *v);

/* The value that p finds in e, VALUE_MISSING when there is none; a failure goes into e->status. [task] */
void path_find(const struct path *p, struct event *e, struct value *v);

#endif
