/* SPDX-License-Identifier: Apache-2.0 */
/* outflow.state/1: the store's values of one instance; a value that was read stays until the next change. */
#include "host/pipeline/instance.h"

#include <outflow/ext/state.h>

#include <stdlib.h>

static struct state_owner owner_of(const struct instance *i)
{
	return (struct state_owner){ i->services->model->name, i->model->name, i->services->task };
}

static void forget_last_value(struct instance *i)
{
	free(i->state_value);
	i->state_value = NULL;
}

static outflow_status service_get(const outflow_host *h, outflow_str key, outflow_bytes *value)
{
	struct instance *i = h->ctx;
	struct state_owner owner = owner_of(i);
	outflow_status status;

	forget_last_value(i);
	status = state_get(i->services->environment->state, &owner, key, value);
	if (status == OUTFLOW_OK)
		i->state_value = (void *)(uintptr_t)value->ptr;
	return status;
}

static outflow_status service_put(const outflow_host *h, outflow_str key, outflow_bytes value, outflow_error *err)
{
	struct instance *i = h->ctx;
	struct state_owner owner = owner_of(i);

	return state_put(i->services->environment->state, &owner, key, value, err);
}

static outflow_status service_remove(const outflow_host *h, outflow_str key, outflow_error *err)
{
	struct instance *i = h->ctx;
	struct state_owner owner = owner_of(i);

	return state_remove(i->services->environment->state, &owner, key, err);
}

const outflow_state_api state_service = {
	.size = sizeof state_service,
	.get = service_get,
	.put = service_put,
	.remove = service_remove,
};
