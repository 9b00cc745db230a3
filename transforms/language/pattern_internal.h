/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_internal.h: a compiled pattern, shared by the files that make and use it. */
#ifndef EVENT_PATTERN_INTERNAL_H
#define EVENT_PATTERN_INTERNAL_H
#include "number.h"
#include "pattern.h"

#include <stdlib.h>

enum test_kind { TEST_STRING, TEST_NUMBER, TEST_LITERAL, TEST_PREFIX, TEST_NUMERIC, TEST_EXISTS, TEST_ANYTHING_BUT };
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
	uint32_t literal;     /* TEST_LITERAL: OUTFLOW_JSON_NULL, _TRUE, _FALSE */
	bool exists;          /* TEST_EXISTS */
	uint32_t n_limits;    /* TEST_NUMERIC: 1 or 2, both must hold */
	outflow_str text;     /* TEST_STRING, TEST_PREFIX */
	struct number number; /* TEST_NUMBER */
	struct limit limits[2];
	struct test *list; /* TEST_ANYTHING_BUT */
	struct test *next;
};

/* A member of a leaf's array: all its tests must fit. */
struct condition {
	struct test *tests;
	struct condition *next;
};

/* A field as parsed: a leaf has conditions or strings, an inner one has children. A name may be there twice,
 * once as each. */
struct field {
	outflow_str name;
	struct field *parent, *children, *next;
	bool is_leaf;
	struct condition *conditions; /* but plain strings */
	outflow_str *strings;         /* sorted, for bisection */
	size_t n_strings;
	outflow_str source, path; /* the leaf's array as spelled; "$.data.body.temp" */
	size_t leaf;              /* number of a leaf */
};

/* A field as matched. Children lie side by side; a leaf and an inner field of the same name are neighbours. */
struct node {
	const char *name;
	uint64_t shapes;           /* pattern_shape of each child's name: most names of an event are none of them */
	bool may_be_dotted;        /* a child has children, so that a name with a dot may lead below it */
	uint32_t length, first, n; /* of the name; children: nodes[first] to nodes[first + n - 1] */
	uint8_t envelope;          /* enum envelope_field, ENVELOPE_NONE below data.body and for unknown names */
	bool is_leaf, twin;        /* twin: the next node has the same name */
	const struct field *field;
};

/* One bit that two different names hardly share. */
static inline uint64_t pattern_shape(outflow_str name)
{
	unsigned first = name.len > 0 ? (unsigned char)name.ptr[0] : 0;

	return UINT64_C(1) << ((first + 7 * name.len) & 63);
}

/* Scratch of one node: the value found for it in the object at hand, and where it stands (0: none). */
struct slot {
	uint32_t token;
	bool dotted; /* its children were found under names with dots, see collect() */
};

struct block;

struct pattern {
	struct block *blocks;
	outflow_json *json; /* the source; texts point into it */
	char *text;
	struct field root;
	struct field **leaves;
	size_t n_leaves, n_fields;
	struct node *nodes; /* [0] is the root */
	struct slot *slots;
	char warning[200];
};

/* Zeroed memory that lives as long as p, or NULL. */
void *pattern_alloc(struct pattern *p, size_t n);

/* JSON to fields. */
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

/* One member of a leaf's array, or of anything-but: fills *t. */
outflow_status pattern_parse_value(struct pattern *p, const struct place *at, struct test *t, outflow_error *err);
/* A condition object: its operators as a list of tests. */
outflow_status pattern_parse_condition(struct pattern *p, const struct place *at, struct test **tests,
                                       outflow_error *err);

#endif
