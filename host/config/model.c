/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/model.h"

#include "host/base/check.h"
#include "host/config/host_schema.h"
#include "host/config/schema.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <stdlib.h>
#include <unistd.h>

#define MODEL_MAGIC 0x6d6f6465u
#define NS_PER_MS INT64_C(1000000)

/* Which components the host itself puts into every chain. */
#define CONVERTER "event/json"
#define FILTER "event/filter"
#define DELIVER "event/deliver"

/* ---- reading checked keys ---- */

static char *text_of(const outflow_config *c, const char *key)
{
	outflow_str s;

	return instance_config_api.str(c, key, &s) == OUTFLOW_OK ? strndup(s.ptr, s.len) : NULL;
}

static int64_t number_of(const outflow_config *c, const char *key)
{
	int64_t n = 0;

	(void)instance_config_api.i64(c, key, &n);
	return n;
}

/* Where key's value stands among choices that are in the order of an enum. */
static int choice_of(const outflow_config *c, const char *key, const char *const *choices)
{
	outflow_str s = { "", 0 };

	(void)instance_config_api.str(c, key, &s);
	for (int i = 0; choices[i] != NULL; i++)
		if (outflow_equal(s, choices[i]))
			return i;
	return 0;
}

/* ---- the host ---- */

static char *default_state_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (geteuid() == 0)
		return strdup("/var/lib/outflow");
	if (state != NULL && *state == '/')
		n = asprintf(&path, "%s/outflow", state);
	else
		n = asprintf(&path, "%s/.local/state/outflow", home ? home : "");
	return n < 0 ? NULL : path;
}

static char *default_plugin_path(void)
{
	const char *path = getenv("OUTFLOW_PLUGIN_PATH");

	return strdup(path && *path ? path : PLUGIN_DIR);
}

outflow_status host_model_new(const struct loaded *from, struct host_model *m, struct problems *problems)
{
	static const char *const levels[] = { "", "error", "warn", "info", "debug", NULL };
	const outflow_cfg_def *const schemas[] = { &host_schema };
	struct instance_place where = { .prefix = "", .schemas = schemas, .n_schemas = 1 };
	outflow_config *c = NULL;
	outflow_status status = instance_config_new(&where, &from->host, problems, &c);

	*m = (struct host_model){ 0 };
	if (status != OUTFLOW_OK)
		return status;
	m->state_dir = text_of(c, "state.dir");
	if (m->state_dir == NULL)
		m->state_dir = default_state_dir();
	m->plugin_path = text_of(c, "plugin.path");
	if (m->plugin_path == NULL)
		m->plugin_path = default_plugin_path();
	m->cluster = text_of(c, "cluster");
	m->log_level = choice_of(c, "log.level", levels);
	m->checkpoint_interval_ns = number_of(c, "checkpoint.interval") * NS_PER_MS;
	m->stop_timeout_ns = number_of(c, "stop.timeout") * NS_PER_MS;
	instance_config_free(&c);
	if (m->state_dir == NULL || m->plugin_path == NULL || m->cluster == NULL) {
		host_model_clear(m);
		return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}

void host_model_clear(struct host_model *m)
{
	free(m->state_dir);
	free(m->plugin_path);
	free(m->cluster);
	*m = (struct host_model){ 0 };
}

/* ---- a pipeline ---- */

/* One pipeline being put together. */
struct making {
	const struct declaration *declaration;
	const struct declarations *connections;
	const struct inventory *inventory;
	struct problems *problems;
	struct pipeline_model *model;
	struct settings inherited; /* what every stage sees of the source's format and envelope, and the cluster */
	outflow_status status;     /* negative: no memory */
};

static void complain(struct making *mk, const char *key, const char *message)
{
	const struct setting *it = settings_find(&mk->model->settings, key);
	struct place where = { it ? it->file : mk->model->file, it ? it->line : mk->model->line, mk->model->name, key };

	problems_add(mk->problems, &where, "%s", message);
}

static const char *get(const struct making *mk, const char *prefix, const char *name)
{
	char key[300];

	snprintf(key, sizeof key, "%s%s", prefix, name);
	return settings_get(&mk->model->settings, key);
}

static int has_prefix(const struct settings *s, const char *prefix)
{
	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->list[i].key, prefix, strlen(prefix)) == 0)
			return 1;
	return 0;
}

static const char *class_of(const struct making *mk, const char *prefix)
{
	const char *class = get(mk, prefix, "class");

	return class ? class : get(mk, prefix, "type");
}

