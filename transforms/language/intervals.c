/* SPDX-License-Identifier: Apache-2.0 */
#include "intervals.h"

#include <stdlib.h>
#include <string.h>

int intervals_add(struct intervals *all, struct block **blocks, const struct interval *i)
{
	if (all->n == all->room) {
		uint32_t room = all->room ? 2 * all->room : 4;
		struct interval *list = blocks_take(blocks, room * sizeof *list);

		if (list == NULL)
			return -1;
		if (all->n > 0)
			memcpy(list, all->list, all->n * sizeof *list);
		all->list = list;
		all->room = room;
	}
	all->list[all->n++] = *i;
	return 0;
}

/* A heap sort: qsort passes no argument on, and the order is in one. */
static bool begins_before(const struct intervals *all, const struct interval *a, const struct interval *b)
{
	if (a->low == NULL || b->low == NULL)
		return a->low == NULL && b->low != NULL;
	return all->order(a->low, b->low) < 0;
}

static void sift(const struct intervals *all, uint32_t at, uint32_t n)
{
	for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
		struct interval swapped = all->list[at];

		if (child + 1 < n && begins_before(all, &all->list[child], &all->list[child + 1]))
			child++;
		if (!begins_before(all, &all->list[at], &all->list[child]))
			return;
		all->list[at] = all->list[child];
		all->list[child] = swapped;
	}
}

static void sort(const struct intervals *all)
{
	for (uint32_t i = all->n / 2; i-- > 0;)
		sift(all, i, all->n);
	for (uint32_t n = all->n; n-- > 1;) {
		struct interval first = all->list[0];

		all->list[0] = all->list[n];
		all->list[n] = first;
		sift(all, 0, n);
	}
}

static const struct interval *higher(const struct intervals *all, const struct interval *a, const struct interval *b)
{
	if (b == NULL || a->high == NULL)
		return a;
	return b->high == NULL || all->order(a->high, b->high) < 0 ? b : a;
}

/* The sorted list is a tree: its middle is the root, and its halves are the trees below. */
static const struct interval *find_highest(const struct intervals *all, uint32_t from, uint32_t to)
{
	uint32_t middle = from + (to - from) / 2;
	struct interval *i;

	if (from == to)
		return NULL;
	i = &all->list[middle];
	i->highest = higher(all, i, find_highest(all, from, middle));
	i->highest = higher(all, i->highest, find_highest(all, middle + 1, to));
	return i->highest;
}

void intervals_finish(struct intervals *all)
{
	sort(all);
	(void)find_highest(all, 0, all->n);
}

struct search {
	const struct intervals *all;
	const void *value;
	interval_found *found;
	void *arg;
};

static void search(const struct search *s, uint32_t from, uint32_t to)
{
	uint32_t middle = from + (to - from) / 2;
	const struct interval *i;
	int low, high;

	if (from == to)
		return;
	i = &s->all->list[middle];
	if (i->highest->high != NULL && s->all->compare(s->value, i->highest->high) > 0)
		return;
	search(s, from, middle);
	low = i->low ? s->all->compare(s->value, i->low) : 1;
	if (low < 0)
		return;
	high = i->high ? s->all->compare(s->value, i->high) : -1;
	if ((low > 0 || !i->low_open) && (high < 0 || (high == 0 && !i->high_open)))
		s->found(s->arg, i->id);
	search(s, middle + 1, to);
}

void intervals_find(const struct intervals *all, const void *value, interval_found *found, void *arg)
{
	struct search s = { all, value, found, arg };

	if (all->n > 0)
		search(&s, 0, all->n);
}
