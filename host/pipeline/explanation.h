/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explanation.h: what a filter says of a record (outflow.explain/1): {"matched", "fields", "reason"}, or, of several patterns,
 * {"matched", "patterns": [{"name", ...}]}.
 */
#ifndef HOST_PIPELINE_EXPLANATION_H
#define HOST_PIPELINE_EXPLANATION_H
#include <outflow/json.h>

/* Why it does not fit, malloc'd; NULL: it fits, gives no reason, or there is no memory. [any] */
char *explanation_reason(outflow_str json);

/* A member of an object in it; 0: none. [any] */
uint32_t explanation_member(const outflow_json *j, uint32_t object, const char *name);

/* A member that is a text, malloc'd; NULL: it is none, or there is no memory. [any] */
char *explanation_text(const outflow_json *j, uint32_t object, const char *name);

#endif
