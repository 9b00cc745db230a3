/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/pipelines: what there is, and its life. */
#include "host/api/native.h"

#include "host/config/nested.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define LIMIT_MAX 100

/* ---- looking ---- */

static enum fleet_answer look(struct api *api, const char *name, struct pipeline_snapshot **s, outflow_error *err)
{
	enum fleet_answer answer = fleet_look(api->fleet, name, s);

	if (answer == FLEET_UNKNOWN)
		outflow_fail(err, OUTFLOW_E_CONFIG, "there is no pipeline '%.200s'", name);
	else if (answer != FLEET_OK)
		outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	return answer;
}

/* The pipeline as it is now. */
static void answer_with(struct api *api, struct response *r, int status, const char *name)
{
	outflow_error err = { .size = sizeof err };
	struct pipeline_snapshot *s;
	enum fleet_answer answer = look(api, name, &s, &err);
	char tag[16];

	if (answer != FLEET_OK) {
		native_fail(r, answer, &err, NULL, NULL);
		return;
	}
	snprintf(tag, sizeof tag, "\"%s\"", s->version);
	response_json(r, status, native_detail(api, s));
	response_header(r, "ETag", tag);
	pipeline_snapshot_free(&s);
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	answer_with(api, r, 200, q->parameters[0]);
}

static int is_wanted(const struct pipeline_snapshot *s, const char *prefix, const char *state)
{
	return strncmp(s->name, prefix, strlen(prefix)) == 0 &&
	       (state == NULL || strcmp(pipeline_state_name(s->state), state) == 0);
}

/* In order of name, so that a name is a place to go on from, whatever has come and gone meanwhile. */
static json_t *page(struct api *api, struct pipeline_snapshot *const *all, size_t n, const struct request *q,
                    size_t limit)
{
	const char *prefix = request_query(q, "prefix"), *state = request_query(q, "state");
	const char *cursor = request_query(q, "cursor"), *last = NULL;
	json_t *list = json_array();
	size_t matching = 0;
	int more = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(all[i], prefix ? prefix : "", state))
			continue;
		matching++;
		if (cursor != NULL && strcmp(all[i]->name, cursor) <= 0)
			continue;
		more = json_array_size(list) == limit;
		if (more)
			continue;
		json_array_append_new(list, native_summary(api, all[i]));
		last = all[i]->name;
	}
	return json_pack("{s:o, s:I, s:o}", "pipelines", list, "total", (json_int_t)matching, "next",
	                 more ? native_text(last) : json_null());
}

/* Is the state that the query asks for, if it does, one that there is? 0: r says that it is not. */
static int state_is_known(const struct request *q, struct response *r)
{
	const char *state = request_query(q, "state");
	char message[300] = "state is one of";

	if (state == NULL)
		return 1;
	for (int i = PIPELINE_READY; i <= PIPELINE_RUNNING_FAILED; i++) {
		const char *name = pipeline_state_name((enum pipeline_state)i);
		size_t n = strlen(message);

		if (strcmp(state, name) == 0)
			return 1;
		snprintf(message + n, sizeof message - n, " %s", name);
	}
	native_refuse(r, 400, message, NULL, NULL);
	return 0;
}

static void list(struct api *api, const struct request *q, struct response *r)
{
	int64_t limit = native_number(q, "limit", LIMIT_MAX, 1, LIMIT_MAX, r);
	struct pipeline_snapshot **all;
	size_t n;

	if (limit < 0 || !state_is_known(q, r))
		return;
	all = fleet_look_all(api->fleet, &n);
	if (all == NULL) {
		native_refuse(r, 500, "no memory", NULL, NULL);
		return;
	}
	rates_keep(api->rates, all, n);
	response_json(r, 200, page(api, all, n, q, (size_t)limit));
	for (size_t i = 0; i < n; i++)
		pipeline_snapshot_free(&all[i]);
	free(all);
}

/* ---- what a body says ---- */

/* A pipeline that somebody wants. */
struct wish {
	json_t *body;
	struct settings settings;
	struct problems problems;
	int start;
};

static void wish_clear(struct wish *w)
{
	json_decref(w->body);
	settings_clear(&w->settings);
	problems_clear(&w->problems);
}

/* `start` is about this request, everything else about the pipeline. */
static int take_start(struct wish *w)
{
	json_t *start = json_object_get(w->body, "start");

	if (start == NULL)
		return 0;
	w->start = json_is_true(start);
	if (!json_is_boolean(start))
		problems_add(&w->problems, &(struct place){ .key = "start" }, "is true or false");
	return json_object_del(w->body, "start");
}

