/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/connect_config_infos.h"

#include "host/config/host_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer being put together. A jansson call that fails for want of memory leaves something out: `failed` is sticky. */
struct answer {
	const struct config_infos *from;
	json_t *configs, *groups, *unknown; /* unknown: keys that come first, since nobody knows them */
	char *reported;                     /* beside problems->list: it stands in the answer */
	size_t n_errors;
	int failed;
};

/* The host has its own key for what is chosen by either of two. What is about no key stands where the connector is chosen. */
static int is_problem_of(const char *key, const char *name)
{
	size_t n = strlen(name);

	if (key == NULL)
		return strcmp(name, "connector.class") == 0;
	if (strcmp(key, name) == 0)
		return 1;
	return n > 5 && strcmp(name + n - 5, ".type") == 0 && strncmp(key, name, n - 4) == 0 &&
	       strcmp(key + n - 4, "class") == 0;
}

static json_t *errors_of(struct answer *a, const char *name)
{
	const struct problems *p = a->from->problems;
	json_t *errors = json_array();

	for (size_t i = 0; p != NULL && i < p->n; i++) {
		if (a->reported[i] || !is_problem_of(p->list[i].key, name))
			continue;
		a->reported[i] = 1;
		a->n_errors++;
		a->failed |=
			json_array_append_new(errors, json_string(p->list[i].message ? p->list[i].message : "")) != 0;
	}
	return errors;
}

static void add_group(struct answer *a, const char *group)
{
	size_t i;
	json_t *it;

	if (group == NULL)
		return;
	json_array_foreach(a->groups, i, it) if (strcmp(json_string_value(it), group) == 0) return;
	a->failed |= json_array_append_new(a->groups, json_string(group)) != 0;
}

/* Takes over recommended. */
static void add(struct answer *a, const struct key_info *k, const char *value, json_t *recommended, int visible)
{
	json_t *errors = errors_of(a, k->name);

	add_group(a, k->group);
	a->failed |= json_array_append_new(a->configs, json_pack("{s:o, s:{s:s, s:s?, s:o, s:o, s:b}}", "definition",
	                                                         key_info_json(k), "value", "name", k->name, "value",
	                                                         value, "recommended_values", recommended, "errors",
	                                                         errors, "visible", visible)) != 0;
}

static const char *given(const struct answer *a, const char *key)
{
	return settings_get(a->from->shown, key);
}

static json_t *choices_of(const struct key_info *k)
{
	json_t *list = json_array();

	for (const char *const *choice = k->choices; choice != NULL && *choice != NULL; choice++)
		json_array_append_new(list, json_string(*choice));
	return list;
}

/* ---- keys of Connect ---- */

static const char *version_of(const struct connect_component *c)
{
	return c->file->about->version;
}

static json_t *list_of_one(const char *text)
{
	return text ? json_pack("[s]", text) : json_array();
}

static json_t *converters(int for_headers)
{
	json_t *list = json_array();

	for (int i = 0; connect_converters[i] != NULL; i++)
		if (i != CONVERTER_HEADERS || for_headers)
			json_array_append_new(list, json_string(connect_converters[i]));
	return list;
}

/* X.converter and X.converter.plugin.version. */
static void add_converter(struct answer *a, const struct key_info *k)
{
	static const char suffix[] = ".plugin.version";
	size_t n = strlen(k->name), skip = strlen(suffix);
	int is_version = n > skip && strcmp(k->name + n - skip, suffix) == 0;
	int for_headers = strncmp(k->name, "header.", 7) == 0;
	struct key_info of_host = *k;
	struct connect_component event;
	const char *value, *version = NULL;
	char base[60];

	snprintf(base, sizeof base, "%.*s", (int)(is_version ? n - skip : n), k->name);
	of_host.dflt = settings_get(a->from->host, base);
	if (of_host.dflt == NULL && for_headers)
		of_host.dflt = connect_converters[CONVERTER_HEADERS];
	value = given(a, base) ? given(a, base) : of_host.dflt;
	if (!is_version) {
		add(a, &of_host, value, converters(for_headers), 1);
		return;
	}
	if (value != NULL && connect_converter_find(value, for_headers) >= 0 &&
	    connect_component_find(a->from->catalog, OUTFLOW_CONVERTER, "event/json", &event))
		version = version_of(&event);
	of_host.dflt = version;
	add(a, &of_host, given(a, k->name) ? given(a, k->name) : version, list_of_one(version), version != NULL);
}

static void add_framework(void *ctx, const struct key_info *k)
{
	struct answer *a = ctx;
	const char *value = given(a, k->name);
	struct key_info versioned = *k;

	if (strstr(k->name, ".converter") != NULL) {
		add_converter(a, k);
	} else if (strcmp(k->name, "connector.plugin.version") == 0) {
		versioned.dflt = version_of(a->from->connector);
		add(a, &versioned, value ? value : versioned.dflt, list_of_one(versioned.dflt), 1);
	} else {
		/* As in Connect, where only the choice of classes and versions is recommended. */
		add(a, k, value ? value : k->dflt, json_array(), 1);
	}
}

