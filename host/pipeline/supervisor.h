/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.h: starts the pipelines of a daemon, watches them, and stops them in order. */
#ifndef HOST_PIPELINE_SUPERVISOR_H
#define HOST_PIPELINE_SUPERVISOR_H
#include "host/pipeline/instance.h"

struct supervisor;

struct supervisor_options {
	int until_done;          /* end when every pipeline has ended */
	int64_t stop_timeout_ns; /* what a drain may take */
};

/* Prepares to run these models; all of it outlives the supervisor. [any] */
outflow_status supervisor_new(const struct environment *environment, struct pipeline_model *const *models,
                              size_t n_models, const struct supervisor_options *options, struct supervisor **result,
                              outflow_error *err);

/* Starts every pipeline whose state is running and stays until SIGTERM or SIGINT, or with until_done until all have
 * ended. The first signal drains; a second one ends the process at once with 128 plus its number. Returns 0, or 1 when
 * a pipeline failed (until_done) or did not stop in time. The signals must be blocked in every thread. [any] */
int supervisor_run(struct supervisor *s);

/* Clears the pointer and accepts NULL inside. [any] */
void supervisor_free(struct supervisor **s);

#endif
