/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/route.h"

#include "host/api/connect.h"
#include "host/api/eventbridge.h"
#include "host/api/metrics_routes.h"
#include "host/api/native.h"

const struct route *const route_tables[] = {
	connect_server_routes,
	connect_plugins_routes,
	connect_connector_routes,
	connect_lifecycle_routes,
	connect_offset_routes,
	connect_topic_routes,
	connect_logger_routes,
	metrics_routes,
	native_connection_routes,
	native_pipeline_routes,
	native_files_routes,
	native_plugin_routes,
	native_document_routes,
	eventbridge_routes,
	native_event_routes,
	native_pattern_routes,
	native_try_routes,
	native_tap_routes,
	NULL,
};
