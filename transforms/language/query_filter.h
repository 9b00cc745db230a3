/* SPDX-License-Identifier: Apache-2.0 */
/* query_filter.h: filter expressions (RFC 9535, 2.3.5) as they are parsed. */
#ifndef LANGUAGE_QUERY_FILTER_H
#define LANGUAGE_QUERY_FILTER_H
#include "number.h"
#include "query_internal.h"

/* What stands on one side of a comparison, is a test by itself, or an argument. */
enum term_kind { TERM_LITERAL, TERM_NODES, TERM_LENGTH, TERM_COUNT, TERM_VALUE, TERM_MATCH, TERM_SEARCH };

struct query_regex;

struct term {
	enum term_kind kind;
	struct value literal;
	struct nodes_query nodes;  /* TERM_NODES; of count() and value() their argument */
	struct term *arguments[2]; /* of length(), match() and search() */
	struct query_regex *regex; /* of match() and search() */
	uint32_t known;            /* its number among those that do not depend on @, from 1; 0: it does */
};

/* A number that a function made, as the text that numbers are. */
struct digits {
	char text[20];
};

/* The value of a term that does not depend on @, once it was worked out. */
struct query_known {
	bool is_known;
	struct value v;
	struct digits digits;
};

enum comparison {
	COMPARE_EQUAL,
	COMPARE_NOT_EQUAL,
	COMPARE_LESS,
	COMPARE_LESS_EQUAL,
	COMPARE_GREATER,
	COMPARE_GREATER_EQUAL
};

enum expression_kind { EXPRESSION_OR, EXPRESSION_AND, EXPRESSION_NOT, EXPRESSION_TEST, EXPRESSION_COMPARE };

struct expression {
	enum expression_kind kind;
	struct expression *first, *next; /* what an OR, AND or NOT is about; the next of these */
	enum comparison comparison;
	struct term *left, *right; /* left alone: a test */
};

/* The regular expression of match() or search(): a constant, or the one that was used last. */
struct query_regex {
	struct regex *regex; /* NULL: it is none, so that nothing fits */
	bool is_constant, known;
	char *text;
	size_t length;
	struct query_regex *next;
};

/* Is a equal to b, is it less? (RFC 9535, 2.3.5.2.2) A failure is false, and told in e->status. */
bool query_equal(struct query_run *r, const struct value *a, const struct value *b);
bool query_less(struct query_run *r, const struct value *a, const struct value *b);

/* How many characters a string has. */
int64_t query_characters(const struct value *string);

#endif
