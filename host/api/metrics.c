/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics, for Prometheus; GET /healthz and /readyz, for who restarts processes and who sends them work. */
#include "host/api/metrics.h"

#include "host/api/metrics_routes.h"

#include <stdlib.h>

static void forget(struct pipeline_snapshot **pipelines, size_t n)
{
	for (size_t i = 0; pipelines != NULL && i < n; i++)
		pipeline_snapshot_free(&pipelines[i]);
	free(pipelines);
}

static void show_metrics(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot **pipelines = NULL;
	size_t n = 0, length = 0;
	char *text;

	(void)q;
	if (api->fleet != NULL)
		pipelines = fleet_look_all(api->fleet, &n);
	text = api->fleet == NULL || pipelines != NULL ? metrics_render(pipelines, n, &length) : NULL;
	forget(pipelines, n);
	if (text == NULL)
		r->out_of_memory = 1;
	else
		response_bytes(r, 200, METRICS_CONTENT_TYPE, text, length);
}

/* Restarting helps when a lock is never given back (then no answer comes at all), and when a count shows that the program
 * has lost track of records: they come again from the journal. */
static void show_liveness(struct api *api, const struct request *q, struct response *r)
{
	uint64_t breaches = task_metrics_breaches();

	(void)q;
	if (api->fleet != NULL)
		(void)fleet_active(api->fleet);
	if (breaches == 0)
		response_json(r, 200, json_pack("{s:s}", "status", "ok"));
	else
		response_json(r, 503,
		              json_pack("{s:s,s:s,s:I}", "status", "failing", "reason",
		                        "the account of records was not exact; the log has the lines, please "
		                        "report them",
		                        "account_breaches", (json_int_t)breaches));
}

static int has_failed(const struct pipeline_snapshot *p)
{
	return p->state == PIPELINE_STARTING_FAILED || p->state == PIPELINE_RUNNING_FAILED ||
	       (p->state == PIPELINE_READY && *p->reason != '\0');
}

/* Names and states: reasons may tell more than is for everybody. */
static json_t *failed_pipelines(struct fleet *f)
{
	size_t n = 0;
	struct pipeline_snapshot **pipelines = fleet_look_all(f, &n);
	json_t *list = json_array();

	for (size_t i = 0; pipelines != NULL && i < n; i++)
		if (has_failed(pipelines[i]))
			json_array_append_new(list, json_pack("{s:s,s:s}", "name", pipelines[i]->name, "state",
			                                      pipeline_state_name(pipelines[i]->state)));
	forget(pipelines, n);
	return list;
}

static void show_readiness(struct api *api, const struct request *q, struct response *r)
{
	static const char *const names[] = { "starting", "ready", "stopping" };
	enum api_phase phase = api_phase(api);

	(void)q;
	if (phase == API_READY)
		response_json(r, 200,
		              json_pack("{s:s,s:o}", "status", names[phase], "failed_pipelines",
		                        failed_pipelines(api->fleet)));
	else
		response_json(r, 503, json_pack("{s:s}", "status", names[phase]));
}

const struct route metrics_routes[] = {
	{ "GET", "/metrics", ACCESS_READ, show_metrics, .produces = "text/plain", .early = 1 },
	{ "GET", "/healthz", ACCESS_PUBLIC, show_liveness, .early = 1 },
	{ "GET", "/readyz", ACCESS_PUBLIC, show_readiness, .early = 1 },
	{ 0 },
};
