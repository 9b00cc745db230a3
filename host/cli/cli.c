/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include "host/cli/options.h"

#include <stdio.h>

const struct subcommand subcommands[] = {
	{ "run", cli_run, "run the pipelines of a configuration" },
	{ "check", cli_check, "check a configuration, all mistakes at once, without running anything" },
	{ "plugins", cli_plugins, "list plugins, describe their components and keys" },
	{ "version", cli_version, "print the version" },
	{ NULL, NULL, NULL },
};

int cli_misuse(const char *subcommand, const char *message)
{
	fprintf(stderr, "outflow %s: %s (see outflow %s --help)\n", subcommand, message, subcommand);
	return EXIT_CONFIG;
}
