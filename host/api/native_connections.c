/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/connections: endpoints with their security settings, which pipelines refer to. */
#include "host/api/native.h"

#include "host/base/clock.h"
#include "host/config/nested.h"

#include <outflow/util.h>

#include <stdlib.h>

struct connections {
	struct connection_snapshot **list;
	size_t n;
};

/* 0, or -1: r says that there is no memory. */
static int look(struct api *api, struct connections *all, struct response *r)
{
	all->list = fleet_look_connections(api->fleet, &all->n);
	if (all->list == NULL)
		native_refuse(r, 500, "no memory", NULL, NULL);
	return all->list ? 0 : -1;
}

static void forget(struct connections *all)
{
	for (size_t i = 0; i < all->n; i++)
		connection_snapshot_free(&all->list[i]);
	free(all->list);
}

static const struct connection_snapshot *find(const struct connections *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->list[i]->name, name) == 0)
			return all->list[i];
	return NULL;
}

static json_t *connection_json(struct api *api, const struct connection_snapshot *s)
{
	json_t *used_by = json_array();

	for (size_t i = 0; i < s->n_used_by; i++)
		json_array_append_new(used_by, native_text(s->used_by[i]));
	return json_pack("{s:o, s:o, s:b, s:o, s:o}", "name", native_text(s->name), "class",
	                 native_text(settings_get(&s->settings, "class")), "declared", s->declared, "used_by", used_by,
	                 "config", native_settings(api, MASK_CONNECTION, &s->settings, NULL));
}

static void list(struct api *api, const struct request *q, struct response *r)
{
	struct connections all;
	json_t *shown;

	(void)q;
	if (look(api, &all, r) != 0)
		return;
	shown = json_array();
	for (size_t i = 0; i < all.n; i++)
		json_array_append_new(shown, connection_json(api, all.list[i]));
	response_json(r, 200, json_pack("{s:o}", "connections", shown));
	forget(&all);
}

static void answer_with(struct api *api, struct response *r, int status, const char *name)
{
	const struct connection_snapshot *s;
	struct connections all;
	char message[300];

	if (look(api, &all, r) != 0)
		return;
	s = find(&all, name);
	snprintf(message, sizeof message, "there is no connection '%.200s'", name);
	if (s != NULL)
		response_json(r, status, connection_json(api, s));
	else
		native_refuse(r, 404, message, NULL, NULL);
	forget(&all);
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	answer_with(api, r, 200, q->parameters[0]);
}

/* What the body says, with stored secrets where it has the mask. 0, or -1: r says why not. */
static int read_settings(struct api *api, const char *name, json_t *body, struct settings *settings,
                         struct problems *problems, struct response *r)
{
	const json_t *config = native_config(body, "unknown member; beside config stands name", problems);
	const struct connection_snapshot *stored;
	struct connections all;
	outflow_status status;
	const char *said;

	if (look(api, &all, r) != 0)
		return -1;
	stored = find(&all, name);
	status = nested_flatten(config, settings, problems);
	if (status == OUTFLOW_OK)
		status = mask_restore(api->environment->inventory, MASK_CONNECTION, settings,
		                      stored ? &stored->settings : NULL, name, problems);
	forget(&all);
	said = settings_get(settings, "name");
	if (said != NULL && strcmp(said, name) != 0)
		problems_add(problems, &(struct place){ .key = "name" }, "is '%s', but the request names '%s'", said,
		             name);
	if (status == OUTFLOW_OK && said == NULL)
		status = settings_set(settings, "name", name, NULL, 0);
	if (status != OUTFLOW_OK)
		native_refuse(r, 500, "no memory", NULL, NULL);
	else if (problems->reported > 0)
		native_refuse(r, 400, "the request cannot be understood", problems, body);
	return status == OUTFLOW_OK && problems->reported == 0 ? 0 : -1;
}

