/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap_ring.h: a ring of entries of any length, from several writers to one reader. Nobody waits: a writer that finds no room
 * writes nothing. The bytes of an entry stay where they are until the reader drops it.
 */
#ifndef HOST_PIPELINE_TAP_RING_H
#define HOST_PIPELINE_TAP_RING_H
#include <stddef.h>

struct tap_ring;

/* size: a power of two. NULL: no memory. [any] */
struct tap_ring *tap_ring_new(size_t size);

/* Nobody writes or reads any more. Clears the pointer and accepts NULL inside. [any] */
void tap_ring_free(struct tap_ring **r);

/* Room for an entry of n bytes, zeroed, aligned for everything; NULL: there is none. tap_ring_publish follows. [any] */
void *tap_ring_reserve(struct tap_ring *r, size_t n);

/* The entry is complete. [any] */
void tap_ring_publish(struct tap_ring *r, void *entry);

/* The oldest entry; NULL: there is none, or it is still being written. [the reader] */
void *tap_ring_peek(struct tap_ring *r);

/* Gives the room of the oldest entry back. [the reader] */
void tap_ring_drop(struct tap_ring *r);

#endif
