/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/plan.h"

#include "host/config/schema.h"

#include <outflow/ext/plan.h>
#include <outflow/util.h>

#include <stdlib.h>

static const outflow_plan_api *plan_of(const struct pipeline_model *m)
{
	const outflow_component *c = m->source.component.what;

	return OUTFLOW_HAS(outflow_component, c, extension) ? c->extension(OUTFLOW_EXT_PLAN) : NULL;
}

uint32_t plan_tasks(const struct pipeline_model *m)
{
	const outflow_plan_api *plan = plan_of(m);
	uint32_t n = 1;

	if (OUTFLOW_HAS(outflow_plan_api, plan, tasks))
		n = plan->tasks(m->source.config, &instance_config_api, m->tasks_max);
	return n < 1 ? 1 : n > m->tasks_max ? m->tasks_max : n;
}

int plan_retires(const struct pipeline_model *m)
{
	const outflow_plan_api *plan = plan_of(m);

	return OUTFLOW_HAS(outflow_plan_api, plan, flags) && (plan->flags & OUTFLOW_PLAN_RETIRES) != 0;
}

struct changes {
	struct settings settings;
	outflow_status status;
};

static void change(void *ctx, const char *key, outflow_str value)
{
	struct changes *c = ctx;
	char *text = strndup(value.ptr, value.len);

	if (c->status == OUTFLOW_OK)
		c->status = text ? settings_set(&c->settings, key, text, NULL, 0) : OUTFLOW_E_NOMEM;
	free(text);
}

outflow_status plan_source_config(const struct pipeline_model *m, uint32_t task, uint32_t n, outflow_config **result,
                                  outflow_error *err)
{
	const outflow_plan_api *plan = plan_of(m);
	struct changes changes = { .status = OUTFLOW_OK };
	outflow_status status = OUTFLOW_OK;

	if (OUTFLOW_HAS(outflow_plan_api, plan, overlay))
		status = plan->overlay(m->source.config, &instance_config_api, task, n, change, &changes, err);
	if (status == OUTFLOW_OK && changes.status != OUTFLOW_OK)
		status = outflow_fail(err, changes.status, "no memory to split the configuration");
	if (status == OUTFLOW_OK)
		status = instance_config_copy(m->source.config, &changes.settings, result, err);
	settings_clear(&changes.settings);
	return status;
}
