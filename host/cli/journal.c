/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/journal_tools.h"
#include "host/config/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"usage: outflow journal inspect [OPTION]... PIPELINE\n"
	"       outflow journal fsck [OPTION]... PIPELINE\n"
	"       outflow journal export [OPTION]... PIPELINE\n"
	"       outflow journal replay [OPTION]... --from POSITION|TIME PIPELINE\n"
	"\n"
	"Works on the journals of a pipeline's tasks; a daemon that uses the state directory has to be\n"
	"stopped first. inspect: segments, positions, times, what waits. fsck: reads everything and names each\n"
	"damage. export: the records as JSON lines. replay: delivered records that journal.retain.bytes has\n"
	"kept are delivered again by the next start.\n"
	"\n" CONFIG_OPTIONS_HELP "      --task N            only this task\n"
	"      --from BOUND        export, replay: begin at this position, or at a time, as in\n"
	"                          2026-11-24T14:00:00Z (without Z: local time)\n"
	"      --to BOUND          export: the last position or time\n"
	"      --dry-run           replay: say what would come again, change nothing\n"
	"      --json              inspect, fsck, replay: for programs\n"
	"\n"
	"exit status: 0 done, 1 something is damaged (fsck) or failed, 2 bad arguments, no such journal or\n"
	"not kept any more, 3 the state directory cannot be used or read\n";

struct arguments {
	struct config_options config;
	const char *action, *pipeline;
	int (*run)(struct journal_job *job);
	long task; /* -1: all */
	struct journal_bound from, to;
	int json, dry_run;
};

enum { OPTION_JSON = OPTION_OWN, OPTION_TASK, OPTION_FROM, OPTION_TO, OPTION_DRY_RUN };

/* ---- arguments ---- */

static int parse_bound(const char *text, struct journal_bound *b)
{
	char *end;

	*b = (struct journal_bound){ .given = 1 };
	errno = 0;
	b->position = strtoull(text, &end, 10);
	if (errno == 0 && *end == '\0' && *text >= '0' && *text <= '9')
		return EXIT_OK;
	b->is_time = 1;
	b->time_ms = tool_parse_time(text);
	if (b->time_ms >= 0)
		return EXIT_OK;
	return cli_misuse("journal", "a bound is a position, or a time as in 2026-11-24T14:00:00Z");
}

static int parse_task(const char *text, long *task)
{
	char *end;

	*task = strtol(text, &end, 10);
	if (*end == '\0' && *text >= '0' && *text <= '9' && *task < 100000)
		return EXIT_OK;
	return cli_misuse("journal", "--task takes the number of a task, from 0 on");
}

static int take_option(struct arguments *a, int option, const char *argument)
{
	switch (option) {
	case OPTION_JSON:
		a->json = 1;
		return EXIT_OK;
	case OPTION_DRY_RUN:
		a->dry_run = 1;
		return EXIT_OK;
	case OPTION_TASK:
		return parse_task(argument, &a->task);
	case OPTION_FROM:
		return parse_bound(argument, &a->from);
	case OPTION_TO:
		return parse_bound(argument, &a->to);
	default:
		return config_options_take(&a->config, option, argument) ? EXIT_OK : -1;
	}
}

static int check_arguments(struct arguments *a)
{
	static const struct {
		const char *name;
		int (*run)(struct journal_job *job);
	} actions[] = { { "inspect", journal_inspect },
		        { "fsck", journal_fsck },
		        { "export", journal_export },
		        { "replay", journal_replay } };

	for (size_t i = 0; a->action != NULL && i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(actions[i].name, a->action) == 0)
			a->run = actions[i].run;
	if (a->run == NULL || a->pipeline == NULL)
		return cli_misuse("journal", "expected inspect, fsck, export or replay, and one PIPELINE");
	if (a->run == journal_replay && !a->from.given)
		return cli_misuse("journal", "replay needs --from");
	if ((a->from.given && a->run != journal_replay && a->run != journal_export) ||
	    (a->to.given && a->run != journal_export) || (a->dry_run && a->run != journal_replay) ||
	    (a->json && a->run == journal_export))
		return cli_misuse("journal", "an option that has no effect here");
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "task", required_argument, NULL, OPTION_TASK },
		{ "from", required_argument, NULL, OPTION_FROM },
		{ "to", required_argument, NULL, OPTION_TO },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, status;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		status = take_option(a, option, optarg);
		if (status != EXIT_OK)
			return status < 0 ? cli_bad_option("journal", argv, options) : status;
	}
	a->action = optind < argc ? argv[optind++] : NULL;
	a->pipeline = optind == argc - 1 ? argv[optind] : NULL;
	return check_arguments(a);
}

