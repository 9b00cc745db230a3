/* SPDX-License-Identifier: Apache-2.0 */
/* The view that a component's instance gets of its keys. */
#include "host/config/schema.h"
#include "host/config/secret.h"
#include "host/config/suggest.h"
#include "host/plugin/load_host.h"

#include <outflow/util.h>

#include <stdlib.h>

/* ---- one key among the schemas of a place ---- */

static const outflow_cfg_key *find_key(const struct instance_place *where, const char *name)
{
	return schema_find(where->schemas, where->n_schemas, name);
}

static int is_known_to_caller(const struct instance_place *where, const char *name)
{
	for (const char *const *known = where->known; known != NULL && *known != NULL; known++)
		if (strcmp(*known, name) == 0)
			return 1;
	return 0;
}

/* X.value is another spelling of X. */
static int ends_in_value(const char *name)
{
	size_t n = strlen(name), skip = strlen(".value");

	return n > skip && strcmp(name + n - skip, ".value") == 0;
}

static void report_unknown(const struct instance_place *where, const struct setting *it, struct problems *problems)
{
	const char *name = it->key + strlen(where->prefix);
	struct place at = { it->file, it->line, where->pipeline, it->key };
	size_t n = strlen(name) - (ends_in_value(name) ? strlen(".value") : 0);
	char typed[256];
	struct suggestion near = { .typed = typed };

	snprintf(typed, sizeof typed, "%.*s", (int)n, name);
	for (size_t s = 0; s < where->n_schemas; s++)
		for (size_t i = 0; where->schemas[s] != NULL && i < where->schemas[s]->n_keys; i++)
			suggestion_offer(&near, schema_key(where->schemas[s], i)->name);
	for (const char *const *known = where->known; known != NULL && *known != NULL; known++)
		suggestion_offer(&near, *known);
	if (near.best != NULL)
		problems_add(problems, &at, "unknown key; did you mean '%s%s%s'?", where->prefix, near.best, name + n);
	else
		problems_add(problems, &at, "unknown key");
}

/* ---- an instance's view ---- */

struct value {
	const outflow_cfg_key *key; /* NULL: inherited, a text */
	const char *file;
	int line;
	int64_t number;
	size_t n_items;
	char **items; /* OUTFLOW_T_LIST */
};

struct outflow_config {
	struct settings texts; /* resolved, by name without the place's prefix */
	struct value *values;  /* beside texts.list */
	size_t n_values;
};

static const struct value *find_value(const outflow_config *c, const char *name, const char **text)
{
	const struct setting *it = settings_find(&c->texts, name);

	if (it == NULL)
		return NULL;
	*text = it->value;
	return &c->values[it - c->texts.list];
}

static outflow_status config_str(const outflow_config *c, const char *key, outflow_str *result)
{
	const char *text;

	if (find_value(c, key, &text) == NULL)
		return OUTFLOW_AGAIN;
	*result = outflow_text(text);
	return OUTFLOW_OK;
}

static outflow_status config_i64(const outflow_config *c, const char *key, int64_t *result)
{
	const char *text;
	const struct value *v = find_value(c, key, &text);

	if (v == NULL)
		return OUTFLOW_AGAIN;
	*result = v->key != NULL ? v->number : strtoll(text, NULL, 10);
	return OUTFLOW_OK;
}

static outflow_status config_f64(const outflow_config *c, const char *key, double *result)
{
	const char *text;

	if (find_value(c, key, &text) == NULL)
		return OUTFLOW_AGAIN;
	*result = strtod(text, NULL);
	return OUTFLOW_OK;
}

static outflow_status config_boolean(const outflow_config *c, const char *key, int32_t *result)
{
	const char *text;

	if (find_value(c, key, &text) == NULL)
		return OUTFLOW_AGAIN;
	*result = strcmp(text, "true") == 0;
	return OUTFLOW_OK;
}

