/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/tool.h"
#include "host/config/json_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"usage: outflow checkpoint show [OPTION]... [PIPELINE]\n"
	"       outflow checkpoint set [OPTION]... PIPELINE STREAM NEXT\n"
	"       outflow checkpoint reset [OPTION]... PIPELINE [STREAM]\n"
	"\n"
	"Shows, sets or forgets where the streams of a pipeline go on at the next start; a daemon that uses\n"
	"the state directory has to be stopped first. STREAM is the JSON text that show prints, NEXT the\n"
	"position of the first record that is not done. A pipeline without checkpoint begins anew, with a\n"
	"journal: at the oldest record that it keeps. set and reset print what was there.\n"
	"\n" CONFIG_OPTIONS_HELP "      --json              for programs\n"
	"\n"
	"exit status: 0 done, 1 it could not be stored, 2 bad arguments or no such checkpoint, 3 the state\n"
	"directory cannot be used\n";

struct arguments {
	struct config_options config;
	const char *action, *pipeline, *stream, *next;
	uint64_t position;
	int json;
};

/* Checks what belongs to the action. */
static int check_arguments(struct arguments *a, int n)
{
	char *end;

	if (strcmp(a->action, "show") == 0)
		return n <= 1 ? EXIT_OK : cli_misuse("checkpoint", "show takes at most the name of a pipeline");
	if (strcmp(a->action, "reset") == 0)
		return n == 1 || n == 2 ? EXIT_OK : cli_misuse("checkpoint", "expected reset PIPELINE [STREAM]");
	if (strcmp(a->action, "set") != 0)
		return cli_misuse("checkpoint", "expected show, set or reset");
	if (n != 3)
		return cli_misuse("checkpoint", "expected set PIPELINE STREAM NEXT");
	errno = 0;
	a->position = strtoull(a->next, &end, 10);
	if (errno != 0 || *end != '\0' || *a->next < '0' || *a->next > '9')
		return cli_misuse("checkpoint", "NEXT is a number, 0 or more");
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "json", no_argument, NULL, OPTION_OWN },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, n;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == OPTION_OWN)
			a->json = 1;
		else if (!config_options_take(&a->config, option, optarg))
			return cli_bad_option("checkpoint", argv, options);
	}
	a->action = optind < argc ? argv[optind++] : "show";
	n = argc - optind;
	a->pipeline = n > 0 ? argv[optind] : NULL;
	a->stream = n > 1 ? argv[optind + 1] : NULL;
	a->next = n > 2 ? argv[optind + 2] : NULL;
	return check_arguments(a, n);
}

/* ---- showing ---- */

struct show {
	const char *pipeline, *stream; /* NULL: all */
	json_t *list;                  /* NULL: in text */
	size_t n;
};

/* The same text, or the same JSON. */
static int same_stream(const char *wanted, outflow_str stream)
{
	json_t *a, *b;
	int same;

	if (strlen(wanted) == stream.len && memcmp(wanted, stream.ptr, stream.len) == 0)
		return 1;
	a = json_loads(wanted, JSON_DECODE_ANY, NULL);
	b = json_loadb(stream.ptr, stream.len, JSON_DECODE_ANY, NULL);
	same = a != NULL && b != NULL && json_equal(a, b);
	json_decref(a);
	json_decref(b);
	return same;
}

static void show_one(void *ctx, const char *pipeline, outflow_str stream, const struct checkpoint *position)
{
	struct show *s = ctx;

	if (s->stream != NULL && !same_stream(s->stream, stream))
		return;
	s->n++;
	if (s->list == NULL) {
		printf("%s  %.*s  %llu%s\n", pipeline, (int)stream.len, stream.ptr, (unsigned long long)position->next,
		       position->pos_ext.ptr ? "  and what the source keeps beside it" : "");
		return;
	}
	json_array_append_new(s->list,
	                      json_pack("{s:s, s:o, s:I, s:o}", "pipeline", pipeline, "stream",
	                                json_value_bytes(outflow_text_bytes(stream)), "next",
	                                (json_int_t)position->next, "pos_ext", json_value_bytes(position->pos_ext)));
}