/* ---- the checkpoint that belongs to a task's journal ---- */

/* The stream of a journal says whose it is: {"task":N}. */
static void find_stream(void *ctx, const char *pipeline, outflow_str stream, const struct checkpoint *position)
{
	struct journal_job *job = ctx;
	json_t *o = json_loadb(stream.ptr, stream.len, 0, NULL);
	json_t *task = json_object_get(o, "task");

	(void)pipeline;
	if (json_is_integer(task) && json_integer_value(task) == job->task && job->stream == NULL) {
		job->stream = strndup(stream.ptr, stream.len);
		job->next = position->next;
	}
	json_decref(o);
}

/* ---- tasks ---- */

static int by_number(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static int is_number(const struct dirent *entry)
{
	return strspn(entry->d_name, "0123456789") == strlen(entry->d_name) && strlen(entry->d_name) < 6;
}

static int run_task(struct tool *t, const struct arguments *a, long task, json_t *answers)
{
	struct journal_job job = {
		.tool = t, .pipeline = a->pipeline, .task = task, .from = a->from, .to = a->to, .dry_run = a->dry_run
	};
	int status;

	if (state_dir_path(t->dir, "journal", a->pipeline, task, job.dir, sizeof job.dir) != OUTFLOW_OK)
		return tool_fail(a->json, EXIT_CONFIG, "the name of the pipeline is too long");
	checkpoint_each(t->checkpoints, a->pipeline, find_stream, &job);
	if (answers != NULL) {
		job.answer = json_pack("{s:i, s:s}", "task", (int)task, "directory", job.dir);
		json_object_set_new(job.answer, "checkpoint",
		                    job.stream ? json_integer((json_int_t)job.next) : json_null());
		json_array_append_new(answers, job.answer);
	}
	status = a->run(&job);
	free(job.stream);
	return status;
}

/* Which pipelines have a journal. */
static int say_missing(const struct tool *t, const struct arguments *a, const char *dir)
{
	struct suggestion near = { .typed = a->pipeline };
	const char *root = state_dir_root(t->dir);
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	int n, status;

	snprintf(path, sizeof path, "%s/journal", root);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++)
		if (entries[i]->d_name[0] != '.')
			suggestion_offer(&near, entries[i]->d_name);
	if (near.best != NULL)
		status = tool_fail(a->json, EXIT_CONFIG, "there is no journal of '%s'; did you mean '%s'?", a->pipeline,
		                   near.best);
	else
		status = tool_fail(a->json, EXIT_CONFIG, "there is no journal of '%s': no directory %s", a->pipeline,
		                   dir);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return status;
}

static int run_tasks(struct tool *t, const struct arguments *a, json_t *answers)
{
	struct dirent **entries = NULL;
	char dir[PATH_MAX];
	int n, status = EXIT_OK, known = 0;

	if (state_dir_path(t->dir, "journal", a->pipeline, -1, dir, sizeof dir) != OUTFLOW_OK)
		return tool_fail(a->json, EXIT_CONFIG, "the name of the pipeline is too long");
	n = scandir(dir, &entries, is_number, by_number);
	if (n <= 0)
		return say_missing(t, a, dir);
	if (a->run == journal_replay && a->task < 0 && n > 1) {
		status = tool_fail(a->json, EXIT_CONFIG, "'%s' has %d tasks, one is replayed at a time: say --task N",
		                   a->pipeline, n);
		known = 1;
	}
	for (int i = 0; i < n; i++) {
		long task = strtol(entries[i]->d_name, NULL, 10);

		free(entries[i]);
		if (a->task >= 0 && task != a->task)
			continue;
		known = 1;
		/* The worst of them counts; what fsck finds in one does not end it. */
		if (status == EXIT_OK || (status == EXIT_FAILED && a->run == journal_fsck)) {
			int one = run_task(t, a, task, answers);

			status = one > status ? one : status;
		}
	}
	free(entries);
	return known ? status : tool_fail(a->json, EXIT_CONFIG, "'%s' has no task %ld", a->pipeline, a->task);
}

int cli_journal(int argc, char **argv)
{
	struct arguments a = { .task = -1 };
	json_t *answers = NULL;
	struct tool t;
	int status = parse(argc, argv, &a);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = tool_open(&t, &a.config, a.json);
	if (status == EXIT_OK) {
		answers = a.json ? json_array() : NULL;
		status = run_tasks(&t, &a, answers);
		if (a.json && (status == EXIT_OK || (status == EXIT_FAILED && a.run == journal_fsck)))
			envelope_print(json_incref(answers), NULL);
	}
	json_decref(answers);
	tool_close(&t);
	return status;
}
