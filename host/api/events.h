/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h: what pipelines do, told to everybody who listens, as server-sent events:
 *
 *   snapshot  all of them, a page after the other
 *   change    one of them is not what it was
 *   rates     what one has done in the last second
 *   missed    the client was too slow: some of these were left out, and a new snapshot follows
 *   end       why nothing more comes
 *
 * One thread looks while somebody listens, at each pipeline once for all of them; it waits for no client.
 */
#ifndef HOST_API_EVENTS_H
#define HOST_API_EVENTS_H
#include "host/api/api.h"

/* NULL: no memory. [any] */
struct events *events_new(struct api *api);

/* Tells them that the daemon stops, and waits for its thread. -1: it has not ended at the deadline (monotonic). [any] */
int events_stop(struct events *e, int64_t deadline_ns);

/* Clears the pointer and accepts NULL inside. [any] */
void events_free(struct events **e);

/* From now on the stream gets them, for pipelines whose names begin with the prefix, until it ends; a reference to it is
 * taken over. OUTFLOW_E_CANCELED: the daemon stops; OUTFLOW_E_NOMEM, OUTFLOW_E_RETRY (no thread): the reference is given
 * back. [any] */
outflow_status events_listen(struct events *e, struct stream *s, const char *prefix);

#endif
