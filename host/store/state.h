/* SPDX-License-Identifier: Apache-2.0 */
/* state.h: the durable key-value store behind outflow.state/1; one file for the daemon, synced at every change. */
#ifndef HOST_STORE_STATE_H
#define HOST_STORE_STATE_H
#include <outflow/abi.h>

struct state_store;

/* Who a value belongs to. */
struct state_owner {
	const char *pipeline, *stage;
	uint32_t task;
};

/* As checkpoint_store_open. [any] */
outflow_status state_store_open(const char *path, struct state_store **result, outflow_error *err);

/* As outflow_state_api; get returns a malloc'd copy in value->ptr for the caller. [any] */
outflow_status state_get(struct state_store *s, const struct state_owner *owner, outflow_str key, outflow_bytes *value);
outflow_status state_put(struct state_store *s, const struct state_owner *owner, outflow_str key, outflow_bytes value,
                         outflow_error *err);
outflow_status state_remove(struct state_store *s, const struct state_owner *owner, outflow_str key,
                            outflow_error *err);

/* Removes all values of a pipeline. As state_remove. [any] */
outflow_status state_forget(struct state_store *s, const char *pipeline, outflow_error *err);

/* Clears the pointer and accepts NULL inside. [any] */
void state_store_close(struct state_store **s);

#endif
