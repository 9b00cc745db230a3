/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h: the stages between source and sink, run to completion on the records of one poll. */
#ifndef HOST_PIPELINE_CHAIN_H
#define HOST_PIPELINE_CHAIN_H
#include "host/pipeline/faults.h"
#include "host/pipeline/instance.h"

struct chain {
	struct services *services;
	struct faults *faults;
	const struct instance *source;
	struct instance *stages;
	size_t n_stages;
	/* Waits until the deadline while the task goes on with everything else. OUTFLOW_E_CANCELED: the task shall stop;
	 * any other negative status ends it, err says why. */
	outflow_status (*pause)(void *ctx, int64_t deadline_ns, outflow_error *err);
	void *pause_ctx;
};

/* Runs an admitted family, without what the source itself has rejected of it, through all stages and hands its outputs to the ledger; the family is then ready to be
 * published. A stage that asks for a retry is tried again on the same input, as the retry policy says; the task waits with
 * it. Anything but OUTFLOW_OK ends the task: err says why, nothing of the family is resolved. OUTFLOW_E_RECORD:
 * errors.tolerance does not let a record pass; OUTFLOW_E_CANCELED: stopped while waiting for a retry. [task] */
outflow_status chain_run(struct chain *c, struct family *f, outflow_error *err);

#endif
