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
	"       outflow connection test [OPTION]... NAME [KEY=VALUE...]\n"
	"\n"
	"The named brokers and clusters of a running daemon. `set` makes one, or gives it these keys in place of\n"
	"those that it has, as in\n"
	"  outflow connection set plant class=mqtt broker=tcp://127.0.0.1:1883\n"
	"`test` has the daemon try whether the server can be reached, step by step, without disturbing a pipeline; with\n"
	"KEY=VALUE it tries these keys instead of those that are stored. Exit status: 0 it can be reached, 1 it cannot.\n"
	"\n" CLIENT_OPTIONS_HELP "      --timeout SECONDS   test: how long the server is waited for  [10]\n";

enum { OPTION_TIMEOUT = CLIENT_OPTION_OWN };

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

static void print_set(const json_t *answer, void *name)
{
	(void)answer;
	printf("%s is set\n", (char *)name);
}

static void print_deleted(const json_t *answer, void *name)
{
	(void)answer;
	printf("%s is deleted\n", (char *)name);
}

/* These keys are all that it has then. */
static int set(struct client *c, const char *path, char *name, int n, char **settings)
{
	int status;
	json_t *config = remote_read_settings(c, n, settings, &status), *body;

	if (config == NULL)
		return status;
	body = json_pack("{s:o}", "config", config);
	status = remote_show(c, "PUT", path, body, print_set, name);
	json_decref(body);
	return status;
}

/* ---- test ---- */

static void print_test(const json_t *answer)
{
	const char *reason = remote_text(answer, "reason");
	struct table t = { .columns = 3 };
	int is_told = 0;
	size_t i;
	json_t *step;

	json_array_foreach(json_object_get(answer, "steps"), i, step)
	{
		table_add(&t, "%s", json_is_true(json_object_get(step, "ok")) ? "ok" : "FAILED");
		table_add(&t, "%s", remote_text(step, "name"));
		table_add(&t, "%s", remote_text(step, "text"));
		is_told |= strcmp(remote_text(step, "text"), reason) == 0;
	}
	table_print(&t, stdout);
	fflush(stdout);
	if (json_is_true(json_object_get(answer, "reachable")))
		printf("%s can be reached (%lld ms)\n", remote_text(answer, "name"),
		       (long long)remote_number(answer, "milliseconds"));
	else
		fprintf(stderr, "outflow: %s %s%s%s\n", remote_text(answer, "name"),
		        json_is_null(json_object_get(answer, "reachable")) ? "is not tested" : "cannot be reached",
		        is_told ? "" : ": ", is_told ? "" : reason);
}

static int test(struct client *c, const char *path, int seconds, int n, char **settings)
{
	json_t *config = NULL, *body = NULL;
	struct client_answer a;
	char target[800];
	int status = EXIT_OK;

	if (n > 0 && (config = remote_read_settings(c, n, settings, &status)) == NULL)
		return status;
	if (config != NULL)
		body = json_pack("{s:o}", "config", config);
	snprintf(target, sizeof target, "%s/test?timeout_ms=%d", path, seconds * 1000);
	status = client_call(c, "POST", target, body, NULL, &a);
	if (status == EXIT_OK && c->json)
		envelope_print(json_incref(a.body), NULL);
	else if (status == EXIT_OK)
		print_test(a.body);
	if (status == EXIT_OK && !json_is_true(json_object_get(a.body, "reachable")))
		status = EXIT_FAILED;
	client_answer_clear(&a);
	json_decref(body);
	return status;
}

static int run(struct client *c, const char *what, int argc, char **argv, int seconds)
{
	char path[700], segment[600];

	if (strcmp(what, "list") == 0)
		return argc == 0 ? remote_show(c, "GET", "/v1/connections", NULL, print_list, NULL)
		                 : cli_misuse("connection", "list takes no argument");
	if (argc < 1)
		return cli_misuse("connection", "a name is missing");
	snprintf(path, sizeof path, "/v1/connections/%s", client_segment(argv[0], segment, sizeof segment));
	if (strcmp(what, "set") == 0)
		return argc > 1 ? set(c, path, argv[0], argc - 1, argv + 1)
		                : cli_misuse("connection", "set needs KEY=VALUE");
	if (strcmp(what, "test") == 0)
		return test(c, path, seconds, argc - 1, argv + 1);
	if (argc > 1)
		return cli_misuse("connection", "there are too many arguments");
	if (strcmp(what, "show") == 0)
		return remote_show(c, "GET", path, NULL, print_one, NULL);
	return remote_show(c, "DELETE", path, NULL, print_deleted, argv[0]);
}

/* ctx: the seconds; 0: they are none. */
static void take_timeout(void *ctx, int option, const char *argument)
{
	char *end;
	long n = strtol(argument, &end, 10);

	(void)option;
	*(int *)ctx = *end == '\0' && n >= 1 && n <= 60 ? (int)n : 0;
}

int cli_connection(int argc, char **argv)
{
	static const char *const known[] = { "list", "show", "delete", "set", "test", NULL };
	static const struct option options[] = {
		CLIENT_LONG_OPTIONS,
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		{ 0 },
	};
	int seconds = 10;
	const struct remote_usage u = { "connection", help, options, 0, -1, take_timeout, &seconds };
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
		if (status != EXIT_OK)
			return status < 0 ? EXIT_OK : status;
		return seconds > 0 ? run(&c, known[i], argc, argv, seconds)
		                   : cli_misuse("connection", "--timeout takes whole seconds, from 1 to 60");
	}
	return cli_misuse("connection", "expected list, show, set, test or delete");
}
