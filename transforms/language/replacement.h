/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replacement.h: what takes the place of a text that a regular expression fits: $1 and ${1} are groups, ${name} is a
 * group with a name, $0 all that fitted, $$ a dollar sign; anything else stands for itself.
 */
#ifndef LANGUAGE_REPLACEMENT_H
#define LANGUAGE_REPLACEMENT_H
#include "regex.h"

#define REPLACED_MAX ((size_t)64 << 20) /* bytes of one text with its replacements */

struct replacement;

/* Compiles text, which need not live on, for expression r. OUTFLOW_E_CONFIG: r has no such group, or a dollar sign
 * stands alone; the error says at which byte. OUTFLOW_E_NOMEM. The caller frees *p with replacement_free. [any] */
outflow_status replacement_compile(outflow_str text, const struct regex *r, struct replacement **p, outflow_error *err);

/* Frees *p and clears it; NULL inside is fine. [any] */
void replacement_free(struct replacement **p);

/* subject with everything that r fits replaced, in b's arena and by nothing else of the heap; ptr NULL: r fits nowhere.
 * A group that took no part is empty. What was put in is not searched again. OUTFLOW_E_RECORD: the bounds of regex_next,
 * or the outcome would be larger than REPLACED_MAX. OUTFLOW_E_NOMEM. [task] */
outflow_status replacement_apply(const struct replacement *p, struct regex *r, const outflow_host *h, outflow_batch *b,
                                 outflow_str subject, struct regex_budget *budget, outflow_str *out,
                                 outflow_error *err);

#endif
