/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_table.h: which topics a text leads to: ordered rules of a regular expression and topics, and a default.
 *
 *   rules = "{\"defaultTopic\":\"other\",\"rules\":[{\"regex\":\"^pump\",\"targetTopics\":[\"t1\",\"t2\"]}]}"   the product's
 *   rules = ( { regex = "^pump"; topics = [ "t1", "t2" ]; } ); default = "other";                           the same
 */
#ifndef CLEANSE_ROUTE_TABLE_H
#define CLEANSE_ROUTE_TABLE_H
#include "transforms/language/reading.h"
#include "transforms/language/regex.h"

struct topic {
	struct topic *next;
	outflow_str name;
	uint64_t taken; /* see route_table_find */
	char text[];
};

struct route_rule {
	struct regex *regex;
	struct topic **topics; /* of the table's list */
	size_t n;
};

struct route_table {
	struct route_rule *rules;
	size_t n;
	struct topic *topics;   /* each name once */
	struct topic *standard; /* NULL: none */
	outflow_str *found;     /* room for all topics */
	size_t n_topics;
	uint64_t round;
};

/* Reads the keys "rules" and "default". A failure goes into r; the caller calls route_table_clear in any case. [any] */
void route_table_read(struct route_table *t, struct reading *r);

/* Frees what t holds. [any] */
void route_table_clear(struct route_table *t);

/* Finds the topics of a text (ptr NULL: there is none, no rule fits): those of the first rule that fits, or with `all`
 * those of all rules, each topic once; else the default. They are in t->found until the next call, *n of them; none: there
 * is no default. Failures are those of regex_search. [task] */
outflow_status route_table_find(struct route_table *t, outflow_str text, bool all, size_t *n, outflow_error *err);

#endif
