/* SPDX-License-Identifier: Apache-2.0 */
/* form.h: one part of what is delivered (key, value, topic, ...), as a constant or a path into the event. */
#ifndef EVENT_FORM_H
#define EVENT_FORM_H
#include "path.h"

enum form_kind { FORM_UNSET, FORM_CONSTANT, FORM_PATH };
enum form_missing { FORM_NULL, FORM_DROP, FORM_FAIL }; /* what a path that finds nothing comes to */

struct form {
	enum form_kind kind;
	enum form_missing missing;
	const char *key;  /* for errors; the configuration's or static */
	outflow_str text; /* the constant, or the path as spelled; the configuration's */
	struct path *path;
};

/* Reads the keys `key`, `key`.form and `key`.missing. Not set: FORM_UNSET. OUTFLOW_E_CONFIG: the error tells
 * why, without the key; OUTFLOW_E_NOMEM. The caller calls form_clear also after an error. [any] */
outflow_status form_read(struct form *f, const outflow_host *h, const outflow_config *c, const char *key,
                         outflow_error *err);

/* The same from texts; form and missing may be empty: by the first character of text, and FORM_NULL. [any] */
outflow_status form_set(struct form *f, outflow_str text, outflow_str form, outflow_str missing, outflow_error *err);

/* Frees what f holds. [any] */
void form_clear(struct form *f);

/* The bytes that f comes to for e: scalars as their text, strings unescaped; objects and arrays as JSON; ptr
 * NULL: null, be it JSON's or that of a missing value. $.data.body is the payload's own bytes. OUTFLOW_AGAIN:
 * the record shall be dropped. OUTFLOW_E_RECORD, OUTFLOW_E_NOMEM: e->err says why. [task] */
outflow_status form_evaluate(const struct form *f, struct event *e, outflow_bytes *out);

#endif
