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

/* name: without the place's prefix. Of a key X of the component also X.value, of a prefix everything below. */
static int component_hides(const struct known_component *c, const char *name)
{
	for (const char *secret = c->secrets; *secret != '\0'; secret += strlen(secret) + 1) {
		size_t n = strlen(secret);

		if (strncmp(name, secret, n) != 0)
			continue;
		if (secret[n - 1] == '.' || name[n] == '\0' || strcmp(name + n, ".value") == 0)
			return 1;
	}
	return 0;
}

/* Is it one of the host's own keys there? */
static int schema_has(const outflow_cfg_def *def, const char *name)
{
	for (size_t i = 0; i < def->n_keys; i++)
		if (strcmp(schema_key(def, i)->name, name) == 0)
			return 1;
	return 0;
}

/* Without a class, which a connection may give: what any component that may stand there keeps secret. */
static int any_hides(const struct inventory *inv, uint32_t kind, const char *name)
{
	const struct catalog *all = inventory_catalog(inv);

	for (size_t i = 0; i < all->n_plugins; i++) {
		const struct known_plugin *p = all->plugins[i]->about;

		for (size_t k = 0; k < p->n_components; k++)
			if (p->components[k].kind == kind && component_hides(&p->components[k], name))
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

/* What is known of the key below a place. */
enum opinion { OPEN, SECRET, UNKNOWN };

static enum opinion ask_class(const struct inventory *inv, const struct component_place *place, const char *class,
                              const char *name)
{
	enum opinion opinion = UNKNOWN;

	for (size_t i = 0; i < 2 && place->kinds[i] != 0; i++) {
		const struct known_component *c = inventory_known(inv, place->kinds[i], class);

		if (c != NULL && component_hides(c, name))
			return SECRET;
		if (c != NULL)
			opinion = OPEN;
	}
	return schema_has(&choice_schema, name) ? OPEN : opinion;
}

/* name: without the place's prefix. Nobody knows which keys of an unknown class are secret. */
static int place_hides(const struct inventory *inv, const struct component_place *place, const char *class,
                       const char *name)
{
	if (class != NULL)
		return ask_class(inv, place, class, name) != OPEN;
	for (size_t i = 0; i < 2 && place->kinds[i] != 0; i++)
		if (any_hides(inv, place->kinds[i], name))
			return 1;
	return 0;
}

static int is_java(const char *class)
{
	for (const struct connect_java *java = connect_javas; java->class != NULL; java++)
		if (connect_class_is(java->class, "Connector", class))
			return 1;
	return 0;
}

/* Where the component's keys stand and how it is chosen. In Kafka Connect's spelling they stand among those of the pipeline. 0:
 * the key is none of a component. */
static int find_component(enum mask_of what, const struct settings *settings, const char *key,
                          struct component_place *place, const char **class)
{
	if (find_place(what, key, place)) {
		*class = class_at(settings, place->prefix);
		return 1;
	}
	*class = settings_get(settings, "connector.class");
	return connect_is_spelling(settings) && !is_java(*class) && !schema_has(&pipeline_schema, key) &&
	       connect_key_find(key, CONNECT_SOURCE) == NULL && connect_key_find(key, CONNECT_SINK) == NULL;
}

static int is_secret_by_name(const char *key)
{
	char name[NAME_MAX_LENGTH + 1];

	snprintf(name, sizeof name, "%s", key);
	if (ends_in(name, ".value"))
		name[strlen(name) - strlen(".value")] = '\0';
	return is_secret_name(name);
}

int mask_hides(const struct inventory *inv, enum mask_of what, const struct settings *settings,
               const struct setting *it)
{
	struct component_place place;
	const char *class;

	if (is_reference(it->value))
		return 0;
	if (is_secret_by_name(it->key) || holds_user_info(it->value))
		return 1;
	return find_component(what, settings, it->key, &place, &class) &&
	       place_hides(inv, &place, class, it->key + strlen(place.prefix));
}

/* ---- there and back ---- */

outflow_status mask_settings(const struct host_model *host, const struct inventory *inv, enum mask_of what,
                             const struct settings *from, struct settings *to)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < from->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &from->list[i];
		int hidden = (host == NULL || !host->secrets_show) && mask_hides(inv, what, from, it);

		status = settings_set(to, it->key, hidden ? MASK_TEXT : it->value, it->file, it->line);
	}
	if (status != OUTFLOW_OK)
		settings_clear(to);
	return status;
}

static int is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Is the key's component chosen in the same way in both? */
static int is_same_component(enum mask_of what, const struct settings *stored, const struct settings *given,
                             const char *key)
{
	struct component_place place;
	const char *before, *after;
	char connection[NAME_MAX_LENGTH + 16];

	find_component(what, stored, key, &place, &before);
	find_component(what, given, key, &place, &after);
	snprintf(connection, sizeof connection, "%sconnection", place.prefix);
	return is_same(before, after) && is_same(settings_get(stored, connection), settings_get(given, connection));
}

/* May the stored value be put there? Under another class, or behind another connection, the same key may be one that is logged,
 * shown, sent: there it must be sure to be secret. */
static int may_restore(const struct inventory *inv, enum mask_of what, const struct settings *stored,
                       const struct settings *given, const char *key)
{
	struct component_place place;
	const char *class;

	if (is_secret_by_name(key) || is_same_component(what, stored, given, key))
		return 1;
	return find_component(what, given, key, &place, &class) && class != NULL &&
	       ask_class(inv, &place, class, key + strlen(place.prefix)) == SECRET;
}

outflow_status mask_restore(const struct inventory *inv, enum mask_of what, struct settings *given,
                            const struct settings *stored, const char *name, struct problems *problems)
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
		else if (!may_restore(inv, what, stored, given, it->key))
			problems_add(problems, &where,
			             "is " MASK_TEXT
			             ", which stands for the secret of another class or connection, where it "
			             "is kept secret; here it may not be: give a value");
		else if (settings_set(given, it->key, value, it->file, it->line) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}
