/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/tap_ring.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Entries and their heads begin at multiples of it. */
#define UNIT 16u
/* What an entry's head holds once it is complete, beside its length; before that it is 0, as all free room is. */
#define COMPLETE (UINT64_C(1) << 63)
#define SKIPPED (UINT64_C(1) << 62) /* the rest up to the end of the ring, where the entry did not fit */
#define LENGTH UINT64_C(0xffffffff)

struct tap_ring {
	size_t size;
	uint64_t head; /* atomic: bytes that were ever reserved */
	uint64_t tail; /* atomic: bytes that were ever given back */
	char *bytes;
};

struct tap_ring *tap_ring_new(size_t size)
{
	struct tap_ring *r = calloc(1, sizeof *r);

	if (r == NULL || (r->bytes = calloc(1, size)) == NULL) {
		free(r);
		return NULL;
	}
	r->size = size;
	return r;
}

void tap_ring_free(struct tap_ring **pr)
{
	struct tap_ring *r = *pr;

	*pr = NULL;
	if (r == NULL)
		return;
	free(r->bytes);
	free(r);
}

static uint64_t *head_at(struct tap_ring *r, uint64_t at)
{
	return (uint64_t *)(void *)(r->bytes + (at & (r->size - 1)));
}

void *tap_ring_reserve(struct tap_ring *r, size_t n)
{
	uint64_t need = (UNIT + n + UNIT - 1) / UNIT * UNIT, head, rest, total;

	if (n > r->size)
		return NULL;
	do {
		/* In this order: the head cannot be behind the tail then. */
		uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);

		head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
		rest = r->size - (head & (r->size - 1));
		total = need <= rest ? need : rest + need;
		if (head + total - tail > r->size)
			return NULL;
	} while (!__atomic_compare_exchange_n(&r->head, &head, head + total, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (total > need) {
		__atomic_store_n(head_at(r, head), COMPLETE | SKIPPED | rest, __ATOMIC_RELEASE);
		head += rest;
	}
	/* The length stands beside the head, which stays 0 until the entry is complete. */
	head_at(r, head)[1] = need;
	return (char *)head_at(r, head) + UNIT;
}

void tap_ring_publish(struct tap_ring *r, void *entry)
{
	uint64_t *head = (uint64_t *)(void *)((char *)entry - UNIT);

	(void)r;
	__atomic_store_n(head, COMPLETE | head[1], __ATOMIC_RELEASE);
}

/* Free room is zeroed: whatever of it becomes a head is 0 until its entry is complete. */
static void give_back(struct tap_ring *r, uint64_t tail, uint64_t n)
{
	memset(head_at(r, tail), 0, n);
	__atomic_store_n(&r->tail, tail + n, __ATOMIC_RELEASE);
}

void *tap_ring_peek(struct tap_ring *r)
{
	for (;;) {
		uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
		uint64_t head = __atomic_load_n(head_at(r, tail), __ATOMIC_ACQUIRE);

		if (!(head & COMPLETE))
			return NULL;
		if (!(head & SKIPPED))
			return (char *)head_at(r, tail) + UNIT;
		give_back(r, tail, head & LENGTH);
	}
}

void tap_ring_drop(struct tap_ring *r)
{
	uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);

	give_back(r, tail, *head_at(r, tail) & LENGTH);
}
