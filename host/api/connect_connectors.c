/* SPDX-License-Identifier: Apache-2.0 */
/* Connectors and their configurations: list, create (KIP-980), read, replace, patch (KIP-477), delete. */
#include "host/api/connect.h"
#include "host/config/json_value.h"
#include "host/config/mask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const struct connect_restart no_restart;

/* ---- reading bodies ---- */

int connect_read_config(const struct api *api, const json_t *config, int remove, struct settings *to,
                        struct response *r)
{
	const char *key;
	json_t *value;

	if (!json_is_object(config)) {
		response_error(r, connect_malformed(api), "the configuration has to be a JSON object of texts");
		return 0;
	}
	json_object_foreach((json_t *)(uintptr_t)config, key, value)
	{
		char *text = json_value_text(value);
		outflow_status status;

		if (json_is_null(value) && remove) {
			settings_remove(to, key);
			continue;
		}
		if (text == NULL) {
			response_error(r, connect_malformed(api), "%.200s: expected a text, a number, true or false%s",
			               key, json_is_null(value) ? ", not null" : "");
			return 0;
		}
		status = settings_set(to, key, text, NULL, 0);
		free(text);
		if (status != OUTFLOW_OK) {
			response_error(r, 500, "no memory");
			return 0;
		}
	}
	return 1;
}

/* What POST /connectors takes. */
struct creation {
	char *name; /* trimmed; NULL: none */
	enum pipeline_target target;
	const json_t *config;
};

static int read_state(const json_t *value, enum pipeline_target *target)
{
	static const enum pipeline_target targets[] = { TARGET_RUNNING, TARGET_PAUSED, TARGET_STOPPED };

	if (value == NULL || json_is_null(value))
		return 1;
	for (size_t i = 0; i < sizeof targets / sizeof *targets && json_is_string(value); i++)
		if (strcasecmp(json_string_value(value), pipeline_target_name(targets[i])) == 0) {
			*target = targets[i];
			return 1;
		}
	return 0;
}

