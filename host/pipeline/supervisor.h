/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.h: the main thread of a daemon: waits for signals, and ends the pipelines in order. */
#ifndef HOST_PIPELINE_SUPERVISOR_H
#define HOST_PIPELINE_SUPERVISOR_H
#include "host/pipeline/fleet.h"

struct supervisor;

struct supervisor_options {
	int until_done;            /* end when every pipeline has ended */
	int64_t stop_timeout_ns;   /* what a drain may take */
	void (*reload)(void *ctx); /* SIGHUP: reads the files anew; on this thread; may be NULL */
	void (*stop)(void *ctx);   /* a stop begins; on this thread; may be NULL */
	void *ctx;
};

/* Prepares to watch the signals. OUTFLOW_E_TASK, OUTFLOW_E_NOMEM. [any] */
outflow_status supervisor_new(const struct supervisor_options *options, struct supervisor **result, outflow_error *err);

/* For fleet_options: something has changed. [any] */
void supervisor_notify(void *supervisor, const char *name);

/* Starts the fleet and stays until SIGTERM or SIGINT, or with until_done until all pipelines have ended. The first signal
 * drains; a second one ends the process at once with 128 plus its number. Returns 0, or 1 when a pipeline failed
 * (until_done); a pipeline that does not stop in time ends the process with 1. The signals must be blocked in every thread.
 * [any] */
int supervisor_run(struct supervisor *s, struct fleet *f);

/* Clears the pointer and accepts NULL inside. The fleet must be gone: it notifies. [any] */
void supervisor_free(struct supervisor **s);

#endif
