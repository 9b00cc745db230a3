/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"

#include <stdio.h>
#include <string.h>

int cli_version(int argc, char **argv)
{
	if (argc == 1) {
		printf("outflow %s (plugin ABI %u.%u)\n", PACKAGE_VERSION, OUTFLOW_ABI_MAJOR, OUTFLOW_ABI_MINOR);
		return EXIT_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--json") == 0) {
		envelope_print(json_pack("{s:s, s:[i,i]}", "version", PACKAGE_VERSION, "abi", (int)OUTFLOW_ABI_MAJOR,
		                         (int)OUTFLOW_ABI_MINOR),
		               NULL);
		return EXIT_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		puts("usage: outflow version [--json]");
		return EXIT_OK;
	}
	return cli_misuse("version", "takes --json or nothing");
}
