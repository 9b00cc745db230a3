/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.h: what the files of `outflow pattern` share. */
#ifndef HOST_CLI_PATTERN_H
#define HOST_CLI_PATTERN_H
#include "host/cli/trial.h"
#include "host/cli/trial_ends.h"

/* Exit statuses of `outflow pattern`. */
enum { PATTERN_MATCH = 0, PATTERN_NO_MATCH = 1, PATTERN_REFUSED = 2, PATTERN_ENVIRONMENT = 3 };

struct pattern_options {
	struct config_options config;
	const char *pattern, *event; /* as given; NULL: not */
	const char *dialect, *format;
	struct message message; /* all but its payload */
	int explain, payload, lines, batch, json;
};

/* A pipeline that is nothing but a filter. */
struct pattern_trial {
	struct configuration configuration;
	struct pipeline_model *model;
	struct trial trial;
	size_t filter; /* which stage */
	int ready;     /* it has a pattern */
	int wants_explanation;
	char *explanation; /* of the last event, as JSON; NULL: none */
};

/* EXIT_OK, or else why not has been said. pattern_trial_close follows in any case. */
int pattern_trial_open(struct pattern_trial *p, const struct pattern_options *o);

/* Has the filter use this pattern. PATTERN_MATCH: it does; else err says why not. dialect NULL: the filter's default. */
int pattern_trial_use(struct pattern_trial *p, const struct text *pattern, const char *dialect, outflow_error *err);

/* PATTERN_MATCH, PATTERN_NO_MATCH, or PATTERN_REFUSED and err says why. */
int pattern_trial_ask(struct pattern_trial *p, struct message *m, outflow_error *err);

void pattern_trial_close(struct pattern_trial *p);

/* ---- pattern_batch.c ---- */

/* Answers each line of standard input, one JSON object a line. */
int pattern_batch(struct pattern_trial *p, const struct pattern_options *o);

#endif
