/* SPDX-License-Identifier: Apache-2.0 */
/*
 * location.h: a place in the payload named by a path that finds one value at most: the value, or the object that it would
 * be a member of.
 */
#ifndef LANGUAGE_LOCATION_H
#define LANGUAGE_LOCATION_H
#include "envelope.h"

struct location;

/* Compiles path, which need not live on. OUTFLOW_E_CONFIG: the error says why; "$" alone is none. OUTFLOW_E_NOMEM. The
 * caller frees *l with location_free. [any] */
outflow_status location_compile(outflow_str path, struct location **l, outflow_error *err);

/* Frees *l and clears it; NULL inside is fine. [any] */
void location_free(struct location **l);

/* The path as it was spelled, and the name at its end; ptr NULL: it ends in an index. [any] */
outflow_str location_text(const struct location *l);
outflow_str location_name(const struct location *l);

struct location_found {
	const outflow_json *json;
	bool is_there;      /* the value, at token `value` */
	bool has_container; /* it is not, and what it would be in is, at token `object` */
	bool has_object;    /* and that is an object, and the path ends in a name */
	uint32_t value, object;
};

/* Finds the place in e's payload. OUTFLOW_E_RECORD: the payload is not JSON, or the path leads to a part of the event that
 * is not in the payload; OUTFLOW_E_NOMEM. e->err says why. [task] */
outflow_status location_find(const struct location *l, struct event *e, struct location_found *found);

#endif
