/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h: event patterns: which events shall pass. doc/events.md has the language by example.
 *
 * A pattern is JSON with the nesting of the event. A leaf is an array of values and operators, of which one must fit; all
 * fields must fit. There are three dialects, for patterns that were written for other products:
 *
 *   union    takes what either of the others takes; values are typed, numbers are compared by value and digit for digit,
 *            a field exists when it is a scalar, arrays are walked into, and what is inside one array must fit in one and
 *            the same element. A dot in a name is nesting, on both sides.
 *   aws      the same, but refuses what Amazon EventBridge refuses
 *   alibaba  as Alibaba Cloud EventBridge compares: without regard to type, numbers as they are spelled, arrays of
 *            scalars only
 */
#ifndef EVENT_PATTERN_H
#define EVENT_PATTERN_H
#include "envelope.h"

enum pattern_dialect { PATTERN_UNION, PATTERN_ALIBABA, PATTERN_AWS };

/* The names of the dialects, in that order, NULL at the end; and the dialect of a name, union of any other. [any] */
extern const char *const pattern_dialects[];
enum pattern_dialect pattern_dialect_of(outflow_str name);

struct pattern;

/* Compiles text; an empty text lets everything pass. OUTFLOW_E_CONFIG: the error names a stable code, the place as JSON
 * pointer and line:column, what was found and what is allowed. OUTFLOW_E_NOMEM. The caller frees *p with pattern_free.
 * [any] */
outflow_status pattern_compile(outflow_str text, enum pattern_dialect dialect, struct pattern **p, outflow_error *err);

/* Frees *p and clears it; NULL inside is fine. [any] */
void pattern_free(struct pattern **p);

/* What is odd but allowed (a range that nothing can be in), or NULL. Lives as long as p. [any] */
const char *pattern_warning(const struct pattern *p);

/* What one leaf of the pattern met; see pattern_match. */
struct pattern_finding {
	size_t leaf;               /* in the order of pattern_leaf */
	const struct value *value; /* one scalar at its path; VALUE_MISSING: none */
	bool fits;
};
typedef void pattern_trace(void *arg, const struct pattern_finding *finding);

/* Does e fit? One pattern at a time and leaf by leaf, for explanations and for what a set cannot tell by itself; filters
 * use a set. p's scratch is used, so one call at a time. With trace, which may be NULL, every leaf is tried, also after
 * the verdict is known. A failure (body not valid, no memory) goes into e->status, and the answer is false. [task] */
bool pattern_match(struct pattern *p, struct event *e, pattern_trace *trace, void *arg);

/* Path ("$.data.body.temp") and source text of leaf i, in the order of the pattern. false: there is no such
 * leaf. [any] */
bool pattern_leaf(const struct pattern *p, size_t i, outflow_str *path, outflow_str *text);

/*
 * Patterns that are tried on an event together, in little more time than one of them.
 *
 * The fields of all patterns are one tree of names, through which the event is walked once. The conditions on one field
 * are one index: texts in a hash table and in tries, numbers and addresses as sorted ranges. What was satisfied leads to
 * the patterns that may fit. Only when arrays of objects were on the way is each of these matched once more by itself,
 * since its fields must then be in one and the same element.
 */
struct pattern_set;

/* An empty set; then patterns are added, and pattern_set_finish makes it ready. OUTFLOW_E_NOMEM. The caller frees it with
 * pattern_set_free. [any] */
outflow_status pattern_set_new(enum pattern_dialect dialect, struct pattern_set **set, outflow_error *err);

/* Compiles text and adds it; name is copied. Errors as for pattern_compile; the set is then only good to be freed.
 * [any] */
outflow_status pattern_set_add(struct pattern_set *set, outflow_str name, outflow_str text, outflow_error *err);

/* After this nothing is added. OUTFLOW_E_NOMEM. [any] */
outflow_status pattern_set_finish(struct pattern_set *set, outflow_error *err);

/* Frees *set with its patterns and clears it; NULL inside is fine. [any] */
void pattern_set_free(struct pattern_set **set);

/* How many patterns were added; name and pattern number i, in that order, which are the set's. [any] */
size_t pattern_set_size(const struct pattern_set *set);
outflow_str pattern_set_name(const struct pattern_set *set, size_t i);
struct pattern *pattern_set_pattern(const struct pattern_set *set, size_t i);

/* Which patterns fit e? *matched: their numbers, ascending, valid until the next call; the result is how many. The set's
 * scratch is used, so one call at a time; nothing is allocated but strings with escapes, in e's arena. A failure goes
 * into e->status, and the result is 0. [task] */
size_t pattern_set_match(struct pattern_set *set, struct event *e, const uint32_t **matched);

/* Does any of them fit? [task] */
bool pattern_set_match_any(struct pattern_set *set, struct event *e);

#endif
