/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h: why a pattern does or does not fit one event. */
#ifndef EVENT_EXPLAIN_H
#define EVENT_EXPLAIN_H
#include "pattern.h"

/* Matches p against e and writes the reasons as JSON into e's arena:
 *   {"matched":false,"fields":[{"path":"$.data.body.t","pattern":[{"prefix":"a"}],"found":21,"fits":false}],
 *    "reason":"$.data.body.t: 21 does not fit [{\"prefix\":\"a\"}]"}
 * found is missing when there is no such field; reason is there when nothing matched, and names the first
 * cause. Errors as for a record: OUTFLOW_E_RECORD, OUTFLOW_E_NOMEM. [task] */
outflow_status explain_match(struct pattern *p, struct event *e, bool *fits, outflow_bytes *json);

/* The same for one of several patterns: writes the object to w, with the name as its first member. [task] */
outflow_status explain_named(struct pattern *p, outflow_str name, struct event *e, outflow_json_writer *w);

#endif
