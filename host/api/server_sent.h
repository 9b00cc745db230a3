/* SPDX-License-Identifier: Apache-2.0 */
/* server_sent.h: server-sent events (WHATWG HTML, 9.2), one JSON value each. */
#ifndef HOST_API_SERVER_SENT_H
#define HOST_API_SERVER_SENT_H
#include "host/api/stream.h"

#include <jansson.h>

#define SERVER_SENT_TYPE "text/event-stream"
/* A comment, which clients leave out. */
#define SERVER_SENT_HEARTBEAT ": \n\n"

/* One event as it is sent, malloc'd; takes the reference to data over (NULL: no memory). NULL: no memory. [any] */
char *server_sent_text(uint64_t id, const char *event, json_t *data);

/* Sends one event, in the same way; without memory nothing is sent. -1: the stream has ended. [any] */
int server_sent(struct stream *s, uint64_t id, const char *event, json_t *data);

/* The last event, whose data says why nothing more comes, {"reason": ...}; ends the stream. [any] */
void server_sent_end(struct stream *s, uint64_t id, const char *reason);

#endif