/* Do two classes mean one plugin ("kafka", "kafka/sink")? What is not given fits. */
static int is_same_plugin(const char *a, const char *b)
{
	size_t n = a ? strcspn(a, "/") : 0;

	return a == NULL || b == NULL || (strcspn(b, "/") == n && strncmp(a, b, n) == 0);
}

/* Takes a setting of a connection over where the pipeline has none; X.value is X. */
static void merge_setting(struct making *mk, const char *prefix, const struct setting *it)
{
	size_t n = strlen(it->key);
	int is_value = n > 6 && strcmp(it->key + n - 6, ".value") == 0;
	char key[512], twin[512];

	if (strcmp(it->key, "name") == 0 || strcmp(it->key, "description") == 0)
		return;
	snprintf(key, sizeof key, "%s%s", prefix, it->key);
	snprintf(twin, sizeof twin, "%s%.*s%s", prefix, (int)(is_value ? n - 6 : n), it->key, is_value ? "" : ".value");
	if (settings_find(&mk->model->settings, key) == NULL && settings_find(&mk->model->settings, twin) == NULL)
		mk->status = settings_set(&mk->model->settings, key, it->value, it->file, it->line);
}

static void merge_connection(struct making *mk, const char *prefix)
{
	const char *name = get(mk, prefix, "connection");
	struct suggestion near = { .typed = name };
	const struct declaration *found = NULL;
	char key[300], message[300];

	if (name == NULL)
		return;
	snprintf(key, sizeof key, "%sconnection", prefix);
	for (size_t i = 0; i < mk->connections->n; i++) {
		suggestion_offer(&near, mk->connections->list[i].name);
		if (strcmp(mk->connections->list[i].name, name) == 0)
			found = &mk->connections->list[i];
	}
	if (found == NULL) {
		snprintf(message, sizeof message, near.best ? "there is no connection '%.100s'; did you mean '%.100s'?"
		                                            : "there is no connection '%.100s'", name, near.best);
		complain(mk, key, message);
		return;
	}
	if (!is_same_plugin(class_of(mk, prefix), settings_get(&found->settings, "class"))) {
		snprintf(message, sizeof message, "connection '%.100s' is of class '%.60s', not '%.60s'", name,
		         settings_get(&found->settings, "class"), class_of(mk, prefix));
		complain(mk, key, message);
	}
	for (size_t i = 0; i < found->settings.n && mk->status == OUTFLOW_OK; i++)
		merge_setting(mk, prefix, &found->settings.list[i]);
}

static int find_component(struct making *mk, uint32_t kind, const char *reference, const char *key,
                          struct component *result)
{
	outflow_error err = { .size = sizeof err };

	if (inventory_find(mk->inventory, kind, reference, result, &err) == OUTFLOW_OK)
		return 1;
	complain(mk, key, err.msg);
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
		complain(mk, s->list[i].key, message);
	}
}

