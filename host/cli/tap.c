/* SPDX-License-Identifier: Apache-2.0 */
/* tap: the records of a pipeline of a running daemon, as they pass. */
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/cli/remote.h"
#include "host/cli/show.h"

#include <outflow/util.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPTION_STAGE = CLIENT_OPTION_OWN, OPTION_MAX, OPTION_RATE, OPTION_FULL };

struct tapping {
	struct client client;
	char stages[1024]; /* with commas */
	const char *most, *rate;
	int full;
	json_int_t shown, missed;
	int ended; /* the daemon has said why */
	int failed;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void take(void *ctx, int option, const char *argument)
{
	struct tapping *t = ctx;
	size_t n = strlen(t->stages);

	t->full |= option == OPTION_FULL;
	if (option == OPTION_MAX)
		t->most = argument;
	if (option == OPTION_RATE)
		t->rate = argument;
	if (option == OPTION_STAGE)
		snprintf(t->stages + n, sizeof t->stages - n, "%s%s", n > 0 ? "," : "", argument);
}

/* ---- what comes ---- */

/* A value as the daemon shows it: a text, {"base64": ...}, null. */
static void print_value(const json_t *value, json_int_t length, int truncated)
{
	const json_t *text = json_is_object(value) ? json_object_get(value, "base64") : value;
	outflow_bytes bytes = { json_string_value(text), json_string_length(text) };

	if (json_is_object(value))
		fputs("base64:", stdout);
	(void)show_short(bytes, 0, stdout);
	if (truncated)
		printf("... (%lld bytes)", (long long)length);
}

static void print_record(const json_t *data, int failed)
{
	const char *time = remote_text(data, "time");
	json_int_t value_length = remote_number(data, "value_length");
	int truncated = json_is_true(json_object_get(data, "truncated"));
	const json_t *value = json_object_get(data, "value");

	printf("%-12.12s  %2lld  %-16s  ", strlen(time) > 11 ? time + 11 : time, (long long)remote_number(data, "task"),
	       remote_text(data, "stage"));
	if (failed) {
		printf("%s: ", remote_text(data, "outcome"));
		print_value(json_object_get(data, "reason"), 0, 0);
		fputs("  ", stdout);
	}
	print_value(json_object_get(data, "topic"), 0, 0);
	fputs("  ", stdout);
	print_value(json_object_get(data, "key"), 0, 0);
	fputs("  ", stdout);
	print_value(value, value_length,
	            truncated && (json_is_object(value) || (json_int_t)json_string_length(value) < value_length));
	putchar('\n');
}

static void print_line(const char *type, json_t *data)
{
	char *text;

	json_object_set_new(data, "event", json_string(type));
	text = json_dumps(data, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
}

static void print_for_people(struct tapping *t, const char *type, const json_t *data)
{
	if (strcmp(type, "tap") == 0 && strcmp(remote_text(data, "state"), "RUNNING") != 0)
		fprintf(stderr, "outflow: %s is %s; what passes will be shown\n", remote_text(data, "pipeline"),
		        remote_text(data, "state"));
	else if (strcmp(type, "record") == 0 || strcmp(type, "failure") == 0)
		print_record(data, *type == 'f');
	else if (strcmp(type, "missed") == 0)
		printf("-- %lld not shown: too many, or read too slowly\n", (long long)remote_number(data, "records"));
	else if (strcmp(type, "end") == 0 && strcmp(remote_text(data, "end"), "max") != 0)
		fprintf(stderr, "outflow: the pipeline %s%s%s\n",
		        t->failed                                           ? "has failed"
		        : strcmp(remote_text(data, "end"), "stopping") == 0 ? "ends with the daemon"
		                                                            : remote_text(data, "end"),
		        *remote_text(data, "reason") ? ": " : "", remote_text(data, "reason"));
}

static int on_event(void *ctx, const char *type, const char *text)
{
	struct tapping *t = ctx;
	json_t *data = json_loads(text, 0, NULL);

	if (data == NULL)
		return 0;
	t->shown += strcmp(type, "record") == 0 || strcmp(type, "failure") == 0;
	if (strcmp(type, "missed") == 0)
		t->missed += remote_number(data, "records");
	t->ended |= strcmp(type, "end") == 0;
	t->failed |= strcmp(type, "end") == 0 && strcmp(remote_text(data, "end"), "failed") == 0;
	if (t->client.json)
		print_line(type, data);
	else
		print_for_people(t, type, data);
	json_decref(data);
	return fflush(stdout) != 0;
}

/* ---- the request ---- */

static void add_query(char *path, size_t size, const char *name, const char *value)
{
	char encoded[3 * 1024 + 1];
	size_t n = strlen(path);

	snprintf(path + n, size - n, "%c%s=%s", strchr(path, '?') ? '&' : '?', name,
	         client_segment(value, encoded, sizeof encoded));
}

static int follow(struct tapping *t, const char *name)
{
	char segment[1024], path[6000];
	struct sigaction action = { .sa_handler = on_signal };
	int status;

	snprintf(path, sizeof path, "/v1/pipelines/%s/tap", client_segment(name, segment, sizeof segment));
	if (*t->stages != '\0')
		add_query(path, sizeof path, "stage", t->stages);
	if (t->most != NULL)
		add_query(path, sizeof path, "max", t->most);
	if (t->rate != NULL)
		add_query(path, sizeof path, "rate", t->rate);
	if (t->full)
		add_query(path, sizeof path, "full", "true");
	t->client.stop = &interrupted;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	status = client_follow(&t->client, path, on_event, t);
	if (status != EXIT_OK)
		return status;
	if (!t->client.json)
		fprintf(stderr, "outflow: %lld shown, %lld not\n", (long long)t->shown, (long long)t->missed);
	if (t->failed)
		return EXIT_FAILED;
	if (!t->ended && !interrupted && !ferror(stdout)) {
		fputs("outflow: the daemon has ended the stream without saying why\n", stderr);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

int cli_tap(int argc, char **argv)
{
	static const struct option options[] = { CLIENT_LONG_OPTIONS,
		                                 { "stage", required_argument, NULL, OPTION_STAGE },
		                                 { "max", required_argument, NULL, OPTION_MAX },
		                                 { "rate", required_argument, NULL, OPTION_RATE },
		                                 { "full", no_argument, NULL, OPTION_FULL },
		                                 { 0 } };
	static const char help[] =
		"usage: outflow tap [OPTION]... PIPELINE\n"
		"\n"
		"The records of a pipeline of a running daemon as they pass: time, task, stage, topic, key, value.\n"
		"The pipeline never waits for it; what could not be shown is counted. Ends with Ctrl-C, or when the\n"
		"pipeline is stopped, edited or deleted.\n"
		"\n"
		"      --stage NAME        only there: source, filter, a transform, sink, deadletter (what failed);\n"
		"                          may be given several times\n"
		"      --max N             so many records\n"
		"      --rate N            at most so many a second [1000]\n"
		"      --full              values of up to 64 KiB instead of 1 KiB\n" CLIENT_OPTIONS_HELP "\n"
		"With --json each line is an object; \"event\" is tap, record, failure, missed or end.\n"
		"exit status: 0 done, 1 no such pipeline, or it has failed, 2 usage, 3 no daemon answers, or it does\n"
		"not let you look (it takes the role admin)\n";
	struct tapping t = { .shown = 0 };
	const struct remote_usage u = { "tap", help, options, 1, 1, take, &t };
	int status = remote_parse(&t.client, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	return follow(&t, argv[0]);
}
