/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/connect_key_info.h"

#include "host/config/host_schema.h"
#include "host/config/schema.h"

#include <stdio.h>
#include <string.h>

json_t *key_info_json(const struct key_info *k)
{
	/* Both names of the order: clients up to 4.1 read the first, newer ones the second. */
	return json_pack("{s:s, s:s, s:b, s:s?, s:s, s:s, s:s?, s:i, s:i, s:s, s:s, s:[]}", "name", k->name, "type",
	                 k->type, "required", k->required, "default_value", k->dflt, "importance", k->importance,
	                 "documentation", k->doc, "group", k->group, "order", k->order, "order_in_group", k->order,
	                 "width", k->width, "display_name", k->display, "dependents");
}

void key_info_each_framework(enum connect_side side, key_info_visitor *visit, void *ctx)
{
	for (const struct connect_key *key = connect_keys; key->name != NULL; key++) {
		struct key_info k = { .name = key->name,
			              .type = key->type,
			              .required = key->required,
			              .dflt = key->dflt,
			              .importance = key->importance,
			              .doc = key->doc,
			              .group = key->group,
			              .order = key->order,
			              .width = key->width,
			              .display = key->display,
			              .choices = key->choices };

		if (key->side == CONNECT_BOTH || key->side == side)
			visit(ctx, &k);
	}
}

static const char *type_of(const outflow_cfg_key *key)
{
	static const char *const names[] = { "STRING", "STRING", "BOOLEAN", "LONG",  "DOUBLE",
		                             "LONG",   "LONG",   "LIST",    "STRING" };

	return key->flags & OUTFLOW_K_SECRET ? "PASSWORD" : key->type < OUTFLOW_T_PREFIX ? names[key->type] : "STRING";
}

static const char *importance_of(const outflow_cfg_key *key)
{
	if (key->flags & OUTFLOW_K_REQUIRED)
		return "HIGH";
	return key->flags & OUTFLOW_K_ADVANCED ? "LOW" : "MEDIUM";
}

int key_info_each_of_schema(const outflow_cfg_def *def, const char *prefix, const char *group, int order,
                            key_info_visitor *visit, void *ctx)
{
	for (size_t i = 0; def != NULL && i < def->n_keys; i++) {
		const outflow_cfg_key *key = schema_key(def, i);
		char name[300];
		struct key_info k = { .name = name,
			              .type = type_of(key),
			              .required = (key->flags & OUTFLOW_K_REQUIRED) != 0,
			              .dflt = key->dflt,
			              .importance = importance_of(key),
			              .doc = key->doc ? key->doc : "",
			              .group = group ? group : key->group,
			              .order = order,
			              .width = "MEDIUM",
			              .display = key->name,
			              .choices = key->type == OUTFLOW_T_ENUM ? key->choices : NULL };

		if (key->type == OUTFLOW_T_PREFIX)
			continue;
		snprintf(name, sizeof name, "%s%s", prefix, key->name);
		visit(ctx, &k);
		order++;
	}
	return order;
}

static void each_of_java(const struct connect_java *java, key_info_visitor *visit, void *ctx)
{
	for (const struct connect_own_key *key = java->keys; key->name != NULL; key++) {
		struct key_info k = { .name = key->name,
			              .type = key->type,
			              .required = key->required,
			              .dflt = key->dflt,
			              .importance = key->importance,
			              .doc = key->doc,
			              .order = -1,
			              .width = "NONE",
			              .display = key->name };

		visit(ctx, &k);
	}
}

static const outflow_cfg_def *loaded_schema(const struct connect_component *c)
{
	const outflow_component *loaded = connect_component_loaded(c);

	return loaded ? loaded->config : NULL;
}

/* Leaves out what the schemas before have, and what Connect has. */
struct filtering {
	const outflow_cfg_def *without;
	key_info_visitor *visit;
	void *ctx;
};

static void visit_filtered(void *ctx, const struct key_info *k)
{
	const struct filtering *f = ctx;

	if (connect_key_find(k->name, CONNECT_BOTH) != NULL)
		return;
	for (size_t i = 0; f->without != NULL && i < f->without->n_keys; i++)
		if (strcmp(schema_key(f->without, i)->name, k->name) == 0)
			return;
	f->visit(f->ctx, k);
}

void key_info_each_own(const struct catalog *catalog, const struct connect_component *c, key_info_visitor *visit,
                       void *ctx)
{
	static const struct key_info topic = { .name = "topic",
		                               .type = "STRING",
		                               .importance = "MEDIUM",
		                               .doc = "Topic in Kafka. Unset: that of the record.",
		                               .group = "Kafka",
		                               .order = 1,
		                               .width = "MEDIUM",
		                               .display = "topic" };
	int is_sink = c->kind == OUTFLOW_SINK, order;
	struct filtering f = { .without = NULL, .visit = visit, .ctx = ctx };
	struct connect_component beside;

	if (c->java != NULL) {
		each_of_java(c->java, visit, ctx);
		return;
	}
	f.without = loaded_schema(c);
	order = key_info_each_of_schema(f.without, "", NULL, 1, visit, ctx);
	if (!is_sink)
		visit_filtered(&f, &topic);
	if (connect_component_find(catalog, is_sink ? OUTFLOW_TRANSFORM : OUTFLOW_CONVERTER,
	                           is_sink ? "event/deliver" : "event/json", &beside))
		order = key_info_each_of_schema(loaded_schema(&beside), "", NULL, order, visit_filtered, &f);
	key_info_each_of_schema(&pipeline_schema, "", NULL, order, visit_filtered, &f);
}

void key_info_each_of_converter(int converter, const char *prefix, key_info_visitor *visit, void *ctx)
{
	char name[100];
	struct key_info type = { .name = name,
		                 .type = "STRING",
		                 .required = 1,
		                 .importance = "LOW",
		                 .doc = "key, value or header.",
		                 .order = -1,
		                 .width = "NONE",
		                 .display = name };
	struct key_info encoding = { .name = name,
		                     .type = "STRING",
		                     .dflt = "UTF-8",
		                     .importance = "HIGH",
		                     .doc = "The encoding of texts: UTF-8.",
		                     .order = -1,
		                     .width = "MEDIUM",
		                     .display = "Encoding" };
	struct key_info schemas = { .name = name,
		                    .type = "BOOLEAN",
		                    .dflt = "true",
		                    .importance = "HIGH",
		                    .doc = "Has JSON a schema beside it? Only false can be taken.",
		                    .group = "Schemas",
		                    .order = 0,
		                    .width = "MEDIUM",
		                    .display = "Enable Schemas" };

	snprintf(name, sizeof name, "%sconverter.type", prefix);
	visit(ctx, &type);
	if (converter == CONVERTER_STRING) {
		snprintf(name, sizeof name, "%sconverter.encoding", prefix);
		visit(ctx, &encoding);
	} else if (converter == CONVERTER_JSON) {
		snprintf(name, sizeof name, "%sschemas.enable", prefix);
		visit(ctx, &schemas);
	}
}
