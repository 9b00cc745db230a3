/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/config/exposed.h"
#include "host/config/secret.h"

#include <stdio.h>

static const char help[] =
	"usage: outflow check [OPTION]... [FILE|DIR]...\n"
	"\n"
	"Checks a configuration without running anything: every mistake at once, with file and line.\n"
	"FILEs replace the default places.\n"
	"\n" CONFIG_OPTIONS_HELP "      --json              for programs\n"
	"\n"
	"exit status: 0 it is good, 2 it is not\n";

static int parse(int argc, char **argv, struct config_options *o, int *json)
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
			*json = 1;
		else if (!config_options_take(o, option, optarg))
			return cli_bad_option("check", argv, options);
	}
	o->files = argv + optind;
	o->n_files = argc - optind;
	return EXIT_OK;
}

static json_t *warnings_of(const struct exposed *e)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < e->n; i++)
		json_array_append_new(warnings, json_string(e->sentences[i]));
	return warnings;
}

/* The exit status that goes with what was printed. */
static int report(struct configuration *c, const struct exposed *e, int json)
{
	int status;

	if (json) {
		envelope_print(json_pack("{s:I, s:o}", "pipelines", (json_int_t)c->loaded.pipelines.n, "warnings",
		                         warnings_of(e)),
		               &c->problems);
		return c->problems.reported > 0 ? EXIT_CONFIG : EXIT_OK;
	}
	for (size_t i = 0; i < e->n; i++)
		fprintf(stderr, "outflow: warning: %s\n", e->sentences[i]);
	status = configuration_report(c);
	if (status == EXIT_OK)
		printf("%zu pipeline%s, no mistakes\n", c->n_pipelines, c->n_pipelines == 1 ? "" : "s");
	return status;
}

int cli_check(int argc, char **argv)
{
	struct config_options o = { 0 };
	struct configuration c = { 0 };
	struct exposed exposed = { 0 };
	int json = 0;
	int status = parse(argc, argv, &o, &json);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = configuration_read(&c, &o);
	secret_limit(c.host.secrets_files, c.host.secrets_names);
	if (status == EXIT_OK)
		status = configuration_resolve(&c, NULL);
	if (status == EXIT_OK && exposed_look_loaded(&exposed, c.inventory, &c.loaded) != OUTFLOW_OK)
		status = EXIT_FAILED;
	if (status == EXIT_OK)
		status = report(&c, &exposed, json);
	exposed_clear(&exposed);
	configuration_clear(&c);
	return status;
}
