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

static const struct option plain_options[] = { CLIENT_LONG_OPTIONS, { 0 } };
static const struct option hash_options[] = {
	CLIENT_LONG_OPTIONS,
	{ "hash", required_argument, NULL, OPTION_HASH },
	{ 0 },
};

static const struct kind {
	const char *name, *method, *path, *help;
	const struct option *options;
} kinds[] = {
	{ "reload", "POST", "/v1/reload",
	  "usage: outflow reload [OPTION]...\n"
	  "\n"
	  "Has a running daemon read its files anew, as SIGHUP does, and says what has changed.\n"
	  "While there is a mistake anywhere, nothing is changed.\n"
	  "\n" CLIENT_OPTIONS_HELP,
	  plain_options },
	{ "plan", "GET", "/v1/plan",
	  "usage: outflow plan [OPTION]...\n"
	  "\n"
	  "Says what a reload of a running daemon's files would change, and the hash of that.\n"
	  "\n" CLIENT_OPTIONS_HELP,
	  plain_options },
	{ "apply", "POST", "/v1/reload",
	  "usage: outflow apply --hash HASH [OPTION]...\n"
	  "\n"
	  "Reloads a running daemon's files if that still changes what `outflow plan` has said.\n"
	  "\n"
	  "      --hash HASH         what the plan said\n" CLIENT_OPTIONS_HELP,
	  hash_options },
};

int cli_reload(int argc, char **argv)
{
	const struct kind *k = kinds;
	const char *hash = NULL;
	struct remote_usage u;
	struct client c = { 0 };
	json_t *body = NULL;
	int is_plan, status;

	while (strcmp(k->name, argv[0]) != 0)
		k++;
	is_plan = strcmp(k->method, "GET") == 0;
	u = (struct remote_usage){ k->name, k->help, k->options, 0, 0, take_hash, &hash };
	status = remote_parse(&c, &u, &argc, &argv);
	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	if (k->options == hash_options && hash == NULL)
		return cli_misuse(k->name, "--hash is required: outflow plan prints it");
	if (hash != NULL)
		body = json_pack("{s:s}", "hash", hash);
	status = remote_show(&c, k->method, k->path, body, print_changes, &is_plan);
	json_decref(body);
	return status;
}
