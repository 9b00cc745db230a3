/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errand.h: work that may never come back, as a plugin's may, on a thread of its own: who waits for it gives up at a deadline,
 * and what it still needs stays with the thread.
 */
#ifndef HOST_PIPELINE_ERRAND_H
#define HOST_PIPELINE_ERRAND_H
#include <stddef.h>
#include <stdint.h>

struct errand;

/* work(ctx) is what is to be done; forget(ctx) frees it all when neither the thread nor the caller needs it any more. NULL: no
 * memory, ctx stays the caller's. [any] */
struct errand *errand_new(void (*work)(void *ctx), void (*forget)(void *ctx), void *ctx);

/* Has it done. 0; ETIMEDOUT: not in time, and from then on nothing of ctx may be touched; else errno: there is no thread for it.
 * [any, once] */
int errand_run(struct errand *e, int64_t timeout_ns);

/* Lets go of it. Clears the pointer and accepts NULL inside. [any] */
void errand_free(struct errand **e);

/* How many threads go on that nobody waits for any more; with so many nothing should be begun that is only tried. [any] */
#define ERRANDS_ABANDONED_MAX 16u
size_t errands_abandoned(void);

#endif
