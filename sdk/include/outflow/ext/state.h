/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/state.h: a small durable key-value store of one instance (its pipeline, stage and task). A service of the
 * host, for what must outlive the process and is not a position: the last subscription, a cursor's token. Not for
 * records: a value is at most 64 KiB.
 */
#ifndef OUTFLOW_EXT_STATE_H
#define OUTFLOW_EXT_STATE_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_STATE "outflow.state/1"

typedef struct outflow_state_api {
	uint32_t size;
	/* The value under key. OUTFLOW_AGAIN: none. The bytes are valid until the next put, remove or destroy. [task] */
	outflow_status (*get)(const outflow_host *, outflow_str key, outflow_bytes *value);
	/* Stores a copy; durable when it returns OUTFLOW_OK. OUTFLOW_E_RECORD: key or value too large; OUTFLOW_E_RETRY:
	 * disk error, the old value stays. [task] */
	outflow_status (*put)(const outflow_host *, outflow_str key, outflow_bytes value, outflow_error *);
	/* Forgets key; OUTFLOW_OK also when there was none. Errors as for put. [task] */
	outflow_status (*remove)(const outflow_host *, outflow_str key, outflow_error *);
} outflow_state_api;
#endif
