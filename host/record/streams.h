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

/* As the source called it; ptr NULL: no such open stream. Valid until it is closed. */
outflow_str streams_name(const struct streams *s, uint32_t handle);

/* How many records streams_move has passed; 0: no such open stream. */
uint64_t streams_passed(const struct streams *s, uint32_t handle);

/* The source was told of so many of them; and how many of open streams it was not told of yet. */
void streams_told(struct streams *s, uint32_t handle, uint64_t passed);
uint64_t streams_untold(const struct streams *s);

/* The source emitted a record of this stream; numbers grow over all streams. -1: the stream is not open. */
int streams_emit(struct streams *s, uint32_t handle, uint64_t number);

/* A walk over the slots from the oldest on: begin it, then tell each resolved slot (ignored when its stream is closed or
 * blocked, or an earlier walk passed it) and each unresolved one. The first returns for how many streams the walk has
 * something to say, the others 1 when it has nothing more to say for one of them, else 0. */
uint32_t streams_begin_advance(struct streams *s);
uint32_t streams_move(struct streams *s, uint32_t handle, uint64_t number, uint64_t next, const outflow_bytes *pos_ext);
uint32_t streams_block(struct streams *s, uint32_t handle);

/* Calls visit for every open stream that has passed a record since the last visit. */
void streams_visit_moved(struct streams *s,
                         void (*visit)(void *ctx, uint32_t stream, outflow_str json, uint64_t next,
                                       const outflow_bytes *pos_ext),
                         void *ctx);

void streams_clear(struct streams *s);

#endif