static size_t config_list(const outflow_config *c, const char *key, size_t i, outflow_str *item)
{
	const char *text;
	const struct value *v = find_value(c, key, &text);

	if (v == NULL)
		return 0;
	if (i < v->n_items)
		*item = outflow_text(v->items[i]);
	return v->n_items;
}

static size_t config_prefix(const outflow_config *c, const char *prefix, size_t i, outflow_str *key, outflow_str *value)
{
	size_t n = 0, skip = strlen(prefix);

	for (size_t k = 0; k < c->texts.n; k++) {
		const struct setting *it = &c->texts.list[k];

		if (strncmp(it->key, prefix, skip) != 0)
			continue;
		if (n == i) {
			*key = outflow_text(it->key + skip);
			*value = outflow_text(it->value);
		}
		n++;
	}
	return n;
}

const outflow_config_api instance_config_api = {
	.size = sizeof instance_config_api,
	.str = config_str,
	.i64 = config_i64,
	.f64 = config_f64,
	.boolean = config_boolean,
	.list = config_list,
	.prefix = config_prefix,
};

/* ---- making it ---- */

static outflow_status add_item(struct value *v, const char *from, size_t n)
{
	char **items = realloc(v->items, (v->n_items + 1) * sizeof *items);
	char *item = malloc(n + 1);
	size_t kept = 0;

	if (items != NULL)
		v->items = items;
	if (items == NULL || item == NULL) {
		free(item);
		return OUTFLOW_E_NOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		if (from[i] == '\\' && i + 1 < n)
			i++;
		item[kept++] = from[i];
	}
	item[kept] = '\0';
	items[v->n_items++] = item;
	return OUTFLOW_OK;
}

/* Items are separated by commas; white space around them does not count; a backslash keeps what follows. */
static outflow_status split_list(struct value *v, const char *text)
{
	const char *p = text;

	while (*p != '\0') {
		const char *start = p + strspn(p, " \t");
		const char *end;
		outflow_status status;

		for (p = start; *p != '\0' && *p != ','; p++)
			if (*p == '\\' && p[1] != '\0')
				p++;
		for (end = p; end > start && (end[-1] == ' ' || end[-1] == '\t'); end--)
			;
		if (end > start && (status = add_item(v, start, (size_t)(end - start))) != OUTFLOW_OK)
			return status;
		if (*p == ',')
			p++;
	}
	return OUTFLOW_OK;
}

/* The schema's spelling of a name, if it has one of the two. */
static const char *canonical_name(const struct instance_place *where, const char *name, char *buffer, size_t size)
{
	if (find_key(where, name) != NULL)
		return name;
	if (ends_in_value(name)) {
		snprintf(buffer, size, "%.*s", (int)(strlen(name) - strlen(".value")), name);
		if (find_key(where, buffer) != NULL)
			return buffer;
	}
	snprintf(buffer, size, "%s.value", name);
	return find_key(where, buffer) != NULL ? buffer : name;
}

/* The value with its references replaced, malloc'd. A place from which they are hidden gets no secrets at all; a number or a
 * choice tells nothing, and what stands for a hidden value would not be one. */
static char *resolve(const struct instance_place *where, const outflow_cfg_key *key, const struct setting *it,
                     outflow_error *err)
{
	int hides = where->hidden &&
	            (key->type == OUTFLOW_T_STRING || key->type == OUTFLOW_T_LIST || key->type == OUTFLOW_T_PREFIX);

	if (hides && (key->flags & OUTFLOW_K_SECRET))
		return strdup(SECRET_HIDDEN);
	return secret_resolve(it->value, hides ? SECRET_TRIED : it->file ? SECRET_DECLARED : SECRET_CREATED, err);
}

static outflow_status take_settings(outflow_config *c, const struct instance_place *where, const struct settings *all,
                                    struct problems *problems)
{
	size_t skip = strlen(where->prefix);
	outflow_status status = OUTFLOW_OK;
	outflow_error err = { .size = sizeof err };

