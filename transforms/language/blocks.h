/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.h: memory that is taken piece by piece while something is compiled, and given back at once. All [any]. */
#ifndef EVENT_BLOCKS_H
#define EVENT_BLOCKS_H
#include <stddef.h>

struct block;

/* n zeroed bytes, aligned for anything, or NULL. *blocks is NULL at first. */
void *blocks_take(struct block **blocks, size_t n);

/* Frees all of it and clears *blocks. */
void blocks_free(struct block **blocks);

#endif