/* ---- transforms and predicates ---- */

static json_t *components_of(const struct catalog *c, uint32_t kind)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_plugins; i++)
		for (size_t k = 0; k < c->plugins[i]->about->n_components; k++)
			if (c->plugins[i]->about->components[k].kind == kind)
				json_array_append_new(list, json_sprintf("%s/%s", c->plugins[i]->about->id,
				                                         c->plugins[i]->about->components[k].name));
	return list;
}

static void add_with_choices(void *ctx, const struct key_info *k)
{
	struct answer *a = ctx;
	const char *value = given(a, k->name);

	add(a, k, value ? value : k->dflt, choices_of(k), 1);
}

/* What one alias of a list is made of. */
static void add_stage(struct answer *a, const char *list, const char *title, uint32_t kind, const char *alias)
{
	char prefix[200], type_key[220], version_key[220], group[220];
	struct key_info type = { .name = type_key,
		                 .type = "CLASS",
		                 .required = 1,
		                 .importance = "HIGH",
		                 .group = group,
		                 .order = 0,
		                 .width = "LONG",
		                 .display = type_key,
		                 .doc = "Which component it is." };
	struct key_info version = { .name = version_key,
		                    .type = "STRING",
		                    .importance = "MEDIUM",
		                    .group = group,
		                    .order = 1,
		                    .width = "MEDIUM",
		                    .display = version_key,
		                    .doc = "Version of its plugin that is wanted, or a range of versions." };
	struct connect_component c = { .file = NULL };
	const outflow_component *loaded = NULL;
	const char *class;
	int order;

	snprintf(prefix, sizeof prefix, "%s.%s.", list, alias);
	snprintf(type_key, sizeof type_key, "%stype", prefix);
	snprintf(version_key, sizeof version_key, "%sclass", prefix);
	class = given(a, type_key) ? given(a, type_key) : given(a, version_key);
	snprintf(version_key, sizeof version_key, "%splugin.version", prefix);
	snprintf(group, sizeof group, "%s: %s", title, alias);
	if (class != NULL && connect_component_find(a->from->catalog, kind, class, &c)) {
		version.dflt = version_of(&c);
		loaded = connect_component_loaded(&c);
	}
	add(a, &type, class, components_of(a->from->catalog, kind), 1);
	add(a, &version, given(a, version_key) ? given(a, version_key) : version.dflt, list_of_one(version.dflt), 1);
	order = key_info_each_of_schema(loaded ? loaded->config : NULL, prefix, group, 2, add_with_choices, a);
	if (kind == OUTFLOW_TRANSFORM && class != NULL)
		key_info_each_of_schema(&transform_schema, prefix, group, order, add_with_choices, a);
}

static void add_stages(struct answer *a, const char *list, const char *title, uint32_t kind)
{
	const char *aliases = given(a, list);

	while (aliases != NULL && *aliases != '\0') {
		size_t n;
		char alias[100];

		aliases += strspn(aliases, " \t,");
		n = strcspn(aliases, " \t,");
		snprintf(alias, sizeof alias, "%.*s", (int)n, aliases);
		if (n > 0)
			add_stage(a, list, title, kind, alias);
		aliases += n;
	}
}

/* ---- the rest of what was given ---- */

static int stands_in(const json_t *configs, const char *name)
{
	size_t i;
	json_t *it;

	json_array_foreach(configs, i,
	                   it) if (strcmp(json_string_value(json_object_get(json_object_get(it, "definition"), "name")),
	                                  name) == 0) return 1;
	return 0;
}

/* Connect passes over what it does not know; a key that nobody knows is a mistake here, and comes without definition. */
static void add_unknown(struct answer *a, const char *key)
{
	json_t *errors = errors_of(a, key);

	a->failed |=
		json_array_append_new(a->unknown, json_pack("{s:n, s:{s:s, s:s?, s:[], s:o, s:b}}", "definition",
	                                                    "value", "name", key, "value", given(a, key),
	                                                    "recommended_values", "errors", errors, "visible", 1)) != 0;
}

static int is_unknown(const struct answer *a, const char *key)
{
	const struct problems *p = a->from->problems;

	for (size_t i = 0; p != NULL && i < p->n; i++)
		if (p->list[i].key != NULL && strcmp(p->list[i].key, key) == 0 &&
		    strncmp(p->list[i].message ? p->list[i].message : "", "unknown key", 11) == 0)
			return 1;
	return 0;
}

/* Client properties, and keys whose names are the user's to choose. */
static void add_others(struct answer *a)
{
	for (size_t i = 0; i < a->from->shown->n; i++) {
		const struct setting *it = &a->from->shown->list[i];
		struct key_info k = { .name = it->key,
			              .type = "STRING",
			              .importance = "MEDIUM",
			              .doc = "",
			              .order = -1,
			              .width = "NONE",
			              .display = it->key };

		if (stands_in(a->configs, it->key))
			continue;
		if (strcmp(it->value, "[hidden]") == 0)
			k.type = "PASSWORD";
		if (is_unknown(a, it->key))
			add_unknown(a, it->key);
		else
			add(a, &k, it->value, json_array(), 1);
	}
}

