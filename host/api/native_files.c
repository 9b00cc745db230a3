/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/plan, /v1/reload: what the daemon's files say now, and that it is done. */
#include "host/api/native.h"

static const char *change_name(const struct fleet_change *c)
{
	static const char *const names[] = { [CHANGE_NONE] = "none",
		                             [CHANGE_ADDED] = "added",
		                             [CHANGE_CHANGED] = "changed",
		                             [CHANGE_REMOVED] = "removed" };

	return names[c->kind];
}

static json_t *plan_json(const struct fleet_plan *plan)
{
	json_t *changes = json_array();

	for (size_t i = 0; i < plan->n; i++)
		json_array_append_new(changes, json_pack("{s:o, s:s}", "name", native_text(plan->list[i].name),
		                                         "change", change_name(&plan->list[i])));
	return json_pack("{s:s, s:o}", "hash", plan->hash, "changes", changes);
}

static void declare(struct api *api, const struct request *q, struct response *r, int apply, const char *hash)
{
	outflow_error err = { .size = sizeof err };
	struct problems problems = { 0 };
	struct fleet_plan plan = { 0 };
	enum fleet_answer answer =
		api->files->read(api->files->ctx, apply, hash, request_time_left_ns(q), &plan, &problems, &err);

	if (answer == FLEET_OK)
		response_json(r, 200, plan_json(&plan));
	else
		native_fail(r, answer, &err, &problems, NULL);
	fleet_plan_clear(&plan);
	problems_clear(&problems);
}

static void show_plan(struct api *api, const struct request *q, struct response *r)
{
	declare(api, q, r, 0, NULL);
}

/* The body may be left out, or name the plan that was looked at. */
static void reload(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = q->body_length > 0 ? native_body(q, r) : json_object();
	const json_t *hash = json_object_get(body, "hash");

	if (body == NULL)
		return;
	if (json_object_size(body) > (hash != NULL))
		native_refuse(r, 400, "the body has hash, and nothing else", NULL, NULL);
	else if (hash != NULL && !json_is_string(hash))
		native_refuse(r, 400, "hash is a text, that of GET /v1/plan", NULL, NULL);
	else
		declare(api, q, r, 1, json_string_value(hash));
	json_decref(body);
}

const struct route native_files_routes[] = {
	{ "GET", "/v1/plan", ACCESS_READ, .handle = show_plan },
	{ "POST", "/v1/reload", ACCESS_ADMIN, .handle = reload },
	{ 0 },
};
