/* SPDX-License-Identifier: Apache-2.0 */
/* status and top: what pipelines do, once or again and again. */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/cli/pipelines.h"
#include "host/cli/remote.h"
#include "host/cli/table.h"
#include "host/cli/tool.h"
#include "host/config/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPTION_WATCH = CLIENT_OPTION_OWN, OPTION_INTERVAL, OPTION_COUNT };

struct watching {
	int watch;
	double interval; /* seconds */
	long count;      /* 0: without end */
	char **names;    /* of which pipelines; n_names 0: of all */
	int n_names;
};

static void take(void *ctx, int option, const char *argument)
{
	struct watching *w = ctx;

	w->watch |= option == OPTION_WATCH;
	if (option == OPTION_INTERVAL)
		w->interval = strtod(argument, NULL);
	if (option == OPTION_COUNT)
		w->count = strtol(argument, NULL, 10);
}

/* By what they deliver, the busiest first. */
static int by_rate(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	double p = json_number_value(json_object_get(json_object_get(x, "figures"), "tps"));
	double q = json_number_value(json_object_get(json_object_get(y, "figures"), "tps"));

	return p < q ? 1 : p > q ? -1 : strcmp(remote_text(x, "name"), remote_text(y, "name"));
}

static json_t *sorted(const json_t *list)
{
	size_t n = json_array_size(list);
	json_t **items = calloc(n + 1, sizeof *items), *result = json_array();

	for (size_t i = 0; items != NULL && i < n; i++)
		items[i] = json_array_get(list, i);
	if (items != NULL && n > 0)
		qsort(items, n, sizeof *items, by_rate);
	for (size_t i = 0; items != NULL && i < n; i++)
		json_array_append(result, items[i]);
	free(items);
	return result;
}

static void print_reasons(const json_t *list)
{
	size_t i;
	json_t *p;

	json_array_foreach((json_t *)(uintptr_t)list, i, p) if (*remote_text(p, "reason") != '\0')
		printf("%s: %s\n", remote_text(p, "name"), remote_text(p, "reason"));
}

/* EXIT_FAILED when something has failed. */
static int judge(const json_t *list)
{
	size_t i;
	json_t *p;

	json_array_foreach((json_t *)(uintptr_t)list, i,
	                   p) if (strstr(remote_text(p, "state"), "FAILED") != NULL) return EXIT_FAILED;
	return EXIT_OK;
}

/* The one of that name; NULL: said that there is none. */
static json_t *find(const struct client *c, const json_t *list, const char *name)
{
	struct suggestion near = { .typed = name };

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *p = json_array_get(list, i);

		if (strcmp(remote_text(p, "name"), name) == 0)
			return p;
		suggestion_offer(&near, remote_text(p, "name"));
	}
	if (near.best != NULL)
		tool_fail(c->json, EXIT_FAILED, "there is no pipeline '%s'; did you mean '%s'?", name, near.best);
	else
		tool_fail(c->json, EXIT_FAILED, "there is no pipeline '%s'", name);
	return NULL;
}

/* The named ones in place of the list; one that is not there is a failure. */
static int choose(const struct client *c, const struct watching *w, json_t **list)
{
	json_t *chosen = json_array(), *p = NULL;
	int i = 0;

	while (i < w->n_names && (p = find(c, *list, w->names[i])) != NULL) {
		json_array_append(chosen, p);
		i++;
	}
	json_decref(*list);
	*list = chosen;
	return i == w->n_names ? EXIT_OK : EXIT_FAILED;
}

static int show_once(struct client *c, const struct watching *w, int is_top)
{
	json_t *list = NULL, *order;
	int status = pipelines_fetch(c, "", &list);

	if (status == EXIT_OK && w->n_names > 0)
		status = choose(c, w, &list);
	if (status == EXIT_OK && c->json) {
		status = judge(list);
		envelope_print(json_incref(list), NULL);
	} else if (status == EXIT_OK) {
		order = is_top ? sorted(list) : json_incref(list);
		if (is_top && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		pipelines_print(order);
		print_reasons(order);
		status = judge(list);
		json_decref(order);
	}
	json_decref(list);
	return status;
}

static int watch(struct client *c, const struct watching *w, int is_top)
{
	struct timespec pause = { (time_t)w->interval, (long)((w->interval - (double)(time_t)w->interval) * 1e9) };
	int status;

	for (long i = 1;; i++) {
		status = show_once(c, w, is_top);
		fflush(stdout);
		if ((status != EXIT_OK && status != EXIT_FAILED) || i == w->count || ferror(stdout))
			return status;
		nanosleep(&pause, NULL);
	}
}

static int run(const struct remote_usage *usage, struct watching *w, int is_top, int argc, char **argv)
{
	struct remote_usage u = *usage;
	struct client c = { 0 };
	int status;

	u.ctx = w;
	status = remote_parse(&c, &u, &argc, &argv);
	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	if (!(w->interval >= 0.1 && w->interval <= 3600) || w->count < 0)
		return cli_misuse(u.command, "--interval is from 0.1 to 3600 seconds, --count not negative");
	w->names = argv;
	w->n_names = argc;
	return w->watch ? watch(&c, w, is_top) : show_once(&c, w, is_top);
}

#define WATCH_OPTIONS                                                                                                  \
	{ "interval", required_argument, NULL, OPTION_INTERVAL },                                                      \
	{                                                                                                              \
		"count", required_argument, NULL, OPTION_COUNT                                                         \
	}

int cli_status(int argc, char **argv)
{
	static const struct option options[] = {
		CLIENT_LONG_OPTIONS, { "watch", no_argument, NULL, OPTION_WATCH }, WATCH_OPTIONS, { 0 }
	};
	static const char help[] =
		"usage: outflow status [OPTION]... [PIPELINE]...\n"
		"\n"
		"What the pipelines of a running daemon do, all or these, and why those that failed did.\n"
		"\n"
		"      --watch             again and again, until it is interrupted\n"
		"      --interval SECONDS  between two looks [2]\n"
		"      --count N           so many looks\n" CLIENT_OPTIONS_HELP "\n"
		"exit status: 0 all is well, 1 a pipeline has failed or is not there, 3 no daemon answers\n";
	const struct remote_usage u = { "status", help, options, 0, -1, take, NULL };
	struct watching w = { .interval = 2 };

	return run(&u, &w, 0, argc, argv);
}

int cli_top(int argc, char **argv)
{
	static const struct option options[] = { CLIENT_LONG_OPTIONS, WATCH_OPTIONS, { 0 } };
	static const char help[] = "usage: outflow top [OPTION]...\n"
				   "\n"
				   "A live table of the pipelines of a running daemon, the busiest first.\n"
				   "\n"
				   "      --interval SECONDS  between two looks [1]\n"
				   "      --count N           so many looks\n" CLIENT_OPTIONS_HELP;
	const struct remote_usage u = { "top", help, options, 0, 0, take, NULL };
	struct watching w = { .watch = 1, .interval = 1 };

	return run(&u, &w, 1, argc, argv);
}
