/* SPDX-License-Identifier: Apache-2.0 */
/* reload, plan and apply: the daemon's files read anew, what that would change, and that change when it is still the same. */
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/cli/remote.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_HASH = CLIENT_OPTION_OWN };

static void print_changes(const json_t *answer, void *ctx)
{
	static const char *const words[][2] = { { "added", "would be added" },
		                                { "changed", "would change" },
		                                { "removed", "would be removed" },
		                                { NULL, NULL } };
	const int is_plan = *(const int *)ctx;
	size_t i, n = 0;
	json_t *change;

	json_array_foreach(json_object_get(answer, "changes"), i, change)
	{
		for (size_t k = 0; words[k][0] != NULL; k++)
			if (strcmp(remote_text(change, "change"), words[k][0]) == 0) {
				printf("%s %s\n", remote_text(change, "name"), words[k][is_plan]);
				n++;
			}
	}
	if (n == 0)
		puts("nothing differs");
	if (is_plan)
		printf("hash %s\n", remote_text(answer, "hash"));
}

static void take_hash(void *ctx, int option, const char *argument)
{
	if (option == OPTION_HASH)
		*(const char **)ctx = argument;
}

static int run(const char *command, const char *help, const char *method, int needs_hash, int argc, char **argv)
{
	static const struct option options[] = { CLIENT_LONG_OPTIONS,
		                                 { "hash", required_argument, NULL, OPTION_HASH },
		                                 { 0 } };
	static const struct option without[] = { CLIENT_LONG_OPTIONS, { 0 } };
	const char *hash = NULL;
	const struct remote_usage u = { command, help, needs_hash ? options : without, 0, 0, take_hash, &hash };
	struct client c = { 0 };
	json_t *body = NULL;
	int is_plan = strcmp(method, "GET") == 0;
	int status = remote_parse(&c, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	if (needs_hash && hash == NULL)
		return cli_misuse(command, "--hash is required: outflow plan prints it");
	if (hash != NULL)
		body = json_pack("{s:s}", "hash", hash);
	status = remote_show(&c, method, is_plan ? "/v1/plan" : "/v1/reload", body, print_changes, &is_plan);
	json_decref(body);
	return status;
}

int cli_reload(int argc, char **argv)
{
	static const char help[] =
		"usage: outflow reload [OPTION]...\n"
		"\n"
		"Has a running daemon read its files anew, as SIGHUP does, and says what has changed.\n"
		"While there is a mistake anywhere, nothing is changed.\n"
		"\n" CLIENT_OPTIONS_HELP;

	return run("reload", help, "POST", 0, argc, argv);
}

int cli_plan(int argc, char **argv)
{
	static const char help[] =
		"usage: outflow plan [OPTION]...\n"
		"\n"
		"Says what a reload of a running daemon's files would change, and the hash of that.\n"
		"\n" CLIENT_OPTIONS_HELP;

	return run("plan", help, "GET", 0, argc, argv);
}

int cli_apply(int argc, char **argv)
{
	static const char help[] =
		"usage: outflow apply --hash HASH [OPTION]...\n"
		"\n"
		"Reloads a running daemon's files if that still changes what `outflow plan` has said.\n"
		"\n"
		"      --hash HASH         what the plan said\n" CLIENT_OPTIONS_HELP;

	return run("apply", help, "POST", 1, argc, argv);
}
