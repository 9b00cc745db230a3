/* SPDX-License-Identifier: Apache-2.0 */
#include "harness_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What every stage sees besides its own keys. */
static const char *const inherited[][2] = {
	{ "source.format", "json" },           { "source.format.invalid", "fail" },
	{ "source.event.source", "acs:mqtt" }, { "source.event.type", "mqtt:Topic:SendMessage" },
	{ "source.event.subject", "" },        { "source.event.aliases", "true" },
	{ "source.event.binding", "auto" },    { "cluster", "outflow" },
};

static const char inherited_prefix[] = "source.event.extensions.";

static struct setting *find(const struct outflow_config *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].key, key) == 0)
			return &c->list[i];
	return NULL;
}

const char *harness_config_get(const struct outflow_config *c, const char *key)
{
	const struct setting *s = find(c, key);

	if (s != NULL)
		return s->value;
	for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++)
		if (strcmp(inherited[i][0], key) == 0)
			return inherited[i][1];
	return NULL;
}

static void set(struct outflow_config *c, const char *key, const char *value, bool is_default)
{
	struct setting *s = find(c, key);

	if (s == NULL) {
		c->list = harness_room(c->list, c->n + 1, sizeof *c->list);
		s = &c->list[c->n++];
		s->key = harness_text(key, strlen(key));
	} else {
		free(s->value);
	}
	s->value = harness_text(value, strlen(value));
	s->is_default = is_default;
}

static void remove_at(struct outflow_config *c, size_t i)
{
	free(c->list[i].key);
	free(c->list[i].value);
	c->list[i] = c->list[--c->n];
}

void outflow_harness_set(outflow_harness *t, const char *key, const char *value)
{
	const struct setting *s = find(&t->config, key);

	if (value != NULL)
		set(&t->config, key, value, false);
	else if (s != NULL)
		remove_at(&t->config, (size_t)(s - t->config.list));
}

void harness_config_free(struct outflow_config *c)
{
	while (c->n > 0)
		remove_at(c, 0);
	free(c->list);
	c->list = NULL;
	harness_clear_texts(&c->items);
}

/* ---- values ---- */

struct unit {
	const char *name;
	int64_t factor;
};

/* As the host has them: a bare number is refused, but for 0. */
static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};
static const struct unit sizes[] = {
	{ "B", 1 },         { "kB", 1000 },     { "KB", 1000 },     { "MB", 1000000 },           { "GB", 1000000000 },
	{ "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { "TiB", INT64_C(1) << 40 }, { NULL, 0 },
};
static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };

static bool parse_number(const char *text, const struct unit *units, int64_t *number)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || errno != 0)
		return false;
	while (*end == ' ')
		end++;
	*number = 0;
	if (n == 0 && *end == '\0')
		return true;
	for (; units->name != NULL; units++)
		if (strcmp(units->name, end) == 0)
			return !__builtin_mul_overflow((int64_t)n, units->factor, number);
	return false;
}

static bool parse_flag(const char *text, int64_t *number)
{
	*number = strcmp(text, "true") == 0;
	return *number || strcmp(text, "false") == 0;
}

static bool parse_typed(uint32_t type, const char *text, int64_t *number)
{
	char *end;

	switch (type) {
	case OUTFLOW_T_BOOL:
		return parse_flag(text, number);
	case OUTFLOW_T_INT:
		return parse_number(text, counts, number);
	case OUTFLOW_T_DURATION_MS:
		return parse_number(text, durations, number);
	case OUTFLOW_T_SIZE:
		return parse_number(text, sizes, number);
	case OUTFLOW_T_DOUBLE:
		(void)strtod(text, &end);
		return end != text && *end == '\0';
	default:
		return true;
	}
}

static outflow_status config_str(const outflow_config *c, const char *key, outflow_str *value)
{
	const char *text = harness_config_get(c, key);

	if (text == NULL)
		return OUTFLOW_AGAIN;
	*value = outflow_text(text);
	return OUTFLOW_OK;
}

/* The schema has been checked, so the text says by itself what it is. */
static outflow_status config_i64(const outflow_config *c, const char *key, int64_t *value)
{
	const char *text = harness_config_get(c, key);

	if (text == NULL)
		return OUTFLOW_AGAIN;
	if (!parse_number(text, counts, value) && !parse_number(text, durations, value))
		(void)parse_number(text, sizes, value);
	return OUTFLOW_OK;
}

static outflow_status config_f64(const outflow_config *c, const char *key, double *value)
{
	const char *text = harness_config_get(c, key);

	if (text == NULL)
		return OUTFLOW_AGAIN;
	*value = strtod(text, NULL);
	return OUTFLOW_OK;
}

static outflow_status config_boolean(const outflow_config *c, const char *key, int32_t *value)
{
	const char *text = harness_config_get(c, key);
	int64_t number;

	if (text == NULL)
		return OUTFLOW_AGAIN;
	(void)parse_flag(text, &number);
	*value = (int32_t)number;
	return OUTFLOW_OK;
}