/* Reads the body, nested or {"config": {flat}}, into settings, or on top of them. 0, or -1: r says why not. */
static int wish_read(struct wish *w, const struct request *q, struct response *r, int patch)
{
	const json_t *config;
	outflow_status status;

	w->body = native_body(q, r);
	if (w->body == NULL)
		return -1;
	(void)take_start(w);
	config = native_config(w->body, "unknown member; beside config stand name and start", &w->problems);
	status = patch ? nested_merge(config, &w->settings, &w->problems)
	               : nested_flatten(config, &w->settings, &w->problems);
	if (status != OUTFLOW_OK)
		native_refuse(r, 500, "no memory", NULL, NULL);
	else if (w->problems.reported > 0)
		native_refuse(r, 400, "the request cannot be understood", &w->problems, w->body);
	return status == OUTFLOW_OK && w->problems.reported == 0 ? 0 : -1;
}

/* ---- creating and editing ---- */

static const char *wished_name(struct wish *w)
{
	const char *name = settings_get(&w->settings, "name");

	if (name == NULL)
		problems_add(&w->problems, &(struct place){ .key = "name" }, "is required");
	else if (!native_name_is_good(name))
		problems_add(&w->problems, &(struct place){ .key = "name" }, "%s", NATIVE_NAME_RULE);
	else
		return name;
	return NULL;
}

static void create(struct api *api, const struct request *q, struct response *r)
{
	outflow_error err = { .size = sizeof err };
	struct wish w = { 0 };
	const char *name;
	enum fleet_answer answer;

	if (wish_read(&w, q, r, 0) != 0) {
		wish_clear(&w);
		return;
	}
	name = wished_name(&w);
	if (mask_restore(api->environment->inventory, MASK_PIPELINE, &w.settings, NULL, name ? name : "",
	                 &w.problems) != OUTFLOW_OK) {
		native_refuse(r, 500, "no memory", NULL, NULL);
	} else if (w.problems.reported > 0) {
		native_refuse(r, 400, "the pipeline cannot be created", &w.problems, w.body);
	} else {
		answer = fleet_create(api->fleet, name, &w.settings, w.start ? TARGET_RUNNING : TARGET_STOPPED,
		                      request_time_left_ns(q), &w.problems, &err);
		if (answer == FLEET_OK) {
			char location[160];

			answer_with(api, r, 201, name);
			snprintf(location, sizeof location, "/v1/pipelines/%s", name);
			response_header(r, "Location", location);
		} else {
			native_fail(r, answer, &err, &w.problems, w.body);
		}
	}
	wish_clear(&w);
}

/* May this client change it? If-Match (RFC 9110, 13.1.1) names the version that it has seen. */
static int may_edit(const struct request *q, const struct pipeline_snapshot *s, struct response *r)
{
	const char *match = request_header(q, "If-Match");
	char tag[16], message[600];

	snprintf(tag, sizeof tag, "\"%s\"", s->version);
	if (match != NULL && strcmp(match, "*") != 0 && strstr(match, tag) == NULL) {
		snprintf(message, sizeof message, "pipeline '%.200s' has changed: its version is %s now, not %.100s",
		         s->name, tag, match);
		native_refuse(r, 412, message, NULL, NULL);
		return 0;
	}
	if (s->declared) {
		snprintf(message, sizeof message, "pipeline '%.200s' is declared in %.300s:%d, and is changed there",
		         s->name, s->file ? s->file : "a file", s->line);
		native_refuse(r, 409, message, NULL, NULL);
	}
	return !s->declared;
}

static void put_wish(struct api *api, const struct request *q, struct response *r, const struct pipeline_snapshot *s,
                     struct wish *w)
{
	const char *match = request_header(q, "If-Match");
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer;

	if (mask_restore(api->environment->inventory, MASK_PIPELINE, &w->settings, &s->settings, s->name,
	                 &w->problems) != OUTFLOW_OK) {
		native_refuse(r, 500, "no memory", NULL, NULL);
		return;
	}
	if (w->problems.reported > 0) {
		native_refuse(r, 400, "the pipeline cannot be changed", &w->problems, w->body);
		return;
	}
	answer = fleet_edit(api->fleet, s->name, match != NULL && *match != '*' ? s->version : NULL, &w->settings,
	                    request_time_left_ns(q), &w->problems, &err);
	if (answer == FLEET_EXISTS)
		native_refuse(r, 412, err.msg, NULL, NULL);
	else if (answer != FLEET_OK)
		native_fail(r, answer, &err, &w->problems, w->body);
	else
		answer_with(api, r, 200, s->name);
}

