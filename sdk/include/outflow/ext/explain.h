/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/explain.h: a transform or predicate says why it did what it did with one record. Offered by a component
 * (outflow_component.extension).
 */
#ifndef OUTFLOW_EXT_EXPLAIN_H
#define OUTFLOW_EXT_EXPLAIN_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_EXPLAIN "outflow.explain/1"
typedef struct outflow_explain_api {
	uint32_t size;
	/* Runs the instance on in; outputs go to out, the reasons as one JSON object into *json, which lives as long as
	 * out. Errors as for apply with one record. [task] */
	outflow_status (*explain)(void *self, const outflow_record *in, outflow_batch *out, outflow_bytes *json, outflow_error *);
} outflow_explain_api;
#endif
