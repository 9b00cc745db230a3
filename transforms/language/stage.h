/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h: what transforms share that look at one record at a time. All [task]. */
#ifndef LANGUAGE_STAGE_H
#define LANGUAGE_STAGE_H
#include <outflow/abi.h>

/* Emits what becomes of one record. Anything but OUTFLOW_OK: nothing was emitted, and err says why. */
typedef outflow_status stage_record(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err);

/* outflow_transform_ops.apply by single records: what fails for good is rejected, any other failure ends the call. */
outflow_status stage_apply(const outflow_host *h, stage_record *one, void *self, const outflow_record *in, size_t n,
                           outflow_batch *out, outflow_error *err);

/* Emits a copy of in and returns it in *r for changing. OUTFLOW_E_NOMEM. */
outflow_status stage_emit(const outflow_host *h, outflow_batch *out, const outflow_record *in, outflow_record **r,
                          outflow_error *err);

/* Emits a copy of in with another value. There is no new view: a stage behind that needs one makes it at the same cost,
 * and often there is none. OUTFLOW_E_NOMEM. */
outflow_status stage_emit_value(const outflow_host *h, outflow_batch *out, const outflow_record *in,
                                outflow_bytes value, outflow_error *err);

#endif
