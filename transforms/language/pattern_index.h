/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_index.h: all conditions that the patterns of a set put on one field, tried on a value at once.
 *
 * Equal leaves of different patterns are one clause. What a clause asks is broken down to groups: a group is hit when the
 * value is one of its strings, prefixes, ranges... A clause with a plain condition is satisfied by a hit of that
 * condition's group; anything-but, and several operators in one object, are terms over groups that are looked at when
 * all hits are known.
 */
#ifndef EVENT_PATTERN_INDEX_H
#define EVENT_PATTERN_INDEX_H
#include "intervals.h"
#include "pattern_internal.h"
#include "trie.h"
#include "words.h"

#define NO_CLAUSE UINT32_MAX

struct group {
	uint32_t clause; /* satisfied by a hit, or NO_CLAUSE */
	uint64_t value;  /* the last value that hit it */
};

/* Part of a condition: the group must be hit, or must not. */
struct term {
	uint32_t group;
	bool negated;
	struct term *next;
};

/* A condition that is no single group. */
struct complex {
	uint32_t clause;
	struct term *terms;
	struct complex *next;
};

/* One leaf, of all rules that have the same one. */
struct clause {
	const struct leaf *leaf;
	struct index *index;
	bool fits_absence;
	uint32_t n_rules;          /* that use it */
	uint64_t event;            /* the last event that satisfied it */
	struct set_rule *anchored; /* rules that are looked at when it is satisfied */
};

struct index {
	struct words clauses; /* by source text */
	struct words words;   /* whole strings */
	bool untyped;         /* which numbers, true and false are looked up in as well (dialect alibaba) */
	struct trie forward, backward;
	struct intervals numbers, addresses;
	const struct id *literals[3]; /* null, false, true */
	const struct id *any;         /* of each scalar */
	struct complex *complex;
	uint64_t event;   /* the last one with a value here */
	uint32_t n_rules; /* that cannot hold without a value here */
	bool vital;       /* all of them */
	struct index *next;
};

/* What is shared by the indexes of a set. */
struct index_space {
	struct block *blocks;
	enum pattern_dialect dialect;
	struct group *groups;
	struct clause *clauses;
	uint32_t n_groups, room_groups, n_clauses, room_clauses;
};

/* The clause of a leaf, made if need be. OUTFLOW_E_NOMEM. */
outflow_status index_add(struct index_space *s, struct index *x, const struct leaf *l, uint32_t *clause);

/* Makes what was added ready for index_test. OUTFLOW_E_NOMEM. */
outflow_status index_finish(struct index_space *s, struct index *x);

/* Values on their way through indexes, and what became known of the event that they are from. */
struct probe {
	struct group *groups;
	struct clause *clauses;
	uint64_t value, event; /* numbers that no other value, no other event has */
	bool satisfied;        /* the value satisfied a clause */
	struct clause **fired; /* clauses that the event satisfied and that rules hang on; room for all */
	uint32_t n_fired;
};

/* Tries a value, which the caller has given its number, on x. */
void index_test(struct index *x, struct probe *p, const struct subject *s);

#endif
