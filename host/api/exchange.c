/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way through libmicrohttpd: its head, its body, its handler in another thread, its answer. */
#include "host/api/server_internal.h"

#include "host/base/clock.h"
#include "host/base/log.h"

#include <gnutls/gnutls.h>

#include <stdlib.h>

#define BODIES_MAX 16u /* as large as can be, of all connections together */

void *exchange_new(void *ctx, const char *target, struct MHD_Connection *c)
{
	struct exchange *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->front = ctx;
	x->connection = c;
	x->since_ns = clock_mono_ns();
	x->target = strdup(target);
	return x;
}

/* ---- the head ---- */

static enum MHD_Result add_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	return fields_add(ctx, name, value ? value : "") == OUTFLOW_OK ? MHD_YES : MHD_NO;
}

/* Has the client shown a certificate that api.tls.client.ca has signed, where it must? */
static int check_certificate(struct exchange *x)
{
	const struct front *f = x->front;
	const union MHD_ConnectionInfo *session;
	unsigned problems = 0;

	if (f->door.listener->kind != LISTEN_HTTPS || f->door.model->client_ca == NULL)
		return 1;
	session = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (session != NULL && gnutls_certificate_verify_peers2(session->tls_session, &problems) == 0 && problems == 0)
		return 1;
	response_error(&x->response, 403, "this listener needs a client certificate that api.tls.client.ca has signed");
	return 0;
}

/* Before anything of the body is read: 413 for one that is too long. */
static int check_length(struct exchange *x)
{
	const char *length = request_header(x->request, "Content-Length");
	size_t most = x->front->server->model->body_max;

	if (length == NULL || strtoull(length, NULL, 10) <= most)
		return 1;
	response_error(&x->response, 413, "the body is longer than %zu bytes (api.body.max)", most);
	return 0;
}

/* RFC 9112, 3.2. */
static int check_host(struct exchange *x, const char *version)
{
	if (strcmp(version, "HTTP/1.0") == 0 || request_header(x->request, "Host") != NULL)
		return 1;
	response_error(&x->response, 400, "a request of %s needs a header Host", version);
	return 0;
}

static void read_head(struct exchange *x, const char *method, const char *version)
{
	struct server *s = x->front->server;
	outflow_error err = { .size = sizeof err };
	outflow_status status = OUTFLOW_E_NOMEM;

	if (x->target != NULL)
		status = request_new(method, x->target, &x->request, &err);
	if (status == OUTFLOW_OK) {
		struct fields *headers = &x->request->headers;

		x->request->deadline_ns = x->since_ns + s->model->request_timeout_ns;
		if (MHD_get_connection_values(x->connection, MHD_HEADER_KIND, add_header, headers) != (int)headers->n)
			status = OUTFLOW_E_NOMEM;
	}
	if (status == OUTFLOW_E_CONFIG)
		response_error(&x->response, 400, "%s", err.msg);
	else if (status != OUTFLOW_OK)
		response_error(&x->response, 500, "no memory");
	else if (check_certificate(x) && check_host(x, version) && check_length(x))
		x->route = dispatch_head(s->api, s->tables, &x->front->door, x->request, &x->response);
}

/* ---- the body ---- */

static void refuse_body(struct exchange *x, int status, const char *why)
{
	x->body_refused = 1;
	response_error(&x->response, status, "%s", why);
}

static int make_room(struct exchange *x, size_t n)
{
	struct server *s = x->front->server;
	size_t room = x->body_room > 0 ? x->body_room : 1024;
	char *body;

	while (room < n)
		room *= 2;
	if (__atomic_add_fetch(&s->body_bytes, room - x->body_room, __ATOMIC_RELAXED) >
	    BODIES_MAX * s->model->body_max) {
		__atomic_sub_fetch(&s->body_bytes, room - x->body_room, __ATOMIC_RELAXED);
		return -1;
	}
	body = realloc(x->request->body, room);
	if (body == NULL) {
		__atomic_sub_fetch(&s->body_bytes, room - x->body_room, __ATOMIC_RELAXED);
		return -1;
	}
	x->request->body = body;
	x->body_room = room;
	return 0;
}

