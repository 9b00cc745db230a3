/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.h: what the files of `outflow pattern` share. */
#ifndef HOST_CLI_PATTERN_H
#define HOST_CLI_PATTERN_H
#include "host/cli/options.h"
#include "host/pipeline/pattern_trial.h"

/* Verdicts are exit statuses: 0 it fits, 1 it does not, 2 it is refused. */
struct pattern_options {
	struct config_options config;
	const char *pattern, *event; /* as given; NULL: not */
	const char *dialect, *format;
	struct message message; /* all but its payload */
	int explain, payload, lines, batch, json;
};

/* ---- pattern_batch.c ---- */

/* Answers each line of standard input, one JSON object a line. */
int pattern_batch(struct pattern_trial *p, const struct pattern_options *o);

#endif
