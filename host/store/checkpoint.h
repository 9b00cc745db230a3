/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h: where each stream of each pipeline goes on after a restart. One append log for the daemon, written at
 * once (a killed process loses nothing), synced by a thread every interval, compacted by an atomic rename.
 */
#ifndef HOST_STORE_CHECKPOINT_H
#define HOST_STORE_CHECKPOINT_H
#include <outflow/abi.h>

struct checkpoint_store;

/* A position as a source knows it. */
struct checkpoint {
	uint64_t next;
	outflow_bytes pos_ext;
};

/* Reads the log (a torn tail is cut off and reported in the log) and opens it for writing. sync_interval_ns: how often
 * changes are synced. OUTFLOW_E_TASK: the error names file and cause. [any] */
outflow_status checkpoint_store_open(const char *path, int64_t sync_interval_ns, struct checkpoint_store **result,
                                     outflow_error *err);

/* OUTFLOW_OK, or OUTFLOW_AGAIN: none known, as always without a store (NULL). pos_ext.ptr is malloc'd for the caller, NULL
 * when there is none. [any] */
outflow_status checkpoint_get(struct checkpoint_store *s, const char *pipeline, outflow_str stream_json,
                              struct checkpoint *result);

/* Stores a position and says in *generation when checkpoint_durable will have reached it. OUTFLOW_E_RETRY: disk error,
 * the old position stays; OUTFLOW_E_NOMEM. [any] */
outflow_status checkpoint_put(struct checkpoint_store *s, const char *pipeline, outflow_str stream_json,
                              const struct checkpoint *position, uint64_t *generation, outflow_error *err);

/* Forgets a position: the stream begins anew. OUTFLOW_OK also when none is known; errors as for put. [any] */
outflow_status checkpoint_forget(struct checkpoint_store *s, const char *pipeline, outflow_str stream_json,
                                 outflow_error *err);

/* Every put whose generation is at most this is on disk for good; 0 without a store (NULL). [any] */
uint64_t checkpoint_durable(struct checkpoint_store *s);

/* Syncs now; what a stopping task calls. Errors as for put. [any] */
outflow_status checkpoint_sync(struct checkpoint_store *s, outflow_error *err);

/* Calls visit for every stream of a pipeline (NULL: of all). [any] */
void checkpoint_each(struct checkpoint_store *s, const char *pipeline,
                     void (*visit)(void *ctx, const char *pipeline, outflow_str stream_json,
                                   const struct checkpoint *position),
                     void *ctx);

/* Syncs, then closes; clears the pointer and accepts NULL inside. [any] */
void checkpoint_store_close(struct checkpoint_store **s);

#endif
