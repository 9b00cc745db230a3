/* SPDX-License-Identifier: Apache-2.0 */
/* workers.h: threads for calls that may wait: as many as there is work, up to a limit; those without work end. */
#ifndef HOST_API_WORKERS_H
#define HOST_API_WORKERS_H
#include <stdint.h>

struct workers;

/* NULL: no memory. [any] */
struct workers *workers_new(unsigned most);

/* Has a thread call work(ctx) soon. -1: all are busy or drained, or there is no memory. [any] */
int workers_add(struct workers *w, void (*work)(void *ctx), void *ctx);

/* Waits for what is under way; from now on nothing more is added. -1: the deadline has passed with something still under way. [any] */
int workers_drain(struct workers *w, int64_t deadline_ns);

/* After a drain that came to its end. Clears the pointer and accepts NULL inside. [any] */
void workers_free(struct workers **w);

#endif
