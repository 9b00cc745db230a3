/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.h: a transform's configuration, read by the same code when it is checked and when an instance is made.
 *
 * While it is checked every problem is told to host->problem; else the first one is the error. Lists of groups
 * (rules = ( { regex = "a"; }, { regex = "b"; } )) arrive as a list of names, "t1,t2", and keys below them, "rules.t1.regex".
 * All [any].
 */
#ifndef LANGUAGE_READING_H
#define LANGUAGE_READING_H
#include <outflow/util.h>

#include <stdbool.h>

#define READING_KEY_MAX 256u

struct reading {
	const outflow_host *host;
	const outflow_config *config;
	bool check;
	outflow_status status; /* OUTFLOW_OK while there is no problem */
	outflow_error *err;
};

/* A problem of a key. Once there was no memory, that is the status. */
void reading_problem(struct reading *r, const char *key, outflow_status status, const char *format, ...)
	OUTFLOW_PRINTF(4, 5);

/* The value of a key. false: it is not set; with `required` that is a problem. */
bool reading_text(struct reading *r, const char *key, bool required, outflow_str *text);

/* Which of the texts in `choices` (NULL ends them) the key has; the default when it is not set or none of them, which is a
 * problem. */
size_t reading_choice(struct reading *r, const char *key, const char *const *choices, size_t standard);

/* The key of member `name` in group number i of a list. false: the list has no such group. */
bool reading_group_key(struct reading *r, const char *list, size_t i, const char *name, char key[READING_KEY_MAX]);

/* A problem for each key below the list that is not one of `names` (NULL ends them) in a group of it. */
void reading_only(struct reading *r, const char *list, const char *const *names);

#endif
