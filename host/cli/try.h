/* SPDX-License-Identifier: Apache-2.0 */
/* try.h: what a pipeline does with one message, stage by stage, shown as it happens. */
#ifndef HOST_CLI_TRY_H
#define HOST_CLI_TRY_H
#include "host/pipeline/trial.h"

#include <jansson.h>

/* Shows a trial to people on standard output, or gathers it as JSON. */
struct try_show {
	json_t *stages; /* NULL: for people */
};

/* The record as the source makes it. */
void try_show_source(struct try_show *s, const struct pipeline_model *m, const outflow_record *r);

/* A trial's on_stage; ctx is the struct try_show. */
void try_show_stage(void *ctx, struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                    const outflow_record *out, uint32_t n_out);

/* What goes to the sink, and what becomes of failures. */
void try_show_end(struct try_show *s, const struct pipeline_model *m, const struct trial_outcome *o,
                  const outflow_record *input);

#endif
