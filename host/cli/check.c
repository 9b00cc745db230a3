/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/options.h"

#include <stdio.h>

static const char help[] =
	"usage: outflow check [OPTION]... [FILE|DIR]...\n"
	"\n"
	"Checks a configuration without running anything: every mistake at once, with file and line.\n"
	"FILEs replace the default places.\n"
	"\n" CONFIG_OPTIONS_HELP
	"\n"
	"exit status: 0 it is good, 2 it is not\n";

static int parse(int argc, char **argv, struct config_options *o)
{
	static const struct option options[] = { CONFIG_LONG_OPTIONS, { "help", no_argument, NULL, 'h' }, { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (!config_options_take(o, option, optarg))
			return EXIT_CONFIG;
	}
	o->files = argv + optind;
	o->n_files = argc - optind;
	return EXIT_OK;
}

int cli_check(int argc, char **argv)
{
	struct config_options o = { 0 };
	struct configuration c = { 0 };
	int status = parse(argc, argv, &o);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = configuration_read(&c, &o);
	if (status == EXIT_OK)
		status = configuration_resolve(&c, NULL);
	if (status == EXIT_OK)
		status = configuration_report(&c);
	if (status == EXIT_OK)
		printf("%zu pipeline%s, no mistakes\n", c.n_pipelines, c.n_pipelines == 1 ? "" : "s");
	configuration_clear(&c);
	return status;
}
