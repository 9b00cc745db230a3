/* SPDX-License-Identifier: Apache-2.0 */
/* place.h: where in the payload members are added: an object that is there, or that is made on the way. */
#ifndef ENRICH_PLACE_H
#define ENRICH_PLACE_H
#include "transforms/language/path.h"

struct place;

/* Compiles the path to the object; empty: the payload itself. OUTFLOW_E_CONFIG: the error says why; OUTFLOW_E_NOMEM. The
 * caller frees *p with place_free. [any] */
outflow_status place_compile(outflow_str path, struct place **p, outflow_error *err);

/* Frees *p and clears it; NULL inside is fine. [any] */
void place_free(struct place **p);

/* What place_find found. */
struct place_found {
	const outflow_json *json; /* the payload's tape */
	uint32_t object;          /* the deepest object on the way that is there */
	size_t n_missing;         /* how many objects have to be made inside it, see place_missing */
};

/* Finds the object in e's payload. OUTFLOW_E_RECORD: the payload is not JSON, something else than an object is in the way,
 * an element is missing, or the path does not lead into the payload; e->err says which. [task] */
outflow_status place_find(const struct place *p, struct event *e, struct place_found *found);

/* The name of missing object number i, the outermost first. [any] */
outflow_str place_missing(const struct place *p, const struct place_found *found, size_t i);

#endif
