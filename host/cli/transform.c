/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/transform.h"

#include "host/api/trial_json.h"
#include "host/base/log.h"
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/message_options.h"
#include "host/cli/outcome.h"
#include "host/cli/tool.h"
#include "host/cli/trial_setup.h"

#include <outflow/util.h>

#include <stdlib.h>

static const char help[] =
	"usage: outflow transform test CLASS [KEY=VALUE]... [OPTION]...\n"
	"       outflow transform test --config FILE [OPTION]...\n"
	"       outflow transform test --batch [OPTION]...\n"
	"\n"
	"Runs a transform on one message and shows what comes out: values, and what else of them changed.\n"
	"\n"
	"      --config FILE       the keys, as they stand in the group of a pipeline: class = \"split\"; ... ;\n"
	"                          or lists transforms and predicates                       [- is standard input]\n" BODY_OPTIONS_HELP
		MESSAGE_OPTIONS_HELP
	"      --format NAME       what the payload is: json, text or binary                       [json]\n"
	"      --batch             standard input holds one JSON object a line: texts name, config, payload or\n"
	"                          event, topic, key, format, and headers, an object; a line comes out for each\n"
	"      --plugin-path DIRS  directories of plugins, with colons between them\n"
	"      --json              for programs\n"
	"\n"
	"exit status: 0 there is output (the batch was read), 1 filtered or rejected, 2 bad configuration or\n"
	"usage, 3 the environment: no such plugin, standard output cannot be written\n";

enum { OPTION_KEYS = OPTION_OWN, OPTION_FORMAT, OPTION_BATCH, OPTION_JSON };

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_KEYS },
	BODY_LONG_OPTIONS,
	MESSAGE_LONG_OPTIONS,
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "batch", no_argument, NULL, OPTION_BATCH },
	{ "plugin-path", required_argument, NULL, OPTION_PLUGIN_PATH },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct arguments {
	struct config_options config;
	struct message message;
	const char *keys_file, *format;
	char *const *words; /* CLASS KEY=VALUE... */
	int n_words, batch, json;
};

static int take(struct arguments *a, int option, const char *argument)
{
	outflow_error err = { .size = sizeof err };
	int taken = message_options_take(&a->message, option, argument, &err);

	if (taken < 0)
		return cli_misuse("transform", err.msg);
	if (taken > 0 || config_options_take(&a->config, option, argument))
		return EXIT_OK;
	switch (option) {
	case OPTION_KEYS:
		a->keys_file = argument;
		return EXIT_OK;
	case OPTION_FORMAT:
		a->format = argument;
		return message_format_is_known(argument) ? EXIT_OK
		                                         : cli_misuse("transform", "--format is json, text or binary");
	case OPTION_BATCH:
		a->batch = 1;
		return EXIT_OK;
	default:
		a->json = 1;
		return EXIT_OK;
	}
}

static int check_arguments(const struct arguments *a)
{
	if (a->batch && (a->n_words > 0 || a->keys_file != NULL || a->message.has_payload || a->json))
		return cli_misuse("transform", "with --batch everything comes from standard input");
	if (a->batch)
		return EXIT_OK;
	if ((a->n_words > 0) == (a->keys_file != NULL))
		return cli_misuse("transform", "expected the class of a transform, or --config FILE");
	for (int i = 1; i < a->n_words; i++)
		if (strchr(a->words[i], '=') == NULL)
			return cli_misuse("transform", "behind the class stand keys: KEY=VALUE");
	if (!a->message.has_payload)
		return cli_misuse("transform", "on which message? --payload TEXT or --event JSON");
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		int status;

		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == '?')
			return cli_bad_option("transform", argv, options);
		status = take(a, option, optarg);
		if (status != EXIT_OK)
			return status;
	}
	if (optind == argc || strcmp(argv[optind], "test") != 0)
		return cli_misuse("transform", "expected test, then a transform");
	a->words = argv + optind + 1;
	a->n_words = argc - optind - 1;
	return check_arguments(a);
}

/* ---- one message ---- */

static int no_memory(void)
{
	fputs("outflow: no memory\n", stderr);
	return EXIT_ENVIRONMENT;
}

