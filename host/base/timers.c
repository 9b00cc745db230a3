/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/timers.h"

#include "host/base/clock.h"

#include <stdlib.h>
#include <string.h>

struct timer {
	int64_t at_ns;
	uint64_t id;
	const void *owner;
	void (*fn)(void *arg);
	void *arg;
};

/* Sorted by time: a task has a handful. */
outflow_status timers_add(struct timers *t, const void *owner, int64_t at_ns, void (*fn)(void *arg), void *arg,
                          uint64_t *id)
{
	struct timer *list;
	size_t i;

	if (t->n == t->room) {
		list = realloc(t->list, (t->room * 2 + 4) * sizeof *list);
		if (list == NULL)
			return OUTFLOW_E_NOMEM;
		t->list = list;
		t->room = t->room * 2 + 4;
	}
	for (i = t->n; i > 0 && t->list[i - 1].at_ns > at_ns; i--)
		;
	memmove(t->list + i + 1, t->list + i, (t->n - i) * sizeof *t->list);
	t->list[i] = (struct timer){ at_ns, ++t->last_id, owner, fn, arg };
	t->n++;
	if (id != NULL)
		*id = t->last_id;
	return OUTFLOW_OK;
}

static void remove_at(struct timers *t, size_t i)
{
	t->n--;
	memmove(t->list + i, t->list + i + 1, (t->n - i) * sizeof *t->list);
}

void timers_cancel(struct timers *t, const void *owner, uint64_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].id == id && t->list[i].owner == owner) {
			remove_at(t, i);
			return;
		}
}

void timers_drop(struct timers *t, const void *owner)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->list[i].owner == owner)
			remove_at(t, i);
}

void timers_run(struct timers *t, int64_t now_ns)
{
	uint64_t newest = t->last_id;
	size_t i = 0;

	while (i < t->n && t->list[i].at_ns <= now_ns) {
		struct timer due = t->list[i];

		if (due.id > newest) {
			i++;
			continue;
		}
		remove_at(t, i);
		due.fn(due.arg);
		i = 0;
	}
}

int64_t timers_next(const struct timers *t)
{
	return t->n > 0 ? t->list[0].at_ns : CLOCK_NEVER;
}

void timers_clear(struct timers *t)
{
	free(t->list);
	*t = (struct timers){ 0 };
}
