/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/host_schema.h"
#include "host/config/model_internal.h"
#include "host/config/schema.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

static int has_prefix(const struct settings *s, const char *prefix)
{
	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->list[i].key, prefix, strlen(prefix)) == 0)
			return 1;
	return 0;
}

static int find_component(struct making *mk, uint32_t kind, const char *reference, const char *key,
                          struct component *result)
{
	outflow_error err = { .size = sizeof err };

	if (inventory_find(mk->inventory, kind, reference, result, &err) == OUTFLOW_OK)
		return 1;
	making_complain(mk, key, err.msg);
	return 0;
}

static const outflow_cfg_def *schema_of(const struct component *c)
{
	return c->what ? c->what->config : NULL;
}

/* The keys that choose a component. */
static const char *const chosen_by[] = { "class", "type", "name", "connection", NULL };

/* Without a class only misspelt keys of the choice itself can be told. */
static void complain_of_choices(struct making *mk, const char *prefix)
{
	const struct settings *s = &mk->model->settings;
	size_t skip = strlen(prefix);

	for (size_t i = 0; i < s->n; i++) {
		struct suggestion near = { 0 };
		char message[100];

		if (strncmp(s->list[i].key, prefix, skip) != 0)
			continue;
		near.typed = s->list[i].key + skip;
		for (const char *const *name = chosen_by; *name != NULL; name++)
			suggestion_offer(&near, *name);
		if (near.best == NULL || near.distance == 0)
			continue;
		snprintf(message, sizeof message, "unknown key; did you mean '%.40s%s'?", prefix, near.best);
		making_complain(mk, s->list[i].key, message);
	}
}

/* Makes a stage's view of the keys below prefix. extra: a second component whose keys stand there too. */
static void make_stage(struct making *mk, struct stage_model *stage, const char *name, const char *prefix,
                       const struct component *component, const outflow_cfg_def *extra)
{
	const outflow_cfg_def *const schemas[] = { schema_of(component), extra };
	struct instance_place where = { .pipeline = mk->model->name,
		                        .prefix = prefix,
		                        .known = chosen_by,
		                        .schemas = schemas,
		                        .n_schemas = 2,
		                        .inherited = &mk->inherited,
		                        .hidden = mk->declaration->for_trial &&
		                                  component->what->kind != OUTFLOW_SOURCE &&
		                                  component->what->kind != OUTFLOW_SINK,
		                        .file = mk->model->file,
		                        .line = mk->model->line };

	if (mk->status != OUTFLOW_OK)
		return;
	stage->component = *component;
	stage->name = strdup(name);
	mk->status = stage->name ? instance_config_new(&where, &mk->model->settings, mk->problems, &stage->config)
	                         : OUTFLOW_E_NOMEM;
}

static void make_end(struct making *mk, struct stage_model *stage, uint32_t kind, const char *name,
                     const outflow_cfg_def *extra)
{
	char prefix[32], key[64], message[160];
	struct component component = { 0 };
	const char *class;

	snprintf(prefix, sizeof prefix, "%s.", name);
	snprintf(key, sizeof key, "%s.class", name);
	class = making_class(mk, prefix);
	if (class == NULL) {
		snprintf(message, sizeof message, "is required: which component is the %s?", name);
		making_complain(mk, key, message);
		complain_of_choices(mk, prefix);
		return;
	}
	if (find_component(mk, kind, class, key, &component))
		make_stage(mk, stage, name, prefix, &component, extra);
}

static struct stage_model *add_stage(struct making *mk)
{
	struct pipeline_model *m = mk->model;
	struct stage_model *stages = realloc(m->stages, (m->n_stages + 1) * sizeof *stages);

	if (stages == NULL) {
		mk->status = OUTFLOW_E_NOMEM;
		return NULL;
	}
	m->stages = stages;
	stages[m->n_stages] = (struct stage_model){ 0 };
	return &stages[m->n_stages++];
}

/* A stage that the host itself puts in; its keys stand below somebody else's prefix. */
static void add_implicit(struct making *mk, const char *name, const char *prefix, const struct component *component,
                         const outflow_cfg_def *others)
{
	struct stage_model *stage = add_stage(mk);

	if (stage != NULL)
		make_stage(mk, stage, name, prefix, component, others);
}

/* Where the keys of one alias in a list stand. */
struct alias {
	const char *list; /* "transforms" or "predicates" */
	char name[200];   /* "transforms.t1" */
	char prefix[202]; /* "transforms.t1." */
};

