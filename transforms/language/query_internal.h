/* SPDX-License-Identifier: Apache-2.0 */
/* query_internal.h: a compiled query, shared by the files that make and use it. */
#ifndef LANGUAGE_QUERY_INTERNAL_H
#define LANGUAGE_QUERY_INTERNAL_H
#include "query.h"
#include "regex.h"

#define QUERY_NESTING_MAX 32u              /* filters, functions and parentheses inside each other */
#define QUERY_STEPS 10000000u              /* values that a query may look at, */
#define QUERY_STEPS_PER_BYTE 4u            /* and so many more for each byte of the payload */
#define QUERY_INTEGER_MAX 9007199254740991 /* 2^53 - 1, the largest index that RFC 9535 has */

struct expression;

enum selector_kind { SELECT_NAME, SELECT_INDEX, SELECT_ALL, SELECT_SLICE, SELECT_FILTER };

struct slice {
	bool has_start, has_end;
	int64_t start, end, step;
};

struct selector {
	enum selector_kind kind;
	union {
		outflow_str name; /* escapes decoded */
		int64_t index;
		struct slice slice;
		struct expression *filter;
	};
	struct selector *next;
};

struct segment {
	bool descendant;
	struct selector selector; /* the first of them */
	struct segment *next;
};

/* A query as it is parsed: the whole one, or one inside a filter. */
struct nodes_query {
	bool relative; /* begins at @ */
	bool singular;
	struct segment *first;
	enum envelope_field field;    /* where the first segments lead inside the envelope, */
	const struct segment *inside; /* and those that are left there */
};

struct query {
	struct query_block *blocks;
	struct query_regex *regexes;
	uint32_t n_known; /* terms of filters that do not depend on @ */
	outflow_str text; /* what is parsed */
	struct nodes_query root;
};

/* Zeroed memory that lives as long as q, or NULL. */
void *query_alloc(struct query *q, size_t n);

/* Fills *q, which is all zero; single: refuse what may find several values. Whatever the status, the caller calls
 * query_clear. */
outflow_status query_read(struct query *q, outflow_str text, bool single, outflow_error *err);
void query_clear(struct query *q);

/* ---- parsing ---- */

struct query_parser {
	const char *text, *p, *end;
	struct query *query;
	bool single;
	unsigned depth;
	outflow_error *err;
};

outflow_status query_refuse(const struct query_parser *s, const char *at, const char *cause);
outflow_status query_no_memory(outflow_error *err);
void query_skip_blanks(struct query_parser *s);

/* From $ or @ on. */
outflow_status query_parse_nodes(struct query_parser *s, struct nodes_query *q);
/* s->p is at the quote. */
outflow_status query_parse_string(struct query_parser *s, outflow_str *text);
/* After the question mark. */
outflow_status query_parse_filter(struct query_parser *s, struct expression **filter);

/* ---- evaluation ---- */

/* Room for a decoded string, which the next one takes again. */
struct query_scratch {
	char *text;
	size_t room;
};

/* One query_find. */
struct query_run {
	const struct query *query;
	struct event *e;
	uint64_t steps;            /* that are left */
	struct query_known *known; /* values of these terms */
	struct regex_budget regex_budget;
	struct query_scratch subject, pattern; /* of match() and search() */
	bool duplicates_known;
	uint8_t *overridden; /* a bit for each token: a value whose name is there again; NULL: none is */
};

/* Takes n from the steps that are left. false: there are no more, and e->status says so. */
bool query_charge(struct query_run *r, uint64_t n);

/* v becomes what s finds in it, VALUE_MISSING when that is nothing. */
void query_step(struct query_run *r, const struct selector *s, struct value *v);

/* Element number `at` of an array, from the end when negative; VALUE_MISSING beyond. */
void query_element(struct query_run *r, const struct value *array, int64_t at, struct value *v);

/* v, number at - n of the array, becomes number `at`, which must be there. */
void query_move(struct query_run *r, const struct value *array, int64_t at, int64_t n, struct value *v);

/* How many children a container has. false: a failure. */
bool query_length(struct query_run *r, const struct value *container, int64_t *length);

/* Children of a container one by one, each charged. */
struct query_children {
	struct value container;
	uint32_t at, end; /* tokens */
	size_t number;    /* of what the envelope makes */
};

/* false: a failure, told in e->status. */
bool query_children_begin(struct query_run *r, struct query_children *c, const struct value *container);
/* The next child; of an object's member also its name, as a value. false: no more, or a failure. */
bool query_children_next(struct query_run *r, struct query_children *c, struct value *name, struct value *child);

/* Finds out about members of the same name, once. false: a failure. */
bool query_know_duplicates(struct query_run *r, const outflow_json *json);

/* Is the value at token hidden behind a later member of the same name? After query_know_duplicates. */
static inline bool query_is_overridden(const struct query_run *r, uint32_t token)
{
	return r->overridden != NULL && (r->overridden[token / 8] >> token % 8 & 1);
}

/* The nodes of q, which is evaluated at `current` when it is relative. false: the callback stopped it, or a failure. */
bool query_nodes(struct query_run *r, const struct nodes_query *q, const struct value *current, query_found *found,
                 void *arg);
/* The same of a singular query; VALUE_MISSING: nothing. */
void query_single(struct query_run *r, const struct nodes_query *q, const struct value *current, struct value *v);

/* Before any filter. false: no memory. */
bool query_filter_begin(struct query_run *r);

/* Does the filter hold for current? A failure is false, and told in e->status. */
bool query_filter_holds(struct query_run *r, const struct expression *filter, const struct value *current);

#endif
