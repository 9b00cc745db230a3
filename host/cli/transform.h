/* SPDX-License-Identifier: Apache-2.0 */
/* transform.h: what the files of `outflow transform` share. */
#ifndef HOST_CLI_TRANSFORM_H
#define HOST_CLI_TRANSFORM_H
#include "host/cli/options.h"
#include "host/pipeline/trial.h"
#include "host/pipeline/trial_ends.h"

/* The keys of one transform, or of several with their predicates, as a pipeline has them. */
struct transform_keys {
	struct settings settings;
	const char *format; /* of the payload */
};

/* Sets one key of the only transform. OUTFLOW_E_NOMEM. */
outflow_status transform_key(struct transform_keys *k, const char *name, const char *value);

/* Takes what stands in a group of a configuration, or lists `transforms` and `predicates`. Problems are added.
 * OUTFLOW_E_NOMEM. */
outflow_status transform_keys_parse(struct transform_keys *k, const char *name, const char *text,
                                    struct problems *problems);

/* Makes the pipeline with these transforms; NULL: the problems of the configuration say why not, as somebody sees them who
 * wrote the keys of one transform. */
struct pipeline_model *transform_pipeline(struct configuration *c, struct transform_keys *k);

/* Answers each line of standard input, one JSON object a line. Returns the exit status. */
int transform_batch(struct configuration *c, const struct message *base, const char *format);

#endif
