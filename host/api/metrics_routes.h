/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_API_METRICS_ROUTES_H
#define HOST_API_METRICS_ROUTES_H
#include "host/api/api.h"

/* GET /metrics, /healthz, /readyz (metrics.c). */
extern const struct route metrics_routes[];

#endif
