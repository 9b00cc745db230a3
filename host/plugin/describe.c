/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/describe.h"

#include "host/config/schema.h"

#include <outflow/util.h>

static const char *type_name(uint32_t type)
{
	static const char *const names[] = { "",         "STRING", "BOOLEAN", "INT",  "DOUBLE",
		                             "DURATION", "SIZE",   "LIST",    "ENUM", "PREFIX" };

	return names[type <= OUTFLOW_T_PREFIX ? type : 0];
}

static const char *importance_name(uint32_t importance)
{
	static const char *const names[] = { "MEDIUM", "HIGH", "MEDIUM", "LOW" };

	return names[importance <= OUTFLOW_IMPORTANCE_LOW ? importance : 0];
}

static json_t *describe_choices(const outflow_cfg_key *key)
{
	json_t *choices = json_array();

	for (const char *const *c = key->choices; c != NULL && *c != NULL; c++)
		json_array_append_new(choices, json_string(*c));
	return choices;
}

static json_t *describe_key(const outflow_cfg_key *key)
{
	json_t *o =
		json_pack("{s:s, s:s, s:b, s:s?, s:s, s:s, s:s, s:b}", "name", key->name, "type", type_name(key->type),
	                  "required", (key->flags & OUTFLOW_K_REQUIRED) != 0, "default", key->dflt, "importance",
	                  importance_name(key->importance), "group", key->group ? key->group : "Common",
	                  "documentation", key->doc ? key->doc : "", "secret", (key->flags & OUTFLOW_K_SECRET) != 0);

	if (key->choices != NULL)
		json_object_set_new(o, "choices", describe_choices(key));
	if (key->min != 0 || key->max != 0) {
		json_object_set_new(o, "minimum", json_integer(key->min));
		json_object_set_new(o, "maximum", json_integer(key->max));
	}
	return o;
}

json_t *describe_schema(const outflow_cfg_def *def)
{
	json_t *keys = json_array();

	for (size_t i = 0; def != NULL && i < def->n_keys; i++)
		json_array_append_new(keys, describe_key(schema_key(def, i)));
	return keys;
}

json_t *describe_component(const struct component *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "plugin", c->module->plugin->id, "name", c->what->name,
	                 "kind", component_kind_name(c->what->kind), "version",
	                 c->module->plugin->version ? c->module->plugin->version : "", "documentation",
	                 c->what->doc ? c->what->doc : "", "keys", describe_schema(c->what->config));
}

static json_t *describe_about(const struct plugin_file *f, json_t *components)
{
	const struct known_plugin *p = f->about;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", p->id, "version", p->version, "license", p->license,
	                 "documentation", p->doc, "path", f->path, "components", components);
}

static json_t *describe_file(const struct plugin_file *f)
{
	const struct known_plugin *p = f->about;
	json_t *components = json_array();

	for (size_t i = 0; i < p->n_components; i++)
		json_array_append_new(components, json_pack("{s:s, s:s, s:s}", "name", p->components[i].name, "kind",
		                                            component_kind_name(p->components[i].kind), "documentation",
		                                            p->components[i].doc));
	return describe_about(f, components);
}

json_t *describe_plugin(const struct plugin_file *f, const struct module *m)
{
	json_t *components = json_array();

	for (size_t i = 0; i < m->plugin->n_components; i++)
		json_array_append_new(components,
		                      describe_component(&(struct component){ m, m->plugin->components[i] }));
	return describe_about(f, components);
}

json_t *describe_inventory(const struct inventory *inv)
{
	const struct catalog *all = inventory_catalog(inv);
	json_t *plugins = json_array(), *refused = json_array();

	for (size_t i = 0; i < all->n_plugins; i++)
		json_array_append_new(plugins, describe_file(all->plugins[i]));
	for (size_t i = 0; i < all->n_refusals; i++)
		json_array_append_new(refused, json_pack("{s:s, s:s}", "path", all->refusals[i].path, "reason",
		                                         all->refusals[i].reason));
	return json_pack("{s:o, s:o}", "plugins", plugins, "refused", refused);
}

