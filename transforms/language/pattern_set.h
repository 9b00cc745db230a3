/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_set.h: a set of patterns, shared by the files that make and use it. */
#ifndef EVENT_PATTERN_SET_H
#define EVENT_PATTERN_SET_H
#include "pattern_index.h"

/* A field name of any pattern, while the set is made. */
struct part {
	outflow_str name;
	struct words children;
	struct part *first, *last, *next; /* children in their order; sibling */
	struct index *index;              /* of the leaves here */
	uint32_t n_children;
};

/* A part as the walk sees it. Children lie side by side. */
struct set_node {
	const char *name;
	uint64_t shapes;  /* pattern_shape of each child's name: most names of an event are none of them */
	uint64_t heads;   /* initials of children with children: a name with a dot may lead below one */
	bool is_data;     /* the field data at the top */
	uint8_t envelope; /* enum envelope_field */
	uint32_t length, first, n;
	struct index *index;
	const uint8_t *by_shape;     /* of few children: the first one of a shape, counted from 1; 0: none */
	const struct words *by_name; /* of many: number + 1 */
};

/* One bit of a name's first letter. */
static inline uint64_t set_initial(outflow_str name)
{
	return UINT64_C(1) << ((name.len > 0 && name.ptr[0] != '.' ? (unsigned char)name.ptr[0] : 0) & 63);
}

/* A rule of a pattern, by clauses. */
struct set_rule {
	uint32_t pattern, n_clauses;
	uint32_t *clauses;
	const struct rule *rule;
	bool is_fragile;       /* arrays of objects may make it look as if it held */
	bool has_data;         /* dialect alibaba: it asks for something in data */
	struct set_rule *next; /* anchored at the same clause, or of all */
};

struct pattern_set {
	struct index_space space;
	struct pattern **patterns;
	outflow_str *names;
	uint32_t n_patterns, room;
	struct part root;
	uint32_t n_parts, n_rules;
	struct index *indexes;
	struct set_rule *rules, *unanchored; /* all; those that may hold with nothing satisfied */
	struct set_node *nodes;

	/* Of the event at hand. */
	struct event *e;
	struct probe probe;
	uint32_t *tokens;        /* of each node: where the value found for it stands, 0: none */
	uint32_t *touched;       /* of the children of a node, beginning at its first: those with a token */
	bool any_arrays;         /* of objects were walked into */
	bool inexact;            /* more than one place was looked at for one field */
	bool no_data;            /* it has no object data */
	bool stop;               /* nothing can fit */
	uint32_t inside;         /* how many arrays */
	uint64_t *matched_event; /* of each pattern: the last event that it matched */
	uint32_t *matched, n_matched;
};

#endif
