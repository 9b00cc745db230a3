/* SPDX-License-Identifier: Apache-2.0 */
/* heap.h: the process's heap as a whole. */
#ifndef HOST_BASE_HEAP_H
#define HOST_BASE_HEAP_H
#include <stdint.h>

/* Gives the pages of the heap that are free back to the system, at most every 10 s, however many ask. Returns whether it
 * did; now_ns is monotonic. It takes a millisecond or so, in which other threads' malloc may wait. [any] */
int heap_trim(int64_t now_ns);

#endif
