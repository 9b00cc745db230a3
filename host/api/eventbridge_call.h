/* SPDX-License-Identifier: Apache-2.0 */
/* eventbridge_call.h: what calls about event streams have in common (eventbridge_call.c). */
#ifndef HOST_API_EVENTBRIDGE_CALL_H
#define HOST_API_EVENTBRIDGE_CALL_H
#include "host/api/eventbridge.h"

#define CALL_TAGS_MAX 20

/* The name of the request's stream. NULL: refused, there is none. [any] */
const char *call_stream(struct call *c);

/* The request's stream, for the caller to free. NULL: refused. [any] */
struct pipeline_snapshot *call_look(struct call *c);

/* Refuses with what the fleet has answered about this stream; err is its sentence. [any] */
void call_fail(struct call *c, enum fleet_answer answer, const char *name, const outflow_error *err);

/* Tags.1.Key and Tags.1.Value, and so on, without a gap; value NULL: not given. */
struct tag {
	const char *key, *value;
};

/* The request's. -1: refused. [any] */
int call_tags(struct call *c, struct tag tags[CALL_TAGS_MAX], size_t *n);

/* As settings; two of one key are a problem. OUTFLOW_E_NOMEM. [any] */
outflow_status call_set_tags(struct settings *to, const struct tag *tags, size_t n, struct problems *problems);

/* Has the stream all of them, with these values where there are any? [any] */
int call_has_tags(const struct pipeline_snapshot *s, const struct tag *tags, size_t n);

#endif
