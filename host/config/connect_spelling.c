/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connect_spelling.h"

#include "host/config/connect_clients.h"
#include "host/config/connect_internal.h"
#include "host/config/host_schema.h"
#include "host/config/plugin_version.h"
#include "host/config/schema.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <stdarg.h>
#include <stdlib.h>

/* ---- what the files of the translation share ---- */

void connect_complain(struct translating *t, const char *key, const char *format, ...)
{
	const struct setting *it = settings_find(t->given, key);
	const struct setting *theirs = it ? it : settings_find(t->host, key);
	struct place where = { theirs ? theirs->file : t->declaration->file,
		               theirs ? theirs->line : t->declaration->line, t->declaration->name, key };
	char message[900];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	problems_add(t->problems, &where, "%s", message);
}

void connect_put(struct translating *t, const char *native, const char *value, const struct setting *from)
{
	if (t->status == OUTFLOW_OK)
		t->status = settings_set(&t->to->native, native, value, from->file, from->line);
	if (t->status == OUTFLOW_OK)
		t->status = settings_set(&t->to->spelled, native, from->key, NULL, 0);
}

void connect_put_below(struct translating *t, const char *prefix, const char *name, const char *value,
                       const struct setting *from)
{
	char native[512];

	snprintf(native, sizeof native, "%s%s", prefix, name);
	connect_put(t, native, value, from);
}

void connect_put_default(struct translating *t, const char *prefix, const char *name, const char *value)
{
	char native[512];

	snprintf(native, sizeof native, "%s%s", prefix, name);
	if (t->status == OUTFLOW_OK && settings_find(&t->to->native, native) == NULL)
		t->status = settings_set(&t->to->native, native, value, t->declaration->file, t->declaration->line);
}

const char *connect_get(const struct translating *t, const char *key)
{
	const char *value = settings_get(t->given, key);

	return value != NULL && *value != '\0' ? value : NULL;
}

int connect_get_flag(const struct translating *t, const char *key, int dflt)
{
	const char *value = connect_get(t, key);
	int flag = value ? connect_flag(value) : -1;

	return flag < 0 ? dflt : flag;
}

const char *connect_after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 && text[n] != '\0' ? text + n : NULL;
}

/* ---- versions of plugins ---- */

static void check_version(struct translating *t, const char *key, const char *wanted, const char *what,
                          const struct component *c)
{
	const char *version = c->module->plugin->version ? c->module->plugin->version : "";
	int fits = plugin_version_fits(version, wanted);

	if (fits < 0)
		connect_complain(t, key, "'%.60s' is neither a version nor a range of versions, such as [0.1,1.0)",
		                 wanted);
	else if (fits == 0)
		connect_complain(t, key, "there is no version of %.60s that fits '%.60s', but %s", what, wanted,
		                 version);
}

/* X.plugin.version of a transform or predicate. Returns 0: the key is another one. */
static int take_stage_version(struct translating *t, const struct setting *it)
{
	static const char suffix[] = ".plugin.version";
	size_t n = strlen(it->key), skip = strlen(suffix);
	int is_transform = strncmp(it->key, "transforms.", 11) == 0;
	outflow_error err = { .size = sizeof err };
	struct component component;
	const char *class;
	char key[400];

	if (n <= skip || n > 300 || strcmp(it->key + n - skip, suffix) != 0)
		return 0;
	snprintf(key, sizeof key, "%.*s.type", (int)(n - skip), it->key);
	class = settings_get(t->given, key);
	snprintf(key, sizeof key, "%.*s.class", (int)(n - skip), it->key);
	if (class == NULL)
		class = settings_get(t->given, key);
	if (class != NULL && inventory_find(t->inventory, is_transform ? OUTFLOW_TRANSFORM : OUTFLOW_PREDICATE, class,
	                                    &component, &err) == OUTFLOW_OK)
		check_version(t, it->key, it->value, class, &component);
	return 1;
}

