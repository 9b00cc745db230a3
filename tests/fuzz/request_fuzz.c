/* SPDX-License-Identifier: Apache-2.0 */
/* request_fuzz.c: any request is taken apart, let in or refused with a status and a reason in JSON; nobody becomes an admin
 * without the admin's token or password. */
#include "fuzz.h"

#include "host/api/dispatch.h"

#include <stdio.h>

const char fuzz_name[] = "request";

#define TOKEN "token-of-ops"

static void handle(struct api *api, const struct request *q, struct response *r)
{
	(void)api;
	must(q->parameters[0] == NULL || *q->parameters[0] != '\0');
	response_empty(r, 204);
}

static const struct route routes[] = {
	{ "GET", "/", ACCESS_READ, .handle = handle, .early = 1 },
	{ "POST", "/", ACCESS_PUBLIC, .handle = handle, .consumes = "*", .header = "x-acs-action" },
	{ "GET", "/health", ACCESS_PUBLIC, .handle = handle, .early = 1 },
	{ "GET", "/metrics", ACCESS_READ, .handle = handle, .produces = "text/plain" },
	{ "GET", "/v1/pipelines", ACCESS_READ, .handle = handle },
	{ "POST", "/v1/pipelines", ACCESS_ADMIN, .handle = handle },
	{ "PUT", "/v1/pipelines/{name}", ACCESS_ADMIN, .handle = handle },
	{ "DELETE", "/connectors/{name}/tasks/{task}", ACCESS_ADMIN, .handle = handle },
	{ 0 },
};
static const struct route *const tables[] = { routes, NULL };

/* ---- the request ---- */

/* A line of the head, without what ends it; *at goes behind it. NULL: there is no more. */
static char *next_line(char **at)
{
	char *line = *at;

	if (line == NULL)
		return NULL;
	*at = strchr(line, '\n');
	if (*at != NULL)
		*(*at)++ = '\0';
	return line;
}

static void add_headers(struct request *q, char **at)
{
	char *line;

	while ((line = next_line(at)) != NULL && *line != '\0') {
		char *colon = strchr(line, ':');

		if (colon == NULL)
			continue;
		*colon = '\0';
		must(fields_add(&q->headers, line, colon + 1 + strspn(colon + 1, " ")) == OUTFLOW_OK);
	}
}

static void append_encoded(FILE *to, const char *text)
{
	for (; *text != '\0'; text++)
		fprintf(to, "%%%02x", (unsigned char)*text);
}

/* Segments and query, encoded anew, are taken apart into the same. */
static void check_again(const struct request *q)
{
	char *target = NULL;
	size_t size;
	FILE *to = open_memstream(&target, &size);
	outflow_error err = { .size = sizeof err };
	struct request *again;

	must(to != NULL);
	for (size_t i = 0; i < q->n_segments; i++) {
		fputc('/', to);
		append_encoded(to, q->segments[i]);
	}
	fputs("/?", to);
	for (size_t i = 0; i < q->query.n; i++) {
		append_encoded(to, q->query.list[i].name);
		fputc('=', to);
		append_encoded(to, q->query.list[i].value);
		fputc('&', to);
	}
	fclose(to);
	must(request_new(q->method, target, &again, &err) == OUTFLOW_OK);
	must(again->n_segments == q->n_segments && again->query.n == q->query.n);
	for (size_t i = 0; i < q->n_segments; i++)
		must(strcmp(again->segments[i], q->segments[i]) == 0);
	for (size_t i = 0; i < q->query.n; i++)
		must(strcmp(again->query.list[i].name, q->query.list[i].name) == 0 &&
		     strcmp(again->query.list[i].value, q->query.list[i].value) == 0);
	request_free(&again);
	free(target);
}

/* ---- the answer ---- */