/* The text of one item with its "\," undone, up to the next comma; *end is at that comma or the end. */
static char *list_item(const char *text, const char **end)
{
	char *item = harness_room(NULL, strlen(text) + 1, 1);
	size_t n = 0;

	while (*text == ' ')
		text++;
	for (; *text != '\0' && *text != ','; text++) {
		if (text[0] == '\\' && text[1] != '\0')
			text++;
		item[n++] = *text;
	}
	while (n > 0 && item[n - 1] == ' ')
		n--;
	item[n] = '\0';
	*end = text;
	return item;
}

static size_t config_list(const outflow_config *c, const char *key, size_t i, outflow_str *item)
{
	const char *text = harness_config_get(c, key);
	size_t n = 0;

	if (text == NULL || *text == '\0')
		return 0;
	for (;; text++) {
		char *found = list_item(text, &text);

		if (n++ == i) {
			/* Handed out: keep it as long as the configuration. */
			harness_add_text(&((struct outflow_config *)(uintptr_t)c)->items, found);
			*item = outflow_text(found);
		} else {
			free(found);
		}
		if (*text == '\0')
			return n;
	}
}

static size_t config_prefix(const outflow_config *c, const char *prefix, size_t i, outflow_str *key, outflow_str *value)
{
	size_t length = strlen(prefix), n = 0;

	for (size_t k = 0; k < c->n; k++) {
		if (strncmp(c->list[k].key, prefix, length) != 0)
			continue;
		if (n++ == i) {
			*key = outflow_text(c->list[k].key + length);
			*value = outflow_text(c->list[k].value);
		}
	}
	return n;
}

const outflow_config_api harness_config_api = {
	sizeof harness_config_api, config_str, config_i64, config_f64, config_boolean, config_list, config_prefix,
};

/* ---- checking against a schema ---- */

static void problem(outflow_harness *t, const char *key, const char *what)
{
	t->in_check = true;
	t->host.problem(&t->host, key, what);
	t->in_check = false;
}

static const outflow_cfg_key *key_at(const outflow_cfg_def *def, size_t i)
{
	return (const outflow_cfg_key *)(const void *)((const char *)(const void *)def->keys + i * def->key_size);
}

static bool is_choice(const outflow_cfg_key *k, const char *text)
{
	for (size_t i = 0; k->choices[i] != NULL; i++)
		if (strcmp(k->choices[i], text) == 0)
			return true;
	return false;
}

static void check_value(outflow_harness *t, const outflow_cfg_key *k, const char *text)
{
	int64_t number = 0;

	if (!parse_typed(k->type, text, &number))
		problem(t, k->name, "wrong type");
	else if (k->type == OUTFLOW_T_ENUM && !is_choice(k, text))
		problem(t, k->name, "not one of its choices");
	else if ((k->min != 0 || k->max != 0) && (number < k->min || number > k->max))
		problem(t, k->name, "out of range");
}

static void check_key(outflow_harness *t, const outflow_cfg_key *k)
{
	const char *text = k->type == OUTFLOW_T_PREFIX ? NULL : harness_config_get(&t->config, k->name);

	if (text != NULL)
		check_value(t, k, text);
	else if (k->dflt != NULL)
		set(&t->config, k->name, k->dflt, true);
	else if (k->flags & OUTFLOW_K_REQUIRED)
		problem(t, k->name, "required");
}

static bool is_known(const outflow_cfg_def *def, const char *key)
{
	for (size_t i = 0; i < def->n_keys; i++) {
		const outflow_cfg_key *k = key_at(def, i);

		if (k->type == OUTFLOW_T_PREFIX ? strncmp(k->name, key, strlen(k->name)) == 0
		                                : strcmp(k->name, key) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++)
		if (strcmp(inherited[i][0], key) == 0)
			return true;
	if (strncmp(key, inherited_prefix, strlen(inherited_prefix)) == 0)
		return true;
	/* What the stage before every sink reads. */
	return strcmp(key, "topic") == 0 || strcmp(key, "topic.form") == 0 || strcmp(key, "topic.template") == 0;
}

outflow_status outflow_harness_check(outflow_harness *t, const outflow_component *c)
{
	static const outflow_cfg_def nothing = { sizeof nothing, sizeof(outflow_cfg_key), NULL, 0, NULL };
	const outflow_cfg_def *def = c->config ? c->config : &nothing;
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	harness_clear_texts(&t->problems);
	for (size_t i = t->config.n; i-- > 0;)
		if (t->config.list[i].is_default)
			remove_at(&t->config, i);
	for (size_t i = 0; i < t->config.n; i++)
		if (!is_known(def, t->config.list[i].key))
			problem(t, t->config.list[i].key, "unknown key");
	for (size_t i = 0; i < def->n_keys; i++)
		check_key(t, key_at(def, i));
	if (t->problems.n > 0)
		return OUTFLOW_E_CONFIG;
	if (def->check == NULL)
		return OUTFLOW_OK;
	t->in_check = true;
	status = def->check(&t->host, &t->config, &err);
	t->in_check = false;
	if ((status == OUTFLOW_OK) != (t->problems.n == 0))
		harness_breach(t, "check returned %d with %zu problems", status, t->problems.n);
	return status;
}

const char *outflow_harness_problem(const outflow_harness *t, size_t i)
{
	return i < t->problems.n ? t->problems.list[i] : NULL;
}
