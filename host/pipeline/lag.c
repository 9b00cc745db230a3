/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/lag.h"

#include <outflow/ext/lag.h>
#include <outflow/util.h>

#include <stdlib.h>

void lag_clear(struct lag *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].partition);
	free(l->list);
	*l = (struct lag){ 0 };
}

static outflow_status add(struct lag *l, outflow_str partition, uint64_t behind)
{
	char *copy = strndup(partition.ptr, partition.len);
	size_t room = l->n < l->room ? l->room : l->room * 2 + 4;
	struct stream_lag *list = copy ? realloc(l->list, room * sizeof *list) : NULL;

	if (list == NULL) {
		free(copy);
		return OUTFLOW_E_NOMEM;
	}
	l->list = list;
	l->room = room;
	list[l->n++] = (struct stream_lag){ copy, behind };
	l->sum = behind > UINT64_MAX - l->sum ? UINT64_MAX : l->sum + behind;
	return OUTFLOW_OK;
}

outflow_status lag_copy(const struct lag *from, struct lag *to)
{
	*to = (struct lag){ .unit = from->unit };
	for (size_t i = 0; i < from->n; i++)
		if (add(to, outflow_text(from->list[i].partition), from->list[i].behind) != OUTFLOW_OK) {
			lag_clear(to);
			return OUTFLOW_E_NOMEM;
		}
	return OUTFLOW_OK;
}

struct asking {
	struct lag *lag;
	const struct ledger *ledger;
	int failed;
};

/* A stream that is not open has no name. */
static void note(void *ctx, uint32_t stream, uint64_t behind)
{
	struct asking *a = ctx;
	outflow_str name = ledger_stream_name(a->ledger, stream);

	if (name.ptr != NULL)
		a->failed |= add(a->lag, name, behind) != OUTFLOW_OK;
}

static enum lag_unit unit_of(const outflow_lag_api *api)
{
	if (!OUTFLOW_HAS(outflow_lag_api, api, lag) || api->unit == NULL)
		return LAG_UNKNOWN;
	return strcmp(api->unit, "records") == 0 ? LAG_RECORDS
	       : strcmp(api->unit, "bytes") == 0 ? LAG_BYTES
	                                         : LAG_UNKNOWN;
}

void lag_ask(struct lag *l, const struct instance *source)
{
	const outflow_component *c = source->component.what;
	const outflow_lag_api *api =
		OUTFLOW_HAS(outflow_component, c, extension) ? c->extension(OUTFLOW_EXT_LAG) : NULL;
	struct asking a = { l, source->services->ledger, 0 };

	*l = (struct lag){ .unit = unit_of(api) };
	if (l->unit == LAG_UNKNOWN)
		return;
	api->lag(source->self, note, &a);
	if (l->n == 0 || a.failed)
		lag_clear(l);
}
