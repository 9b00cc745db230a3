/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/task_metrics.h"

#include "host/base/clock.h"

enum {
	RECEIVED,
	FILTERED,
	DELIVERED,
	DEAD_LETTERED,
	DROPPED,
	RETRIED,
	IN_FLIGHT,
	OLDEST_AGE,
	BREACHES,
};

static const struct {
	uint32_t kind;
	const char *name, *unit, *help;
} definitions[TASK_METRICS] = {
	[RECEIVED] = { OUTFLOW_METRIC_COUNTER, "received", "", "Records that the source emitted." },
	[FILTERED] = { OUTFLOW_METRIC_COUNTER, "filtered", "", "Records that no stage made an output of." },
	[DELIVERED] = { OUTFLOW_METRIC_COUNTER, "delivered", "", "Records whose outputs the sink has confirmed." },
	[DEAD_LETTERED] = { OUTFLOW_METRIC_COUNTER, "dead_lettered", "", "Records that became dead letters." },
	[DROPPED] = { OUTFLOW_METRIC_COUNTER, "dropped", "", "Records dropped by policy." },
	[RETRIED] = { OUTFLOW_METRIC_COUNTER, "retried", "", "Failed attempts that were repeated." },
	[IN_FLIGHT] = { OUTFLOW_METRIC_GAUGE, "in_flight", "", "Records between source and confirmation." },
	[OLDEST_AGE] = { OUTFLOW_METRIC_GAUGE, "oldest_unresolved_age", "seconds",
	                 "How long the oldest record in flight has been under way." },
	[BREACHES] = { OUTFLOW_METRIC_COUNTER, "account_breaches", "",
	               "How often the account was not exact; anything but 0 is a defect." },
};

void task_metrics_open(struct task_metrics *m, const struct log_place *place)
{
	for (int i = 0; i < TASK_METRICS; i++)
		m->list[i] = metrics_open(m, place, definitions[i].kind, definitions[i].name, definitions[i].unit,
		                          definitions[i].help);
}

void task_metrics_close(struct task_metrics *m)
{
	metrics_close(m);
}

void task_metrics_set(struct task_metrics *m, const struct account *a, uint64_t retried, int64_t oldest_age_ns)
{
	const uint64_t values[] = {
		[RECEIVED] = a->received,   [FILTERED] = a->filtered,
		[DELIVERED] = a->delivered, [DEAD_LETTERED] = a->dead_lettered,
		[DROPPED] = a->dropped,     [RETRIED] = retried,
		[IN_FLIGHT] = a->in_flight, [OLDEST_AGE] = (uint64_t)(oldest_age_ns / CLOCK_S),
		[BREACHES] = m->breaches,
	};

	for (int i = 0; i < TASK_METRICS; i++)
		metrics_set(m->list[i], (int64_t)values[i]);
}

void task_metrics_breach(struct task_metrics *m)
{
	m->breaches++;
}