static int read_keys_file(struct configuration *c, const struct arguments *a, struct transform_keys *k)
{
	outflow_error err = { .size = sizeof err };
	struct text text = { .ptr = NULL };
	char name[4100];
	outflow_status status;

	snprintf(name, sizeof name, "%s%.4090s", strcmp(a->keys_file, "-") == 0 ? "" : "@", a->keys_file);
	status = text_read(&text, name, &err);
	if (status == OUTFLOW_OK && memchr(text.ptr, '\0', text.n) != NULL)
		status = outflow_fail(&err, OUTFLOW_E_CONFIG, "%s holds a NUL byte: is it a text?", a->keys_file);
	if (status == OUTFLOW_OK)
		status = transform_keys_parse(k, a->keys_file, text.ptr, &c->problems);
	text_clear(&text);
	return status == OUTFLOW_OK ? EXIT_OK : tool_fail(a->json, EXIT_CONFIG, "%s", err.msg);
}

static int read_keys(struct configuration *c, const struct arguments *a, struct transform_keys *k)
{
	outflow_status status;

	k->format = a->format;
	if (a->keys_file != NULL)
		return read_keys_file(c, a, k);
	status = transform_key(k, "class", a->words[0]);
	for (int i = 1; i < a->n_words && status == OUTFLOW_OK; i++) {
		const char *equals = strchr(a->words[i], '=');
		char name[256];

		snprintf(name, sizeof name, "%.*s", (int)(equals - a->words[i]), a->words[i]);
		status = transform_key(k, name, equals + 1);
	}
	return status == OUTFLOW_OK ? EXIT_OK : no_memory();
}

static void print(const struct trial_outcome *o, const outflow_record *input)
{
	for (uint32_t i = 0; i < o->n_outputs; i++) {
		const char *as_it_is = trial_changes(&o->outputs[i], input) == 0 ? ": as it came" : "";

		if (o->n_outputs > 1)
			printf("output %u of %u%s\n", i + 1, o->n_outputs, as_it_is);
		else
			printf("output%s\n", as_it_is);
		outcome_print_record(&o->outputs[i], input, stdout);
	}
	for (size_t i = 0; i < o->n_failures; i++) {
		fputs(o->postponed ? "would be tried again: " : "rejected: ", stdout);
		outcome_print_failure(&o->failures[i], stdout);
	}
	if (o->n_outputs == 0 && o->n_failures == 0)
		puts("filtered");
}

static int run(struct configuration *c, const struct pipeline_model *m, struct arguments *a)
{
	outflow_error err = { .size = sizeof err };
	const struct trial_outcome *outcome;
	struct trial t;
	outflow_record input;
	int status = EXIT_CONFIG;

	if (message_record(&a->message, NULL, &input) != OUTFLOW_OK)
		return no_memory();
	if (trial_open(&t, &c->host, c->inventory, m, TRIAL_FOR_USER, &err) != OUTFLOW_OK) {
		tool_fail(a->json, status, "%s", err.msg);
	} else if (log_set_level(OUTFLOW_LOG_ERROR), trial_run(&t, &input, &outcome, &err) != OUTFLOW_OK) {
		status = tool_fail(a->json, EXIT_FAILED, "%s", err.msg);
	} else {
		status = outcome->n_outputs > 0 && outcome->n_failures == 0 ? EXIT_OK : EXIT_FAILED;
		if (a->json)
			envelope_print(trial_outcome_json(outcome, &input), NULL);
		else
			print(outcome, &input);
	}
	trial_close(&t);
	return status;
}

static int report(struct configuration *c, const struct arguments *a)
{
	if (!a->json)
		return configuration_report(c);
	envelope_print(NULL, &c->problems);
	return EXIT_CONFIG;
}

static int test(struct configuration *c, struct arguments *a)
{
	struct transform_keys k = { .format = NULL };
	struct pipeline_model *m = NULL;
	int status = read_keys(c, a, &k);

	if (status == EXIT_OK && c->problems.reported == 0)
		m = transform_pipeline(c, &k);
	if (status == EXIT_OK)
		status = m == NULL ? report(c, a) : run(c, m, a);
	pipeline_model_free(&m);
	settings_clear(&k.settings);
	return status;
}

int cli_transform(int argc, char **argv)
{
	struct arguments a = { .message = { .timestamp_ms = -1 } };
	struct configuration c = { 0 };
	int status = parse(argc, argv, &a);

	if (status == EXIT_OK)
		status = trial_configuration(&c, &a.config, a.json);
	if (status == EXIT_OK)
		status = a.batch ? transform_batch(&c, &a.message, a.format) : test(&c, &a);
	configuration_clear(&c);
	message_clear(&a.message);
	return status < 0 ? EXIT_OK : status;
}
