/* SPDX-License-Identifier: Apache-2.0 */
/* http.h: POST requests to one place, over a connection that is kept, with bounds on time and size. */
#ifndef FUNCTION_HTTP_H
#define FUNCTION_HTTP_H
#include <outflow/abi.h>

#include <stdbool.h>

#define HTTP_BODY_MAX ((size_t)16 << 20) /* bytes of a request, and of an answer */

/* Texts are malloc'd; NULL: not set. */
struct http_options {
	char *url;
	char **headers; /* as "name: value" */
	size_t n_headers;
	char *username, *password, *token;
	char *proxy; /* NULL: none, whatever the environment says */
	char *tls_ca, *tls_cert, *tls_key, *tls_key_password;
	bool tls_verify;
	int64_t timeout_ms, connect_timeout_ms;
};

/* Frees what o holds. [any] */
void http_options_clear(struct http_options *o);

struct http;

/* Takes over what o holds, also after an error. Connects nowhere yet. OUTFLOW_E_NOMEM; OUTFLOW_E_CONFIG: the client library
 * refuses an option. The caller frees *h with http_free. [task] */
outflow_status http_new(const outflow_host *host, struct http_options *o, struct http **h, outflow_error *err);

/* Frees *h and clears it; NULL inside is fine. [task] */
void http_free(struct http **h);

/* Posts body and waits for the answer, which stays valid until the next call. An answer that told when to come back
 * makes the next call wait for that, for the time-out at most.
 * OUTFLOW_E_OUTAGE: no connection. OUTFLOW_E_RETRY: the time-out, a connection that broke, a status of 5xx, 408, 425 or
 * 429. OUTFLOW_E_RECORD: any other status of 4xx, or an answer that is too large. OUTFLOW_E_TASK: the credentials are
 * not accepted (401, 403, 407), a redirection, a file of certificates that cannot be used. OUTFLOW_E_CANCELED:
 * interrupted. OUTFLOW_E_NOMEM. [task] */
outflow_status http_post(struct http *h, outflow_str body, outflow_str *answer, outflow_error *err);

/* Ends a call that waits and all that follow. [any] */
void http_interrupt(struct http *h);

/* The address without what may be secret in it. Lives as long as h. [any] */
const char *http_place(const struct http *h);

#endif
