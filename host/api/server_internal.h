/* SPDX-License-Identifier: Apache-2.0 */
/* server_internal.h: what the files that serve HTTP share. */
#ifndef HOST_API_SERVER_INTERNAL_H
#define HOST_API_SERVER_INTERNAL_H
#include "host/api/dispatch.h"
#include "host/api/server.h"
#include "host/api/workers.h"

#include <microhttpd.h>
#include <pthread.h>

#define STREAMS_MAX 64

struct front;

/* What a connection is waiting for. */
enum visit_state {
	VISIT_RECEIVING, /* for its client: the next request */
	VISIT_WORKING,   /* for a handler */
	VISIT_SENDING,   /* for its client: to take the answer */
	VISIT_STREAMING, /* for nothing in particular */
};

/* One connection. */
struct visit {
	struct visit *next, **here; /* of server.visits */
	struct front *front;
	int fd;
	enum visit_state state;
	int64_t since_ns;
};

/* One request and its answer; begins with the request line, ends when the answer is sent or the connection is gone. */
struct exchange {
	struct front *front;
	struct MHD_Connection *connection;
	struct visit *visit;
	char *target;
	struct request *request;
	struct response response;
	const struct route *route; /* NULL: response is complete */
	int begun, answered;
	size_t body_room;
	int body_refused;
	int64_t since_ns;
};

/* A stream that is being sent. */
struct sending {
	struct sending *next, **here; /* of server.sendings */
	struct server *server;
	struct MHD_Connection *connection;
	struct stream *stream;
	int fd; /* of the connection */
};

/* A listener with its daemon. */
struct front {
	struct server *server;
	struct door door;
	struct MHD_Daemon *daemon;
	int quiesced_fd;   /* of the listener when the server ends; -1: none */
	unsigned n_visits; /* under server.lock */
};

struct server {
	unsigned magic;
	struct api *api;
	const struct route *const *tables;
	const struct api_model *model;
	struct workers *workers;
	struct front *fronts;
	size_t n_fronts;
	size_t body_bytes; /* atomic: of all requests */
	pthread_mutex_t lock;
	pthread_cond_t cond; /* something to look after, or the end */
	struct visit *visits;
	struct sending *sendings;
	unsigned n_streams; /* at most STREAMS_MAX, those that are about to be sent included */
	int ending;
	pthread_t keeper;
	int keeper_started;
};

/* ---- connections.c ---- */

/* As MHD_NotifyConnectionCallback. */
void visit_notify(void *front, struct MHD_Connection *c, void **visit, enum MHD_ConnectionNotificationCode what);
void visit_enter(struct server *s, struct visit *v, enum visit_state state);

/* Sends slow clients away, and heartbeats; [the keeper's thread] */
void *connections_keep(void *server);

/* ---- exchange.c ---- */

/* As MHD's callbacks; the first gives the request's context. */
void *exchange_new(void *front, const char *target, struct MHD_Connection *c);
enum MHD_Result exchange_go_on(void *front, struct MHD_Connection *c, const char *url, const char *method,
                               const char *version, const char *data, size_t *n, void **exchange);
void exchange_end(void *front, struct MHD_Connection *c, void **exchange, enum MHD_RequestTerminationCode how);

/* ---- sending.c ---- */

/* What MHD is to send for a response, whose bytes or stream are taken over. NULL: no memory. */
struct MHD_Response *sending_new(struct server *s, struct MHD_Connection *c, struct response *r);

/* Cuts off clients that have long taken nothing of what waits for them. [under server.lock] */
void sendings_cut_off(struct server *s, int64_t oldest_ns);

/* Heartbeats, or with end the end, of all streams. */
void sendings_look_after(struct server *s, int end);

#endif