/* Prints what there is. Returns how much that was. */
static size_t show(const struct tool *t, const struct arguments *a, json_t *list)
{
	struct show s = { a->pipeline, a->stream, list, 0 };

	checkpoint_each(t->checkpoints, a->pipeline, show_one, &s);
	return s.n;
}

/* ---- changing ---- */

struct streams {
	const char *wanted; /* NULL: all */
	char **texts;
	size_t n;
	int failed;
};

/* The store may not be changed while it is visited. */
static void keep_stream(void *ctx, const char *pipeline, outflow_str stream, const struct checkpoint *position)
{
	struct streams *s = ctx;
	char **texts;

	(void)pipeline;
	(void)position;
	if (s->wanted != NULL && !same_stream(s->wanted, stream))
		return;
	texts = realloc(s->texts, (s->n + 1) * sizeof *texts);
	if (texts != NULL)
		s->texts = texts;
	if (texts == NULL || (texts[s->n] = strndup(stream.ptr, stream.len)) == NULL)
		s->failed = 1;
	else
		s->n++;
}

static outflow_status change_one(struct tool *t, const struct arguments *a, const char *stream, outflow_error *err)
{
	struct checkpoint position = { a->position, { NULL, 0 } };
	uint64_t generation;

	if (strcmp(a->action, "reset") == 0)
		return checkpoint_forget(t->checkpoints, a->pipeline, outflow_text(stream), err);
	return checkpoint_put(t->checkpoints, a->pipeline, outflow_text(stream), &position, &generation, err);
}

static int change(struct tool *t, const struct arguments *a)
{
	struct streams streams = { .wanted = a->stream };
	outflow_error err = { .size = sizeof err };
	outflow_status status = OUTFLOW_OK;

	checkpoint_each(t->checkpoints, a->pipeline, keep_stream, &streams);
	for (size_t i = 0; i < streams.n && status == OUTFLOW_OK && !streams.failed; i++)
		status = change_one(t, a, streams.texts[i], &err);
	for (size_t i = 0; i < streams.n; i++)
		free(streams.texts[i]);
	free(streams.texts);
	if (streams.failed)
		return tool_fail(t->json, EXIT_FAILED, "no memory");
	if (status == OUTFLOW_OK)
		status = checkpoint_sync(t->checkpoints, &err);
	return status == OUTFLOW_OK ? EXIT_OK : tool_fail(t->json, EXIT_FAILED, "%s", err.msg);
}

static int act(struct tool *t, const struct arguments *a)
{
	int changes = strcmp(a->action, "show") != 0, status = EXIT_OK;
	json_t *list = a->json ? json_array() : NULL;

	if (show(t, a, list) == 0 && (changes || a->pipeline != NULL))
		status = tool_fail(a->json, EXIT_CONFIG,
		                   "there is no checkpoint of %s%s%s%s%s (outflow checkpoint show lists all)",
		                   a->stream ? "stream " : "", a->stream ? a->stream : "", a->stream ? " of " : "",
		                   "pipeline ", a->pipeline);
	else if (changes)
		status = change(t, a);
	if (status == EXIT_OK && a->json)
		envelope_print(json_incref(list), NULL);
	else if (status == EXIT_OK && changes && strcmp(a->action, "set") == 0)
		printf("is now %llu\n", (unsigned long long)a->position);
	else if (status == EXIT_OK && changes)
		puts("is forgotten now");
	json_decref(list);
	return status;
}

int cli_checkpoint(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct tool t;
	int status = parse(argc, argv, &a);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = tool_open(&t, &a.config, a.json);
	if (status == EXIT_OK)
		status = act(&t, &a);
	tool_close(&t);
	return status;
}
