/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_trial.h: does an event fit a pattern? Asks the filter of pipelines itself, in a trial of one that is nothing else. */
#ifndef HOST_PIPELINE_PATTERN_TRIAL_H
#define HOST_PIPELINE_PATTERN_TRIAL_H
#include "host/pipeline/trial.h"
#include "host/pipeline/trial_ends.h"

enum pattern_verdict { PATTERN_MATCH, PATTERN_NO_MATCH, PATTERN_REFUSED };

/* Zeroed until it is opened. One thread throughout. */
struct pattern_trial {
	struct pipeline_model *model;
	struct trial trial;
	size_t filter; /* which stage */
	int wants_explanation;
	char *explanation; /* of the last event, as JSON; NULL: none */
};

/* What every event of a trial is. */
struct pattern_setting {
	const struct host_model *host;
	struct inventory *inventory;
	const char *format; /* of payloads; NULL: json */
	enum trial_for whom;
};

/* OUTFLOW_E_CONFIG: no filter can be made, OUTFLOW_E_NOMEM, and what the filter says; err says why. What setting holds outlives
 * the trial; pattern_trial_close follows in any case. */
outflow_status pattern_trial_open(struct pattern_trial *p, const struct pattern_setting *setting, outflow_error *err);

/* Has the filter use this pattern. dialect NULL: the filter's default. OUTFLOW_E_CONFIG: it does not, err says why, and where
 * in the pattern (domain "pattern", native: the byte). */
outflow_status pattern_trial_use(struct pattern_trial *p, const struct text *pattern, const char *dialect,
                                 outflow_error *err);

/* What the filter says to an event. PATTERN_REFUSED: err says why. */
enum pattern_verdict pattern_trial_ask(struct pattern_trial *p, struct message *m, outflow_error *err);

void pattern_trial_close(struct pattern_trial *p);

#endif