	for (size_t i = 0; i < all->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &all->list[i];
		struct place at = { it->file, it->line, where->pipeline, it->key };
		char buffer[300];
		const outflow_cfg_key *key;
		const char *name;
		char *resolved;

		if (strncmp(it->key, where->prefix, skip) != 0 || is_known_to_caller(where, it->key + skip))
			continue;
		name = canonical_name(where, it->key + skip, buffer, sizeof buffer);
		key = find_key(where, name);
		if (key == NULL) {
			report_unknown(where, it, problems);
			continue;
		}
		resolved = resolve(where, key, it, &err);
		if (resolved == NULL) {
			problems_add(problems, &at, "%s", err.msg);
			continue;
		}
		status = settings_set(&c->texts, name, resolved, it->file, it->line);
		free(resolved);
	}
	return status;
}

static outflow_status take_defaults(outflow_config *c, const struct instance_place *where, struct problems *problems)
{
	for (size_t s = 0; s < where->n_schemas; s++)
		for (size_t i = 0; where->schemas[s] != NULL && i < where->schemas[s]->n_keys; i++) {
			const outflow_cfg_key *key = schema_key(where->schemas[s], i);
			char full[300];
			struct place at = { where->file, where->line, where->pipeline, full };

			if (key->type == OUTFLOW_T_PREFIX || settings_find(&c->texts, key->name) != NULL)
				continue;
			snprintf(full, sizeof full, "%s%s", where->prefix, key->name);
			if ((key->flags & OUTFLOW_K_REQUIRED) && where->partial)
				continue;
			if (key->flags & OUTFLOW_K_REQUIRED)
				problems_add(problems, &at, "is required: %s", key->doc ? key->doc : "");
			else if (key->dflt != NULL &&
			         settings_set(&c->texts, key->name, key->dflt, where->file, where->line) != OUTFLOW_OK)
				return OUTFLOW_E_NOMEM;
		}
	return OUTFLOW_OK;
}

/* A secret's value is never shown, nor what a reference led to. */
static int is_hidden(const struct settings *all, const char *full, const outflow_cfg_key *key)
{
	const char *given = settings_get(all, full);
	char longer[310];

	snprintf(longer, sizeof longer, "%s.value", full);
	if (given == NULL)
		given = settings_get(all, longer);
	return (key->flags & OUTFLOW_K_SECRET) || (given != NULL && strstr(given, "${") != NULL);
}

