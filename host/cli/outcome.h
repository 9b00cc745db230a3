/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.h: what became of a record in a trial, for people and programs. */
#ifndef HOST_CLI_OUTCOME_H
#define HOST_CLI_OUTCOME_H
#include "host/cli/trial.h"

#include <jansson.h>

/* "output", "filtered", "rejected" or "postponed" (the pipeline would try again). */
const char *outcome_name(const struct trial_outcome *o);

/* {"result": outcome_name, "outputs": [record and "changed": which parts of it are not the input's],
 *  "failures": [{"stage", "reason", and "dead_letter" when there is one}]}. NULL: no memory. */
json_t *outcome_json(const struct trial_outcome *o, const outflow_record *input);

/* What of a record is not its input's; input NULL: all of it. */
void outcome_print_record(const outflow_record *r, const outflow_record *input, FILE *to);

/* Is all of it the input's? */
int outcome_is_unchanged(const outflow_record *r, const outflow_record *input);

/* One failure as a sentence. */
void outcome_print_failure(const struct trial_failure *f, FILE *to);

#endif