static void edit(struct api *api, const struct request *q, struct response *r, int patch)
{
	outflow_error err = { .size = sizeof err };
	struct wish w = { 0 };
	struct pipeline_snapshot *s;
	enum fleet_answer answer = look(api, q->parameters[0], &s, &err);

	if (answer != FLEET_OK) {
		native_fail(r, answer, &err, NULL, NULL);
		return;
	}
	if (!may_edit(q, s, r))
		goto out;
	if (patch &&
	    mask_settings(NULL, api->environment->inventory, MASK_PIPELINE, &s->settings, &w.settings) != OUTFLOW_OK)
		native_refuse(r, 500, "no memory", NULL, NULL);
	else if (wish_read(&w, q, r, patch) == 0)
		put_wish(api, q, r, s, &w);
out:
	wish_clear(&w);
	pipeline_snapshot_free(&s);
}

static void put(struct api *api, const struct request *q, struct response *r)
{
	edit(api, q, r, 0);
}

static void patch(struct api *api, const struct request *q, struct response *r)
{
	edit(api, q, r, 1);
}

static void delete (struct api *api, const struct request *q, struct response *r)
{
	outflow_error err = { .size = sizeof err };
	int purge = native_flag(q, "purge", r), may;
	struct pipeline_snapshot *s;
	enum fleet_answer answer;

	if (purge < 0)
		return;
	answer = look(api, q->parameters[0], &s, &err);
	may = answer == FLEET_OK && may_edit(q, s, r);
	if (may)
		answer = fleet_delete(api->fleet, s->name, purge, &err);
	if (answer != FLEET_OK)
		native_fail(r, answer, &err, NULL, NULL);
	else if (may)
		response_empty(r, 204);
	pipeline_snapshot_free(&s);
}

/* ---- what it is to do ---- */

static void aim(struct api *api, const struct request *q, struct response *r, enum pipeline_target target)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = fleet_aim(api->fleet, q->parameters[0], target, &err);

	if (answer == FLEET_OK)
		answer_with(api, r, 202, q->parameters[0]);
	else
		native_fail(r, answer, &err, NULL, NULL);
}

static void start(struct api *api, const struct request *q, struct response *r)
{
	aim(api, q, r, TARGET_RUNNING);
}

static void pause_delivery(struct api *api, const struct request *q, struct response *r)
{
	aim(api, q, r, TARGET_PAUSED);
}

static void stop(struct api *api, const struct request *q, struct response *r)
{
	aim(api, q, r, TARGET_STOPPED);
}

static void restart(struct api *api, const struct request *q, struct response *r)
{
	outflow_error err = { .size = sizeof err };
	int64_t task = request_query(q, "task") ? native_number(q, "task", -1, 0, UINT32_MAX, r) : -1;
	int only_failed;
	enum fleet_answer answer;

	if (request_query(q, "task") != NULL && task < 0)
		return;
	only_failed = native_flag(q, "only_failed", r);
	if (only_failed < 0)
		return;
	answer = fleet_restart(api->fleet, q->parameters[0], task, only_failed, &err);
	if (answer == FLEET_OK)
		answer_with(api, r, 202, q->parameters[0]);
	else
		native_fail(r, answer, &err, NULL, NULL);
}

const struct route native_pipeline_routes[] = {
	{ "GET", "/v1/pipelines", ACCESS_READ, .handle = list },
	{ "POST", "/v1/pipelines", ACCESS_ADMIN, .handle = create },
	{ "GET", "/v1/pipelines/{name}", ACCESS_READ, .handle = show },
	{ "PUT", "/v1/pipelines/{name}", ACCESS_ADMIN, .handle = put },
	{ "PATCH", "/v1/pipelines/{name}", ACCESS_ADMIN, .handle = patch },
	{ "DELETE", "/v1/pipelines/{name}", ACCESS_ADMIN, .handle = delete },
	{ "POST", "/v1/pipelines/{name}/start", ACCESS_ADMIN, .handle = start },
	{ "POST", "/v1/pipelines/{name}/resume", ACCESS_ADMIN, .handle = start },
	{ "POST", "/v1/pipelines/{name}/pause", ACCESS_ADMIN, .handle = pause_delivery },
	{ "POST", "/v1/pipelines/{name}/stop", ACCESS_ADMIN, .handle = stop },
	{ "POST", "/v1/pipelines/{name}/restart", ACCESS_ADMIN, .handle = restart },
	{ 0 },
};
