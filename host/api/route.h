/* SPDX-License-Identifier: Apache-2.0 */
/* route.h: which handler a request is for. */
#ifndef HOST_API_ROUTE_H
#define HOST_API_ROUTE_H
#include "host/api/api.h"

/* Tables end with a zeroed route, the list with NULL. */
extern const struct route *const route_tables[];

/* The route of method and path, with q->parameters filled. NULL: no route is; *allowed has the methods that the path has,
 * "GET, HEAD, OPTIONS", "" without any. [any] */
const struct route *route_find(const struct route *const *tables, struct request *q, char *allowed, size_t size);

/* Does a header that lists media types (Accept) take this one? NULL takes all. [any] */
int media_type_accepted(const char *accept, const char *type);

/* Is the header (Content-Type) this media type, whatever its parameters? "*" is every one. [any] */
int media_type_is(const char *header, const char *type);

#endif
