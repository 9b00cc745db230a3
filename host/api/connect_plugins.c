/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /connector-plugins (KIP-769), GET /connector-plugins/{}/config, PUT /connector-plugins/{}/config/validate.
 *
 * Schemas are in plugins, which may not be loaded yet, and loading one runs its code. So this is left to the thread that
 * checks a configuration: afterwards the plugins that it names are loaded, or they are not to be had.
 */
#include "host/api/connect.h"
#include "host/api/connect_config_infos.h"
#include "host/config/mask.h"
#include "host/config/plugin_version.h"
#include "host/plugin/inventory.h"

#include <strings.h>

static const struct catalog *catalog_of(const struct api *api)
{
	return inventory_catalog(api->environment->inventory);
}

static void list_plugins(struct api *api, const struct request *q, struct response *r)
{
	const char *only = request_query(q, "connectorsOnly");

	response_json(r, 200, plugin_infos_json(catalog_of(api), only != NULL && strcasecmp(only, "true") != 0));
}

/* Checks a configuration, and so loads what it names. 0, or -1: that did not end in time, and r says so. */
static int check(struct api *api, const struct request *q, const struct settings *s, struct problems *problems,
                 struct response *r)
{
	outflow_error err = { .size = sizeof err };
	const char *name = settings_get(s, "name");

	switch (fleet_check(api->fleet, name && *name ? name : "validate", s, request_time_left_ns(q), problems,
	                    &err)) {
	case FLEET_OK:
	case FLEET_INVALID:
		return 0;
	default:
		response_error(r, 500, "the configuration could not be checked: %s", err.msg);
		return -1;
	}
}

/* ---- the keys of one plugin ---- */

/* Has a component loaded that a configuration names by this key. 0, or -1: r says why not. */
static int load(struct api *api, const struct request *q, const char *list, const char *class, struct response *r)
{
	struct settings s = { 0 };
	struct problems problems = { 0 };
	char key[60];
	int result = -1;

	snprintf(key, sizeof key, "%s.plugin.type", list ? list : "");
	if (settings_set(&s, list ? list : "connector.class", list ? "plugin" : class, NULL, 0) != OUTFLOW_OK ||
	    (list != NULL && settings_set(&s, key, class, NULL, 0) != OUTFLOW_OK))
		response_error(r, 500, "no memory");
	else
		result = check(api, q, &s, &problems, r);
	problems_clear(&problems);
	settings_clear(&s);
	return result;
}

static int version_fits(const struct request *q, const char *version, struct response *r)
{
	const char *wanted = request_query(q, "version");
	int fits = wanted == NULL || *wanted == '\0' ? 1 : plugin_version_fits(version, wanted);

	if (fits < 0)
		response_error(r, 400, "version=%s is neither a version nor a range of versions", wanted);
	else if (fits == 0)
		response_error(r, 400, "there is no version that fits %s, but %s", wanted, version);
	return fits > 0;
}

static void append_key(void *ctx, const struct key_info *k)
{
	json_array_append_new(ctx, key_info_json(k));
}

/* A transform or a predicate. Returns 0: it is none. */
static int show_stage_keys(struct api *api, const struct request *q, uint32_t kind, const char *list,
                           struct response *r)
{
	struct connect_component c;
	const outflow_component *loaded;
	json_t *keys;

	if (!connect_component_find(catalog_of(api), kind, q->parameters[0], &c))
		return 0;
	if (!version_fits(q, c.file->about->version, r) || load(api, q, list, q->parameters[0], r) != 0)
		return 1;
	loaded = connect_component_loaded(&c);
	if (loaded == NULL) {
		response_error(r, 500, "the plugin of %s cannot be loaded, for the reason in the log",
		               q->parameters[0]);
		return 1;
	}
	keys = json_array();
	key_info_each_of_schema(loaded->config, "", NULL, 1, append_key, keys);
	response_json(r, 200, keys);
	return 1;
}