static void read_alias(const outflow_config *own, const char *list, size_t i, struct alias *a)
{
	outflow_str text = { "", 0 };

	instance_config_api.list(own, list, i, &text);
	a->list = list;
	snprintf(a->name, sizeof a->name, "%s.%.*s", list, (int)(text.len > 180 ? 180 : text.len), text.ptr);
	snprintf(a->prefix, sizeof a->prefix, "%s.", a->name);
}

static int find_alias_component(struct making *mk, const struct alias *a, uint32_t kind, struct component *component)
{
	const char *class = making_class(mk, a->prefix);
	char key[300], message[100];

	snprintf(key, sizeof key, "%s%s", a->prefix,
	         class != NULL && making_get(mk, a->prefix, "class") == NULL ? "type" : "class");
	if (class != NULL)
		return find_component(mk, kind, class, key, component);
	snprintf(message, sizeof message, "is required: which of the %s is it?", a->list);
	making_complain(mk, key, message);
	complain_of_choices(mk, a->prefix);
	return 0;
}

/* Keys of aliases that the list does not name would silently do nothing. */
static void check_aliases(struct making *mk, const outflow_config *own, const char *list)
{
	const struct settings *s = &mk->model->settings;
	size_t count = instance_config_api.list(own, list, SIZE_MAX, NULL), skip = strlen(list);

	for (size_t i = 0; i < s->n; i++) {
		const char *rest = s->list[i].key + skip + 1;
		char message[60];
		int named = 0;

		if (strncmp(s->list[i].key, list, skip) != 0 || rest[-1] != '.')
			continue;
		for (size_t k = 0; k < count && !named; k++) {
			outflow_str alias;

			instance_config_api.list(own, list, k, &alias);
			named = alias.len == strcspn(rest, ".") && memcmp(alias.ptr, rest, alias.len) == 0;
		}
		snprintf(message, sizeof message, "belongs to no alias in '%s'", list);
		if (!named)
			making_complain(mk, s->list[i].key, message);
	}
}

/* Before the transforms, which refer to them. */
static void add_predicates(struct making *mk, const outflow_config *own)
{
	struct pipeline_model *m = mk->model;
	size_t n = instance_config_api.list(own, "predicates", SIZE_MAX, NULL);

	m->predicates = calloc(n + 1, sizeof *m->predicates);
	if (m->predicates == NULL)
		mk->status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < n && mk->status == OUTFLOW_OK; i++) {
		struct component component = { 0 };
		struct alias a;

		read_alias(own, "predicates", i, &a);
		if (find_alias_component(mk, &a, OUTFLOW_PREDICATE, &component))
			make_stage(mk, &m->predicates[m->n_predicates++], a.name, a.prefix, &component, NULL);
	}
	check_aliases(mk, own, "predicates");
}

/* Looks up the predicate that a transform names. */
static void choose_predicate(struct making *mk, const outflow_config *own, struct stage_model *stage,
                             const struct alias *a)
{
	struct pipeline_model *m = mk->model;
	const char *wanted = making_get(mk, a->prefix, "predicate");
	size_t n = instance_config_api.list(own, "predicates", SIZE_MAX, NULL);
	char key[300], message[200];
	int32_t negate = 0;
	int listed = 0;

	if (stage->config != NULL)
		(void)instance_config_api.boolean(stage->config, "negate", &negate);
	stage->negate = negate;
	snprintf(key, sizeof key, "%s%s", a->prefix, wanted ? "predicate" : "negate");
	if (wanted == NULL && making_get(mk, a->prefix, "negate") != NULL)
		making_complain(mk, key, "has no effect without predicate");
	for (size_t i = 0; wanted != NULL && i < m->n_predicates; i++)
		if (m->predicates[i].name != NULL && strcmp(m->predicates[i].name + strlen("predicates."), wanted) == 0)
			stage->predicate = &m->predicates[i];
	if (wanted == NULL || stage->predicate != NULL)
		return;
	for (size_t i = 0; i < n; i++) { /* one that is listed, and wrong, has its own problem */
		outflow_str alias;

		instance_config_api.list(own, "predicates", i, &alias);
		listed |= outflow_equal(alias, wanted);
	}
	snprintf(message, sizeof message, "there is no predicate '%.100s' in the list 'predicates'", wanted);
	if (!listed)
		making_complain(mk, key, message);
}

