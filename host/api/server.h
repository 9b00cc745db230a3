/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: HTTP, by libmicrohttpd. One thread a listener reads and writes for all its connections and never waits for
 * anything else; handlers run in threads of workers.h, while their connection is suspended; one more thread sends clients
 * away that are too slow.
 */
#ifndef HOST_API_SERVER_H
#define HOST_API_SERVER_H
#include "host/api/listener.h"
#include "host/api/route.h"

struct server;

/* Answers on the open listeners, whose descriptors it takes over. api, tables and the listeners outlive it. OUTFLOW_E_TASK: err
 * says why. [any] */
outflow_status server_new(struct api *api, const struct route *const *tables, struct listener *listeners, size_t n,
                          struct server **result, outflow_error *err);

/* Ends streams, waits for handlers, closes all connections. 0, or -1: a handler still ran at the deadline, and everything that
 * it may use must stay. Clears the pointer on 0, accepts NULL inside. [any] */
int server_free(struct server **s, int64_t deadline_ns);

/* libmicrohttpd's version. [any] */
const char *server_library(void);

#endif