static void check_versions(struct translating *t)
{
	static const char *const converters[] = { "key.converter", "value.converter", "header.converter" };
	struct component converter;
	outflow_error err = { .size = sizeof err };
	const char *wanted = connect_get(t, "connector.plugin.version");

	if (wanted != NULL)
		check_version(t, "connector.plugin.version", wanted, "the connector", &t->to->class.component);
	if (inventory_find(t->inventory, OUTFLOW_CONVERTER, "event/json", &converter, &err) != OUTFLOW_OK)
		return;
	for (size_t i = 0; i < sizeof converters / sizeof converters[0]; i++) {
		char key[60];

		snprintf(key, sizeof key, "%s.plugin.version", converters[i]);
		wanted = connect_get(t, key);
		if (wanted == NULL)
			continue;
		if (connect_get(t, converters[i]) == NULL)
			connect_complain(t, key, "has no effect without %s", converters[i]);
		else
			check_version(t, key, wanted, "the converter", &converter);
	}
}

/* ---- keys ---- */

/* A key that Connect itself defines: checked here, and handed on when ours is the same. */
static void take_framework(struct translating *t, const struct connect_key *key, const struct setting *it)
{
	static const char *const same[] = { "name",       "tasks.max",        "transforms",
		                            "predicates", "errors.tolerance", "errors.retry.timeout" };
	outflow_error err = { .size = sizeof err };
	int flag = connect_flag(it->value);

	/* A reference is looked at when it is resolved. */
	if (strstr(it->value, "${") == NULL && connect_key_check(key, it->value, &err) != OUTFLOW_OK) {
		connect_complain(t, it->key, "%s", err.msg);
		return;
	}
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		if (strcmp(it->key, same[i]) == 0)
			connect_put(t, it->key, it->value, it);
	/* Connect takes these two without the one that gives them an effect. */
	if (strcmp(it->key, "errors.retry.delay.max.ms") == 0 && connect_get(t, "errors.retry.timeout") != NULL)
		connect_put(t, it->key, it->value, it);
	if (strcmp(it->key, "errors.log.include.messages") == 0 && connect_get_flag(t, "errors.log.enable", 0))
		connect_put(t, it->key, flag ? "true" : "false", it);
	if (strcmp(it->key, "errors.log.enable") == 0)
		connect_put(t, it->key, flag ? "true" : "false", it);
}

static int schema_has(const outflow_cfg_def *def, const char *name)
{
	size_t n = strlen(name);

	if (n > 6 && strcmp(name + n - 6, ".value") == 0)
		n -= 6;
	for (size_t i = 0; def != NULL && i < def->n_keys; i++) {
		const outflow_cfg_key *key = schema_key(def, i);

		if (key->type == OUTFLOW_T_PREFIX ? connect_after(name, key->name) != NULL
		                                  : strcmp(key->name, name) == 0 || (strlen(key->name) == n &&
		                                                                     strncmp(key->name, name, n) == 0))
			return 1;
	}
	return 0;
}

/* The host's own stage whose keys stand among those of this end. */
static const outflow_cfg_def *companion(const struct translating *t, int of_sink)
{
	outflow_error err = { .size = sizeof err };
	struct component c = { 0 };

	(void)inventory_find(t->inventory, of_sink ? OUTFLOW_TRANSFORM : OUTFLOW_CONVERTER,
	                     of_sink ? "event/deliver" : "event/json", &c, &err);
	return c.what ? c.what->config : NULL;
}

