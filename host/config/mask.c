/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/mask.h"

#include "host/config/connect_keys.h"
#include "host/config/connect_spelling.h"
#include "host/config/host_schema.h"
#include "host/config/schema.h"

#include <outflow/util.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LENGTH 255u

/* ---- secret by name ---- */

static int ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n >= k && strcasecmp(name + n - k, end) == 0;
}

/* Names of librdkafka, of the Java clients (CONFIGURATION.md; SslConfigs, SaslConfigs), and what others are like. */
static int is_secret_name(const char *name)
{
	static const char *const ends[] = {
		"password",    "passwd",     "passphrase",   "secret",        "token",   "jaas.config",
		"private.key", "secret.key", "keystore.key", "access.key",    "api.key", "credentials",
		"user.info",   "assertion",  "apikey",       "authorization",
	};
	const char *tls_key = strcasestr(name, "ssl.key.");

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (ends_in(name, ends[i]))
			return 1;
	/* Of a private key only the place of its file may be seen. */
	if (strcasestr(name, "private.key.") != NULL)
		return !ends_in(name, ".location") && !ends_in(name, ".file");
	return tls_key != NULL && !ends_in(tls_key, ".location");
}

/* scheme://user:password@host */
static int holds_user_info(const char *value)
{
	const char *host = strstr(value, "://");
	const char *end = host ? host + 3 + strcspn(host + 3, "/?#") : NULL;

	return host != NULL && memchr(host + 3, '@', (size_t)(end - host - 3)) != NULL;
}

/* Nothing but references to where the secret is. */
static int is_reference(const char *value)
{
	static const char *const providers[] = { "${file:", "${env:", "${dir:" };

	while (*value != '\0') {
		const char *end = strchr(value, '}');
		int known = 0;

		for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++)
			known |= strncmp(value, providers[i], strlen(providers[i])) == 0;
		if (!known || end == NULL)
			return 0;
		value = end + 1;
	}
	return 1;
}

/* ---- secret by schema ---- */

/* Where the keys of one component stand. */
struct component_place {
	char prefix[NAME_MAX_LENGTH + 1]; /* "source."; "" in a connection */
	uint32_t kinds[2];                /* what may stand there; 0: nothing */
};

/* Which of them the key is below; 0: none. */
static int find_place(enum mask_of what, const char *key, struct component_place *place)
{
	static const struct {
		const char *prefix;
		int has_alias;
		uint32_t kind;
	} places[] = {
		{ "source.", 0, OUTFLOW_SOURCE },        { "sink.", 0, OUTFLOW_SINK },
		{ "deadletter.", 0, OUTFLOW_SINK },      { "transforms.", 1, OUTFLOW_TRANSFORM },
		{ "predicates.", 1, OUTFLOW_PREDICATE },
	};

	*place = (struct component_place){ "", { OUTFLOW_SOURCE, OUTFLOW_SINK } };
	if (what == MASK_CONNECTION)
		return 1;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		size_t n = strlen(places[i].prefix), alias;

		if (strncmp(key, places[i].prefix, n) != 0)
			continue;
		alias = places[i].has_alias ? strcspn(key + n, ".") + 1 : 0;
		if (strlen(key) <= n + alias)
			continue;
		snprintf(place->prefix, sizeof place->prefix, "%.*s", (int)(n + alias), key);
		place->kinds[0] = places[i].kind;
		place->kinds[1] = 0;
		return 1;
	}
	return 0;
}

/* X.value is X. */
static int is_key(const outflow_cfg_key *key, const char *name)
{
	size_t n = strlen(key->name);

	if (strncmp(name, key->name, n) != 0)
		return 0;
	return key->type == OUTFLOW_T_PREFIX || name[n] == '\0' || strcmp(name + n, ".value") == 0;
}

static int schema_hides(const outflow_cfg_def *def, const char *name)
{
	for (size_t i = 0; def != NULL && i < def->n_keys; i++) {
		const outflow_cfg_key *key = schema_key(def, i);

		if ((key->flags & OUTFLOW_K_SECRET) && is_key(key, name))
			return 1;
	}
	return 0;
}

static int schema_has(const outflow_cfg_def *def, const char *name)
{
	for (size_t i = 0; i < def->n_keys; i++)
		if (is_key(schema_key(def, i), name))
			return 1;
	return 0;
}

