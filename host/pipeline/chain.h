/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h: the stages between source and sink, run to completion on the records of one poll. */
#ifndef HOST_PIPELINE_CHAIN_H
#define HOST_PIPELINE_CHAIN_H
#include "host/pipeline/faults.h"
#include "host/pipeline/instance.h"

/* Somebody who looks on, for tools that show what a pipeline does. What is pointed at lives as long as the family. [task] */
struct chain_watch {
	/* A stage is through with n inputs; a converter that leaves them where they are has in == out. */
	void (*stage)(void *ctx, struct instance *stage, const outflow_record *in, uint32_t n,
	              const outflow_record *out, uint32_t n_out);
	/* A stage has given up an input for good; comes before its `stage`. */
	void (*failure)(void *ctx, const outflow_record *in, const struct failure *failure);
	void *ctx;
};

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
	const struct chain_watch *watch; /* NULL: nobody */
};

/* Runs an admitted family, without what the source itself has rejected of it, through all stages and hands its outputs to the ledger; the family is then ready to be
 * published. A stage that asks for a retry is tried again on the same input, as the retry policy says; the task waits with
 * it. Anything but OUTFLOW_OK ends the task: err says why, nothing of the family is resolved. OUTFLOW_E_RECORD:
 * errors.tolerance does not let a record pass; OUTFLOW_E_CANCELED: stopped while waiting for a retry. [task] */
outflow_status chain_run(struct chain *c, struct family *f, outflow_error *err);

#endif
