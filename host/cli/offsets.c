/* SPDX-License-Identifier: Apache-2.0 */
/* offsets: where a pipeline of a running daemon goes on, and how to change that while it is stopped. */
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/cli/remote.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_SET = CLIENT_OPTION_OWN, OPTION_RESET };

static const char help[] =
	"usage: outflow offsets [OPTION]... PIPELINE\n"
	"\n"
	"Shows where a pipeline of a running daemon goes on, in Kafka Connect's form, or changes that; for a change it\n"
	"has to be stopped.\n"
	"\n"
	"      --set FILE          JSON as it is shown; - for standard input\n"
	"      --reset             forget all of them\n" CLIENT_OPTIONS_HELP;

struct change {
	const char *file;
	int reset;
};

static void take(void *ctx, int option, const char *argument)
{
	struct change *change = ctx;

	if (option == OPTION_SET)
		change->file = argument;
	change->reset |= option == OPTION_RESET;
}

static void print_offsets(const json_t *answer, void *ctx)
{
	(void)ctx;
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

static void print_message(const json_t *answer, void *ctx)
{
	(void)ctx;
	puts(remote_text(answer, "message"));
}

int cli_offsets(int argc, char **argv)
{
	static const struct option options[] = {
		CLIENT_LONG_OPTIONS,
		{ "set", required_argument, NULL, OPTION_SET },
		{ "reset", no_argument, NULL, OPTION_RESET },
		{ 0 },
	};
	struct change change = { 0 };
	const struct remote_usage u = { "offsets", help, options, 1, 1, take, &change };
	struct client c = { 0 };
	char path[700], segment[600];
	json_t *body;
	int status = remote_parse(&c, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	if (change.file != NULL && change.reset)
		return cli_misuse("offsets", "--set and --reset are two things");
	snprintf(path, sizeof path, "/connectors/%s/offsets", client_segment(argv[0], segment, sizeof segment));
	if (change.reset)
		return remote_show(&c, "DELETE", path, NULL, print_message, NULL);
	if (change.file == NULL)
		return remote_show(&c, "GET", path, NULL, print_offsets, NULL);
	body = remote_read_json(&c, change.file, &status);
	if (body != NULL)
		status = remote_show(&c, "PATCH", path, body, print_message, NULL);
	json_decref(body);
	return status;
}
