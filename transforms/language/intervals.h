/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intervals.h: all intervals that a value is in, of an order that the caller knows. The work is by how many there are, and
 * the logarithm of how many were added. Building [any]; finding is constant and [any].
 */
#ifndef EVENT_INTERVALS_H
#define EVENT_INTERVALS_H
#include "blocks.h"

#include <stdbool.h>
#include <stdint.h>

struct interval {
	const void *low, *high; /* NULL: unbounded */
	bool low_open, high_open;
	uint32_t id;
	const struct interval *highest; /* of the part of the list that is searched from here */
};

/* Less than, equal to or greater than zero, as a is to b. */
typedef int interval_order(const void *a, const void *b);

struct intervals {
	interval_order *order;   /* of bounds */
	interval_order *compare; /* of a value to a bound; may take near for equal */
	struct interval *list;   /* sorted by low once finished */
	uint32_t n, room;
};

/* Adds a copy of *i, whose bounds must live as long as all; not after intervals_finish. -1: no memory. */
int intervals_add(struct intervals *all, struct block **blocks, const struct interval *i);

/* Makes what was added ready for intervals_find. */
void intervals_finish(struct intervals *all);

/* Calls found with the id of each interval that value is in. */
typedef void interval_found(void *arg, uint32_t id);
void intervals_find(const struct intervals *all, const void *value, interval_found *found, void *arg);

#endif
