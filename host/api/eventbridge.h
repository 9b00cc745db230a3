/* SPDX-License-Identifier: Apache-2.0 */
/* eventbridge.h: EventBridge's API of event streams, version 2020-04-01, for its own clients; doc/eventbridge.md tells of it. */
#ifndef HOST_API_EVENTBRIDGE_H
#define HOST_API_EVENTBRIDGE_H
#include "host/api/api.h"

/* POST / (eventbridge.c). */
extern const struct route eventbridge_routes[];

/* One request: an action and its parameters. */
struct call {
	struct api *api;
	const struct request *q;
	struct response *r;
	struct fields parameters; /* of body and query */
};

struct action {
	const char *name;
	int changes; /* something: not for read-only users */
	void (*run)(struct call *c);
	const char *const *parameters; /* that it takes; a name that ends in "." stands for all that begin so */
};

/* Create, Update, Start, Pause, Delete (eventbridge_streams.c), Get and List (eventbridge_look.c), TestEventPattern
 * (eventbridge_pattern.c); each ends with a zeroed one. */
extern const struct action eventbridge_stream_actions[], eventbridge_look_actions[], eventbridge_pattern_actions[];

/* A parameter, or NULL without one and for "". [any] */
const char *call_text(const struct call *c, const char *name);

/* {RequestId, Code: Success, Message, Success: true, Data}; takes data over, NULL: without Data. [any] */
void call_succeed(struct call *c, json_t *data);

/* {RequestId, Code, Message, Success: false} with a printf sentence. [any] */
void call_refuse(struct call *c, int status, const char *code, const char *format, ...) OUTFLOW_PRINTF(4, 5);

#endif
