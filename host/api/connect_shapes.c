/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of Kafka Connect's answers. Clients ignore members that they do not know; none of theirs may have another type. */
#include "host/api/connect.h"
#include "host/config/mask.h"

#include <stdio.h>
#include <stdlib.h>

int connect_malformed(const struct api *api)
{
	return api->host->api.strict ? 500 : 400;
}

struct pipeline_snapshot *connect_find(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = NULL;
	enum fleet_answer answer = fleet_look(api->fleet, q->parameters[0], &p);

	if (answer == FLEET_UNKNOWN)
		response_error(r, 404, "Connector %s not found", q->parameters[0]);
	else if (answer != FLEET_OK)
		response_error(r, 500, "no memory");
	return answer == FLEET_OK ? p : NULL;
}

/* Every problem on its own line, as Kafka Connect's clients show them. */
static void refuse_config(struct response *r, const struct problems *problems, const outflow_error *err)
{
	size_t size = 0, n;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL) {
		response_error(r, 500, "no memory");
		return;
	}
	n = problems ? problems->n : 0;
	if (n == 0)
		fprintf(to, "Connector configuration is invalid: %s", err->msg);
	else
		fprintf(to, "Connector configuration is invalid and contains the following %zu error(s):", n);
	for (size_t i = 0; i < n; i++) {
		const struct problem *it = &problems->list[i];

		fprintf(to, "\n%s%s%s", it->key ? it->key : "", it->key ? ": " : "", it->message);
	}
	if (n > 0)
		fprintf(to, "\nYou can also find the above list of errors at the endpoint "
		            "`/connector-plugins/{connectorType}/config/validate`");
	if (fclose(to) == 0 && text != NULL)
		response_error(r, 400, "%s", text);
	else
		response_error(r, 500, "no memory");
	free(text);
}

void connect_refuse(struct response *r, enum fleet_answer answer, const struct problems *problems,
                    const outflow_error *err)
{
	switch (answer) {
	case FLEET_UNKNOWN:
		response_error(r, 404, "%s", err->msg);
		break;
	case FLEET_EXISTS:
		response_error(r, 409, "%s", err->msg);
		break;
	case FLEET_INVALID:
		refuse_config(r, problems, err);
		break;
	case FLEET_DECLARED:
		response_error(r, 403, "%s", err->msg);
		break;
	case FLEET_NOT_STOPPED:
		response_error(
			r, 400,
			"Connectors must be in the STOPPED state before their offsets can be modified externally: %s. "
			"This can be done with PUT /connectors/{connector}/stop",
			err->msg);
		break;
	case FLEET_TIMEOUT:
		response_error(r, 500, "Request timed out. The worker is currently checking the configuration: %s",
		               err->msg);
		break;
	default:
		response_error(r, 500, "%s", err->msg);
		break;
	}
}

/* ---- config ---- */

/* Secrets are masked; references stay as they were written. */
json_t *connect_config(const struct api *api, const struct pipeline_snapshot *p)
{
	json_t *config = json_object();
	struct settings shown = { 0 };
	int failed = config == NULL || mask_settings(api->host, api->environment->inventory, MASK_PIPELINE,
	                                             &p->settings, &shown) != OUTFLOW_OK;

	for (size_t i = 0; i < shown.n && !failed; i++)
		failed = json_object_set_new(config, shown.list[i].key, json_string(shown.list[i].value)) != 0;
	if (!failed)
		failed = json_object_set_new(config, "name", json_string(p->name)) != 0;
	settings_clear(&shown);
	if (!failed)
		return config;
	json_decref(config);
	return NULL;
}

/* ---- type and version ---- */

static int is_of(const char *class, const char *plugin)
{
	size_t n = strlen(plugin);

	return class != NULL && strncmp(class, plugin, n) == 0 && class[n] == '/';
}

/* Which side is Kafka's? Of two others the source is what a connector is for. */
const char *connect_type(const struct pipeline_snapshot *p)
{
	if (p->source_class == NULL)
		return "unknown";
	return is_of(p->source_class, "kafka") ? "sink" : "source";
}

/* Of the plugin on the side that is not Kafka's; NULL: not known. */
static const char *version_of(const struct api *api, const struct pipeline_snapshot *p)
{
	const struct catalog *catalog = inventory_catalog(api->environment->inventory);
	const char *class = is_of(p->source_class, "kafka") ? p->sink_class : p->source_class;

	for (size_t i = 0; i < catalog->n_plugins; i++) {
		const struct known_plugin *about = catalog->plugins[i]->about;

		if (about != NULL && is_of(class, about->id))
			return *about->version != '\0' ? about->version : NULL;
	}
	return NULL;
}

/* ---- ConnectorInfo ---- */