static char *trimmed(const char *text)
{
	size_t n;

	text += strspn(text, " \t\r\n");
	for (n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
		;
	return strndup(text, n);
}

static int read_creation(const struct api *api, const json_t *body, struct creation *c, struct response *r)
{
	static const char *const members[] = { "name", "config", "initial_state" };
	const json_t *name = json_object_get(body, "name");
	const char *key;
	json_t *value;
	int status = connect_malformed(api);

	if (!json_is_object(body)) {
		response_error(r, status, "the body has to be a JSON object with name and config");
		return 0;
	}
	json_object_foreach((json_t *)(uintptr_t)body, key, value)
	{
		if (strcmp(key, members[0]) != 0 && strcmp(key, members[1]) != 0 && strcmp(key, members[2]) != 0) {
			response_error(r, status, "unknown member '%.200s'; there are name, config and initial_state",
			               key);
			return 0;
		}
	}
	c->config = json_object_get(body, "config");
	c->target = TARGET_RUNNING;
	if (name != NULL && !json_is_string(name) && !json_is_null(name)) {
		response_error(r, status, "name has to be a text");
		return 0;
	}
	if (!read_state(json_object_get(body, "initial_state"), &c->target)) {
		response_error(r, status, "initial_state has to be RUNNING, PAUSED or STOPPED");
		return 0;
	}
	c->name = json_is_string(name) ? trimmed(json_string_value(name)) : NULL;
	return 1;
}

/* KIP-212. */
static int check_name(const char *name, struct response *r)
{
	const char *problem = name == NULL || *name == '\0' ? "Connector name may not be null or empty" : NULL;

	for (const char *p = name; problem == NULL && *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			problem = "Connector name may not have control characters";
	if (problem != NULL)
		response_error(r, 400, "%s", problem);
	return problem == NULL;
}

/* ---- answers ---- */

/* Where it is, percent-encoded (RFC 3986: what is not unreserved). */
static void add_location(const struct request *q, const char *name, struct response *r)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+";
	const char *host = request_header(q, "Host");
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		return;
	if (host != NULL)
		fprintf(to, "%s://%s", q->secure ? "https" : "http", host);
	fputs("/connectors/", to);
	for (const char *p = name; *p != '\0'; p++)
		fprintf(to, strchr(plain, *p) != NULL ? "%c" : "%%%02X", (unsigned char)*p);
	if (fclose(to) == 0 && text != NULL)
		response_header(r, "Location", text);
	free(text);
}

static void answer_info(struct api *api, const struct request *q, const char *name, int status, struct response *r)
{
	struct pipeline_snapshot *p = NULL;

	if (fleet_look(api->fleet, name, &p) == FLEET_OK)
		response_json(r, status, connect_info(api, p));
	else
		response_error(r, 404, "Connector %s not found", name);
	if (status == 201 && p != NULL)
		add_location(q, name, r);
	pipeline_snapshot_free(&p);
}

/* ---- create, replace, patch ---- */

/* Puts back the secrets that come as they were shown. 0: r says which cannot be. */
static int restore_secrets(struct api *api, const char *name, const struct settings *stored, struct settings *given,
                           struct response *r)
{
	outflow_error err = { .size = sizeof err };
	struct problems problems = { 0 };
	outflow_status status =
		mask_restore(api->environment->inventory, MASK_PIPELINE, given, stored, name, &problems);
	int good = status == OUTFLOW_OK && problems.n == 0;

	if (status != OUTFLOW_OK)
		response_error(r, 500, "no memory");
	else if (!good)
		connect_refuse(r, FLEET_INVALID, &problems, &err);
	problems_clear(&problems);
	return good;
}

static void create_from(struct api *api, const struct request *q, struct response *r, const struct creation *c)
{
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer;

	if (connect_read_config(api, c->config, 0, &settings, r) && check_name(c->name, r) &&
	    restore_secrets(api, c->name, NULL, &settings, r)) {
		answer = fleet_create(api->fleet, c->name, &settings, c->target, request_time_left_ns(q), &problems,
		                      &err);
		if (answer == FLEET_OK || answer == FLEET_CREATED)
			answer_info(api, q, c->name, 201, r);
		else if (answer == FLEET_EXISTS)
			response_error(r, 409, "Connector %s already exists", c->name);
		else
			connect_refuse(r, answer, &problems, &err);
	}
	settings_clear(&settings);
	problems_clear(&problems);
}

static void create(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = request_json(q, r, connect_malformed(api));
	struct creation c = { 0 };

	if (body != NULL && read_creation(api, body, &c, r))
		create_from(api, q, r, &c);
	free(c.name);
	json_decref(body);
}

/* stored: what there was, or NULL. */
static void put(struct api *api, const struct request *q, struct response *r, const struct settings *stored,
                struct settings *settings)
{
	const char *name = q->parameters[0];
	struct problems problems = { 0 };
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer;

	if (!restore_secrets(api, name, stored, settings, r))
		return;
	answer = fleet_put(api->fleet, name, settings, request_time_left_ns(q), &problems, &err);
	if (answer == FLEET_OK || answer == FLEET_CREATED)
		answer_info(api, q, name, answer == FLEET_CREATED ? 201 : 200, r);
	else
		connect_refuse(r, answer, &problems, &err);
	problems_clear(&problems);
}

static void put_config(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = request_json(q, r, connect_malformed(api));
	struct pipeline_snapshot *p = NULL;
	struct settings settings = { 0 };

	if (body != NULL && check_name(q->parameters[0], r) && connect_read_config(api, body, 0, &settings, r)) {
		(void)fleet_look(api->fleet, q->parameters[0], &p);
		put(api, q, r, p ? &p->settings : NULL, &settings);
	}
	pipeline_snapshot_free(&p);
	settings_clear(&settings);
	json_decref(body);
}

static void patch_config(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	json_t *body = p ? request_json(q, r, connect_malformed(api)) : NULL;
	struct settings settings = { 0 };

	if (body != NULL &&
	    mask_settings(NULL, api->environment->inventory, MASK_PIPELINE, &p->settings, &settings) != OUTFLOW_OK)
		response_error(r, 500, "no memory");
	else if (body != NULL && connect_read_config(api, body, 1, &settings, r))
		put(api, q, r, &p->settings, &settings);
	settings_clear(&settings);
	json_decref(body);
	pipeline_snapshot_free(&p);
}

/* ---- list, read, delete ---- */

static json_t *expanded(const struct api *api, const struct request *q, const struct pipeline_snapshot *p)
{
	json_t *it = json_object();

	if (request_query_has(q, "expand", "status"))
		(void)json_object_set_new(it, "status", connect_state(api, p, &no_restart));
	if (request_query_has(q, "expand", "info"))
		(void)json_object_set_new(it, "info", connect_info(api, p));
	return it;
}

static void list(struct api *api, const struct request *q, struct response *r)
{
	int expand = request_query(q, "expand") != NULL;
	json_t *result = expand ? json_object() : json_array();
	size_t n = 0;
	struct pipeline_snapshot **all = fleet_look_all(api->fleet, &n);
	int failed = all == NULL || result == NULL;

	for (size_t i = 0; i < n && all != NULL; i++) {
		if (!failed && expand)
			failed = json_object_set_new(result, all[i]->name, expanded(api, q, all[i])) != 0;
		else if (!failed)
			failed = json_array_append_new(result, json_string(all[i]->name)) != 0;
		pipeline_snapshot_free(&all[i]);
	}
	free(all);
	if (failed) {
		json_decref(result);
		result = NULL;
	}
	response_json(r, 200, result);
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);

	if (p != NULL)
		response_json(r, 200, connect_info(api, p));
	pipeline_snapshot_free(&p);
}

static void show_config(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);

	if (p != NULL)
		response_json(r, 200, connect_config(api, p));
	pipeline_snapshot_free(&p);
}

static void delete (struct api *api, const struct request *q, struct response *r)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = fleet_delete(api->fleet, q->parameters[0], 0, &err);

	if (answer == FLEET_OK)
		response_empty(r, 204);
	else
		connect_refuse(r, answer, NULL, &err);
}

const struct route connect_connector_routes[] = {
	{ "GET", "/connectors", ACCESS_READ, .handle = list },
	{ "POST", "/connectors", ACCESS_ADMIN, .handle = create },
	{ "GET", "/connectors/{name}", ACCESS_READ, .handle = show },
	{ "DELETE", "/connectors/{name}", ACCESS_ADMIN, .handle = delete },
	{ "GET", "/connectors/{name}/config", ACCESS_READ, .handle = show_config },
	{ "PUT", "/connectors/{name}/config", ACCESS_ADMIN, .handle = put_config },
	{ "PATCH", "/connectors/{name}/config", ACCESS_ADMIN, .handle = patch_config },
	{ 0 },
};
