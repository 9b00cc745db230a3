/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_internal.h: a compiled pattern, shared by the files that make and use it. */
#ifndef EVENT_PATTERN_INTERNAL_H
#define EVENT_PATTERN_INTERNAL_H
#include "address.h"
#include "blocks.h"
#include "glob.h"
#include "number.h"
#include "pattern.h"

#include <stdlib.h>

enum test_kind {
	TEST_STRING,  /* a glob that fits a string */
	TEST_TEXT,    /* text that any scalar but null may have (dialect alibaba) */
	TEST_NUMBER,  /* equal in value */
	TEST_LITERAL, /* null, true, false */
	TEST_NUMERIC,
	TEST_CIDR,
	TEST_EXISTS,
	TEST_ANYTHING_BUT
};
enum comparison {
	COMPARE_LESS,
	COMPARE_LESS_EQUAL,
	COMPARE_EQUAL,
	COMPARE_NOT_EQUAL,
	COMPARE_GREATER_EQUAL,
	COMPARE_GREATER
};

struct limit {
	enum comparison comparison;
	struct number number;
};

/* One operator or value. A list of them is an OR in anything-but (whose answer is then turned around) and an AND in a
 * condition object with several operators. */
struct test {
	enum test_kind kind;
	uint32_t literal;  /* TEST_LITERAL: OUTFLOW_JSON_NULL, _TRUE, _FALSE */
	bool exists;       /* TEST_EXISTS */
	bool tolerant;     /* TEST_NUMERIC: as doubles that are equal within 1e-7 */
	bool is_address;   /* TEST_STRING: range has the address that the text is, which may be spelled in other ways */
	uint32_t n_limits; /* TEST_NUMERIC: 1 or 2, both must hold */
	outflow_str text;  /* TEST_TEXT, and of the string that a glob was made from */
	struct glob glob;  /* TEST_STRING */
	struct number number;       /* TEST_NUMBER */
	struct limit limits[2];     /* TEST_NUMERIC */
	struct address_range range; /* TEST_CIDR; low beyond high: nothing is in it */
	struct test *list;          /* TEST_ANYTHING_BUT */
	struct test *next;
};

/* A member of a leaf's array: all its tests must fit. */
struct condition {
	struct test *tests;
	struct condition *next;
};

/* A name as parsed; a leaf and an inner field may have the same one. */
struct field {
	outflow_str name;
	struct field *parent, *children, *next;
	bool is_leaf;
	uint32_t depth;
	size_t rule; /* while the nodes of a rule are laid out: its number + 1 when it uses this field */
	struct leaf *leaf;
};

/* An array of values as spelled in the pattern. */
struct leaf {
	struct field *field;
	struct condition *conditions;
	outflow_str source, path; /* "$.data.body.temp" */
	size_t number;
	struct leaf *next;
};

/* A field as matched. Children lie side by side; a leaf and an inner field of the same name are neighbours. */
struct node {
	const char *name;
	uint64_t shapes;           /* pattern_shape of each child's name: most names of an event are none of them */
	bool may_be_dotted;        /* a child has children, so that a name with a dot may lead below it */
	uint32_t length, first, n; /* of the name; children: nodes[first] to nodes[first + n - 1] */
	uint8_t envelope;          /* enum envelope_field, ENVELOPE_NONE below data.body and for unknown names */
	bool is_leaf, twin;        /* twin: the next node has the same name */
	bool is_data;              /* the inner field data at the top */
	const struct field *field;
	const struct leaf *leaf;
};

/* A number below 64 that two different names hardly share. */
static inline unsigned pattern_shape_number(outflow_str name)
{
	unsigned first = name.len > 0 ? (unsigned char)name.ptr[0] : 0;

	return (unsigned)(first + 7 * name.len) & 63;
}

/* The same as one bit. */
static inline uint64_t pattern_shape(outflow_str name)
{
	return UINT64_C(1) << pattern_shape_number(name);
}

/* Leaves of which all must fit. A pattern is one such rule, or with $or several, of which one must hold. */
struct rule {
	struct leaf **leaves;
	size_t n_leaves, room;
	struct node *nodes; /* [0] is the root */
	struct rule *next;
};

/* Scratch of one node: the value found for it in the object at hand, and where it stands (0: none). */
struct slot {
	uint32_t token;
	bool dotted; /* its children were found under names with dots, see collect() */
};

struct pattern {
	enum pattern_dialect dialect;
	struct block *blocks;
	outflow_json *json; /* the source; texts point into it */
	char *text;
	struct field root;
	struct leaf *leaves, **last_leaf;
	struct leaf **numbered; /* the same leaves */
	struct rule *rules;
	size_t n_leaves, n_fields;
	size_t n_copies; /* leaves of all rules together */
	size_t n_nodes;  /* of all rules together */
	struct slot *slots;
	char warning[200];
};

/* Zeroed memory that lives as long as p, or NULL. */
void *pattern_alloc(struct pattern *p, size_t n);

/* JSON to leaves and rules. */
outflow_status pattern_parse(struct pattern *p, outflow_error *err);

/* Where and what the parser is looking at, for errors. */
struct place {
	const struct place *up;
	const outflow_json *json;
	uint32_t token;   /* the value */
	outflow_str name; /* how it is reached: a member name, */
	long index;       /* or, when name.ptr is NULL, an index; -1: the root */
};

/* "<code> at <pointer> (line l, column c): found <value>; <allowed>". */
outflow_status pattern_refuse(const struct place *at, const char *code, const char *allowed, outflow_error *err);

/* The value of a string without escapes; ptr NULL: no memory. */
outflow_str pattern_string(struct pattern *p, const outflow_json *json, uint32_t token);

/* One member of a leaf's array, or of anything-but: fills *t. */
outflow_status pattern_parse_value(struct pattern *p, const struct place *at, struct test *t, outflow_error *err);
/* A condition object: its operators as a list of tests. */
outflow_status pattern_parse_condition(struct pattern *p, const struct place *at, struct test **tests,
                                       outflow_error *err);
/* The arguments of numeric. */
outflow_status pattern_parse_numeric(struct pattern *p, const struct place *at, struct test *t, outflow_error *err);
/* Is that the name of an operator, now or reserved for one? */
bool pattern_is_operator(outflow_str name);

/* A scalar as the tests want it: strings decoded, numbers read. */
struct subject {
	uint32_t type;
	outflow_str text;
	struct number number;
};

/* Fills *s from v; false: no memory (e->status). */
bool pattern_subject(struct event *e, const struct value *v, struct subject *s);

/* Does s fit t, does it fit one of the conditions of l? Written to be obvious. */
bool pattern_test_fits(const struct test *t, const struct subject *s);
bool pattern_leaf_fits(const struct leaf *l, const struct subject *s);

/* Does l fit when there is no scalar? */
bool pattern_leaf_fits_absence(const struct leaf *l);

/* Does one rule hold for e? As pattern_match. */
bool pattern_rule_match(struct pattern *p, const struct rule *rule, struct event *e, pattern_trace *trace, void *arg);

#endif