static void add_transforms(struct making *mk, const outflow_config *own)
{
	size_t n = instance_config_api.list(own, "transforms", SIZE_MAX, NULL);

	for (size_t i = 0; i < n && mk->status == OUTFLOW_OK; i++) {
		struct component component = { 0 };
		struct stage_model *stage;
		struct alias a;

		read_alias(own, "transforms", i, &a);
		if (!find_alias_component(mk, &a, OUTFLOW_TRANSFORM, &component))
			continue;
		stage = add_stage(mk);
		if (stage == NULL)
			return;
		make_stage(mk, stage, a.name, a.prefix, &component, &transform_schema);
		choose_predicate(mk, own, stage, &a);
	}
	check_aliases(mk, own, "transforms");
}

/* Does the pipeline set one of a schema's keys below prefix (as X, X.value or X.more)? */
static int uses_schema(const struct making *mk, const outflow_cfg_def *def, const char *prefix)
{
	for (size_t i = 0; def != NULL && i < def->n_keys; i++) {
		const outflow_cfg_key *key = schema_key(def, i);
		char name[300];

		snprintf(name, sizeof name, "%s%s", prefix, key->name);
		if (key->type == OUTFLOW_T_PREFIX ? has_prefix(&mk->model->settings, name)
		                                  : settings_find(&mk->model->settings, name) != NULL)
			return 1;
		snprintf(name, sizeof name, "%s%s.", prefix, key->name);
		if (has_prefix(&mk->model->settings, name))
			return 1;
	}
	return 0;
}

static void inherit_all(struct making *mk, const char *prefix)
{
	const struct settings *s = &mk->model->settings;

	for (size_t i = 0; i < s->n && mk->status == OUTFLOW_OK; i++)
		if (strncmp(s->list[i].key, prefix, strlen(prefix)) == 0)
			mk->status = settings_set(&mk->inherited, s->list[i].key, s->list[i].value, NULL, 0);
}

/* What every stage sees of the source: the converter's keys under their full names, defaults filled in. */
static void inherit(struct making *mk, const struct component *converter, const char *cluster)
{
	const outflow_cfg_def *def = schema_of(converter);

	for (size_t i = 0; def != NULL && i < def->n_keys && mk->status == OUTFLOW_OK; i++) {
		const outflow_cfg_key *key = schema_key(def, i);
		char name[300];
		const struct setting *it;

		snprintf(name, sizeof name, "source.%s", key->name);
		if (key->type == OUTFLOW_T_PREFIX) {
			inherit_all(mk, name);
			continue;
		}
		it = settings_find(&mk->model->settings, name);
		if (it != NULL || key->dflt != NULL)
			mk->status = settings_set(&mk->inherited, name, it ? it->value : key->dflt, NULL, 0);
	}
	if (mk->status == OUTFLOW_OK)
		mk->status = settings_set(&mk->inherited, "cluster", cluster, NULL, 0);
}

void making_add_stages(struct making *mk, const outflow_config *own, const char *cluster)
{
	struct pipeline_model *m = mk->model;
	struct component converter = { 0 }, filter = { 0 }, deliver = { 0 };

	/* All three are in one plugin: one sentence is enough. */
	if (!find_component(mk, OUTFLOW_CONVERTER, MODEL_CONVERTER, "source.format", &converter) ||
	    !find_component(mk, OUTFLOW_TRANSFORM, MODEL_FILTER, "filter.pattern", &filter) ||
	    !find_component(mk, OUTFLOW_TRANSFORM, MODEL_DELIVER, "sink.topic", &deliver))
		return;
	inherit(mk, &converter, cluster);
	make_end(mk, &m->source, OUTFLOW_SOURCE, "source", schema_of(&converter));
	/* Without the component nobody knows which keys it has. */
	if (m->source.name != NULL)
		add_implicit(mk, "convert", "source.", &converter, schema_of(&m->source.component));
	if (has_prefix(&m->settings, "filter."))
		add_implicit(mk, "filter", "filter.", &filter, NULL);
	add_predicates(mk, own);
	add_transforms(mk, own);
	make_end(mk, &m->sink, OUTFLOW_SINK, "sink", schema_of(&deliver));
	if (m->sink.name != NULL && uses_schema(mk, schema_of(&deliver), "sink."))
		add_implicit(mk, "deliver", "sink.", &deliver, schema_of(&m->sink.component));
	if (has_prefix(&m->settings, "deadletter."))
		make_end(mk, &m->deadletter, OUTFLOW_SINK, "deadletter", &deadletter_schema);
}
