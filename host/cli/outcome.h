/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.h: what became of a record in a trial, for people. */
#ifndef HOST_CLI_OUTCOME_H
#define HOST_CLI_OUTCOME_H
#include "host/pipeline/trial.h"

#include <stdio.h>

/* What of a record is not its input's; input NULL: all of it. */
void outcome_print_record(const outflow_record *r, const outflow_record *input, FILE *to);

/* One failure as a sentence. */
void outcome_print_failure(const struct trial_failure *f, FILE *to);

#endif