static outflow_status parse_values(outflow_config *c, const struct instance_place *where, const struct settings *all,
                                   struct problems *problems)
{
	c->values = calloc(c->texts.n + 1, sizeof *c->values);
	if (c->values == NULL)
		return OUTFLOW_E_NOMEM;
	c->n_values = c->texts.n;
	for (size_t i = 0; i < c->texts.n; i++) {
		const struct setting *it = &c->texts.list[i];
		const outflow_cfg_key *key = find_key(where, it->key);
		char full[300];
		struct place at = { it->file, it->line, where->pipeline, full };
		outflow_error err = { .size = sizeof err };

		if (key == NULL)
			continue;
		snprintf(full, sizeof full, "%s%s", where->prefix, it->key);
		c->values[i].key = key;
		if (schema_parse(key, it->value, &c->values[i].number, &err) != OUTFLOW_OK)
			problems_add(problems, &at, "%s",
			             is_hidden(all, full, key) ? "its value is not valid" : err.msg);
		if (key->type == OUTFLOW_T_LIST && split_list(&c->values[i], it->value) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}

/* ---- a schema's own check ---- */

struct checking {
	const struct instance_place *where;
	const outflow_config *config;
	struct problems *problems;
};

static void on_problem(const outflow_host *h, const char *key, const char *msg)
{
	const struct checking *c = h->ctx;
	const struct setting *it = key ? settings_find(&c->config->texts, key) : NULL;
	char full[300];
	struct place at = { it ? it->file : c->where->file, it ? it->line : c->where->line, c->where->pipeline, full };

	snprintf(full, sizeof full, "%s%s", c->where->prefix, key ? key : "");
	problems_add(c->problems, &at, "%s", msg);
}

static void run_checks(const outflow_config *c, const struct instance_place *where, struct problems *problems)
{
	struct checking checking = { where, c, problems };
	outflow_host host = load_host;

	host.ctx = &checking;
	host.pipeline = where->pipeline;
	host.stage = where->prefix;
	host.problem = on_problem;
	for (size_t s = 0; s < where->n_schemas; s++) {
		const outflow_cfg_def *def = where->schemas[s];
		outflow_error err = { .size = sizeof err };
		size_t before = problems->reported;
		struct place at = { where->file, where->line, where->pipeline, where->prefix };

		if (!OUTFLOW_HAS(outflow_cfg_def, def, check))
			continue;
		if (def->check(&host, c, &err) < 0 && problems->reported == before)
			problems_add(problems, &at, "%s", err.msg);
	}
}

outflow_status instance_config_new(const struct instance_place *where, const struct settings *all,
                                   struct problems *problems, outflow_config **result)
{
	outflow_config *c = calloc(1, sizeof *c);
	size_t before = problems->reported;
	outflow_status status;

	if (c == NULL)
		return OUTFLOW_E_NOMEM;
	status = take_settings(c, where, all, problems);
	if (status == OUTFLOW_OK)
		status = take_defaults(c, where, problems);
	if (status == OUTFLOW_OK && where->inherited != NULL)
		status = settings_merge(&c->texts, "", where->inherited, "", 0);
	if (status == OUTFLOW_OK)
		status = parse_values(c, where, all, problems);
	if (status != OUTFLOW_OK) {
		instance_config_free(&c);
		return status;
	}
	/* A check may rely on what the schema promises. */
	if (problems->reported == before && !where->partial)
		run_checks(c, where, problems);
	*result = c;
	return OUTFLOW_OK;
}

static outflow_status copy_value(const outflow_config *base, const struct setting *it, struct value *to,
                                 outflow_error *err)
{
	const char *text;
	const struct value *from = find_value(base, it->key, &text);
	outflow_error reason = { .size = sizeof reason };
	outflow_status status = OUTFLOW_OK;

	if (from == NULL || (from->key == NULL && strcmp(text, it->value) != 0))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "%s: is not a key of the schema", it->key);
	to->key = from->key;
	if (to->key != NULL)
		status = schema_parse(to->key, it->value, &to->number, &reason);
	if (status != OUTFLOW_OK)
		outflow_fail(err, status, "%s: %s", it->key, reason.msg);
	if (status == OUTFLOW_OK && to->key != NULL && to->key->type == OUTFLOW_T_LIST)
		status = split_list(to, it->value);
	return status;
}

outflow_status instance_config_copy(const outflow_config *base, const struct settings *changes, outflow_config **result,
                                    outflow_error *err)
{
	outflow_config *c = calloc(1, sizeof *c);
	outflow_status status = OUTFLOW_E_NOMEM;

	if (c != NULL && settings_merge(&c->texts, "", &base->texts, "", 1) == OUTFLOW_OK &&
	    settings_merge(&c->texts, "", changes, "", 1) == OUTFLOW_OK &&
	    (c->values = calloc(c->texts.n + 1, sizeof *c->values)) != NULL)
		status = OUTFLOW_OK;
	else
		outflow_fail(err, status, "no memory for a configuration");
	for (; status == OUTFLOW_OK && c->n_values < c->texts.n; c->n_values++)
		status = copy_value(base, &c->texts.list[c->n_values], &c->values[c->n_values], err);
	if (status != OUTFLOW_OK) {
		instance_config_free(&c);
		return status;
	}
	*result = c;
	return OUTFLOW_OK;
}

void instance_config_free(outflow_config **pc)
{
	outflow_config *c = *pc;

	*pc = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_values; i++) {
		for (size_t k = 0; k < c->values[i].n_items; k++)
			free(c->values[i].items[k]);
		free(c->values[i].items);
	}
	free(c->values);
	settings_clear(&c->texts);
	free(c);
}