/* A key of the connector's own. Returns 0: it has no such key. */
static int take_own(struct translating *t, const struct setting *it)
{
	const struct connect_class *class = &t->to->class;
	const struct connect_own_key *key = class->java ? class->java->keys : NULL;

	for (; key != NULL && key->name != NULL; key++)
		if (strcmp(key->name, it->key) == 0) {
			connect_put(t, key->native, it->value, it);
			return 1;
		}
	if (class->java != NULL)
		return 0;
	if (schema_has(class->component.what->config, it->key) || schema_has(companion(t, t->is_sink), it->key) ||
	    strcmp(it->key, "connection") == 0) {
		connect_put_below(t, t->own, it->key, it->value, it);
		return 1;
	}
	if (t->is_sink || strcmp(it->key, "topic") != 0)
		return 0;
	connect_put(t, "sink.topic", it->value, it);
	return 1;
}

static void complain_of_unknown(struct translating *t, const struct setting *it)
{
	const struct connect_class *class = &t->to->class;
	struct suggestion near = { .typed = it->key };
	const outflow_cfg_def *const schemas[] = { class->java ? NULL : class->component.what->config,
		                                   class->java ? NULL : companion(t, t->is_sink), &pipeline_schema };

	for (size_t s = 0; s < sizeof schemas / sizeof schemas[0]; s++)
		for (size_t i = 0; schemas[s] != NULL && i < schemas[s]->n_keys; i++)
			suggestion_offer(&near, schema_key(schemas[s], i)->name);
	for (const struct connect_own_key *key = class->java ? class->java->keys : NULL; key && key->name; key++)
		suggestion_offer(&near, key->name);
	for (const struct connect_key *key = connect_keys; key->name != NULL; key++)
		suggestion_offer(&near, key->name);
	if (connect_after(it->key, t->own) != NULL)
		connect_complain(t, it->key, "a key of the connector stands without '%s' beside connector.class",
		                 t->own);
	else if (connect_key_find(it->key, CONNECT_BOTH) != NULL)
		connect_complain(t, it->key, "is a key of %s connectors", t->is_sink ? "source" : "sink");
	else if (near.best != NULL)
		connect_complain(t, it->key, "unknown key; did you mean '%s'?", near.best);
	else
		connect_complain(t, it->key, "unknown key");
}

/* Keys that are ours in this spelling, too. */
static int is_native(const struct translating *t, const char *key)
{
	return connect_after(key, "filter.") != NULL || connect_after(key, "transforms.") != NULL ||
	       connect_after(key, "predicates.") != NULL || connect_after(key, "deadletter.") != NULL ||
	       connect_after(key, t->other) != NULL || schema_has(&pipeline_schema, key);
}

static void take_native(struct translating *t, const struct setting *it)
{
	const char *property = connect_client_property(it->key);
	outflow_error err = { .size = sizeof err };

	if (property != NULL && connect_client_check(t->host, property, &err) != OUTFLOW_OK)
		connect_complain(t, it->key, "%s", err.msg);
	else if (!take_stage_version(t, it))
		connect_put(t, it->key, it->value, it);
}

static void take(struct translating *t, const struct setting *it)
{
	const struct connect_key *key = connect_key_find(it->key, t->is_sink ? CONNECT_SINK : CONNECT_SOURCE);

	if (key != NULL && !(strcmp(it->key, "topics") == 0 && !t->is_sink))
		take_framework(t, key, it);
	else if (connect_check_converter_key(t, it) || connect_after(it->key, "producer.override.") != NULL ||
	         connect_after(it->key, "consumer.override.") != NULL ||
	         connect_after(it->key, "admin.override.") != NULL ||
	         (!t->is_sink && connect_after(it->key, TOPIC_CREATION) != NULL))
		return; /* looked at together, later */
	else if (take_own(t, it))
		return;
	else if (!is_native(t, it->key))
		complain_of_unknown(t, it);
	else
		take_native(t, it);
}

/* ---- the whole ---- */