/* Returns 0: it is no converter. */
static int show_converter_keys(struct api *api, const struct request *q, struct response *r)
{
	int converter = connect_converter_find(q->parameters[0], 1);
	struct connect_component event;
	json_t *keys;

	if (converter < 0 || !connect_component_find(catalog_of(api), OUTFLOW_CONVERTER, "event/json", &event))
		return 0;
	if (!version_fits(q, event.file->about->version, r))
		return 1;
	keys = json_array();
	key_info_each_of_converter(converter, "", append_key, keys);
	response_json(r, 200, keys);
	return 1;
}

static void show_keys(struct api *api, const struct request *q, struct response *r)
{
	struct connect_component c;

	if (connect_component_of_class(catalog_of(api), q->parameters[0], &c)) {
		if (!version_fits(q, c.file->about->version, r) || load(api, q, NULL, q->parameters[0], r) != 0)
			return;
		if (connect_component_loaded(&c) == NULL)
			response_error(r, 500, "the plugin of %s cannot be loaded, for the reason in the log",
			               q->parameters[0]);
		else
			response_json(r, 200, config_keys_json(catalog_of(api), &c));
		return;
	}
	if (!show_converter_keys(api, q, r) && !show_stage_keys(api, q, OUTFLOW_TRANSFORM, "transforms", r) &&
	    !show_stage_keys(api, q, OUTFLOW_PREDICATE, "predicates", r))
		response_error(r, 404, "there is no plugin '%s'", q->parameters[0]);
}

/* ---- validate ---- */

/* Which connector the configuration is for, and the path, too. Returns 0: r says what is wrong. */
static int choose(struct api *api, const struct request *q, const struct settings *s, struct connect_component *c,
                  struct response *r)
{
	const char *class = settings_get(s, "connector.class");
	struct connect_component of_path;
	int known;

	if (class == NULL || *class == '\0') {
		response_error(r, connect_malformed(api), "connector.class is required: which connector is it?");
		return 0;
	}
	known = connect_component_of_class(catalog_of(api), class, c);
	if (connect_component_of_class(catalog_of(api), q->parameters[0], &of_path) && known &&
	    of_path.known == c->known && of_path.java == c->java)
		return 1;
	if (known)
		response_error(r, 400, "connector.class is %s, but the path says %s", class, q->parameters[0]);
	else
		response_error(r, connect_malformed(api),
		               "there is no connector '%s' here; GET /connector-plugins lists those that there are",
		               class);
	return 0;
}

static void require_name(const struct settings *s, struct problems *problems)
{
	struct place where = { .key = "name" };
	const char *name = settings_get(s, "name");

	if (name == NULL || *name == '\0')
		problems_add(problems, &where, "is required: how is the connector called?");
}

static void answer(struct api *api, const struct request *q, const struct settings *s, struct response *r)
{
	struct connect_component c;
	struct problems problems = { 0 };
	struct settings shown = { 0 };

	if (choose(api, q, s, &c, r) && check(api, q, s, &problems, r) == 0) {
		struct config_infos from = { .catalog = catalog_of(api),
			                     .host = &api->host->connect,
			                     .shown = &shown,
			                     .problems = &problems,
			                     .connector = &c };

		require_name(s, &problems);
		if (mask_settings(api->host, api->environment->inventory, MASK_PIPELINE, s, &shown) == OUTFLOW_OK)
			response_json(r, 200, config_infos_json(&from));
		else
			response_error(r, 500, "no memory");
	}
	settings_clear(&shown);
	problems_clear(&problems);
}

static void validate(struct api *api, const struct request *q, struct response *r)
{
	json_t *body = request_json(q, r, connect_malformed(api));
	struct settings s = { 0 };

	if (body == NULL)
		return;
	if (connect_read_config(api, body, 1, &s, r))
		answer(api, q, &s, r);
	settings_clear(&s);
	json_decref(body);
}

const struct route connect_plugins_routes[] = {
	{ "GET", "/connector-plugins", ACCESS_READ, .handle = list_plugins },
	{ "GET", "/connector-plugins/{class}/config", ACCESS_READ, .handle = show_keys },
	{ "PUT", "/connector-plugins/{class}/config/validate", ACCESS_READ, .handle = validate },
	{ 0 },
};
