/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/plan.h: splits one configuration over several tasks. Offered by a component (outflow_component.extension);
 * without it a source runs as one task, whatever tasks.max says.
 */
#ifndef OUTFLOW_EXT_PLAN_H
#define OUTFLOW_EXT_PLAN_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_PLAN "outflow.plan/1"
typedef struct outflow_plan_api {
	uint32_t size;
	/* How many tasks make sense, from 1 to max. [any] */
	uint32_t (*tasks)(const outflow_config *, const outflow_config_api *, uint32_t max);
	/* Optional. Calls set for each key in which task number `task` of `n` differs from the common configuration; key and
	 * value are copied. A negative status: the split failed and the pipeline does not start. [any] */
	outflow_status (*overlay)(const outflow_config *, const outflow_config_api *, uint32_t task, uint32_t n,
	                          void (*set)(void *ctx, const char *key, outflow_str value), void *ctx, outflow_error *);
	uint32_t flags, spare;            /* OUTFLOW_PLAN_* */
} outflow_plan_api;

/* Tasks can be retired: when there are fewer than before, an instance is made once more for each that left a journal
 * behind, with host->task at or above host->n_tasks. It takes nothing new, ends what upstream keeps for it, delivers what it
 * has, and then its poll says OUTFLOW_EOF. */
#define OUTFLOW_PLAN_RETIRES 1u
#endif