/* Without a class, which a connection may give: what any component that may stand there keeps secret. */
static int any_hides(const struct inventory *inv, uint32_t kind, const char *name)
{
	const struct catalog *all = inventory_catalog(inv);

	for (size_t i = 0; i < all->n_plugins; i++) {
		const struct module *m = plugin_file_module(all->plugins[i]);

		for (size_t k = 0; m != NULL && k < m->plugin->n_components; k++)
			if (m->plugin->components[k]->kind == kind &&
			    schema_hides(m->plugin->components[k]->config, name))
				return 1;
	}
	return 0;
}

static const char *class_at(const struct settings *s, const char *prefix)
{
	char key[NAME_MAX_LENGTH + 16];
	const char *class;

	snprintf(key, sizeof key, "%sclass", prefix);
	class = settings_get(s, key);
	snprintf(key, sizeof key, "%stype", prefix);
	return class ? class : settings_get(s, key);
}

/* name: without the place's prefix. */
static int component_hides(const struct inventory *inv, const struct component_place *place, const char *class,
                           const char *name)
{
	int loaded = class == NULL;

	for (size_t i = 0; i < 2 && place->kinds[i] != 0; i++) {
		const outflow_component *c = class ? inventory_loaded(inv, place->kinds[i], class) : NULL;

		loaded |= c != NULL;
		if (class == NULL ? any_hides(inv, place->kinds[i], name) : c != NULL && schema_hides(c->config, name))
			return 1;
	}
	return !loaded && !schema_has(&choice_schema, name);
}

static int is_java(const char *class)
{
	for (const struct connect_java *java = connect_javas; java->class != NULL; java++)
		if (connect_class_is(java->class, "Connector", class))
			return 1;
	return 0;
}

/* In Kafka Connect's spelling the keys of the component stand among those of the pipeline. */
static int connector_hides(const struct inventory *inv, const struct settings *settings, const char *key)
{
	const struct component_place place = { "", { OUTFLOW_SOURCE, OUTFLOW_SINK } };
	const char *class = settings_get(settings, "connector.class");

	if (is_java(class) || schema_has(&pipeline_schema, key) || connect_key_find(key, CONNECT_SOURCE) != NULL ||
	    connect_key_find(key, CONNECT_SINK) != NULL)
		return 0;
	return component_hides(inv, &place, class, key);
}

int mask_hides(const struct inventory *inv, enum mask_of what, const struct settings *settings,
               const struct setting *it)
{
	struct component_place place;
	char name[NAME_MAX_LENGTH + 1];

	if (is_reference(it->value))
		return 0;
	snprintf(name, sizeof name, "%s", it->key);
	if (ends_in(name, ".value"))
		name[strlen(name) - strlen(".value")] = '\0';
	if (is_secret_name(name) || holds_user_info(it->value))
		return 1;
	if (find_place(what, it->key, &place))
		return component_hides(inv, &place, class_at(settings, place.prefix), it->key + strlen(place.prefix));
	return connect_is_spelling(settings) && connector_hides(inv, settings, it->key);
}

/* ---- there and back ---- */

outflow_status mask_settings(const struct host_model *host, const struct inventory *inv, enum mask_of what,
                             const struct settings *from, struct settings *to)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < from->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &from->list[i];
		int hidden = !host->secrets_show && mask_hides(inv, what, from, it);

		status = settings_set(to, it->key, hidden ? MASK_TEXT : it->value, it->file, it->line);
	}
	if (status != OUTFLOW_OK)
		settings_clear(to);
	return status;
}

outflow_status mask_restore(struct settings *given, const struct settings *stored, const char *name,
                            struct problems *problems)
{
	for (size_t i = 0; i < given->n; i++) {
		struct setting *it = &given->list[i];
		const char *value = stored ? settings_get(stored, it->key) : NULL;
		struct place where = { it->file, it->line, name, it->key };

		if (strcmp(it->value, MASK_TEXT) != 0)
			continue;
		if (value == NULL)
			problems_add(problems, &where,
			             "is " MASK_TEXT
			             ", which stands for a secret that stays as it is, but none is stored");
		else if (settings_set(given, it->key, value, it->file, it->line) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}
