/* SPDX-License-Identifier: Apache-2.0 */
/* connection: the named MQTT brokers and Kafka clusters of a running daemon. */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/cli/remote.h"
#include "host/cli/table.h"
#include "host/cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: outflow connection list [OPTION]...\n"
	"       outflow connection show|delete [OPTION]... NAME\n"
	"       outflow connection set [OPTION]... NAME KEY=VALUE...\n"
	"\n"
	"The named brokers and clusters of a running daemon. `set` makes one, or gives it these keys in place of\n"
	"those that it has, as in\n"
	"  outflow connection set plant class=mqtt broker=tcp://127.0.0.1:1883\n"
	"\n" CLIENT_OPTIONS_HELP;

static void print_list(const json_t *answer, void *ctx)
{
	struct table t = { .columns = 4 };
	size_t i;
	json_t *c;

	(void)ctx;
	for (const char *const *head = (const char *const[]){ "NAME", "CLASS", "DECLARED", "USED BY", NULL }; *head;
	     head++)
		table_add(&t, "%s", *head);
	json_array_foreach(json_object_get(answer, "connections"), i, c)
	{
		table_add(&t, "%s", remote_text(c, "name"));
		table_add(&t, "%s", remote_text(json_object_get(c, "config"), "class"));
		table_add(&t, "%s", json_is_true(json_object_get(c, "declared")) ? "yes" : "no");
		table_add(&t, "%zu", json_array_size(json_object_get(c, "used_by")));
	}
	table_print(&t, stdout);
}

static void print_one(const json_t *answer, void *ctx)
{
	const char *key;
	json_t *value;

	(void)ctx;
	json_object_foreach(json_object_get(answer, "config"), key, value)
		printf("%s = %s\n", key, json_string_value(value));
}

static void print_done(const json_t *answer, void *ctx)
{
	(void)answer;
	puts(ctx);
}

/* These keys are all that it has then. */
static int set(struct client *c, const char *path, int n, char **settings)
{
	int status;
	json_t *config = remote_read_settings(c, n, settings, &status), *body;

	if (config == NULL)
		return status;
	body = json_pack("{s:o}", "config", config);
	status = remote_show(c, "PUT", path, body, print_done, (void *)(uintptr_t) "it is set");
	json_decref(body);
	return status;
}

static int run(struct client *c, const char *what, int argc, char **argv)
{
	char path[700], segment[600];

	if (strcmp(what, "list") == 0)
		return argc == 0 ? remote_show(c, "GET", "/v1/connections", NULL, print_list, NULL)
		                 : cli_misuse("connection", "list takes no argument");
	if (argc < 1)
		return cli_misuse("connection", "a name is missing");
	snprintf(path, sizeof path, "/v1/connections/%s", client_segment(argv[0], segment, sizeof segment));
	if (strcmp(what, "set") == 0)
		return argc > 1 ? set(c, path, argc - 1, argv + 1) : cli_misuse("connection", "set needs KEY=VALUE");
	if (argc > 1)
		return cli_misuse("connection", "there are too many arguments");
	if (strcmp(what, "show") == 0)
		return remote_show(c, "GET", path, NULL, print_one, NULL);
	return remote_show(c, "DELETE", path, NULL, print_done, (void *)(uintptr_t) "it is deleted");
}

int cli_connection(int argc, char **argv)
{
	static const char *const known[] = { "list", "show", "delete", "set", NULL };
	static const struct option options[] = { CLIENT_LONG_OPTIONS, { 0 } };
	const struct remote_usage u = { "connection", help, options, 0, -1, NULL, NULL };
	const char *what = argc > 1 ? argv[1] : "";
	struct client c = { 0 };
	int status;

	if (strcmp(what, "--help") == 0) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; known[i] != NULL; i++) {
		if (strcmp(what, known[i]) != 0)
			continue;
		argc--;
		argv++;
		status = remote_parse(&c, &u, &argc, &argv);
		return status != EXIT_OK ? (status < 0 ? EXIT_OK : status) : run(&c, known[i], argc, argv);
	}
	return cli_misuse("connection", "expected list, show, set or delete");
}
