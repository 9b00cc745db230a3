/* SPDX-License-Identifier: Apache-2.0 */
/* trial_json.h: what became of records in a trial, as JSON, for the API and for commands with --json. */
#ifndef HOST_API_TRIAL_JSON_H
#define HOST_API_TRIAL_JSON_H
#include "host/pipeline/trial.h"

#include <jansson.h>

/* "output", "filtered", "rejected", "postponed" (the pipeline would try again) or "unknown" (a stage was left out). [any] */
const char *trial_outcome_name(const struct trial_outcome *o);

/* {"topic", "key", "value", "headers": [[name, value]], "partition", "timestamp"}. NULL: no memory. [any] */
json_t *trial_record_json(const outflow_record *r);

/* Inside on_stage: {"stage", "component", "inputs", "outputs", "explanations"}, and "predicate" when it has one; explanations
 * are those of inputs that were not let through. NULL: no memory. */
json_t *trial_stage_json(struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                         const outflow_record *out, uint32_t n_out);

/* {"result": trial_outcome_name, "outputs": [record and "changed": which parts of it are not the input's],
 *  "failures": [{"stage", "reason", and "dead_letter" when there is one}]}. NULL: no memory. [any] */
json_t *trial_outcome_json(const struct trial_outcome *o, const outflow_record *input);

/* The same, and "pipeline", "source": the input, "stages", which is not taken over, and "stopped". NULL: no memory. [any] */
json_t *trial_json(const struct pipeline_model *m, const struct trial_outcome *o, const outflow_record *input,
                   json_t *stages);

#endif
