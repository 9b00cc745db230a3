/* SPDX-License-Identifier: Apache-2.0 */
/* matcher.h: the patterns of a filter or a predicate, as its keys pattern, patterns.<name> and dialect say. All [task] but
 * matcher_check. */
#ifndef EVENT_MATCHER_H
#define EVENT_MATCHER_H
#include "transforms/language/explain.h"
#include "transforms/language/pattern.h"

struct matcher {
	const outflow_host *host;
	struct event_settings settings;
	struct pattern_set *set;
	bool has_names; /* patterns.<name>, not pattern */
};

/* Reads the configuration into *m and logs what is odd about the patterns. On an error nothing is left behind. */
outflow_status matcher_make(struct matcher *m, const outflow_host *h, const outflow_config *c, outflow_error *err);
void matcher_clear(struct matcher *m);

/* Reports each pattern that is not valid as a problem of its key. [any] */
outflow_status matcher_check(const outflow_host *h, const outflow_config *c, outflow_error *err);

/* Why patterns do or do not fit e: of the one pattern as explain_match, of named ones
 * {"matched":true,"patterns":[{"name":"hot", and the same}]}. *fits: any of them does. */
outflow_status matcher_explain(struct matcher *m, struct event *e, bool *fits, outflow_bytes *json);

/* The keys that a component with a matcher has, for its schema; of the group "Patterns". */
#define MATCHER_KEYS                                                                                                     \
	{ "pattern",                                                                                                     \
	  OUTFLOW_T_STRING,                                                                                              \
	  0,                                                                                                             \
	  OUTFLOW_IMPORTANCE_HIGH,                                                                                       \
	  0,                                                                                                             \
	  "",                                                                                                            \
	  0,                                                                                                             \
	  0,                                                                                                             \
	  NULL,                                                                                                          \
	  "Patterns",                                                                                                    \
	  "An event pattern as JSON: the nesting of the event, with an array of values and operators (prefix, numeric, " \
	  "exists, anything-but...) for each field that must fit. Empty lets everything pass." },                        \
		{ "patterns.",                                                                                           \
		  OUTFLOW_T_PREFIX,                                                                                      \
		  0,                                                                                                     \
		  OUTFLOW_IMPORTANCE_MEDIUM,                                                                             \
		  0,                                                                                                     \
		  NULL,                                                                                                  \
		  0,                                                                                                     \
		  0,                                                                                                     \
		  NULL,                                                                                                  \
		  "Patterns",                                                                                            \
		  "patterns.<name> is an event pattern with a name, in place of pattern; there may be many, of which "   \
		  "any may fit." },                                                                                      \
	{                                                                                                                \
		"dialect", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "union", 0, 0, pattern_dialects,             \
			"Patterns",                                                                                      \
			"How patterns are read and values compared: union takes what either of the others takes, aws "   \
			"and alibaba are as Amazon EventBridge and Alibaba Cloud EventBridge."                           \
	}

#endif
