/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/throttle.h"

#include "host/base/clock.h"

/* Records come in bunches of so much time, and a turn that comes late by up to so much catches up. */
#define BUNCH_NS (100 * CLOCK_MS)

void throttle_init(struct throttle *t, int64_t per_second, uint32_t n_tasks, uint32_t bunch)
{
	int64_t share = per_second / n_tasks * BUNCH_NS / CLOCK_S;

	*t = (struct throttle){
		.per_second = per_second, .n_tasks = n_tasks, .bunch = bunch > 0 ? bunch : 1, .next_ns = clock_mono_ns()
	};
	if (share > t->bunch)
		t->bunch = (uint32_t)share;
}

uint32_t throttle_room(const struct throttle *t)
{
	if (t->per_second == 0)
		return UINT32_MAX;
	return clock_mono_ns() >= t->next_ns ? t->bunch : 0;
}

void throttle_spend(struct throttle *t, uint32_t n)
{
	int64_t earliest;

	if (t->per_second == 0)
		return;
	earliest = clock_mono_ns() - BUNCH_NS;
	if (t->next_ns < earliest)
		t->next_ns = earliest;
	t->next_ns += n * CLOCK_S * t->n_tasks / t->per_second;
}
