/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h: an address where the API listens, from its text to its socket. */
#ifndef HOST_API_LISTENER_H
#define HOST_API_LISTENER_H
#include <outflow/abi.h>
#include <stdint.h>

enum listener_kind { LISTEN_HTTP, LISTEN_HTTPS, LISTEN_UNIX };

struct listener {
	enum listener_kind kind;
	char host[256]; /* without brackets; "": all addresses */
	uint16_t port;
	char path[108]; /* of the Unix socket */
	int fd;         /* -1: not open */
	int loopback;   /* only this machine reaches it */
	char url[320];  /* where it really listens */
};

/* http://host:port, https://host:port (any case, IPv6 in brackets, an empty host is every address), unix:/path. OUTFLOW_E_CONFIG.
 * [any] */
outflow_status listener_parse(const char *text, struct listener *result, outflow_error *err);

/* Opens its socket. A Unix socket is made for its user alone, in a directory that is made when it is missing; one that nobody
 * listens on any more is replaced. OUTFLOW_E_RETRY: the address is in use; OUTFLOW_E_TASK: anything else. [any] */
outflow_status listener_open(struct listener *l, outflow_error *err);

/* Removes the name of a Unix socket; the descriptor, if it is still ours, is closed. [any] */
void listener_close(struct listener *l);

#endif
