/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/offsets.h: positions that upstream keeps (OUTFLOW_SRC_OWNS_OFFSETS), shown and changed from outside while no
 * instance runs. Offered by a source (outflow_component.extension); without it such positions cannot be seen or changed
 * through the host.
 *
 * There is no instance: host is one that a schema's check gets (log, clocks, configuration; pipeline is set, no timers, metrics
 * or batches), config the checked configuration that all tasks have in common. Each call is alone with its connections: what
 * it opens it closes. It may wait for upstream until deadline_ns (monotonic), in a thread of its own that nobody needs; when it
 * is late it is given up, and what it does then is nobody's any more.
 *
 * Errors of all three: OUTFLOW_E_CONFIG: what is asked for cannot be (no such partition); OUTFLOW_E_OUTAGE: upstream cannot be
 * reached; OUTFLOW_E_RETRY: not now, somebody uses them; OUTFLOW_E_UNSUPPORTED; OUTFLOW_E_TASK: refused. The sentence names
 * place, cause and cure; of a change that failed half-way it says so.
 */
#ifndef OUTFLOW_EXT_OFFSETS_H
#define OUTFLOW_EXT_OFFSETS_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_OFFSETS "outflow.offsets/1"

/* One partition's position, to be. */
typedef struct outflow_offset {
	outflow_str partition_json;       /* as the source names its streams; members in any order */
	uint64_t next;                    /* where to go on, in the source's own unit */
	uint32_t forget, spare;           /* 1: no position any more, next counts for nothing */
} outflow_offset;

typedef struct outflow_offsets_api {
	uint32_t size, spare;
	/* Calls show for each partition of which upstream keeps a position; the text is copied. [any] */
	outflow_status (*list)(const outflow_host *, const outflow_config *, int64_t deadline_ns,
	                       void (*show)(void *ctx, outflow_str partition_json, uint64_t next), void *ctx,
	                       outflow_error *);
	/* Sets or forgets those n positions and leaves all others alone. To forget what is not there is no error. [any] */
	outflow_status (*alter)(const outflow_host *, const outflow_config *, int64_t deadline_ns,
	                        const outflow_offset *list, size_t n, outflow_error *);
	/* Forgets all of them; OUTFLOW_OK also when there was none. [any] */
	outflow_status (*reset)(const outflow_host *, const outflow_config *, int64_t deadline_ns, outflow_error *);
} outflow_offsets_api;
#endif
