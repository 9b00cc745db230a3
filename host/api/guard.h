/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h: whose requests are let in. On loopback without users everybody on this machine is; then a browser must be kept from
 * lending its place to a page from elsewhere: the Host header must name this machine (a page of a name that was pointed
 * at 127.0.0.1 says its own), and Origin be absent, the API's own, or allowed.
 */
#ifndef HOST_API_GUARD_H
#define HOST_API_GUARD_H
#include "host/api/listener.h"
#include "host/api/request.h"
#include "host/api/response.h"
#include "host/api/route.h"

/* Where a request came in. */
struct door {
	const struct listener *listener;
	const struct api_model *model;
};

/* May the API listen there at all? OUTFLOW_E_CONFIG: beyond this machine, without authentication. [any] */
outflow_status guard_check_door(const struct door *d, outflow_error *err);

/* Host and Origin; adds what a page of an allowed origin needs (CORS). 0: refused, r says why. [any] */
int guard_origin(const struct door *d, const struct request *q, struct response *r);

/* The user and what he may do; access: what the route asks for. 0: refused, r says why. [any] */
int guard_user(const struct door *d, struct request *q, enum access access, struct response *r);

#endif