void describe_inventory_print(const struct inventory *inv, FILE *to)
{
	const struct catalog *all = inventory_catalog(inv);

	for (size_t i = 0; i < all->n_plugins; i++) {
		const struct known_plugin *p = all->plugins[i]->about;

		for (size_t k = 0; k < p->n_components; k++) {
			char name[140];

			snprintf(name, sizeof name, "%s/%s", p->id, p->components[k].name);
			fprintf(to, "%-18s %-10s %s\n", name, component_kind_name(p->components[k].kind),
			        p->components[k].doc);
		}
	}
	for (size_t i = 0; i < all->n_refusals; i++)
		fprintf(to, "refused: %s\n", all->refusals[i].reason);
}

static void print_key(const outflow_cfg_key *key, FILE *to)
{
	fprintf(to, "\n%s\n    %s", key->name, type_name(key->type));
	for (const char *const *c = key->choices; c != NULL && *c != NULL; c++)
		fprintf(to, "%s%s", c == key->choices ? " (" : ", ", *c);
	fputs(key->choices != NULL ? ")" : "", to);
	if (key->min != 0 || key->max != 0)
		fprintf(to, ", %lld to %lld", (long long)key->min, (long long)key->max);
	if (key->flags & OUTFLOW_K_REQUIRED)
		fputs(", required", to);
	else if (key->dflt != NULL)
		fprintf(to, ", default \"%s\"", key->dflt);
	if (key->flags & OUTFLOW_K_SECRET)
		fputs(", secret", to);
	fprintf(to, "\n    %s\n", key->doc ? key->doc : "");
}

void describe_component_print(const struct component *c, FILE *to)
{
	const outflow_cfg_def *def = c->what->config;

	fprintf(to, "%s/%s %s (%s)\n%s\n", c->module->plugin->id, c->what->name,
	        c->module->plugin->version ? c->module->plugin->version : "", component_kind_name(c->what->kind),
	        c->what->doc ? c->what->doc : "");
	for (size_t i = 0; def != NULL && i < def->n_keys; i++)
		print_key(schema_key(def, i), to);
}

/* ---- example ---- */

static void print_quoted(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void print_value(const outflow_cfg_key *key, FILE *to)
{
	const char *text = key->dflt ? key->dflt : key->choices ? key->choices[0] : "...";
	int bare = key->dflt != NULL &&
	           (key->type == OUTFLOW_T_BOOL || key->type == OUTFLOW_T_INT || key->type == OUTFLOW_T_DOUBLE);

	if (bare)
		fputs(text, to);
	else if (key->type != OUTFLOW_T_LIST)
		print_quoted(text, to);
	else if (*text == '\0')
		fputs("[ ]", to);
	else {
		fputs("[ ", to);
		print_quoted(text, to);
		fputs(" ]", to);
	}
}

/* Names have no dots in libconfig: a.b = 1 is a = { b = 1; }. */
static void print_setting(const outflow_cfg_key *key, FILE *to)
{
	const char *name = key->name;
	int depth = 0;

	for (size_t n = strcspn(name, "."); name[n] == '.'; n = strcspn(name, ".")) {
		fprintf(to, "%.*s = { ", (int)n, name);
		name += n + 1;
		depth++;
	}
	fprintf(to, "%s = ", name);
	print_value(key, to);
	fputc(';', to);
	while (depth-- > 0)
		fputs(" };", to);
	fputc('\n', to);
}

void describe_component_example(const struct component *c, FILE *to)
{
	const outflow_cfg_def *def = c->what->config;
	const char *place = c->what->kind == OUTFLOW_SOURCE ? "source = "
	                    : c->what->kind == OUTFLOW_SINK ? "sink = "
	                                                    : "";

	fprintf(to, "%s{\n  class = \"%s/%s\";\n", place, c->module->plugin->id, c->what->name);
	for (size_t i = 0; def != NULL && i < def->n_keys; i++) {
		const outflow_cfg_key *key = schema_key(def, i);

		fputs(key->flags & OUTFLOW_K_REQUIRED ? "  " : "  # ", to);
		if (key->type == OUTFLOW_T_PREFIX)
			fprintf(to, "properties = [ \"%s...=...\" ];\n", key->name);
		else
			print_setting(key, to);
	}
	fprintf(to, "}%s\n", *place ? ";" : "");
}
