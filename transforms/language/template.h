/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h: a text with ${name} in it, where names stand for paths into the event or for constants.
 *
 * The text is taken apart once, when it is compiled. What comes from an event is inserted as it is and never looked
 * at again, so a payload that holds ${other} stays that text. In a JSON template a variable between the quotes of a
 * string is escaped, and one outside of strings becomes a JSON value; so the output is JSON whatever the event.
 */
#ifndef EVENT_TEMPLATE_H
#define EVENT_TEMPLATE_H
#include "path.h"

#define TEMPLATE_MAX 10240u /* characters of a template, and of its variables */

/* What a path that finds nothing comes to. */
enum template_missing {
	TEMPLATE_KEEP,    /* ${name} stays */
	TEMPLATE_NULL,    /* null */
	TEMPLATE_DEFAULT, /* its ${name:-default}, without which the template is refused */
	TEMPLATE_DROP,
	TEMPLATE_FAIL
};
/* TEMPLATE_AUTO: JSON if it is JSON with values in place of the variables, and more than a single variable. */
enum template_type { TEMPLATE_AUTO, TEMPLATE_JSON, TEMPLATE_TEXT };

struct template_form;

/* Compiles text, whose variables are the members of a JSON object: strings that begin with $ are paths, all other
 * scalars constants. Neither text need live on. OUTFLOW_E_CONFIG: the error says where and why; OUTFLOW_E_NOMEM.
 * The caller frees *t with template_free. [any] */
outflow_status template_compile(outflow_str text, outflow_str variables, enum template_type type,
                                enum template_missing missing, struct template_form **t, outflow_error *err);

/* Frees *t and clears it; NULL inside is fine. [any] */
void template_free(struct template_form **t);

bool template_is_json(const struct template_form *t);

/* The text for e, in the batch's arena. OUTFLOW_AGAIN: the record shall be dropped. OUTFLOW_E_RECORD,
 * OUTFLOW_E_NOMEM: e->err says why, and begins with what. [task] */
outflow_status template_evaluate(const struct template_form *t, const char *what, struct event *e, outflow_bytes *out);

#endif
