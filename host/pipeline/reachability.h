/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reachability.h: can the server that a configuration names be reached, and if not, why? Asks the outflow.probe/1 of its plugin,
 * on a thread that is given up when it does not come back.
 */
#ifndef HOST_PIPELINE_REACHABILITY_H
#define HOST_PIPELINE_REACHABILITY_H
#include "host/config/connection_model.h"

#define REACHABILITY_STEPS_MAX 16

struct reachability_step {
	char name[32];
	int is_done;    /* 0: it failed, or it was under way when the time was over */
	char text[480]; /* what came of it, or why it failed */
	int64_t took_ns;
};

/* What came of a test. */
struct reachability {
	int is_tested; /* 0: the plugin has no probe; reason says so */
	int is_reachable;
	char reason[600]; /* in one sentence; "" when it is reachable */
	struct reachability_step steps[REACHABILITY_STEPS_MAX];
	size_t n_steps;
	int64_t took_ns;
};

/* What is to be reached; host and inventory outlive the threads of errands_abandoned. */
struct reachability_subject {
	const char *name; /* for the log */
	const struct host_model *host;
	struct inventory *inventory;
	const struct declaration *connection; /* copied */
	/* connection NULL: the end of a pipeline, which outlives the threads, too */
	const struct stage_model *end;
	const struct settings *settings; /* of that pipeline */
};

/* Tests it; secrets in what the plugin says are masked. The probe is given timeout_ns, and two seconds more to come back. Problems of a connection's keys are added.
 * OUTFLOW_OK: result says what came of it; OUTFLOW_E_CONFIG: there are problems; OUTFLOW_E_RETRY: it did not come back, or too
 * many are under way; OUTFLOW_E_TASK, OUTFLOW_E_NOMEM. Then err says so. [any] */
outflow_status reachability_test(const struct reachability_subject *subject, int64_t timeout_ns,
                                 struct problems *problems, struct reachability *result, outflow_error *err);

#endif
