/* SPDX-License-Identifier: Apache-2.0 */
/* list, show, status, and the verbs: start, pause, resume, stop, restart, delete. */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/pipelines.h"
#include "host/cli/remote.h"
#include "host/cli/table.h"
#include "host/cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option plain_options[] = { CLIENT_LONG_OPTIONS, { 0 } };

/* ---- list ---- */

static const char list_help[] = "usage: outflow list [OPTION]... [PREFIX]\n"
				"\n"
				"Lists the pipelines of a running daemon, or those whose name begins with PREFIX.\n"
				"\n" CLIENT_OPTIONS_HELP;

int pipelines_fetch(struct client *c, const char *prefix, json_t **result)
{
	char path[1200], segment[400], cursor[400] = "";
	int status = EXIT_OK;

	*result = json_array();
	do {
		struct client_answer a;

		snprintf(path, sizeof path, "/v1/pipelines?limit=100&prefix=%s%s%s",
		         client_segment(prefix, segment, sizeof segment), *cursor ? "&cursor=" : "", cursor);
		status = client_call(c, "GET", path, NULL, NULL, &a);
		if (status == EXIT_OK) {
			json_array_extend(*result, json_object_get(a.body, "pipelines"));
			client_segment(remote_text(a.body, "next"), cursor, sizeof cursor);
		}
		client_answer_clear(&a);
	} while (status == EXIT_OK && *cursor != '\0');
	return status;
}

/* In records, or of a source that counts in bytes in those. */
static void add_lag(struct table *t, const json_t *figures)
{
	if (json_is_integer(json_object_get(figures, "lag_bytes")))
		table_add(t, "%lld B", (long long)remote_number(figures, "lag_bytes"));
	else
		table_add(t, "%lld", (long long)remote_number(figures, "lag_records"));
}

void pipelines_print(const json_t *list)
{
	struct table t = { .columns = 9 };
	size_t i;
	json_t *p;

	for (const char *const *head = (const char *const[]){ "NAME", "STATE", "SOURCE", "SINK", "RECEIVED",
	                                                      "DELIVERED", "IN FLIGHT", "LAG", "PER SECOND", NULL };
	     *head != NULL; head++)
		table_add(&t, "%s", *head);
	json_array_foreach((json_t *)(uintptr_t)list, i, p)
	{
		const json_t *f = json_object_get(p, "figures");

		table_add(&t, "%s", remote_text(p, "name"));
		table_add(&t, "%s", remote_text(p, "state"));
		table_add(&t, "%s", remote_text(p, "source"));
		table_add(&t, "%s", remote_text(p, "sink"));
		table_add(&t, "%lld", (long long)remote_number(f, "received"));
		table_add(&t, "%lld", (long long)remote_number(f, "delivered"));
		table_add(&t, "%lld", (long long)remote_number(f, "in_flight"));
		add_lag(&t, f);
		table_add(&t, "%lld", (long long)remote_number(f, "tps"));
	}
	table_print(&t, stdout);
}

