/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converters. For us a payload is bytes in a known format: what Connect's converters make of them is what source.format says,
 * and what a Java connector for files does with a string is said by a template.
 */
#include "host/config/connect_internal.h"

#include <outflow/util.h>

#include <strings.h>

static const char *const ends[] = { "key.converter", "value.converter", "header.converter" };

int connect_check_converter_key(struct translating *t, const struct setting *it)
{
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		size_t n = strlen(ends[i]);
		const char *name = it->key + n + 1;

		if (strncmp(it->key, ends[i], n) != 0 || it->key[n] != '.')
			continue;
		if (connect_get(t, ends[i]) == NULL)
			connect_complain(t, it->key, "has no effect without %s", ends[i]);
		else if (strcmp(name, "schemas.enable") == 0 && connect_flag(it->value) < 0)
			connect_complain(t, it->key, "'%.60s' is neither true nor false", it->value);
		else if (strcmp(name, "converter.encoding") == 0 && strcasecmp(it->value, "UTF-8") != 0 &&
		         strcasecmp(it->value, "UTF8") != 0)
			connect_complain(t, it->key, "'%.60s': texts are UTF-8", it->value);
		else if (strcmp(name, "schemas.enable") != 0 && strcmp(name, "converter.encoding") != 0)
			connect_complain(t, it->key,
			                 "there is no such key here: a converter has schemas.enable and "
			                 "converter.encoding");
		return 1;
	}
	return 0;
}

/* Which converter is chosen; -1: none, or a wrong one. *from: by the pipeline itself, or by the host. */
static int choose(struct translating *t, const char *name, const struct settings **from)
{
	const struct setting *it = settings_find(t->given, name);
	const char *schemas;
	char key[80];
	int which;

	*from = it ? t->given : t->host;
	if (it == NULL)
		it = settings_find(t->host, name);
	if (it == NULL)
		return -1;
	which = connect_converter_find(it->value, strcmp(name, "header.converter") == 0);
	if (which < 0)
		connect_complain(
			t, name,
			"there is no converter '%.100s'; there are StringConverter, JsonConverter (without schemas) "
			"and ByteArrayConverter",
			it->value);
	snprintf(key, sizeof key, "%s.schemas.enable", name);
	schemas = settings_get(*from, key);
	/* Connect's own default is true. */
	if (which == CONVERTER_JSON && (schemas == NULL || connect_flag(schemas) != 0)) {
		connect_complain(t, schemas ? key : name, "JsonConverter takes JSON without schemas: set %s = false",
		                 key);
		return -1;
	}
	return which;
}

/* Is key, or key.more, set by the user? */
static int is_set(const struct translating *t, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < t->to->native.n; i++) {
		const char *other = t->to->native.list[i].key;

		if (strncmp(other, key, n) == 0 && (other[n] == '\0' || other[n] == '.'))
			return 1;
	}
	return 0;
}

static void put_format(struct translating *t, int converter)
{
	static const char *const formats[] = { "text", "json", "binary" };

	connect_put_default(t, "source.", "format", formats[converter]);
	/* Java puts replacement characters in; we leave the bytes as they are. */
	if (converter == CONVERTER_STRING)
		connect_put_default(t, "source.", "format.invalid", "binary");
}

/* A file's line is a string, and that is a JSON text in quotes. */
static void quote_lines(struct translating *t)
{
	connect_put_default(t, "source.", "format", "text");
	if (is_set(t, "sink.value"))
		return;
	connect_put_default(t, "sink.", "value", "{\"line\":\"$.data.body\"}");
	connect_put_default(t, "sink.", "value.template", "\"${line}\"");
	connect_put_default(t, "sink.", "value.template.type", "json");
}

/* A file gets a string without its quotes, everything else as JSON. */
static void unquote_lines(struct translating *t)
{
	put_format(t, CONVERTER_JSON);
	if (is_set(t, "sink.value"))
		return;
	connect_put_default(t, "sink.", "value", "{\"value\":\"$.data.body\"}");
	connect_put_default(t, "sink.", "value.template", "${value}");
	connect_put_default(t, "sink.", "value.template.type", "text");
	connect_put_default(t, "sink.", "value.missing", "null");
}

void connect_make_formats(struct translating *t)
{
	const struct settings *from;
	int converter;

	(void)choose(t, "key.converter", &from);
	(void)choose(t, "header.converter", &from);
	converter = choose(t, "value.converter", &from);
	if (settings_find(&t->to->native, "source.format") != NULL) {
		if (converter >= 0 && from == t->given)
			connect_complain(t, "value.converter", "stands beside %s: one of the two decides",
			                 connect_spelled(t->to, "source.format"));
		return;
	}
	if (converter < 0 && t->to->class.java != NULL)
		converter = CONVERTER_STRING;
	if (converter < 0)
		return;
	if (converter == CONVERTER_JSON && t->to->class.java != NULL)
		(t->is_sink ? unquote_lines : quote_lines)(t);
	else
		put_format(t, converter);
}