/* Makes a stage's view of the keys below prefix. extra: a second component whose keys stand there too. */
static void make_stage(struct making *mk, struct stage_model *stage, const char *name, const char *prefix,
                       const struct component *component, const outflow_cfg_def *extra)
{
	const outflow_cfg_def *const schemas[] = { schema_of(component), extra };
	struct instance_place where = { .pipeline = mk->model->name, .prefix = prefix, .known = chosen_by,
	                                .schemas = schemas, .n_schemas = 2, .inherited = &mk->inherited,
	                                .file = mk->model->file, .line = mk->model->line };

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
	class = class_of(mk, prefix);
	if (class == NULL) {
		snprintf(message, sizeof message, "is required: which component is the %s?", name);
		complain(mk, key, message);
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

static void add_transform(struct making *mk, const char *alias)
{
	char name[200], prefix[202], key[300];
	struct component component = { 0 };
	const char *class;

	snprintf(name, sizeof name, "transforms.%.180s", alias);
	snprintf(prefix, sizeof prefix, "%s.", name);
	snprintf(key, sizeof key, "%sclass", prefix);
	class = class_of(mk, prefix);
	if (class == NULL) {
		complain(mk, key, "is required: which transform is it?");
		complain_of_choices(mk, prefix);
		return;
	}
	if (find_component(mk, OUTFLOW_TRANSFORM, class, key, &component))
		add_implicit(mk, name, prefix, &component, NULL);
}

/* Keys of aliases that the list does not name would silently do nothing. */
static void check_aliases(struct making *mk, const outflow_config *own)
{
	const struct settings *s = &mk->model->settings;

	for (size_t i = 0; i < s->n; i++) {
		const char *rest;
		size_t n, count = instance_config_api.list(own, "transforms", SIZE_MAX, NULL);
		int named = 0;
		outflow_str alias;

		if (strncmp(s->list[i].key, "transforms.", strlen("transforms.")) != 0)
			continue;
		rest = s->list[i].key + strlen("transforms.");
		n = strcspn(rest, ".");
		for (size_t k = 0; k < count && !named; k++) {
			instance_config_api.list(own, "transforms", k, &alias);
			named = alias.len == n && memcmp(alias.ptr, rest, n) == 0;
		}
		if (!named)
			complain(mk, s->list[i].key, "belongs to no alias in 'transforms'");
	}
}

static void add_transforms(struct making *mk, const outflow_config *own)
{
	size_t n = instance_config_api.list(own, "transforms", SIZE_MAX, NULL);

	for (size_t i = 0; i < n && mk->status == OUTFLOW_OK; i++) {
		outflow_str alias;
		char copy[181];

		instance_config_api.list(own, "transforms", i, &alias);
		snprintf(copy, sizeof copy, "%.*s", (int)alias.len, alias.ptr);
		add_transform(mk, copy);
	}
	check_aliases(mk, own);
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

/* What every stage sees of the source: the converter's keys under their full names, defaults filled in. */
static void inherit(struct making *mk, const struct component *converter, const char *cluster)
{
	const outflow_cfg_def *def = schema_of(converter);

	for (size_t i = 0; def != NULL && i < def->n_keys && mk->status == OUTFLOW_OK; i++) {
		const outflow_cfg_key *key = schema_key(def, i);
		char name[300];
		const struct setting *it;

		snprintf(name, sizeof name, "source.%s", key->name);
		it = settings_find(&mk->model->settings, name);
		if (it != NULL || key->dflt != NULL)
			mk->status = settings_set(&mk->inherited, name, it ? it->value : key->dflt, NULL, 0);
	}
	if (mk->status == OUTFLOW_OK)
		mk->status = settings_set(&mk->inherited, "cluster", cluster, NULL, 0);
}

static void make_stages(struct making *mk, const outflow_config *own, const char *cluster)
{
	struct pipeline_model *m = mk->model;
	struct component converter = { 0 }, filter = { 0 }, deliver = { 0 };

	/* All three are in one plugin: one sentence is enough. */
	if (!find_component(mk, OUTFLOW_CONVERTER, CONVERTER, "source.format", &converter) ||
	    !find_component(mk, OUTFLOW_TRANSFORM, FILTER, "filter.pattern", &filter) ||
	    !find_component(mk, OUTFLOW_TRANSFORM, DELIVER, "sink.topic", &deliver))
		return;
	inherit(mk, &converter, cluster);
	make_end(mk, &m->source, OUTFLOW_SOURCE, "source", schema_of(&converter));
	/* Without the component nobody knows which keys it has. */
	if (m->source.name != NULL)
		add_implicit(mk, "convert", "source.", &converter, schema_of(&m->source.component));
	if (has_prefix(&m->settings, "filter."))
		add_implicit(mk, "filter", "filter.", &filter, NULL);
	add_transforms(mk, own);
	make_end(mk, &m->sink, OUTFLOW_SINK, "sink", schema_of(&deliver));
	if (m->sink.name != NULL && uses_schema(mk, schema_of(&deliver), "sink."))
		add_implicit(mk, "deliver", "sink.", &deliver, schema_of(&m->sink.component));
	if (has_prefix(&m->settings, "deadletter."))
		make_end(mk, &m->deadletter, OUTFLOW_SINK, "deadletter", &deadletter_schema);
}

static void take_own_keys(struct pipeline_model *m, const outflow_config *c)
{
	static const char *const states[] = { "stopped", "running", NULL };
	static const char *const tolerances[] = { "none", "all", NULL };
	static const char *const sync_modes[] = { "none", "interval", "always", NULL };

	m->running = choice_of(c, "state", states);
	m->tasks_max = (uint32_t)number_of(c, "tasks.max");
	m->tolerance = (enum tolerance)choice_of(c, "errors.tolerance", tolerances);
	m->batch_messages = (uint32_t)number_of(c, "batch.messages");
	m->batch_bytes = (uint64_t)number_of(c, "batch.bytes");
	m->batch_interval_ns = number_of(c, "batch.interval") * NS_PER_MS;
	m->inflight_records = (uint32_t)number_of(c, "inflight.records");
	m->inflight_bytes = (uint64_t)number_of(c, "inflight.bytes");
	m->journal.sync = choice_of(c, "journal.sync", sync_modes);
	m->journal.sync_interval_ns = number_of(c, "journal.sync.interval") * NS_PER_MS;
	m->journal.segment_bytes = (uint64_t)number_of(c, "journal.segment.bytes");
	m->journal.soft_bytes = (uint64_t)number_of(c, "journal.soft.bytes");
	m->journal.hard_bytes = (uint64_t)number_of(c, "journal.hard.bytes");
}

/* The pipeline's own keys: all but those of its components. */
static outflow_config *make_own(struct making *mk)
{
	static const char *const components[] = { "source.", "sink.", "deadletter.", "filter.", "transforms." };
	const outflow_cfg_def *const schemas[] = { &pipeline_schema };
	struct pipeline_model *m = mk->model;
	struct instance_place where = { .pipeline = m->name, .prefix = "", .schemas = schemas, .n_schemas = 1,
	                                .file = m->file, .line = m->line };
	struct settings own = { 0 };
	outflow_config *c = NULL;

	for (size_t i = 0; i < m->settings.n && mk->status == OUTFLOW_OK; i++) {
		const struct setting *it = &m->settings.list[i];
		int elsewhere = 0;

		for (size_t k = 0; k < sizeof components / sizeof components[0]; k++)
			elsewhere |= strncmp(it->key, components[k], strlen(components[k])) == 0;
		if (!elsewhere)
			mk->status = settings_set(&own, it->key, it->value, it->file, it->line);
	}
	if (mk->status == OUTFLOW_OK)
		mk->status = instance_config_new(&where, &own, mk->problems, &c);
	settings_clear(&own);
	return c;
}

static void check_own_keys(struct making *mk)
{
	const struct pipeline_model *m = mk->model;

	if (m->journal.soft_bytes > m->journal.hard_bytes)
		complain(mk, "journal.soft.bytes", "is above journal.hard.bytes");
	if (settings_find(&m->settings, "batch.interval") != NULL && m->batch_messages == 0)
		complain(mk, "batch.interval", "has no effect without batch.messages");
	if (strlen(m->name) > 127)
		complain(mk, "name", "is longer than 127 characters");
	for (const char *c = m->name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			complain(mk, "name", "holds a control character");
}

static void make(struct making *mk, const struct host_model *host)
{
	static const char *const ends[] = { "source.", "sink.", "deadletter." };
	struct pipeline_model *m = mk->model;
	outflow_config *own;

	m->name = strdup(mk->declaration->name);
	m->file = mk->declaration->file;
	m->line = mk->declaration->line;
	if (m->name == NULL || settings_merge(&m->settings, "", &mk->declaration->settings, "", 1) != OUTFLOW_OK) {
		mk->status = OUTFLOW_E_NOMEM;
		return;
	}
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		merge_connection(mk, ends[i]);
	own = make_own(mk);
	if (own == NULL)
		return;
	take_own_keys(m, own);
	check_own_keys(mk);
	make_stages(mk, own, host->cluster);
	if (m->deadletter.config != NULL)
		m->deadletter_topic = text_of(m->deadletter.config, "topic");
	instance_config_free(&own);
}

outflow_status pipeline_model_new(const struct declaration *d, const struct declarations *connections,
                                  const struct host_model *host, const struct inventory *inv,
                                  struct problems *problems, struct pipeline_model **result)
{
	struct making mk = { .declaration = d, .connections = connections, .inventory = inv, .problems = problems };
	size_t before = problems->reported;

	*result = NULL;
	mk.model = calloc(1, sizeof *mk.model);
	if (mk.model == NULL)
		return OUTFLOW_E_NOMEM;
	mk.model->magic = MODEL_MAGIC;
	make(&mk, host);
	settings_clear(&mk.inherited);
	if (mk.status != OUTFLOW_OK || problems->reported > before)
		pipeline_model_free(&mk.model);
	*result = mk.model;
	return mk.status;
}

static void clear_stage(struct stage_model *s)
{
	free(s->name);
	instance_config_free(&s->config);
}

void pipeline_model_free(struct pipeline_model **pm)
{
	struct pipeline_model *m = *pm;

	*pm = NULL;
	if (m == NULL)
		return;
	CHECK_OBJ(m, MODEL_MAGIC);
	clear_stage(&m->source);
	clear_stage(&m->sink);
	clear_stage(&m->deadletter);
	for (size_t i = 0; i < m->n_stages; i++)
		clear_stage(&m->stages[i]);
	free(m->stages);
	free(m->deadletter_topic);
	free(m->name);
	settings_clear(&m->settings);
	m->magic = 0;
	free(m);
}
