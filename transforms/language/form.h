/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.h: how one part of what is delivered (key, value, topic, ...) is made: {form, value, template}.
 *
 *   ORIGINAL   the complete event as JSON
 *   JSONPATH   what a path finds
 *   CONSTANT   a text
 *   TEMPLATE   a text with variables, see template.h
 *   BINARY     the bytes whose Base64 a path finds
 */
#ifndef EVENT_FORM_H
#define EVENT_FORM_H
#include "path.h"
#include "template.h"

#define FORM_MAX 10240u /* characters of a value */

enum form_kind { FORM_UNSET, FORM_ORIGINAL, FORM_PATH, FORM_CONSTANT, FORM_TEMPLATE, FORM_BINARY };
/* What a path that finds nothing comes to. The first and the third are possible with templates alone. */
enum form_missing { FORM_KEEP, FORM_NULL, FORM_DEFAULT, FORM_DROP, FORM_FAIL };
/* What the bytes are that a form came to. */
enum form_content { FORM_IS_TEXT, FORM_IS_JSON, FORM_IS_BYTES, FORM_IS_PAYLOAD };

struct form {
	enum form_kind kind;
	enum form_missing missing;
	const char *key;  /* for errors; the configuration's or static */
	outflow_str text; /* the constant, or the path as spelled; the configuration's */
	struct path *path;
	struct template_form *template_form;
};

/* The texts that say what a form is. ptr NULL: not given. */
struct form_texts {
	outflow_str value, form, template_text, template_type, missing;
};

/* Reads the keys `key`, `key`.form, .template, .template.type and .missing, makes of them what form_set does, and keeps
 * key, which has to live as long as f. [any] */
outflow_status form_read(struct form *f, const outflow_host *h, const outflow_config *c, const char *key,
                         enum form_missing missing, outflow_error *err);

/* Makes f of texts that outlive it. missing: what a path is told when its .missing is not given; a template is then told
 * to keep ${name}. Nothing given: FORM_UNSET. Without a form it is a TEMPLATE when there is one, a JSONPATH when the
 * value begins with $, else a CONSTANT. OUTFLOW_E_CONFIG: the error tells why, without the key; OUTFLOW_E_NOMEM. The
 * caller calls form_clear also after an error. [any] */
outflow_status form_set(struct form *f, const struct form_texts *texts, enum form_missing missing, outflow_error *err);

/* Frees what f holds. [any] */
void form_clear(struct form *f);

/* The bytes that f comes to for e, and what they are (content may be NULL). Of a path: scalars as their text, strings
 * unescaped; objects and arrays as JSON; ptr NULL: null, be it JSON's or that of a missing value. $.data.body is the
 * payload's own bytes. OUTFLOW_AGAIN: the record shall be dropped. OUTFLOW_E_RECORD, OUTFLOW_E_NOMEM: e->err says
 * why. [task] */
outflow_status form_evaluate(const struct form *f, struct event *e, outflow_bytes *out, enum form_content *content);

#endif