/* One that runs has a task in a moment, even when it is too early to say how many. */
static int has_first_task(const struct pipeline_snapshot *p)
{
	return p->n_tasks == 0 && p->target == TARGET_RUNNING && p->state == PIPELINE_STARTING;
}

static json_t *task_ids(const struct pipeline_snapshot *p)
{
	json_t *list = json_array();
	int failed = list == NULL;

	if (has_first_task(p))
		failed |= json_array_append_new(list, json_pack("{s:s, s:i}", "connector", p->name, "task", 0)) != 0;
	for (size_t i = 0; i < p->n_tasks && !failed; i++)
		failed = json_array_append_new(list, json_pack("{s:s, s:i}", "connector", p->name, "task",
		                                               (int)p->tasks[i].number)) != 0;
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

json_t *connect_info(const struct api *api, const struct pipeline_snapshot *p)
{
	return json_pack("{s:s, s:o, s:o, s:s}", "name", p->name, "config", connect_config(api, p), "tasks",
	                 task_ids(p), "type", connect_type(p));
}

/* ---- states ---- */

int connect_task_failed(const struct task_snapshot *t)
{
	return t->state == TASK_READY || t->state == TASK_STARTING_FAILED || t->state == TASK_FAILED;
}

static const char *task_state_text(const struct pipeline_snapshot *p, const struct task_snapshot *t)
{
	if (connect_task_failed(t))
		return "FAILED";
	if (t->state == TASK_STARTING)
		return p->target == TARGET_PAUSED ? "PAUSED" : "UNASSIGNED";
	return t->state == TASK_PAUSED || p->target == TARGET_PAUSED ? "PAUSED" : "RUNNING";
}

static json_t *state_of(const struct api *api, const struct pipeline_snapshot *p, const char *state, const char *trace)
{
	const char *version = version_of(api, p);

	return json_pack("{s:s, s:s, s:s*, s:s*}", "state", state, "worker_id", api->worker_id, "version", version,
	                 "trace", trace != NULL && *trace != '\0' ? trace : NULL);
}

static json_t *task_state_named(const struct api *api, const struct pipeline_snapshot *p, const struct task_snapshot *t,
                                const char *state)
{
	json_t *result = state_of(api, p, state, t->reason);

	if (result == NULL || json_object_set_new(result, "id", json_integer(t->number)) != 0 ||
	    (t->restarts > 0 && json_object_set_new(result, "restarts", json_integer(t->restarts)) != 0) ||
	    (t->next_try_ms >= 0 && json_object_set_new(result, "next_try_ms", json_integer(t->next_try_ms)) != 0)) {
		json_decref(result);
		return NULL;
	}
	return result;
}

json_t *connect_task_state(const struct api *api, const struct pipeline_snapshot *p, const struct task_snapshot *t)
{
	return task_state_named(api, p, t, task_state_text(p, t));
}

/* A connector fails only as a whole, before it has tasks: what fails afterwards is a task. */
static int has_failed(const struct pipeline_snapshot *p)
{
	return p->n_tasks == 0 && (p->state == PIPELINE_STARTING_FAILED || p->state == PIPELINE_RUNNING_FAILED);
}

static json_t *connector_state(const struct api *api, const struct pipeline_snapshot *p,
                               const struct connect_restart *restart)
{
	if (restart->planned && (!restart->only_failed || has_failed(p)))
		return state_of(api, p, "RESTARTING", NULL);
	if (has_failed(p))
		return state_of(api, p, "FAILED", p->reason);
	return state_of(api, p, pipeline_target_name(p->target), NULL);
}

static json_t *task_states(const struct api *api, const struct pipeline_snapshot *p,
                           const struct connect_restart *restart)
{
	static char no_reason[] = "";
	struct task_snapshot first = { .state = TASK_STARTING, .reason = no_reason, .next_try_ms = -1 };
	json_t *list = json_array();
	int failed = list == NULL;

	if (has_first_task(p))
		failed |= json_array_append_new(list, connect_task_state(api, p, &first)) != 0;
	for (size_t i = 0; i < p->n_tasks && !failed; i++) {
		const struct task_snapshot *t = &p->tasks[i];
		int again = restart->planned && restart->tasks && (!restart->only_failed || connect_task_failed(t));

		failed = json_array_append_new(
				 list, task_state_named(api, p, t, again ? "RESTARTING" : task_state_text(p, t))) != 0;
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

json_t *connect_state(const struct api *api, const struct pipeline_snapshot *p, const struct connect_restart *restart)
{
	return json_pack("{s:s, s:o, s:o, s:s}", "name", p->name, "connector", connector_state(api, p, restart),
	                 "tasks", task_states(api, p, restart), "type", connect_type(p));
}