static void check_refusal(const struct response *r)
{
	json_t *body = json_loadb(r->bytes, r->length, 0, NULL);

	must(body != NULL && json_integer_value(json_object_get(body, "error_code")) == r->status);
	must(*json_string_value(json_object_get(body, "message")) != '\0');
	json_decref(body);
	for (size_t i = 0; i < r->headers.n; i++)
		must(strpbrk(r->headers.list[i].value, "\r\n") == NULL);
}

static void check_body(const struct request *q)
{
	struct response r = { 0 };
	struct fields form = { 0 };
	outflow_error err = { .size = sizeof err };
	json_t *body = request_json(q, &r, 400);
	outflow_status status = request_form(q, &form, &err);

	if (body == NULL)
		check_refusal(&r);
	must(status == OUTFLOW_OK || (status == OUTFLOW_E_CONFIG && err.msg[0] != '\0'));
	must(form.n <= REQUEST_FORM_MAX);
	fields_clear(&form);
	json_decref(body);
	response_clear(&r);
}

/* Whoever is let in to change something has shown the admin's secret. */
static void check_access(const struct door *d, const struct request *q, const struct route *route)
{
	const char *said = request_header(q, "Authorization");

	if (d->model->n_users == 0 || d->listener->kind == LISTEN_UNIX || route->access == ACCESS_PUBLIC)
		return;
	must(q->user != NULL && said != NULL);
	if (route->access == ACCESS_ADMIN)
		must(strcmp(q->user, "ops") == 0 && (strstr(said, TOKEN) != NULL || strstr(said, "b3BzOn") != NULL));
}

static void run(const struct door *d, struct request *q)
{
	struct api api = { .phase = API_READY };
	struct response r = { 0 };
	const struct route *route = dispatch_head(&api, tables, d, q, &r);

	if (route == NULL) {
		must(r.status == 200 || r.status >= 400);
		if (r.status >= 400)
			check_refusal(&r);
	} else {
		must(r.status == 0);
		check_access(d, q, route);
		dispatch_run(&api, route, q, &r);
		must(r.status == 204);
	}
	response_clear(&r);
}

/* The first byte chooses the listener; then come "METHOD target", lines of headers, an empty line, the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char ops[] = "ops", token[] = TOKEN, password[] = "p", eyes[] = "eyes", look[] = "look", star[] = "*";
	static char ours[] = "https://ops.example";
	struct api_user users[] = { { .name = ops, .token = token, .password = password },
		                    { .name = eyes, .password = look, .read_only = 1 } };
	char *origins[] = { ours, star };
	struct listener listener = { .host = "127.0.0.1", .loopback = 1, .fd = -1 };
	struct api_model model = { .users = users, .origins = origins };
	struct door d = { &listener, &model };
	outflow_error err = { .size = sizeof err };
	struct request *q = NULL;
	outflow_status status;
	char *text, *at, *method, *target;

	if (size == 0)
		return 0;
	model.n_users = data[0] & 1 ? 2 : 0;
	model.n_origins = data[0] >> 1 & 3 ? (data[0] >> 1 & 3) - 1 : 0;
	listener.kind = data[0] & 8 ? LISTEN_UNIX : LISTEN_HTTP;
	listener.loopback = !(data[0] & 16);
	text = at = calloc(1, size);
	memcpy(text, data + 1, size - 1);
	method = next_line(&at);
	target = strchr(method, ' ');
	if (target != NULL) {
		*target++ = '\0';
		status = request_new(method, target, &q, &err);
		must(status == OUTFLOW_OK || (status == OUTFLOW_E_CONFIG && err.msg[0] != '\0' && q == NULL));
	}
	if (q != NULL) {
		check_again(q);
		add_headers(q, &at);
		if (at != NULL) {
			q->body_length = (size_t)(text + size - 1 - at);
			q->body = calloc(1, q->body_length + 1);
			memcpy(q->body, at, q->body_length);
		}
		run(&d, q);
		check_body(q);
	}
	request_free(&q);
	free(text);
	return 0;
}
