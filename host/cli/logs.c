/* SPDX-License-Identifier: Apache-2.0 */
/* logs level: which lines a running daemon writes. */
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/cli/remote.h"
#include "host/cli/table.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: outflow logs level [OPTION]... [LOGGER [LEVEL]]\n"
	"\n"
	"Shows the levels of the loggers of a running daemon, or of one, or gives one and all below it another:\n"
	"TRACE, DEBUG, INFO, WARN, ERROR, OFF. Loggers are root, host and its parts, connector.PIPELINE and\n"
	"connector.PIPELINE.task.N.\n"
	"\n" CLIENT_OPTIONS_HELP;

static void print_levels(const json_t *answer, void *ctx)
{
	struct table t = { .columns = 2 };
	const char *name;
	json_t *logger;

	(void)ctx;
	table_add(&t, "LOGGER");
	table_add(&t, "LEVEL");
	json_object_foreach((json_t *)(uintptr_t)answer, name, logger)
	{
		table_add(&t, "%s", name);
		table_add(&t, "%s", remote_text(logger, "level"));
	}
	table_print(&t, stdout);
}

static void print_level(const json_t *answer, void *ctx)
{
	(void)ctx;
	puts(remote_text(answer, "level"));
}

static void print_changed(const json_t *answer, void *ctx)
{
	size_t n = json_array_size(answer);

	(void)ctx;
	printf("%zu logger%s changed\n", n, n == 1 ? "" : "s");
}

static int run(struct client *c, int argc, char **argv)
{
	char path[1700], segment[1600];
	json_t *body;
	int status;

	if (argc == 0)
		return remote_show(c, "GET", "/admin/loggers", NULL, print_levels, NULL);
	snprintf(path, sizeof path, "/admin/loggers/%s", client_segment(argv[0], segment, sizeof segment));
	if (argc == 1)
		return remote_show(c, "GET", path, NULL, print_level, NULL);
	body = json_pack("{s:s}", "level", argv[1]);
	status = remote_show(c, "PUT", path, body, print_changed, NULL);
	json_decref(body);
	return status;
}

int cli_logs(int argc, char **argv)
{
	static const struct option options[] = { CLIENT_LONG_OPTIONS, { 0 } };
	const struct remote_usage u = { "logs level", help, options, 0, 2, NULL, NULL };
	struct client c = { 0 };
	int status;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	if (argc < 2 || strcmp(argv[1], "level") != 0)
		return cli_misuse("logs", "expected 'level'");
	argc--;
	argv++;
	status = remote_parse(&c, &u, &argc, &argv);
	return status != EXIT_OK ? (status < 0 ? EXIT_OK : status) : run(&c, argc, argv);
}
