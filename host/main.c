/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/config/suggest.h"
#include "host/plugin/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void help(void)
{
	puts("usage: outflow COMMAND [OPTION]... [ARGUMENT]...\n\ncommands");
	for (const struct subcommand *s = subcommands; s->name != NULL; s++)
		printf("  %-10s %s\n", s->name, s->summary);
	puts("\noutflow COMMAND --help says more about one.");
}

/* An answer that nobody got is no answer. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "outflow: standard output cannot be written: %s\n", strerror(errno));
	return EXIT_ENVIRONMENT;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	struct suggestion near = { .typed = name };

	probe_serve(argc, argv);
	opterr = 0; /* the subcommands say it themselves, with what may have been meant */
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		help();
		return EXIT_OK;
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	for (const struct subcommand *s = subcommands; s->name != NULL; s++) {
		if (strcmp(s->name, name) == 0)
			return finish(s->run(argc - 1, argv + 1));
		suggestion_offer(&near, s->name);
	}
	if (argc < 2)
		help();
	else if (near.best != NULL)
		fprintf(stderr, "outflow: there is no command '%s'; did you mean '%s'?\n", name, near.best);
	else
		fprintf(stderr, "outflow: there is no command '%s' (see outflow --help)\n", name);
	return EXIT_CONFIG;
}
