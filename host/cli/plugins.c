/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/plugin/describe.h"

#include <outflow/util.h>

#include <stdio.h>

static const char help[] =
	"usage: outflow plugins list [OPTION]...\n"
	"       outflow plugins describe [OPTION]... NAME\n"
	"\n"
	"Lists plugins, or describes components and their keys. NAME is a component, a plugin's id, or\n"
	"plugin/component.\n"
	"\n" CONFIG_OPTIONS_HELP "      --json              for programs\n"
	"      --example           describe: as a configuration to start from\n"
	"\n"
	"exit status: 0 done, 1 a plugin was refused (list), 2 no such component\n";

struct arguments {
	struct config_options config;
	const char *action, *name;
	int json, example;
};

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "json", no_argument, NULL, OPTION_OWN },
		{ "example", no_argument, NULL, OPTION_OWN + 1 },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == OPTION_OWN)
			a->json = 1;
		else if (option == OPTION_OWN + 1)
			a->example = 1;
		else if (!config_options_take(&a->config, option, optarg))
			return cli_bad_option("plugins", argv, options);
	}
	a->action = optind < argc ? argv[optind++] : "list";
	a->name = optind < argc ? argv[optind++] : NULL;
	if (optind < argc || (strcmp(a->action, "list") != 0 && strcmp(a->action, "describe") != 0))
		return cli_misuse("plugins", "expected list, or describe NAME");
	if ((strcmp(a->action, "describe") == 0) != (a->name != NULL))
		return cli_misuse("plugins", a->name ? "list takes no name" : "describe takes one name");
	return EXIT_OK;
}

static int list(const struct inventory *inv, int json)
{
	if (json)
		envelope_print(describe_inventory(inv), NULL);
	else
		describe_inventory_print(inv, stdout);
	return inventory_catalog(inv)->n_refusals > 0 ? EXIT_FAILED : EXIT_OK;
}

static void show(const struct component *c, const struct arguments *a, json_t *all)
{
	if (a->json)
		json_array_append_new(all, describe_component(c));
	else if (a->example)
		describe_component_example(c, stdout);
	else
		describe_component_print(c, stdout);
}

/* A plugin's id means all of its components. */
static size_t show_plugin(const struct inventory *inv, const struct arguments *a, json_t *all)
{
	struct plugin_file *f = catalog_find(inventory_catalog(inv), a->name);
	const struct module *m = NULL;

	if (f == NULL || inventory_load(inv, f, &m, NULL) != OUTFLOW_OK)
		return 0;
	for (size_t i = 0; i < m->plugin->n_components; i++) {
		struct component c = { m, m->plugin->components[i] };

		if (i > 0 && !a->json)
			putchar('\n');
		show(&c, a, all);
	}
	return m->plugin->n_components;
}

/* One name may stand for a source and a sink: all that match are shown. */
static size_t show_components(const struct inventory *inv, const struct arguments *a, json_t *all)
{
	size_t shown = 0;

	for (uint32_t kind = OUTFLOW_SOURCE; kind <= OUTFLOW_CONVERTER; kind++) {
		struct component c;

		if (inventory_find(inv, kind, a->name, &c, NULL) != OUTFLOW_OK)
			continue;
		if (shown++ > 0 && !a->json)
			putchar('\n');
		show(&c, a, all);
	}
	return shown;
}

/* Why there is no such component: that of the first kind for which a name is near, or the plugin was refused or could not
 * be loaded. */
static void say_unknown(const struct inventory *inv, const struct arguments *a)
{
	outflow_error err = { .size = sizeof err };
	char text[600];

	snprintf(text, sizeof text, "there is no component '%.60s'; 'outflow plugins list' shows all", a->name);
	for (uint32_t kind = OUTFLOW_SOURCE; kind <= OUTFLOW_CONVERTER; kind++) {
		struct component c;

		if (inventory_find(inv, kind, a->name, &c, &err) == OUTFLOW_E_CONFIG &&
		    strstr(err.msg, "did you mean") == NULL && strstr(err.msg, "refused") == NULL)
			continue;
		snprintf(text, sizeof text, "%s", err.msg);
		break;
	}
	if (a->json)
		envelope_print_error(text);
	else
		fprintf(stderr, "outflow: %s\n", text);
}

static int describe(const struct inventory *inv, const struct arguments *a)
{
	json_t *all = json_array();
	size_t shown = show_plugin(inv, a, all);

	if (shown == 0)
		shown = show_components(inv, a, all);
	if (shown == 0)
		say_unknown(inv, a);
	else if (a->json)
		envelope_print(json_incref(all), NULL);
	json_decref(all);
	return shown > 0 ? EXIT_OK : EXIT_CONFIG;
}

int cli_plugins(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct configuration c = { 0 };
	outflow_error err = { .size = sizeof err };
	int status = parse(argc, argv, &a);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = configuration_read(&c, &a.config);
	if (status == EXIT_OK && inventory_open(c.host.plugin_path, NULL, &c.inventory, &err) != OUTFLOW_OK)
		status = EXIT_FAILED;
	if (status == EXIT_OK)
		status = strcmp(a.action, "list") == 0 ? list(c.inventory, a.json) : describe(c.inventory, &a);
	configuration_clear(&c);
	return status;
}
