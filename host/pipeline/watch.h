/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h: somebody who looks on at what the records of one task go through: a trial, or whoever taps a pipeline. All is
 * called by the task's thread, which waits for it; what is pointed at lives as long as the call.
 */
#ifndef HOST_PIPELINE_WATCH_H
#define HOST_PIPELINE_WATCH_H
#include "host/pipeline/instance.h"

struct failure;

struct watch {
	const int *on; /* atomic; 0: nobody looks, and nothing is called */
	/* The source has given these; NULL: not asked for. [task] */
	void (*polled)(void *ctx, const struct instance *source, const outflow_record *in, uint32_t n);
	/* A stage is through with n inputs; a converter that leaves them where they are has in == out. [task] */
	void (*stage)(void *ctx, struct instance *stage, const outflow_record *in, uint32_t n,
	              const outflow_record *out, uint32_t n_out);
	/* What the sink will get; NULL: not asked for. [task] */
	void (*handed_over)(void *ctx, const outflow_record *out, uint32_t n);
	/* A record is given up: dead-lettered, dropped, or (OUTCOME_NONE) the end of the task; one that a stage gives up comes
	 * before its `stage`. [task] */
	void (*failure)(void *ctx, const struct slot *slot, const struct failure *failure, enum outcome outcome);
	void *ctx;
};

/* Who looks now; NULL: nobody. [task] */
static inline const struct watch *watch_of(const struct services *s)
{
	const struct watch *w = s->watch;

	return w != NULL && __atomic_load_n(w->on, __ATOMIC_RELAXED) != 0 ? w : NULL;
}

#endif
