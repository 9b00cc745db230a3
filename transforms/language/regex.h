/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h: regular expressions of PCRE2 that cannot run away.
 *
 * Texts are UTF-8. Each search is bounded in steps, depth and memory, so an expression that backtracks without
 * end (as (a+)+$ does) costs a record some milliseconds and then fails that record, never the task.
 */
#ifndef LANGUAGE_REGEX_H
#define LANGUAGE_REGEX_H
#include <outflow/abi.h>

#include <stdbool.h>

#define REGEX_MAX 10240u /* bytes of one expression */

struct regex;

/* Compiles text, which need not live on. OUTFLOW_E_CONFIG: the error says at which byte and why;
 * OUTFLOW_E_NOMEM. The caller frees *r with regex_free. [any] */
outflow_status regex_compile(outflow_str text, struct regex **r, outflow_error *err);

/* Frees *r and clears it; NULL inside is fine. [any] */
void regex_free(struct regex **r);

/* Searches subject from byte `start` on (what is before it counts for anchors and look-behinds). OUTFLOW_OK: found,
 * see regex_group. OUTFLOW_AGAIN: nothing fits. OUTFLOW_E_RECORD: the bounds were reached, or subject is not valid
 * UTF-8. OUTFLOW_E_NOMEM. [task] */
outflow_status regex_search(struct regex *r, outflow_str subject, size_t start, outflow_error *err);

/* Does subject as a whole fit, from its first byte to its last? As for regex_search. [task] */
outflow_status regex_match_whole(struct regex *r, outflow_str subject, outflow_error *err);

/* What all walks through one record may use together, beyond the bounds of each search. Zeroed is unused. */
struct regex_budget {
	uint32_t searches;
	int64_t started_ns;
	bool checked; /* the texts are known to be valid UTF-8 */
};

/* A walk through all places where an expression fits. Zeroed but for budget it begins. */
struct regex_walk {
	struct regex_budget *budget;
	size_t at; /* where the search goes on */
	bool checked, after_empty;
};

/* The next place where r fits, behind those before; see regex_group. OUTFLOW_AGAIN: there is no other. Else as for
 * regex_search, and OUTFLOW_E_RECORD when the record's budget of two seconds is used up. [task] */
outflow_status regex_next(struct regex *r, outflow_str subject, struct regex_walk *w, outflow_error *err);

/* The number of the group of that name. false: there is none. [any] */
bool regex_group_number(const struct regex *r, outflow_str name, size_t *number);

/* How many groups r has, group 0 (all that fitted) included. [any] */
size_t regex_n_groups(const struct regex *r);

/* Where group i of the last search lies: subject[*from, *to). false: it took no part. [task] */
bool regex_group(const struct regex *r, size_t i, size_t *from, size_t *to);

#endif
