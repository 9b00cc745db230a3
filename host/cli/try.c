/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/try.h"

#include "host/base/log.h"
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/message_options.h"
#include "host/cli/tool.h"

#include <outflow/util.h>

static const char help[] =
	"usage: outflow try PIPELINE [OPTION]... [FILE|DIR]...\n"
	"\n"
	"Shows what a pipeline would do with one message: each stage, why a filter refuses it, and the record that\n"
	"the sink would get, or the dead letter. Source and sink are not connected and nothing is sent to them; a\n"
	"stage that asks a service does ask it. FILEs replace the default places of the configuration.\n"
	"\n" BODY_OPTIONS_HELP MESSAGE_OPTIONS_HELP "\n" CONFIG_OPTIONS_HELP "      --json              for programs\n"
	"\n"
	"exit status: 0 the sink would get it, 1 filtered or rejected, 2 bad configuration or usage, 3 standard\n"
	"output cannot be written\n";

static const struct option options[] = {
	CONFIG_LONG_OPTIONS,
	BODY_LONG_OPTIONS,
	MESSAGE_LONG_OPTIONS,
	{ "json", no_argument, NULL, OPTION_OWN },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct arguments {
	struct config_options config;
	struct message message;
	const char *pipeline;
	int json;
};

static int parse(int argc, char **argv, struct arguments *a)
{
	int option;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		outflow_error err = { .size = sizeof err };
		int taken;

		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == '?')
			return cli_bad_option("try", argv, options);
		taken = message_options_take(&a->message, option, optarg, &err);
		if (taken < 0)
			return cli_misuse("try", err.msg);
		if (taken == 0 && !config_options_take(&a->config, option, optarg))
			a->json = 1;
	}
	if (optind == argc)
		return cli_misuse("try", "which pipeline?");
	if (!a->message.has_payload)
		return cli_misuse("try", "on which message? --payload TEXT or --event JSON");
	a->pipeline = argv[optind++];
	a->config.files = argv + optind;
	a->config.n_files = argc - optind;
	return EXIT_OK;
}

static int run(struct trial *t, struct arguments *a, struct try_show *show)
{
	outflow_error err = { .size = sizeof err };
	const struct trial_outcome *outcome;
	outflow_record input;

	if (message_record(&a->message, &t->model->source, &input) != OUTFLOW_OK)
		return tool_fail(a->json, EXIT_FAILED, "no memory for a message");
	t->on_stage = try_show_stage;
	t->ctx = show;
	try_show_source(show, t->model, &input);
	if (trial_run(t, &input, &outcome, &err) != OUTFLOW_OK)
		return tool_fail(a->json, EXIT_FAILED, "the pipeline would fail: %s", err.msg);
	try_show_end(show, t->model, outcome, &input);
	return outcome->n_outputs > 0 && outcome->n_failures == 0 ? EXIT_OK : EXIT_FAILED;
}

static int try_pipeline(const struct configuration *c, const struct pipeline_model *m, struct arguments *a)
{
	outflow_error err = { .size = sizeof err };
	struct try_show show = { .stages = a->json ? json_array() : NULL };
	struct trial t = { .model = NULL };
	int status = EXIT_CONFIG;

	if (message_default_topic(&a->message, &m->source, &err) != OUTFLOW_OK) {
		tool_fail(a->json, status, "%s: give --topic TOPIC", err.msg);
	} else if (trial_open(&t, &c->host, c->inventory, m, TRIAL_FOR_USER, &err) != OUTFLOW_OK) {
		tool_fail(a->json, status, "%s", err.msg);
	} else {
		/* What becomes of the message is shown here, not in the log. */
		log_set_level(OUTFLOW_LOG_ERROR);
		status = run(&t, a, &show);
	}
	trial_close(&t);
	json_decref(show.stages);
	return status;
}

static int act(struct configuration *c, struct arguments *a)
{
	const struct pipeline_model *m;
	int status = configuration_resolve(c, NULL);

	if (status != EXIT_OK)
		return status;
	if (c->problems.reported > 0 && a->json) {
		envelope_print(NULL, &c->problems);
		return EXIT_CONFIG;
	}
	status = configuration_report(c);
	if (status != EXIT_OK)
		return status;
	if (c->host.log_level == OUTFLOW_LOG_INFO)
		log_set_level(OUTFLOW_LOG_WARN);
	m = configuration_pipeline(c, a->pipeline, a->json);
	return m ? try_pipeline(c, m, a) : EXIT_CONFIG;
}

int cli_try(int argc, char **argv)
{
	struct arguments a = { .message = { .timestamp_ms = -1 } };
	struct configuration c = { 0 };
	int status = parse(argc, argv, &a);

	if (status == EXIT_OK) {
		status = configuration_read(&c, &a.config);
		if (status == EXIT_OK)
			status = act(&c, &a);
		configuration_clear(&c);
	}
	message_clear(&a.message);
	return status < 0 ? EXIT_OK : status;
}
