/* SPDX-License-Identifier: Apache-2.0 */
/* GET / and GET /health (KIP-1017). */
#include "host/api/connect.h"

/* The release of Kafka Connect whose contract this is: clients switch features by its first two numbers. */
#define CONNECT_VERSION "4.3.0"

static void show_server(struct api *api, const struct request *q, struct response *r)
{
	(void)q;
	response_json(r, 200,
	              json_pack("{s:s, s:s, s:s, s:s}", "version", CONNECT_VERSION, "commit",
	                        "outflow-" PACKAGE_VERSION, "kafka_cluster_id", api->host->cluster, "outflow_version",
	                        PACKAGE_VERSION));
}

static void show_health(struct api *api, const struct request *q, struct response *r)
{
	int ready = api_phase(api) == API_READY;
	const char *status = ready ? "healthy" : api_phase(api) == API_STARTING ? "starting" : "unhealthy";
	const char *message = ready ? "Worker has completed startup and is ready to handle requests."
	                            : "Worker is still starting up.";

	(void)q;
	if (api_phase(api) == API_STOPPING)
		message = "Worker is stopping.";
	response_json(r, ready ? 200 : 503, json_pack("{s:s, s:s}", "status", status, "message", message));
}

const struct route connect_server_routes[] = {
	{ "GET", "/", ACCESS_READ, show_server, .early = 1 },
	{ "GET", "/health", ACCESS_PUBLIC, show_health, .early = 1 },
	{ 0 },
};
