/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <outflow/util.h>

outflow_status stage_apply(const outflow_host *h, stage_record *one, void *self, const outflow_record *in, size_t n,
                           outflow_batch *out, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };

	for (size_t i = 0; i < n; i++) {
		outflow_status status = one(self, &in[i], out, &cause);

		if (status == OUTFLOW_E_RECORD)
			h->reject(h, &in[i], status, &cause);
		else if (status != OUTFLOW_OK)
			return outflow_fail(err, status, "%s", cause.msg);
	}
	return OUTFLOW_OK;
}

outflow_status stage_emit(const outflow_host *h, outflow_batch *out, const outflow_record *in, outflow_record **r,
                          outflow_error *err)
{
	*r = outflow_emit(h, out, in);
	return *r ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no room for another record");
}

outflow_status stage_emit_value(const outflow_host *h, outflow_batch *out, const outflow_record *in,
                                outflow_bytes value, outflow_error *err)
{
	outflow_record *r;
	outflow_status status = stage_emit(h, out, in, &r, err);

	if (status != OUTFLOW_OK)
		return status;
	r->value = value;
	r->view = NULL;
	r->view_tag = 0;
	r->flags &= ~OUTFLOW_REC_VALUE_STALE;
	return OUTFLOW_OK;
}
