/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages.h: sample messages in the body of a request, for trials:
 *
 *	"message": { "topic", "key", "payload" | "payload_base64" | "event", "properties": { name: text } | [ [ name, text ] ],
 *	             "timestamp": milliseconds }, or "messages": [ ... ]; "event": a whole CloudEvent, or "events": [ ... ]
 *
 * A payload that is a text is those bytes, any other JSON is itself, character by character: numbers keep their digits.
 */
#ifndef HOST_API_MESSAGES_H
#define HOST_API_MESSAGES_H
#include "host/api/native.h"
#include "host/pipeline/trial_ends.h"

#include <outflow/json.h>

#define MESSAGES_MAX 100u

struct messages {
	json_t *body; /* whose texts the messages use */
	struct message *list;
	size_t n;
	int is_single; /* there is no list in the request */
};

/* Members of a body that messages_read looks at. */
#define MESSAGES_MEMBERS "message", "messages"
#define MESSAGES_EVENT_MEMBERS "event", "events"

/* Is each member of an object one of these? -1: fault says which one is not, and what it may have been meant for. names ends
 * with NULL. [any] */
int messages_check_members(const json_t *object, const char *pointer, const char *const *names,
                           struct native_fault *fault);

/* Takes a reference to body, which is an object; tape: of the same text. events: may they be whole events? -1: fault says what is
 * wrong. messages_clear follows in any case. [any] */
int messages_read(json_t *body, const outflow_json *tape, int events, struct messages *m, struct native_fault *fault);

void messages_clear(struct messages *m);

/* Value i of a tape as text, malloc'd: what a string holds, any other JSON as it stands there. ptr NULL: no memory. [any] */
struct text messages_text(const outflow_json *tape, uint32_t i);

#endif
