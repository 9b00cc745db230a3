/* SPDX-License-Identifier: Apache-2.0 */
/* connect_config_infos_test.c: every key of a configuration stands in the answer once, with its value and what is wrong with it, and
 * no problem is lost. */
#include "host/api/connect_config_infos.h"

#include "host/plugin/inventory.h"
#include "host/plugin/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct inventory *inv;
	struct connect_component connector;
	struct settings host, shown;
	struct problems problems;
};

static void set(struct settings *s, const char *key, const char *value)
{
	assert_int_equal(settings_set(s, key, value, NULL, 0), OUTFLOW_OK);
}

static void find(struct fixture *f, const char *class)
{
	assert_true(connect_component_of_class(inventory_catalog(f->inv), class, &f->connector));
}

/* With the plugins that the build has made; gen is loaded. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const char *path = getenv("OUTFLOW_PLUGIN_PATH");
	outflow_error err = { .size = sizeof err };
	struct component gen;

	assert_int_equal(inventory_open(path ? path : "plugins", NULL, &f->inv, &err), OUTFLOW_OK);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SOURCE, "gen", &gen, &err), OUTFLOW_OK);
	find(f, "gen");
	set(&f->shown, "connector.class", "gen");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	settings_clear(&f->host);
	settings_clear(&f->shown);
	problems_clear(&f->problems);
	inventory_close(&f->inv);
	free(f);
	return 0;
}

static json_t *answer(const struct fixture *f)
{
	struct config_infos from = { .catalog = inventory_catalog(f->inv),
		                     .host = &f->host,
		                     .shown = &f->shown,
		                     .problems = &f->problems,
		                     .connector = &f->connector };
	json_t *infos = config_infos_json(&from);

	assert_non_null(infos);
	return infos;
}

/* The entry of a key, which there is at most once. */
static const json_t *entry(const json_t *infos, const char *name)
{
	const json_t *found = NULL;
	size_t i;
	json_t *it;

	json_array_foreach(json_object_get(infos, "configs"), i, it)
	{
		if (strcmp(json_string_value(json_object_get(json_object_get(it, "value"), "name")), name) != 0)
			continue;
		assert_null(found);
		found = it;
	}
	return found;
}

static const json_t *value(const json_t *infos, const char *name, const char *member)
{
	const json_t *it = entry(infos, name);

	if (it == NULL)
		fail_msg("there is no %s", name);
	return json_object_get(json_object_get(it, "value"), member);
}

static void problem(struct fixture *f, const char *key, const char *message)
{
	problems_add(&f->problems, &(struct place){ .key = key }, "%s", message);
}

static void values_and_defaults(void **state)
{
	struct fixture *f = *state;
	json_t *infos;

	set(&f->shown, "name", "n");
	set(&f->shown, "rate", "7");
	set(&f->shown, "producer.override.linger.ms", "5");
	set(&f->shown, "password", "[hidden]");
	infos = answer(f);
	assert_string_equal(json_string_value(json_object_get(infos, "name")), "gen");
	assert_int_equal(json_integer_value(json_object_get(infos, "error_count")), 0);
	assert_string_equal(json_string_value(value(infos, "name", "value")), "n");
	assert_string_equal(json_string_value(value(infos, "rate", "value")), "7");
	assert_string_equal(json_string_value(value(infos, "count", "value")), "0");
	assert_string_equal(json_string_value(value(infos, "tasks.max", "value")), "1");
	assert_true(json_is_null(value(infos, "topic", "value")) || json_is_string(value(infos, "topic", "value")));
	assert_string_equal(json_string_value(value(infos, "producer.override.linger.ms", "value")), "5");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(entry(infos, "password"), "definition"), "type")),
		"PASSWORD");
	assert_null(entry(infos, "topics"));
	json_decref(infos);
}

static void every_problem_stands_somewhere(void **state)
{
	struct fixture *f = *state;
	json_t *infos;

	set(&f->shown, "rat", "7");
	problem(f, "rat", "unknown key; did you mean 'rate'?");
	problem(f, "rate", "is no number");
	problem(f, "rate", "is too much");
	problem(f, "sink.nothing", "is not there");
	problem(f, NULL, "all is wrong");
	problem(f, "transforms.t.class", "is required");
	set(&f->shown, "transforms", "t");
	infos = answer(f);
	assert_int_equal(json_integer_value(json_object_get(infos, "error_count")), 6);
	assert_int_equal(json_array_size(value(infos, "rate", "errors")), 2);
	assert_true(json_is_null(json_object_get(entry(infos, "rat"), "definition")));
	assert_int_equal(json_array_size(value(infos, "rat", "errors")), 1);
	assert_true(json_is_null(value(infos, "sink.nothing", "value")));
	assert_string_equal(json_string_value(json_array_get(value(infos, "transforms.t.type", "errors"), 0)),
	                    "is required");
	assert_string_equal(json_string_value(json_array_get(value(infos, "connector.class", "errors"), 0)),
	                    "all is wrong");
	json_decref(infos);
}

