/* SPDX-License-Identifier: Apache-2.0 */
/* What a connector does, and is told to do: status, tasks, pause, resume, stop, restart (KIP-745, KIP-875). */
#include "host/api/connect.h"

#include <stdio.h>
#include <stdlib.h>

static const struct connect_restart no_restart;

static void show_status(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);

	if (p != NULL)
		response_json(r, 200, connect_state(api, p, &no_restart));
	pipeline_snapshot_free(&p);
}

/* ---- tasks ---- */

static json_t *task_config(const struct api *api, const struct pipeline_snapshot *p)
{
	json_t *config = connect_config(api, p);
	const char *class = strcmp(connect_type(p), "sink") == 0 ? p->sink_class : p->source_class;

	if (config != NULL && class != NULL)
		(void)json_object_set_new(config, "task.class", json_string(class));
	return config;
}

static void show_tasks(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	json_t *list;

	if (p == NULL)
		return;
	list = json_array();
	for (size_t i = 0; i < p->n_tasks; i++)
		(void)json_array_append_new(list, json_pack("{s:{s:s, s:i}, s:o}", "id", "connector", p->name, "task",
		                                            (int)p->tasks[i].number, "config", task_config(api, p)));
	response_json(r, 200, list);
	pipeline_snapshot_free(&p);
}

/* Kafka Connect had it until 4.0. */
static void show_task_configs(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	json_t *map;

	if (p == NULL)
		return;
	map = json_object();
	for (size_t i = 0; i < p->n_tasks; i++) {
		char key[600];

		snprintf(key, sizeof key, "%s-%u", p->name, p->tasks[i].number);
		(void)json_object_set_new(map, key, task_config(api, p));
	}
	response_json(r, 200, map);
	pipeline_snapshot_free(&p);
}

/* The task of q->parameters[1]. NULL: r says that there is none. */
static const struct task_snapshot *find_task(const struct pipeline_snapshot *p, const struct request *q,
                                             struct response *r)
{
	const char *text = q->parameters[1];
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	for (size_t i = 0; i < p->n_tasks && *text >= '0' && *text <= '9' && *end == '\0'; i++)
		if (p->tasks[i].number == number)
			return &p->tasks[i];
	response_error(r, 404, "No task %.100s of connector %.200s found", text, p->name);
	return NULL;
}

static void show_task_status(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	const struct task_snapshot *t = p ? find_task(p, q, r) : NULL;

	if (t != NULL)
		response_json(r, 200, connect_task_state(api, p, t));
	pipeline_snapshot_free(&p);
}

static void restart_task(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	const struct task_snapshot *t = p ? find_task(p, q, r) : NULL;
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer;

	if (t != NULL) {
		answer = fleet_restart(api->fleet, p->name, t->number, 0, &err);
		if (answer == FLEET_OK)
			response_empty(r, 204);
		else
			connect_refuse(r, answer, NULL, &err);
	}
	pipeline_snapshot_free(&p);
}

/* ---- the connector ---- */

static void aim(struct api *api, const struct request *q, struct response *r, enum pipeline_target target, int status)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = fleet_aim(api->fleet, q->parameters[0], target, &err);

	if (answer == FLEET_OK)
		response_empty(r, status);
	else
		connect_refuse(r, answer, NULL, &err);
}

static void pause_connector(struct api *api, const struct request *q, struct response *r)
{
	aim(api, q, r, TARGET_PAUSED, 202);
}

static void stop_connector(struct api *api, const struct request *q, struct response *r)
{
	aim(api, q, r, TARGET_STOPPED, 204);
}

/* Failed tasks stay failed until they are restarted, as in Kafka Connect. */
static void resume_connector(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);

	if (p == NULL)
		return;
	if (p->target == TARGET_RUNNING && p->n_tasks > 0)
		response_empty(r, 202);
	else
		aim(api, q, r, TARGET_RUNNING, 202);
	pipeline_snapshot_free(&p);
}

/* The connector itself is no more than its tasks here: without them there is something to start only when it failed before it
 * had any. */
static enum fleet_answer restart(struct api *api, const struct pipeline_snapshot *p, const struct connect_restart *how,
                                 outflow_error *err)
{
	int failed_whole = p->n_tasks == 0 && p->target != TARGET_STOPPED && *p->reason != '\0';

	if (failed_whole)
		return fleet_aim(api->fleet, p->name, p->target, err);
	return how->tasks && p->n_tasks > 0 ? fleet_restart(api->fleet, p->name, -1, how->only_failed, err) : FLEET_OK;
}

static void restart_connector(struct api *api, const struct request *q, struct response *r)
{
	struct connect_restart how = { 1, request_flag(q, "includeTasks"), request_flag(q, "onlyFailed") };
	struct pipeline_snapshot *p = connect_find(api, q, r);
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer;

	if (p == NULL)
		return;
	answer = restart(api, p, &how, &err);
	if (answer != FLEET_OK)
		connect_refuse(r, answer, NULL, &err);
	else if (!how.tasks && !how.only_failed)
		response_empty(r, 204);
	else
		response_json(r, 202, connect_state(api, p, &how));
	pipeline_snapshot_free(&p);
}

const struct route connect_lifecycle_routes[] = {
	{ "GET", "/connectors/{name}/status", ACCESS_READ, .handle = show_status },
	{ "GET", "/connectors/{name}/tasks", ACCESS_READ, .handle = show_tasks },
	{ "GET", "/connectors/{name}/tasks-config", ACCESS_READ, .handle = show_task_configs },
	{ "GET", "/connectors/{name}/tasks/{task}/status", ACCESS_READ, .handle = show_task_status },
	{ "POST", "/connectors/{name}/tasks/{task}/restart", ACCESS_ADMIN, .handle = restart_task },
	{ "POST", "/connectors/{name}/restart", ACCESS_ADMIN, .handle = restart_connector },
	{ "PUT", "/connectors/{name}/pause", ACCESS_ADMIN, .handle = pause_connector },
	{ "PUT", "/connectors/{name}/resume", ACCESS_ADMIN, .handle = resume_connector },
	{ "PUT", "/connectors/{name}/stop", ACCESS_ADMIN, .handle = stop_connector },
	{ 0 },
};
