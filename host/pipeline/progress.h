/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h: carries the streams' positions from the ledger to the checkpoint store and, once they are durable there,
 * to the source and its journal. [task] throughout.
 */
#ifndef HOST_PIPELINE_PROGRESS_H
#define HOST_PIPELINE_PROGRESS_H
#include "host/pipeline/instance.h"

struct stream_progress;

struct progress {
	struct services *services;
	const struct instance *source;
	struct stream_progress *streams;
	size_t n, room;
	int64_t next_ns;
	int new_turn;
	int64_t next_log_ns;
	int out_of_memory;
	uint64_t acked; /* records that the source was told of */
};

void progress_init(struct progress *p, struct services *s, const struct instance *source);

/* Does its work when a turn (100 ms) is over. A checkpoint that cannot be stored is tried again at the next turn and
 * reported in the log. OUTFLOW_E_TASK: no memory. */
outflow_status progress_tick(struct progress *p, int64_t now_ns, outflow_error *err);

/* Did the last tick do its work? */
int progress_is_new_turn(const struct progress *p);

/* Is there a position that the source has not been told? */
int progress_is_pending(const struct progress *p);

/* Stores everything, waits until it is durable, tells the source. OUTFLOW_E_RETRY: disk error. */
outflow_status progress_finish(struct progress *p, outflow_error *err);

void progress_clear(struct progress *p);

#endif
