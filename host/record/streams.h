/* SPDX-License-Identifier: Apache-2.0 */
/* streams.h: the ledger's table of streams and how far each is resolved. [task] throughout. */
#ifndef HOST_RECORD_STREAMS_H
#define HOST_RECORD_STREAMS_H
#include <outflow/abi.h>

struct stream;

/* Zeroed is empty. A handle is an index and is not used again. */
struct streams {
	struct stream *list;
	uint32_t n, room;
};

/* As the ledger's functions of these names. */
outflow_status streams_open(struct streams *s, outflow_str json, uint64_t next, outflow_bytes pos_ext, uint32_t *handle,
                            outflow_resume *resume);
outflow_status streams_close(struct streams *s, uint32_t handle);
outflow_status streams_position(const struct streams *s, uint32_t handle, uint64_t *next);
int streams_is_open(const struct streams *s, uint32_t handle);

/* A walk over the slots from the oldest on: begin it (returns how many streams are open), then tell each resolved slot
 * (ignored when its stream is closed or blocked) and each unresolved one (returns 1 when that newly blocks an open
 * stream, else 0). */
uint32_t streams_begin_advance(struct streams *s);
void streams_move(struct streams *s, uint32_t handle, uint64_t next, const outflow_bytes *pos_ext);
uint32_t streams_block(struct streams *s, uint32_t handle);

/* Calls visit for every open stream whose position is not what it was at the last visit. */
void streams_visit_moved(struct streams *s,
                         void (*visit)(void *ctx, uint32_t stream, outflow_str json, uint64_t next,
                                       const outflow_bytes *pos_ext),
                         void *ctx);

void streams_clear(struct streams *s);

#endif
