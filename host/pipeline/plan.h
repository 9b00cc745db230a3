/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: how many tasks a pipeline has, and what differs in each; asks the source's outflow.plan/1. */
#ifndef HOST_PIPELINE_PLAN_H
#define HOST_PIPELINE_PLAN_H
#include "host/config/model.h"

/* From 1 to tasks.max; 1 for a source that cannot be split. [any] */
uint32_t plan_tasks(const struct pipeline_model *m);

/* Does the source know what to do as a retired task? [any] */
int plan_retires(const struct pipeline_model *m);

/* The source's configuration for one of n tasks; the caller frees it. OUTFLOW_E_CONFIG: the split failed. [any] */
outflow_status plan_source_config(const struct pipeline_model *m, uint32_t task, uint32_t n, outflow_config **result,
                                  outflow_error *err);

#endif
