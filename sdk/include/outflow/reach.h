/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/reach.h: the first steps towards a server, each with its reason in plain words when it fails; for probes
 * (outflow/ext/probe.h). Nothing in it is part of the ABI, everything is in liboutflow_sdk.a.
 */
#ifndef OUTFLOW_REACH_H
#define OUTFLOW_REACH_H
#include <outflow/abi.h>
#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo; /* of netdb.h */

/* The longest name of DNS, and its NUL. */
typedef struct outflow_address { char host[256], port[8]; } outflow_address;

/* Takes "host", "host:port", "[::1]:port" apart, up to the first "/". OUTFLOW_E_CONFIG: it is none of them. [any] */
outflow_status outflow_address_split(const char *text, const char *default_port, outflow_address *result,
                                     outflow_error *err);

/* Asks the system for the addresses of a name; freeaddrinfo is the caller's. shown: "192.0.2.1, 192.0.2.2". There is no
 * deadline: the system's resolver has its own. OUTFLOW_E_OUTAGE. [any] */
outflow_status outflow_resolve(const outflow_address *a, struct addrinfo **result, char *shown, size_t size,
                               outflow_error *err);

/* Opens a TCP connection to the first of the addresses that takes it, until deadline_ns (monotonic). *fd does not block and is
 * the caller's to close; shown: "192.0.2.1 port 1883". OUTFLOW_E_OUTAGE: none did. [any] */
outflow_status outflow_connect(const outflow_host *h, const struct addrinfo *list, int64_t deadline_ns, int *fd,
                               char *shown, size_t size, outflow_error *err);

/* Waits until the descriptor can be read (POLLIN) or written (POLLOUT). OUTFLOW_AGAIN: not until the deadline. [any] */
outflow_status outflow_wait_for(const outflow_host *h, int fd, short events, int64_t deadline_ns);

#ifdef __cplusplus
}
#endif
#endif
