/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect_clients.h: which client properties a pipeline may set (Kafka Connect, KIP-458 and KIP-1188:
 * connector.client.config.override.policy).
 */
#ifndef HOST_CONFIG_CONNECT_CLIENTS_H
#define HOST_CONFIG_CONNECT_CLIENTS_H
#include "host/config/settings.h"

/* host: struct host_model.connect. OUTFLOW_E_CONFIG: err says which policy forbids it. [any] */
outflow_status connect_client_check(const struct settings *host, const char *property, outflow_error *err);

/* The property that a native key sets, as "sink.producer.linger.ms" does, or NULL: it sets none. [any] */
const char *connect_client_property(const char *native);

#endif
