/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/guard.h"

#include "host/api/credentials.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

static int asks_for_users(const struct door *d)
{
	return d->model->n_users > 0 && d->listener->kind != LISTEN_UNIX;
}

static int asks_for_certificates(const struct door *d)
{
	return d->model->client_ca != NULL && d->listener->kind == LISTEN_HTTPS;
}

outflow_status guard_check_door(const struct door *d, outflow_error *err)
{
	if (d->listener->kind == LISTEN_HTTPS && d->model->certificate == NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "%s needs api.tls.certificate and api.tls.key",
		                    d->listener->url);
	if (d->listener->loopback || d->model->insecure || asks_for_users(d) || asks_for_certificates(d))
		return OUTFLOW_OK;
	return outflow_fail(
		err, OUTFLOW_E_CONFIG,
		"%s is reached from other machines, and nobody would have to say who he is: set api.users, or "
		"api.tls.client.ca, or api.insecure = \"" API_INSECURE_WORDS "\"",
		d->listener->url);
}

/* ---- Host ---- */

static int names_host(const char *host, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(host, name, n) == 0;
}

static int ends_in(const char *host, size_t n, const char *suffix)
{
	size_t length = strlen(suffix);

	return n > length && strncasecmp(host + n - length, suffix, length) == 0;
}

/* 127.0.0.0/8, spelt in full. */
static int is_loopback_number(const char *host, size_t n)
{
	unsigned a, b, c, d;
	int used = 0;
	char text[16];

	if (n >= sizeof text)
		return 0;
	memcpy(text, host, n);
	text[n] = '\0';
	return sscanf(text, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &used) == 4 && (size_t)used == n && a == 127;
}

static int is_own_name(const struct door *d, const char *header)
{
	char own[256] = "";
	size_t n = *header == '[' ? strcspn(header, "]") + 1 : strcspn(header, ":");

	if (n > strlen(header))
		return 0;
	if (names_host(header, n, "localhost") || ends_in(header, n, ".localhost") || names_host(header, n, "[::1]") ||
	    is_loopback_number(header, n) || names_host(header, n, d->listener->host))
		return 1;
	return gethostname(own, sizeof own - 1) == 0 && *own != '\0' && names_host(header, n, own);
}

/* ---- Origin ---- */

/* A page that the API itself has served. */
static int is_same_origin(const char *origin, const char *host)
{
	const char *authority = strstr(origin, "://");

	return authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0;
}

static int is_allowed(const struct api_model *m, const char *origin)
{
	for (size_t i = 0; i < m->n_origins; i++)
		if (strcmp(m->origins[i], "*") == 0 || strcasecmp(m->origins[i], origin) == 0)
			return 1;
	return 0;
}

/* As Kafka Connect: what browsers send without asking first, unless methods are named. */
static int method_is_allowed(const struct api_model *m, const char *method)
{
	for (size_t i = 0; i < m->n_methods; i++)
		if (strcasecmp(m->methods[i], method) == 0)
			return 1;
	return m->n_methods == 0 &&
	       (strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0 || strcmp(method, "HEAD") == 0);
}

static void add_preflight(const struct api_model *m, struct response *r)
{
	char methods[256] = "";

	for (size_t i = 0; i < m->n_methods; i++) {
		size_t n = strlen(methods);

		snprintf(methods + n, sizeof methods - n, "%s%s", i > 0 ? "," : "", m->methods[i]);
	}
	response_header(r, "Access-Control-Allow-Methods", m->n_methods > 0 ? methods : "GET,POST,HEAD");
	response_header(r, "Access-Control-Allow-Headers", "Accept,Authorization,Content-Type,Origin,X-Requested-With");
	response_header(r, "Access-Control-Max-Age", "1800");
}

static int check_origin(const struct door *d, const struct request *q, const char *origin, struct response *r)
{
	int is_preflight = strcmp(q->method, "OPTIONS") == 0;

	if (is_same_origin(origin, request_header(q, "Host")))
		return 1;
	if (!is_allowed(d->model, origin)) {
		response_error(r, 403, "pages of %.200s may not use this API (access.control.allow.origin)", origin);
		return 0;
	}
	response_header(r, "Access-Control-Allow-Origin", origin);
	response_header(r, "Vary", "Origin");
	if (d->model->n_users > 0)
		response_header(r, "Access-Control-Allow-Credentials", "true");
	if (is_preflight) {
		add_preflight(d->model, r);
	} else if (!method_is_allowed(d->model, q->method)) {
		response_error(r, 403, "pages of %.200s may not use %s (access.control.allow.methods)", origin,
		               q->method);
		return 0;
	}
	return 1;
}

int guard_origin(const struct door *d, const struct request *q, struct response *r)
{
	const char *host = request_header(q, "Host"), *origin = request_header(q, "Origin");

	if (d->listener->kind != LISTEN_UNIX && d->listener->loopback && !asks_for_users(d) && host != NULL &&
	    !is_own_name(d, host)) {
		response_error(r, 403, "this API is only for this machine, and '%.200s' (Host) is not one of its names",
		               host);
		return 0;
	}
	return origin == NULL || check_origin(d, q, origin, r);
}

/* ---- users ---- */

int guard_user(const struct door *d, struct request *q, enum access access, struct response *r)
{
	const struct api_user *user;

	if (!asks_for_users(d) || access == ACCESS_PUBLIC)
		return 1;
	user = credentials_find(d->model, request_header(q, "Authorization"));
	if (user == NULL) {
		response_error(r, 401, "who asks? Send a bearer token, or a name and a password, that api.users knows");
		response_header(r, "WWW-Authenticate", "Basic realm=\"outflow\", charset=\"UTF-8\"");
		response_header(r, "WWW-Authenticate", "Bearer realm=\"outflow\"");
		return 0;
	}
	q->user = user->name;
	q->read_only = user->read_only;
	if (user->read_only && access == ACCESS_ADMIN) {
		response_error(r, 403, "%.100s may look, not change (api.users.%.100s.role)", user->name, user->name);
		return 0;
	}
	return 1;
}
