/* SPDX-License-Identifier: Apache-2.0 */
/* http_stub.h: an HTTP server on a free port of this machine that answers as it is told, and misbehaves when it is told to. */
#ifndef HTTP_STUB_H
#define HTTP_STUB_H
#include <stddef.h>

enum http_manner {
	HTTP_ANSWERS,
	HTTP_ECHOES,       /* answers what was posted */
	HTTP_SAYS_NOTHING, /* reads the request and keeps the connection open */
	HTTP_HANGS_UP,     /* reads the request and closes */
	HTTP_DRIPS,        /* one byte of the answer each 20 ms */
	HTTP_CUTS_SHORT,   /* promises more than it sends */
	HTTP_LEAVES_AFTER  /* answers, then closes although it did not say so */
};

struct http_stub;

struct http_stub *http_stub_start(void);
void http_stub_stop(struct http_stub **s);
int http_stub_port(const struct http_stub *s);

/* What the next request gets; the last reply repeats. headers: lines that end in CR LF, or "". The texts must live as long
 * as the server. */
void http_stub_reply(struct http_stub *s, enum http_manner manner, int status, const char *headers, const char *body,
                     size_t n);

/* So many there were. */
size_t http_stub_requests(struct http_stub *s);
size_t http_stub_connections(struct http_stub *s);

/* Head and body of request number i, from 0; NULL: there was none. Valid until the server stops. */
const char *http_stub_head(struct http_stub *s, size_t i);
const char *http_stub_body(struct http_stub *s, size_t i);

#endif