static void stages_have_groups_of_their_own(void **state)
{
	struct fixture *f = *state;
	json_t *infos;
	size_t i, groups = 0;
	const json_t *it;

	set(&f->shown, "transforms", " a, b ,,");
	set(&f->shown, "transforms.a.type", "event/filter");
	set(&f->shown, "predicates", "p");
	infos = answer(f);
	assert_string_equal(json_string_value(value(infos, "transforms.a.type", "value")), "event/filter");
	assert_true(json_array_size(value(infos, "transforms.a.type", "recommended_values")) > 5);
	assert_true(json_is_null(value(infos, "transforms.b.type", "value")));
	assert_non_null(entry(infos, "predicates.p.type"));
	json_array_foreach(json_object_get(infos, "groups"), i, it) groups +=
		strcmp(json_string_value(it), "Transforms: a") == 0 ||
		strcmp(json_string_value(it), "Predicates: p") == 0;
	assert_int_equal(groups, 2);
	json_decref(infos);
}

static void converters_are_told_with_the_version_that_there_is(void **state)
{
	struct fixture *f = *state;
	json_t *infos;

	set(&f->host, "value.converter", "org.apache.kafka.connect.json.JsonConverter");
	set(&f->shown, "key.converter", "StringConverter");
	infos = answer(f);
	assert_string_equal(json_string_value(value(infos, "value.converter", "value")),
	                    "org.apache.kafka.connect.json.JsonConverter");
	assert_string_equal(json_string_value(value(infos, "value.converter.plugin.version", "value")),
	                    PACKAGE_VERSION);
	assert_non_null(entry(infos, "key.converter.converter.encoding"));
	assert_null(entry(infos, "value.converter.schemas.enable"));
	json_decref(infos);
	set(&f->shown, "key.converter", "none.such.Converter");
	infos = answer(f);
	assert_false(json_is_true(value(infos, "key.converter.plugin.version", "visible")));
	json_decref(infos);
}

static void a_plugin_that_is_not_loaded_has_no_keys_yet(void **state)
{
	struct fixture *f = *state;
	json_t *infos;

	find(f, "null/sink");
	assert_null(connect_component_loaded(&f->connector));
	infos = answer(f);
	assert_null(entry(infos, "rate"));
	assert_non_null(entry(infos, "topics"));
	json_decref(infos);
}

static void java_classes_have_their_keys(void **state)
{
	struct fixture *f = *state;
	json_t *keys, *first;

	find(f, "FileStreamSource");
	keys = config_keys_json(inventory_catalog(f->inv), &f->connector);
	first = json_object_get(json_array_get(keys, 0), "name");
	assert_string_equal(json_string_value(first), "file");
	assert_true(json_array_size(keys) > 10);
	json_decref(keys);
	find(f, "gen");
	keys = config_keys_json(inventory_catalog(f->inv), &f->connector);
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 0), "name")), "count");
	json_decref(keys);
}

static size_t count_type(const json_t *plugins, const char *type)
{
	size_t i, n = 0;
	const json_t *it;

	json_array_foreach(plugins, i, it)
	{
		n += strcmp(json_string_value(json_object_get(it, "type")), type) == 0;
		assert_non_null(json_object_get(it, "version"));
	}
	return n;
}

static void plugins_are_listed(void **state)
{
	struct fixture *f = *state;
	json_t *few = plugin_infos_json(inventory_catalog(f->inv), 0);
	json_t *all = plugin_infos_json(inventory_catalog(f->inv), 1);

	assert_int_equal(count_type(few, "sink") + count_type(few, "source"), json_array_size(few));
	assert_int_equal(count_type(all, "sink") + count_type(all, "source"), json_array_size(few));
	assert_int_equal(count_type(all, "converter"), 3);
	assert_int_equal(count_type(all, "header_converter"), 4);
	assert_true(count_type(all, "transformation") > 5 && count_type(all, "predicate") > 0);
	json_decref(few);
	json_decref(all);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_and_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_problem_stands_somewhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stages_have_groups_of_their_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(converters_are_told_with_the_version_that_there_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_plugin_that_is_not_loaded_has_no_keys_yet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(java_classes_have_their_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(plugins_are_listed, set_up, tear_down),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
