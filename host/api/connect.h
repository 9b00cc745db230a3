/* SPDX-License-Identifier: Apache-2.0 */
/* connect.h: Kafka Connect's REST API (that of Kafka 4.3), resource by resource; doc/connect-compatibility.md has the
 * differences. */
#ifndef HOST_API_CONNECT_H
#define HOST_API_CONNECT_H
#include "host/api/api.h"

/* GET /, GET /health (connect_server.c). */
extern const struct route connect_server_routes[];

#endif
