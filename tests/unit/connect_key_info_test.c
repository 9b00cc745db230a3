/* SPDX-License-Identifier: Apache-2.0 */
/* connect_key_info_test.c: a key is told as Kafka Connect's ConfigKeyInfo, with its own type, order and place. */
#include "host/api/connect_key_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char *const modes[] = { "slow", "fast", NULL };
static const outflow_cfg_key keys[] = {
	{ .name = "topic",
	  .type = OUTFLOW_T_STRING,
	  .flags = OUTFLOW_K_REQUIRED,
	  .doc = "Where to.",
	  .group = "Kafka" },
	{ .name = "password", .type = OUTFLOW_T_STRING, .flags = OUTFLOW_K_SECRET },
	{ .name = "wait", .type = OUTFLOW_T_DURATION_MS, .dflt = "1s", .flags = OUTFLOW_K_ADVANCED },
	{ .name = "ratio", .type = OUTFLOW_T_DOUBLE },
	{ .name = "loud", .type = OUTFLOW_T_BOOL },
	{ .name = "fields", .type = OUTFLOW_T_LIST },
	{ .name = "client.", .type = OUTFLOW_T_PREFIX },
	{ .name = "mode", .type = OUTFLOW_T_ENUM, .dflt = "fast", .choices = modes },
};
static const outflow_cfg_def def = {
	.size = sizeof def,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

/* All keys that were visited, as a list. */
static void append(void *ctx, const struct key_info *k)
{
	assert_int_equal(json_array_append_new(ctx, key_info_json(k)), 0);
}

static const json_t *named(const json_t *list, const char *name)
{
	size_t i;
	json_t *it;

	json_array_foreach(list, i,
	                   it) if (strcmp(json_string_value(json_object_get(it, "name")), name) == 0) return it;
	return NULL;
}

static const char *text(const json_t *key, const char *member)
{
	assert_non_null(key);
	return json_string_value(json_object_get(key, member));
}

static void all_members_are_there(void **state)
{
	static const char expected[] =
		"{\"name\":\"n\",\"type\":\"STRING\",\"required\":true,\"default_value\":null,\"importance\":\"HIGH\","
		"\"documentation\":\"d\",\"group\":null,\"order\":3,\"order_in_group\":3,\"width\":\"SHORT\","
		"\"display_name\":\"N\",\"dependents\":[]}";
	struct key_info k = { .name = "n",
		              .type = "STRING",
		              .required = 1,
		              .importance = "HIGH",
		              .doc = "d",
		              .order = 3,
		              .width = "SHORT",
		              .display = "N" };
	json_t *json = key_info_json(&k);
	char *dumped = json_dumps(json, JSON_COMPACT);

	(void)state;
	assert_string_equal(dumped, expected);
	free(dumped);
	json_decref(json);
}

static void keys_of_a_schema(void **state)
{
	json_t *list = json_array();

	(void)state;
	assert_int_equal(key_info_each_of_schema(&def, "transforms.t.", "Transforms: t", 5, append, list), 12);
	assert_int_equal(json_array_size(list), 7);
	assert_null(named(list, "transforms.t.client."));
	assert_string_equal(text(named(list, "transforms.t.topic"), "importance"), "HIGH");
	assert_string_equal(text(named(list, "transforms.t.topic"), "documentation"), "Where to.");
	assert_string_equal(text(named(list, "transforms.t.topic"), "display_name"), "topic");
	assert_string_equal(text(named(list, "transforms.t.topic"), "group"), "Transforms: t");
	assert_true(json_is_true(json_object_get(named(list, "transforms.t.topic"), "required")));
	assert_string_equal(text(named(list, "transforms.t.password"), "type"), "PASSWORD");
	assert_string_equal(text(named(list, "transforms.t.password"), "documentation"), "");
	assert_string_equal(text(named(list, "transforms.t.wait"), "type"), "LONG");
	assert_string_equal(text(named(list, "transforms.t.wait"), "default_value"), "1s");
	assert_string_equal(text(named(list, "transforms.t.wait"), "importance"), "LOW");
	assert_string_equal(text(named(list, "transforms.t.ratio"), "type"), "DOUBLE");
	assert_string_equal(text(named(list, "transforms.t.loud"), "type"), "BOOLEAN");
	assert_string_equal(text(named(list, "transforms.t.fields"), "type"), "LIST");
	assert_string_equal(text(named(list, "transforms.t.mode"), "type"), "STRING");
	assert_int_equal(json_integer_value(json_object_get(named(list, "transforms.t.mode"), "order")), 11);
	json_decref(list);
	list = json_array();
	assert_int_equal(key_info_each_of_schema(&def, "", NULL, 1, append, list), 8);
	assert_string_equal(text(named(list, "topic"), "group"), "Kafka");
	assert_int_equal(key_info_each_of_schema(NULL, "", NULL, 4, append, list), 4);
	json_decref(list);
}

/* What Connect knows for sources only is not told of sinks, and the other way round. */
static void keys_of_the_framework(void **state)
{
	json_t *source = json_array(), *sink = json_array();
	size_t n = 0;

	(void)state;
	key_info_each_framework(CONNECT_SOURCE, append, source);
	key_info_each_framework(CONNECT_SINK, append, sink);
	for (const struct connect_key *key = connect_keys; key->name != NULL; key++, n++) {
		assert_int_equal(named(source, key->name) != NULL, key->side != CONNECT_SINK);
		assert_int_equal(named(sink, key->name) != NULL, key->side != CONNECT_SOURCE);
	}
	assert_true(n > 20 && json_array_size(source) < n && json_array_size(sink) < n);
	assert_string_equal(text(named(source, "tasks.max"), "default_value"), "1");
	assert_non_null(named(sink, "topics"));
	json_decref(source);
	json_decref(sink);
}

static void keys_of_converters(void **state)
{
	static const char *const own[] = { [CONVERTER_STRING] = "converter.encoding",
		                           [CONVERTER_JSON] = "schemas.enable",
		                           [CONVERTER_BYTES] = NULL,
		                           [CONVERTER_HEADERS] = NULL };

	(void)state;
	for (int converter = CONVERTER_STRING; converter <= CONVERTER_HEADERS; converter++) {
		json_t *list = json_array();
		char name[60];

		key_info_each_of_converter(converter, "key.converter.", append, list);
		assert_int_equal(json_array_size(list), 1 + (own[converter] != NULL));
		assert_string_equal(text(named(list, "key.converter.converter.type"), "type"), "STRING");
		if (own[converter] != NULL) {
			snprintf(name, sizeof name, "key.converter.%s", own[converter]);
			assert_non_null(named(list, name));
		}
		json_decref(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_are_there),
		cmocka_unit_test(keys_of_a_schema),
		cmocka_unit_test(keys_of_the_framework),
		cmocka_unit_test(keys_of_converters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
