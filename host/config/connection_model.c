/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connection_model.h"

#include "host/config/connect_clients.h"
#include "host/config/host_schema.h"
#include "host/config/model_internal.h"
#include "host/config/schema.h"

#include <outflow/util.h>

#include <stdio.h>
#include <string.h>

/* Keys of the connection itself. */
static const char *const own_keys[] = { "name", "class", "type", "description", NULL };

/* What stands where a connection's keys go: a component, and what the host lets stand beside its keys. */
struct end {
	struct component component; /* what NULL: the class is none of this kind */
	const outflow_cfg_def *schemas[3];
};

#define SCHEMAS (sizeof((struct end *)0)->schemas / sizeof((struct end *)0)->schemas[0])

static void complain(const struct declaration *d, const char *key, const char *message, struct problems *problems)
{
	const struct setting *it = settings_find(&d->settings, key);
	struct place at = { it ? it->file : d->file, it ? it->line : d->line, NULL, key };

	problems_add(problems, &at, "%s", message);
}

/* Who may create connections over the API may not thereby have the daemon read files and load code, as its client does on some
 * properties. Returns 0: one is not allowed. */
static int may_set_clients(const struct declaration *d, const struct host_model *host, struct problems *problems)
{
	static const char *const ends[] = { "source.", "sink." };
	size_t before = problems->reported;

	for (size_t i = 0; i < d->settings.n; i++)
		for (size_t k = 0; d->settings.list[i].file == NULL && k < sizeof ends / sizeof ends[0]; k++) {
			outflow_error err = { .size = sizeof err };
			const char *property;
			char key[512];

			snprintf(key, sizeof key, "%s%s", ends[k], d->settings.list[i].key);
			property = connect_client_property(key);
			if (property != NULL && connect_client_check(&host->connect, property, &err) != OUTFLOW_OK)
				complain(d, d->settings.list[i].key, err.msg, problems);
		}
	return problems->reported == before;
}

static const outflow_cfg_def *schema_of(const struct inventory *inv, uint32_t kind, const char *reference)
{
	struct component c;

	return inventory_find(inv, kind, reference, &c, NULL) == OUTFLOW_OK ? c.what->config : NULL;
}

static int find_end(const struct inventory *inv, uint32_t kind, const char *class, struct end *end, outflow_error *err)
{
	*end = (struct end){ 0 };
	if (inventory_find(inv, kind, class, &end->component, err) != OUTFLOW_OK) {
		end->component.what = NULL;
		return 0;
	}
	end->schemas[0] = end->component.what->config;
	end->schemas[1] = kind == OUTFLOW_SOURCE ? schema_of(inv, OUTFLOW_CONVERTER, MODEL_CONVERTER)
	                                         : schema_of(inv, OUTFLOW_TRANSFORM, MODEL_DELIVER);
	end->schemas[2] = kind == OUTFLOW_SINK ? &deadletter_schema : NULL;
	return 1;
}

/* How many of the keys it knows. */
static size_t count_known(const struct end *end, const struct settings *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += schema_find(end->schemas, SCHEMAS, s->list[i].key) != NULL;
	return n;
}

/* Both ends that the class can be, the likelier first. Returns how many, 0 after a complaint. */
static size_t find_ends(const struct declaration *d, const struct inventory *inv, struct end *ends,
                        struct problems *problems)
{
	const char *class = settings_get(&d->settings, "class");
	const char *key = class ? "class" : "type";
	outflow_error no_sink = { .size = sizeof no_sink }, no_source = { .size = sizeof no_source };
	size_t n = 0;

	if (class == NULL)
		class = settings_get(&d->settings, "type");
	if (class == NULL) {
		complain(d, "class", "is required: which plugin connects there?", problems);
		return 0;
	}
	n += (size_t)find_end(inv, OUTFLOW_SINK, class, &ends[n], &no_sink);
	n += (size_t)find_end(inv, OUTFLOW_SOURCE, class, &ends[n], &no_source);
	if (n == 0)
		complain(d, key, strstr(no_source.msg, "did you mean") != NULL ? no_source.msg : no_sink.msg, problems);
	if (n == 2 && count_known(&ends[1], &d->settings) > count_known(&ends[0], &d->settings)) {
		struct end likelier = ends[1];

		ends[1] = ends[0];
		ends[0] = likelier;
	}
	return n;
}

outflow_status connection_model_new(const struct declaration *d, const struct host_model *host,
                                    const struct inventory *inv, struct problems *problems,
                                    struct connection_model *result)
{
	struct end ends[2] = { 0 };
	const outflow_cfg_def *schemas[2 * SCHEMAS];
	struct instance_place where = { .prefix = "",
		                        .known = own_keys,
		                        .schemas = schemas,
		                        .n_schemas = 2 * SCHEMAS,
		                        .file = d->file,
		                        .line = d->line,
		                        .partial = 1 };
	size_t before = problems->reported;
	outflow_status status;

	*result = (struct connection_model){ 0 };
	if (!may_set_clients(d, host, problems) || find_ends(d, inv, ends, problems) == 0)
		return OUTFLOW_OK;
	for (size_t i = 0; i < 2 * SCHEMAS; i++)
		schemas[i] = ends[i / SCHEMAS].schemas[i % SCHEMAS];
	status = instance_config_new(&where, &d->settings, problems, &result->config);
	result->component = ends[0].component;
	if (problems->reported > before)
		connection_model_clear(result);
	return status;
}

void connection_model_clear(struct connection_model *m)
{
	instance_config_free(&m->config);
	*m = (struct connection_model){ 0 };
}

outflow_status connection_check(const struct declaration *d, const struct host_model *host, const struct inventory *inv,
                                struct problems *problems)
{
	struct connection_model m;
	outflow_status status = connection_model_new(d, host, inv, problems, &m);

	connection_model_clear(&m);
	return status;
}

struct connection_keys connection_keys_of(const struct inventory *inv, uint32_t kind, const char *class)
{
	struct end own, other;
	struct connection_keys keys;

	find_end(inv, kind, class, &own, NULL);
	find_end(inv, kind == OUTFLOW_SOURCE ? OUTFLOW_SINK : OUTFLOW_SOURCE, class, &other, NULL);
	memcpy(keys.own, own.schemas, sizeof keys.own);
	memcpy(keys.other, other.schemas, sizeof keys.other);
	return keys;
}

int connection_keys_leave(const struct connection_keys *keys, const char *key)
{
	return schema_find(keys->own, SCHEMAS, key) == NULL && schema_find(keys->other, SCHEMAS, key) != NULL;
}
