/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/lag.h: how far a source is behind what it reads. Offered by a source that can tell (outflow_component.extension):
 * how much there is upstream that is not resolved yet.
 */
#ifndef OUTFLOW_EXT_LAG_H
#define OUTFLOW_EXT_LAG_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_LAG "outflow.lag/1"
typedef struct outflow_lag_api {
	uint32_t size, spare;
	const char *unit;                 /* "records" or "bytes" */
	/* Calls show for each open stream of which it is known; behind: from the end of what is resolved (outflow_stream_api
	 * .position) to the end of what is there, in that unit. Called about once a second between start and stop: answers from
	 * what it knows, and waits for nobody. [task] */
	void (*lag)(void *self, void (*show)(void *ctx, uint32_t stream, uint64_t behind), void *ctx);
} outflow_lag_api;
#endif