int cli_list(int argc, char **argv)
{
	const struct remote_usage u = { "list", list_help, plain_options, 0, 1, NULL, NULL };
	struct client c = { 0 };
	json_t *list = NULL;
	int status = remote_parse(&c, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = pipelines_fetch(&c, argc > 0 ? argv[0] : "", &list);
	if (status == EXIT_OK && c.json)
		envelope_print(json_incref(list), NULL);
	else if (status == EXIT_OK)
		pipelines_print(list);
	json_decref(list);
	return status;
}

/* ---- show ---- */

static const char show_help[] =
	"usage: outflow show [OPTION]... PIPELINE\n"
	"\n"
	"Shows one pipeline of a running daemon: what it does, its tasks, its configuration with\n"
	"secrets hidden.\n"
	"\n" CLIENT_OPTIONS_HELP;

static void print_tasks(const json_t *tasks)
{
	struct table t = { .columns = 7 };
	size_t i;
	json_t *task;

	for (const char *const *head = (const char *const[]){ "TASK", "STATE", "RECEIVED", "DELIVERED", "IN FLIGHT",
	                                                      "RESTARTS", "REASON", NULL };
	     *head != NULL; head++)
		table_add(&t, "%s", *head);
	json_array_foreach((json_t *)(uintptr_t)tasks, i, task)
	{
		const json_t *f = json_object_get(task, "figures");
		const json_t *next = json_object_get(task, "next_try_ms");

		table_add(&t, "%lld", (long long)remote_number(task, "task"));
		table_add(&t, "%s", remote_text(task, "state"));
		table_add(&t, "%lld", (long long)remote_number(f, "received"));
		table_add(&t, "%lld", (long long)remote_number(f, "delivered"));
		table_add(&t, "%lld", (long long)remote_number(f, "in_flight"));
		if (json_is_integer(next))
			table_add(&t, "%lld, next in %.1f s", (long long)remote_number(task, "restarts"),
			          (double)json_integer_value(next) / 1000);
		else
			table_add(&t, "%lld", (long long)remote_number(task, "restarts"));
		table_add(&t, "%s", remote_text(task, "reason"));
	}
	if (t.n > t.columns)
		putchar('\n');
	if (t.n == t.columns)
		t.n = 0; /* only the head */
	table_print(&t, stdout);
}

static void add_lag_of_task(struct table *t, const json_t *task)
{
	static const char *const head[] = { "TASK", "PARTITION", "LAG" };
	const json_t *list = json_object_get(task, "lag");
	size_t i;
	json_t *lag;

	json_array_foreach((json_t *)(uintptr_t)list, i, lag)
	{
		const json_t *bytes = json_object_get(lag, "bytes");
		char *partition = json_dumps(json_object_get(lag, "partition"), JSON_COMPACT | JSON_ENCODE_ANY);

		for (size_t k = t->n; k < t->columns; k++)
			table_add(t, "%s", head[k]);
		table_add(t, "%lld", (long long)remote_number(task, "task"));
		table_add(t, "%s", partition ? partition : "");
		table_add(t, "%lld%s", (long long)remote_number(lag, bytes ? "bytes" : "records"), bytes ? " B" : "");
		free(partition);
	}
}

/* How far each partition of the source is behind, where it can tell. */
static void print_lag(const json_t *tasks)
{
	struct table t = { .columns = 3 };
	size_t i;
	json_t *task;

	json_array_foreach((json_t *)(uintptr_t)tasks, i, task) add_lag_of_task(&t, task);
	if (t.n > 0)
		putchar('\n');
	table_print(&t, stdout);
}

static void print_figures(const json_t *f)
{
	static const char *const names[] = { "received", "filtered",  "delivered", "dead_lettered",
		                             "dropped",  "in_flight", "retried",   NULL };

	for (size_t i = 0; names[i] != NULL; i++)
		printf("%s%s %lld", i > 0 ? ", " : "", names[i], (long long)remote_number(f, names[i]));
	printf("\n             %.1f delivered a second, oldest in flight %.1f s\n",
	       json_number_value(json_object_get(f, "tps")), (double)remote_number(f, "delay_ms") / 1000);
}

static void print_pipeline(const json_t *p, void *ctx)
{
	const json_t *declared = json_object_get(p, "declared");
	const char *key;
	json_t *value;

	(void)ctx;
	printf("%s  %s  %s -> %s\n", remote_text(p, "name"), remote_text(p, "state"), remote_text(p, "source"),
	       remote_text(p, "sink"));
	if (*remote_text(p, "reason") != '\0')
		printf("reason       %s\n", remote_text(p, "reason"));
	if (*remote_text(p, "description") != '\0')
		printf("description  %s\n", remote_text(p, "description"));
	printf("target       %s\n", remote_text(p, "target"));
	if (json_is_object(declared))
		printf("declared     %s:%lld\n", remote_text(declared, "file"),
		       (long long)remote_number(declared, "line"));
	printf("version      %s\nfigures      ", remote_text(p, "version"));
	print_figures(json_object_get(p, "figures"));
	print_tasks(json_object_get(p, "tasks"));
	print_lag(json_object_get(p, "tasks"));
	putchar('\n');
	json_object_foreach((json_t *)json_object_get(p, "config"), key, value)
		printf("%s = %s\n", key, json_string_value(value));
}

int cli_show(int argc, char **argv)
{
	const struct remote_usage u = { "show", show_help, plain_options, 1, 1, NULL, NULL };
	struct client c = { 0 };
	char path[700], segment[600];
	int status = remote_parse(&c, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	snprintf(path, sizeof path, "/v1/pipelines/%s", client_segment(argv[0], segment, sizeof segment));
	return remote_show(&c, "GET", path, NULL, print_pipeline, NULL);
}

/* ---- verbs ---- */

struct verb {
	const char *name, *method, *path, *help; /* path: behind the pipeline's */
	const struct option *options;
};

/* What was asked for beside the verb. */
struct wish {
	int purge, only_failed, yes;
	const char *task;
};

enum { OPTION_PURGE = CLIENT_OPTION_OWN, OPTION_ONLY_FAILED, OPTION_TASK, OPTION_YES };

static void take_verb_option(void *ctx, int option, const char *argument)
{
	struct wish *w = ctx;

	w->purge |= option == OPTION_PURGE;
	w->only_failed |= option == OPTION_ONLY_FAILED;
	w->yes |= option == OPTION_YES;
	if (option == OPTION_TASK)
		w->task = argument;
}

static void print_state(const json_t *answer, void *ctx)
{
	const char *name = ctx, *state = remote_text(answer, "state"), *target = remote_text(answer, "target");

	if (!json_is_object(answer))
		printf("%s is deleted\n", name);
	else if (strcmp(state, target) == 0 || strcmp(target, "STOPPED") == 0)
		printf("%s is %s\n", name, state);
	else
		printf("%s is %s, and is to be %s\n", name, state, target);
}

static int apply_verb(struct client *c, const struct verb *v, const struct wish *w, const char *pipeline)
{
	char path[900], segment[600], query[200] = "";

	if (w->purge)
		strcpy(query, "?purge=true");
	else if (w->only_failed || w->task != NULL)
		snprintf(query, sizeof query, "?only_failed=%s%s%s", w->only_failed ? "true" : "false",
		         w->task ? "&task=" : "", w->task ? w->task : "");
	snprintf(path, sizeof path, "/v1/pipelines/%s%s%s", client_segment(pipeline, segment, sizeof segment), v->path,
	         query);
	return remote_show(c, v->method, path, NULL, print_state, (void *)(uintptr_t)pipeline);
}

/* What is purged cannot be had back. */
static int is_sure(const struct wish *w)
{
	char answer[16];

	if (!w->purge || w->yes || !isatty(STDIN_FILENO))
		return 1;
	fputs("its positions and what its journal still holds go too; delete? [y/N] ", stderr);
	return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static const struct option restart_options[] = {
	CLIENT_LONG_OPTIONS,
	{ "only-failed", no_argument, NULL, OPTION_ONLY_FAILED },
	{ "task", required_argument, NULL, OPTION_TASK },
	{ 0 },
};
static const struct option delete_options[] = {
	CLIENT_LONG_OPTIONS,
	{ "purge", no_argument, NULL, OPTION_PURGE },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ 0 },
};

#define HELP(NAME, WHAT, OPTIONS)                                                                                      \
	"usage: outflow " NAME " [OPTION]... PIPELINE...\n\n" WHAT "\n\n" OPTIONS CLIENT_OPTIONS_HELP

static const struct verb verbs[] = {
	{ "start", "POST", "/start", HELP("start", "Has pipelines run; failed ones are started again.", ""),
	  plain_options },
	{ "pause", "POST", "/pause",
	  HELP("pause", "Has pipelines keep their connections and journals, and deliver nothing new.", ""),
	  plain_options },
	{ "resume", "POST", "/resume", HELP("resume", "Has paused pipelines go on.", ""), plain_options },
	{ "stop", "POST", "/stop", HELP("stop", "Has pipelines see through what is in flight, and end.", ""),
	  plain_options },
	{ "restart", "POST", "/restart",
	  HELP("restart", "Starts the tasks of pipelines again, each after what it has in flight.",
	       "      --only-failed       those that failed\n"
	       "      --task N            this one\n"),
	  restart_options },
	{ "delete", "DELETE", "",
	  HELP("delete", "Stops and removes created pipelines. Positions and journal stay for one of the same name.",
	       "      --purge             they go too\n"
	       "      --yes               without a question\n"),
	  delete_options },
};

int cli_verb(int argc, char **argv)
{
	const struct verb *v = verbs;
	struct wish w = { 0 };
	struct client c = { 0 };
	struct remote_usage u;
	int status, worst = EXIT_OK;

	while (strcmp(v->name, argv[0]) != 0)
		v++;
	u = (struct remote_usage){ v->name, v->help, v->options, 1, -1, take_verb_option, &w };
	status = remote_parse(&c, &u, &argc, &argv);
	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	if (c.json && argc > 1)
		return cli_misuse(v->name, "with --json one pipeline at a time");
	if (!is_sure(&w))
		return EXIT_FAILED;
	for (int i = 0; i < argc; i++) {
		status = apply_verb(&c, v, &w, argv[i]);
		worst = worst == EXIT_OK ? status : worst;
	}
	return worst;
}
