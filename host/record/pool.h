/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: the memory of one task: blocks that are used, given back and used again. */
#ifndef HOST_RECORD_POOL_H
#define HOST_RECORD_POOL_H
#include <stddef.h>

struct pool;

/* NULL: no memory. [task] */
struct pool *pool_new(void);

/* A block of at least `size` bytes, aligned to 16; *room (may be NULL) is how many there really are. NULL: no memory.
 * [task] */
void *pool_get(struct pool *p, size_t size, size_t *room);

/* Gives a block back; NULL is fine. [task] */
void pool_put(struct pool *p, void *block);

/* Bytes of blocks that are in use now. [task] */
size_t pool_used(const struct pool *p);

/* Frees the blocks that waited unused all the time since the last call. Returns how many bytes those were. [task] */
size_t pool_shrink(struct pool *p);

/* Frees the pool and the blocks that were given back. Blocks still in use stay valid for ever: a stop that overran its
 * deadline leaks what a client may still read. Clears the pointer, accepts NULL inside. [task] */
void pool_free(struct pool **p);

#endif
