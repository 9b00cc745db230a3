/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/dispatch.h"

#define JSON_TYPE "application/json"

enum api_phase api_phase(const struct api *api)
{
	return (enum api_phase)__atomic_load_n(&api->phase, __ATOMIC_ACQUIRE);
}

static void answer_options(const char *allowed, struct response *r)
{
	response_text(r, 200, "text/plain", allowed);
	response_header(r, "Allow", allowed);
}

/* Which methods there are; no handler runs. */
static const struct route *no_route(const struct request *q, const char *allowed, struct response *r)
{
	if (*allowed == '\0') {
		response_error(r, 404, "HTTP 404 Not Found");
	} else if (strcmp(q->method, "OPTIONS") == 0) {
		answer_options(allowed, r);
	} else {
		response_error(r, 405, "HTTP 405 Method Not Allowed");
		response_header(r, "Allow", allowed);
	}
	return NULL;
}

static int has_body(const struct request *q)
{
	const char *length = request_header(q, "Content-Length");

	return (length != NULL && strcmp(length, "0") != 0) || request_header(q, "Transfer-Encoding") != NULL;
}

static int check_types(const struct route *route, const struct request *q, struct response *r)
{
	const char *type = request_header(q, "Content-Type");

	if (!media_type_accepted(request_header(q, "Accept"), route->produces ? route->produces : JSON_TYPE)) {
		response_error(r, 406, "HTTP 406 Not Acceptable");
		return 0;
	}
	if (has_body(q) && !media_type_is(type ? type : "", route->consumes ? route->consumes : JSON_TYPE)) {
		response_error(r, 415, "HTTP 415 Unsupported Media Type");
		return 0;
	}
	return 1;
}

static int check_phase(const struct api *api, const struct route *route, struct response *r)
{
	enum api_phase phase = api_phase(api);

	if (route->early || phase == API_READY || (phase == API_STOPPING && route->access == ACCESS_READ))
		return 1;
	response_header(r, "Retry-After", "1");
	response_error(r, 503,
	               phase == API_STARTING ? "Outflow is starting: its pipelines are not known yet"
	                                     : "Outflow is stopping");
	return 0;
}

const struct route *dispatch_head(struct api *api, const struct route *const *tables, const struct door *d,
                                  struct request *q, struct response *r)
{
	char allowed[128];
	const struct route *route = route_find(tables, q, allowed, sizeof allowed);
	int is_options = route == NULL && strcmp(q->method, "OPTIONS") == 0;
	enum access access = route ? route->access : ACCESS_READ;

	q->secure = d->listener->kind == LISTEN_HTTPS;
	if (!guard_origin(d, q, r) || !guard_user(d, q, is_options ? ACCESS_PUBLIC : access, r))
		return NULL;
	if (route == NULL)
		return no_route(q, allowed, r);
	return check_types(route, q, r) && check_phase(api, route, r) ? route : NULL;
}

void dispatch_run(struct api *api, const struct route *route, struct request *q, struct response *r)
{
	if (route->admit == NULL || route->admit(api, q, r))
		route->handle(api, q, r);
	if (r->status == 0)
		response_empty(r, r->out_of_memory ? 500 : 200);
	if (r->out_of_memory)
		response_error(r, 500, "no memory");
}