/* Problems of keys that neither were given nor have a definition. */
static void add_left_over(struct answer *a)
{
	const struct problems *p = a->from->problems;

	for (size_t i = 0; p != NULL && i < p->n; i++)
		if (!a->reported[i])
			add_unknown(a, p->list[i].key);
}

static void add_converter_keys(struct answer *a)
{
	static const char *const names[] = { "key.converter", "value.converter", "header.converter" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *class = given(a, names[i]);
		int converter = class ? connect_converter_find(class, i == 2) : -1;
		char prefix[40];

		snprintf(prefix, sizeof prefix, "%s.", names[i]);
		if (converter >= 0)
			key_info_each_of_converter(converter, prefix, add_with_choices, a);
	}
}

static json_t *finish(struct answer *a)
{
	const char *class = given(a, "connector.class");
	json_t *all = a->unknown;

	a->failed |= json_array_extend(all, a->configs) != 0;
	json_decref(a->configs);
	free(a->reported);
	if (a->failed) {
		json_decref(all);
		json_decref(a->groups);
		return NULL;
	}
	return json_pack("{s:s, s:I, s:o, s:o}", "name", class ? class : "", "error_count", (json_int_t)a->n_errors,
	                 "groups", a->groups, "configs", all);
}

json_t *config_infos_json(const struct config_infos *from)
{
	struct answer a = { .from = from,
		            .configs = json_array(),
		            .groups = json_array(),
		            .unknown = json_array(),
		            .reported = calloc((from->problems ? from->problems->n : 0) + 1, 1) };
	enum connect_side side = from->connector->kind == OUTFLOW_SINK ? CONNECT_SINK : CONNECT_SOURCE;

	a.failed = a.configs == NULL || a.groups == NULL || a.unknown == NULL || a.reported == NULL;
	if (a.failed)
		return finish(&a);
	key_info_each_framework(side, add_framework, &a);
	add_stages(&a, "transforms", "Transforms", OUTFLOW_TRANSFORM);
	add_stages(&a, "predicates", "Predicates", OUTFLOW_PREDICATE);
	key_info_each_own(from->catalog, from->connector, add_with_choices, &a);
	add_converter_keys(&a);
	add_others(&a);
	add_left_over(&a);
	return finish(&a);
}

/* ---- without a configuration ---- */

static void append_key(void *ctx, const struct key_info *k)
{
	json_array_append_new(ctx, key_info_json(k));
}

json_t *config_keys_json(const struct catalog *catalog, const struct connect_component *c)
{
	struct settings none = { 0 };
	struct config_infos from = { .catalog = catalog, .host = &none, .shown = &none, .connector = c };
	json_t *infos = config_infos_json(&from), *list = json_array(), *it;
	size_t i;

	/* Connect shows the connector's own keys first here. */
	key_info_each_own(catalog, c, append_key, list);
	json_array_foreach(json_object_get(infos, "configs"), i, it)
	{
		json_t *definition = json_object_get(it, "definition");

		if (connect_key_find(json_string_value(json_object_get(definition, "name")), CONNECT_BOTH) != NULL)
			json_array_append(list, definition);
	}
	json_decref(infos);
	return list;
}

static void append_plugin(json_t *list, const char *class, const char *type, const char *version)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s*}", "class", class, "type", type, "version",
	                                      version != NULL && *version != '\0' ? version : NULL));
}

static void append_kind(json_t *list, const struct catalog *c, uint32_t kind, const char *type)
{
	for (const struct connect_java *java = connect_javas; java->class != NULL; java++) {
		struct connect_component component;

		if (java->kind == kind && connect_component_find(c, kind, java->component, &component))
			append_plugin(list, java->class, type, version_of(&component));
	}
	for (size_t i = 0; i < c->n_plugins; i++)
		for (size_t k = 0; k < c->plugins[i]->about->n_components; k++) {
			struct connect_component component = { .kind = kind,
				                               .file = c->plugins[i],
				                               .known = &c->plugins[i]->about->components[k] };
			char name[CONNECT_NAME_MAX];

			if (component.known->kind == kind)
				append_plugin(list, connect_component_name(&component, name), type,
				              version_of(&component));
		}
}

json_t *plugin_infos_json(const struct catalog *c, int all)
{
	json_t *list = json_array();
	struct connect_component event;

	append_kind(list, c, OUTFLOW_SINK, "sink");
	append_kind(list, c, OUTFLOW_SOURCE, "source");
	if (!all)
		return list;
	append_kind(list, c, OUTFLOW_TRANSFORM, "transformation");
	append_kind(list, c, OUTFLOW_PREDICATE, "predicate");
	if (!connect_component_find(c, OUTFLOW_CONVERTER, "event/json", &event))
		return list;
	for (int i = 0; i < CONVERTER_HEADERS; i++)
		append_plugin(list, connect_converters[i], "converter", version_of(&event));
	for (int i = 0; i <= CONVERTER_HEADERS; i++)
		append_plugin(list, connect_converters[i], "header_converter", version_of(&event));
	return list;
}
