/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
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
	"\n" CONFIG_OPTIONS_HELP
	"      --json              for programs\n"
	"\n"
	"exit status: 0 done, 1 a plugin was refused (list), 2 no such component\n";

struct arguments {
	struct config_options config;
	const char *action, *name;
	int json;
};

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "json", no_argument, NULL, OPTION_OWN },
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
		else if (!config_options_take(&a->config, option, optarg))
			return EXIT_CONFIG;
	}
	a->action = optind < argc ? argv[optind++] : "list";
	a->name = optind < argc ? argv[optind++] : NULL;
	if (optind < argc || (strcmp(a->action, "list") != 0 && strcmp(a->action, "describe") != 0))
		return cli_misuse("plugins", "expected list, or describe NAME");
	if ((strcmp(a->action, "describe") == 0) != (a->name != NULL))
		return cli_misuse("plugins", a->name ? "list takes no name" : "describe takes one name");
	return EXIT_OK;
}

static int print_json(json_t *data, const char *error)
{
	json_t *errors = error ? json_pack("[{s:s}]", "message", error) : json_array();
	json_t *envelope = json_pack("{s:b, s:o?, s:o}", "ok", error == NULL, "data", data, "errors", errors);
	int failed = envelope == NULL || json_dumpf(envelope, stdout, JSON_INDENT(2)) != 0;

	putchar('\n');
	json_decref(envelope);
	return failed ? EXIT_FAILED : EXIT_OK;
}

static int list(const struct inventory *inv, int json)
{
	int status = EXIT_OK;

	if (json)
		status = print_json(describe_inventory(inv), NULL);
	else
		describe_inventory_print(inv, stdout);
	return status == EXIT_OK && inventory_refusals(inv) > 0 ? EXIT_FAILED : status;
}

/* One name may stand for a source and a sink: all that match are shown. */
static int describe(const struct inventory *inv, const struct arguments *a)
{
	outflow_error err = { .size = sizeof err };
	json_t *all = json_array();
	struct component c;
	int found = 0;

	for (uint32_t kind = OUTFLOW_SOURCE; kind <= OUTFLOW_CONVERTER; kind++) {
		if (inventory_find(inv, kind, a->name, &c, &err) != OUTFLOW_OK)
			continue;
		if (a->json)
			json_array_append_new(all, describe_component(&c));
		else
			describe_component_print(&c, stdout);
		found++;
	}
	if (found == 0) {
		outflow_fail(&err, OUTFLOW_E_CONFIG, "there is no component '%.60s'; 'outflow plugins list' shows all", a->name);
		fprintf(stderr, "outflow: %s\n", err.msg);
	}
	if (a->json)
		return print_json(all, found ? NULL : err.msg) || !found ? EXIT_CONFIG : EXIT_OK;
	json_decref(all);
	return found ? EXIT_OK : EXIT_CONFIG;
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