static void store(struct api *api, const struct request *q, struct response *r, const char *name, int may_exist,
                  json_t *body)
{
	outflow_error err = { .size = sizeof err };
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	enum fleet_answer answer;

	if (name == NULL || !native_name_is_good(name)) {
		native_refuse(r, 400, "the name of a connection " NATIVE_NAME_RULE, NULL, NULL);
	} else if (read_settings(api, name, body, &settings, &problems, r) == 0) {
		answer = fleet_put_connection(api->fleet, name, &settings, may_exist, request_time_left_ns(q),
		                              &problems, &err);
		if (answer == FLEET_OK || answer == FLEET_CREATED)
			answer_with(api, r, answer == FLEET_CREATED ? 201 : 200, name);
		else
			native_fail(r, answer, &err, &problems, body);
	}
	settings_clear(&settings);
	problems_clear(&problems);
}

static void put(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = native_body(q, r);

	if (body != NULL)
		store(api, q, r, q->parameters[0], 1, body);
	json_decref(body);
}

static void create(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = native_body(q, r);

	if (body != NULL)
		store(api, q, r, json_string_value(json_object_get(body, "name")), 0, body);
	json_decref(body);
}

/* ---- testing one ---- */

/* How long a server is waited for, and what is left of the request's time for the answer. */
#define TEST_MS 10000
#define TEST_MAX_MS 60000
#define ANSWER_NS (3 * CLOCK_S)
#define MS_NS INT64_C(1000000)

static json_t *step_json(const struct reachability_step *step)
{
	return json_pack("{s:s, s:b, s:o, s:I}", "name", step->name, "ok", step->is_done, "text",
	                 native_text(step->text), "milliseconds", (json_int_t)(step->took_ns / MS_NS));
}

static json_t *reachability_json(const char *name, const struct reachability *it)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < it->n_steps; i++)
		json_array_append_new(steps, step_json(&it->steps[i]));
	return json_pack("{s:o, s:o, s:o, s:I, s:o}", "name", native_text(name), "reachable",
	                 it->is_tested ? json_boolean(it->is_reachable) : json_null(), "reason",
	                 native_text(it->reason), "milliseconds", (json_int_t)(it->took_ns / MS_NS), "steps", steps);
}

static void try_it(struct api *api, const struct request *q, struct response *r, const struct settings *settings,
                   const json_t *body)
{
	int64_t ms = native_number(q, "timeout_ms", TEST_MS, 100, TEST_MAX_MS, r);
	int64_t most = request_time_left_ns(q) - ANSWER_NS, timeout_ns = ms * MS_NS;
	outflow_error err = { .size = sizeof err };
	struct problems problems = { 0 };
	struct reachability result;
	enum fleet_answer answer;

	if (ms < 0)
		return;
	answer = fleet_test_connection(api->fleet, q->parameters[0], settings, timeout_ns < most ? timeout_ns : most,
	                               &result, &problems, &err);
	if (answer == FLEET_OK)
		response_json(r, 200, reachability_json(q->parameters[0], &result));
	else
		native_fail(r, answer, &err, &problems, body);
	problems_clear(&problems);
}

/* With a body: of settings that it does not have yet. */
static void test(struct api *api, const struct request *q, struct response *r)
{
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	json_t *body;

	if (q->body_length == 0) {
		try_it(api, q, r, NULL, NULL);
		return;
	}
	body = native_body(q, r);
	if (body != NULL && read_settings(api, q->parameters[0], body, &settings, &problems, r) == 0)
		try_it(api, q, r, &settings, body);
	settings_clear(&settings);
	problems_clear(&problems);
	json_decref(body);
}

static void delete (struct api *api, const struct request *q, struct response *r)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = fleet_delete_connection(api->fleet, q->parameters[0], &err);

	if (answer == FLEET_OK)
		response_empty(r, 204);
	else
		native_fail(r, answer, &err, NULL, NULL);
}

const struct route native_connection_routes[] = {
	{ "GET", "/v1/connections", ACCESS_READ, .handle = list },
	{ "POST", "/v1/connections", ACCESS_ADMIN, .handle = create },
	{ "GET", "/v1/connections/{name}", ACCESS_READ, .handle = show },
	{ "PUT", "/v1/connections/{name}", ACCESS_ADMIN, .handle = put },
	{ "DELETE", "/v1/connections/{name}", ACCESS_ADMIN, .handle = delete },
	{ "POST", "/v1/connections/{name}/test", ACCESS_ADMIN, .handle = test },
	{ 0 },
};
