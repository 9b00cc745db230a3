/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.h: from a request to its response, whatever server reads the one and sends the other. */
#ifndef HOST_API_DISPATCH_H
#define HOST_API_DISPATCH_H
#include "host/api/guard.h"

/* Looks at everything but the body: who asks, for what, and whether that can be. The route that dispatch_run takes; NULL: r is
 * the answer. [any] */
const struct route *dispatch_head(struct api *api, const struct route *const *tables, const struct door *d,
                                  struct request *q, struct response *r);

/* Runs the handler; r is complete afterwards. [any] */
void dispatch_run(struct api *api, const struct route *route, struct request *q, struct response *r);

#endif