static void refuse_what_is_not_there(struct translating *t)
{
	const char *once = connect_get(t, "exactly.once.support"), *boundary = connect_get(t, "transaction.boundary");

	if (t->is_sink)
		return;
	if (once != NULL && strcmp(once, "required") == 0)
		connect_complain(t, "exactly.once.support", "delivery is at least once: only requested can be taken");
	if (boundary != NULL && strcmp(boundary, "poll") != 0)
		connect_complain(t, "transaction.boundary", "there are no transactions: take it out");
	if (connect_get(t, "transaction.boundary.interval.ms") != NULL)
		connect_complain(t, "transaction.boundary.interval.ms", "there are no transactions: take it out");
	if (connect_get(t, "offsets.storage.topic") != NULL)
		connect_complain(t, "offsets.storage.topic", "offsets are kept in the state directory: take it out");
}

static void make_class(struct translating *t)
{
	const struct connect_class *class = &t->to->class;
	const struct setting *it = settings_find(t->given, "connector.class");
	char reference[200];

	snprintf(reference, sizeof reference, "%s/%s", class->component.module->plugin->id,
	         class->component.what->name);
	connect_put_below(t, t->own, "class", reference, it);
	for (const char *const *fixed = class->java ? class->java->fixed : NULL; fixed != NULL && *fixed != NULL;
	     fixed += 2)
		connect_put_default(t, "", fixed[0], fixed[1]);
	for (const struct connect_own_key *key = class->java ? class->java->keys : NULL; key && key->name; key++)
		if (key->required && connect_get(t, key->name) == NULL)
			connect_complain(t, key->name, "is required: %s", key->doc);
}

/* So that what is missing is said once, under its own name. */
static void fill_what_is_required(struct translating *t)
{
	for (const struct connect_own_key *key = t->to->class.java ? t->to->class.java->keys : NULL; key && key->name;
	     key++)
		if (key->required)
			connect_put_default(t, "", key->native, "missing");
}

static void translate(struct translating *t)
{
	for (size_t i = 0; i < t->given->n; i++)
		take(t, &t->given->list[i]);
	make_class(t);
	check_versions(t);
	refuse_what_is_not_there(t);
	connect_make_kafka(t);
	connect_make_formats(t);
	fill_what_is_required(t);
}

int connect_is_spelling(const struct settings *s)
{
	return settings_find(s, "connector.class") != NULL;
}

outflow_status connect_translate(const struct declaration *d, const struct host_model *host,
                                 const struct inventory *inv, struct problems *problems,
                                 struct connect_translation *result)
{
	struct translating t = { .declaration = d,
		                 .given = &d->settings,
		                 .host = &host->connect,
		                 .inventory = inv,
		                 .problems = problems,
		                 .to = result };
	outflow_error err = { .size = sizeof err };
	const char *class = settings_get(&d->settings, "connector.class");

	*result = (struct connect_translation){ 0 };
	if (connect_class_find(inv, class ? class : "", &result->class, &err) != OUTFLOW_OK) {
		result->class.component = (struct component){ 0 };
		connect_complain(&t, "connector.class", "%s", err.msg);
		return OUTFLOW_OK;
	}
	t.is_sink = result->class.component.what->kind == OUTFLOW_SINK;
	t.own = t.is_sink ? "sink." : "source.";
	t.other = t.is_sink ? "source." : "sink.";
	translate(&t);
	if (t.status != OUTFLOW_OK)
		connect_translation_clear(result);
	return t.status;
}

const char *connect_spelled(const struct connect_translation *t, const char *native)
{
	const struct connect_own_key *key = t->class.java ? t->class.java->keys : NULL;
	const char *spelled = settings_get(&t->spelled, native), *rest;

	for (; spelled == NULL && key != NULL && key->name != NULL; key++)
		if (strcmp(key->native, native) == 0)
			spelled = key->name;
	if (spelled != NULL)
		return spelled;
	rest = connect_after(native, t->class.component.what->kind == OUTFLOW_SINK ? "sink." : "source.");
	return rest ? rest : native;
}

void connect_translation_clear(struct connect_translation *t)
{
	settings_clear(&t->native);
	settings_clear(&t->spelled);
}
