/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/loggers (KIP-495, KIP-976). */
#include "host/api/connect.h"
#include "host/base/log.h"

#include <strings.h>

static json_t *logger_shape(const struct logger_view *l)
{
	return json_pack("{s:s, s:o}", "level", log_level_name(l->level), "last_modified",
	                 l->last_modified_ms > 0 ? json_integer(l->last_modified_ms) : json_null());
}

static void add_logger(void *ctx, const struct logger_view *l)
{
	(void)json_object_set_new(ctx, l->name, logger_shape(l));
}

static void add_name(void *ctx, const struct logger_view *l)
{
	(void)json_array_append_new(ctx, json_string(l->name));
}

static void list(struct api *api, const struct request *q, struct response *r)
{
	json_t *all = json_object();

	(void)api;
	(void)q;
	if (all != NULL)
		log_loggers_each(add_logger, all);
	response_json(r, 200, all);
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	struct logger_view l;

	(void)api;
	if (log_logger_get(q->parameters[0], &l) == 0)
		response_json(r, 200, logger_shape(&l));
	else
		response_error(r, 404, "Logger %s not found.", q->parameters[0]);
}

static void set_level(const struct request *q, int level, struct response *r)
{
	const char *scope = request_query(q, "scope");
	json_t *changed = json_array();
	outflow_error err = { .size = sizeof err };
	outflow_status status = OUTFLOW_E_NOMEM;

	if (changed != NULL)
		status = log_logger_set(q->parameters[0], level, add_name, changed, &err);
	if (status == OUTFLOW_OK && scope != NULL && strcasecmp(scope, "cluster") == 0)
		response_empty(r, 204);
	else if (status == OUTFLOW_OK)
		response_json(r, 200, json_incref(changed));
	else
		response_error(r, status == OUTFLOW_E_CONFIG ? 400 : 500, "%s", err.msg);
	json_decref(changed);
}

static void set(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = request_json(q, r, connect_malformed(api));
	const json_t *text = json_object_get(body, "level");
	int level;

	if (body == NULL)
		return;
	if (!json_is_object(body))
		response_error(r, connect_malformed(api), "the body has to be a JSON object with level");
	else if (text == NULL || json_is_null(text))
		response_error(r, 400, "Desired 'level' parameter was not specified in request.");
	else if (!json_is_string(text) || log_level_parse(json_string_value(text), &level) != 0)
		response_error(r, 404, "invalid log level '%.100s'.",
		               json_is_string(text) ? json_string_value(text) : "");
	else
		set_level(q, level, r);
	json_decref(body);
}

const struct route connect_logger_routes[] = {
	{ "GET", "/admin/loggers", ACCESS_READ, list, .early = 1 },
	{ "GET", "/admin/loggers/{logger}", ACCESS_READ, show, .early = 1 },
	{ "PUT", "/admin/loggers/{logger}", ACCESS_ADMIN, set, .early = 1 },
	{ 0 },
};