/* What is refused is read all the same, until the client's time is up: it looks for an answer only then. */
static void take_body(struct exchange *x, const char *data, size_t n)
{
	struct request *q = x->request;

	if (x->body_refused)
		return;
	if (q->body_length + n > x->front->server->model->body_max)
		refuse_body(x, 413, "the body is longer than api.body.max");
	else if (q->body_length + n + 1 > x->body_room && make_room(x, q->body_length + n + 1) != 0)
		refuse_body(x, 503, "too many requests with long bodies are under way");
	if (x->body_refused)
		return;
	memcpy(q->body + q->body_length, data, n);
	q->body_length += n;
	q->body[q->body_length] = '\0';
}

/* ---- the handler ---- */

static void run_handler(void *ctx)
{
	struct exchange *x = ctx;

	dispatch_run(x->front->server->api, x->route, x->request, &x->response);
	x->route = NULL;
	MHD_resume_connection(x->connection);
}

/* In another thread. The connection comes back to exchange_go_on when that is done. */
static enum MHD_Result start_handler(struct exchange *x)
{
	struct server *s = x->front->server;

	MHD_suspend_connection(x->connection);
	visit_enter(s, x->visit, VISIT_WORKING);
	if (workers_add(s->workers, run_handler, x) != 0) {
		x->route = NULL;
		response_header(&x->response, "Retry-After", "1");
		response_error(&x->response, 503, "too many requests are under way");
		MHD_resume_connection(x->connection);
	}
	return MHD_YES;
}

/* ---- the answer ---- */

static enum MHD_Result answer(struct exchange *x)
{
	struct server *s = x->front->server;
	int status = x->response.status;
	int is_stream = x->response.stream != NULL;
	struct MHD_Response *response = sending_new(s, x->connection, &x->response);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	status = x->response.status;
	x->answered = 1;
	visit_enter(s, x->visit, is_stream ? VISIT_STREAMING : VISIT_SENDING);
	result = MHD_queue_response(x->connection, (unsigned)status, response);
	MHD_destroy_response(response);
	if (log_enabled(&log_api_place, OUTFLOW_LOG_DEBUG))
		log_write(&log_api_place, OUTFLOW_LOG_DEBUG, "%s %.300s: %d in %lld ms%s%s",
		          x->request ? x->request->method : "?", x->target ? x->target : "", status,
		          (long long)((clock_mono_ns() - x->since_ns) / CLOCK_MS),
		          x->request && x->request->user ? ", user " : "",
		          x->request && x->request->user ? x->request->user : "");
	return result;
}

enum MHD_Result exchange_go_on(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
                               const char *version, const char *data, size_t *n, void **exchange)
{
	struct exchange *x = *exchange;
	const union MHD_ConnectionInfo *visit;

	(void)ctx;
	(void)url;
	if (x == NULL || x->answered)
		return x == NULL ? MHD_NO : MHD_YES;
	if (!x->begun) {
		visit = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		x->visit = visit ? visit->socket_context : NULL;
		if (x->visit == NULL)
			return MHD_NO;
		x->begun = 1;
		read_head(x, method, version);
		return x->route == NULL ? answer(x) : MHD_YES;
	}
	if (*n > 0) {
		take_body(x, data, *n);
		*n = 0;
		return MHD_YES;
	}
	return x->route == NULL || x->body_refused ? answer(x) : start_handler(x);
}

void exchange_end(void *ctx, struct MHD_Connection *c, void **exchange, enum MHD_RequestTerminationCode how)
{
	struct exchange *x = *exchange;

	(void)ctx;
	(void)c;
	(void)how;
	*exchange = NULL;
	if (x == NULL)
		return;
	if (x->visit != NULL)
		visit_enter(x->front->server, x->visit, VISIT_RECEIVING);
	__atomic_sub_fetch(&x->front->server->body_bytes, x->body_room, __ATOMIC_RELAXED);
	request_free(&x->request);
	response_clear(&x->response);
	free(x->target);
	free(x);
}
