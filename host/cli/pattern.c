/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/pattern.h"

#include "host/base/log.h"
#include "host/cli/cli.h"
#include "host/cli/explanation_print.h"
#include "host/cli/message_options.h"
#include "host/cli/tool.h"
#include "host/cli/trial_setup.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

static const char help[] =
	"usage: outflow pattern test [OPTION]... PATTERN EVENT\n"
	"       outflow pattern test --lines [OPTION]... PATTERN [EVENTS]\n"
	"       outflow pattern test --batch [OPTION]...\n"
	"       outflow pattern explain [OPTION]... PATTERN EVENT\n"
	"\n"
	"Does an event fit a pattern, and why? PATTERN and EVENT are JSON, @FILE, or - for standard input. It is\n"
	"the filter of pipelines that answers.\n"
	"\n"
	"      --dialect NAME      of the pattern                          [that of outflow plugins describe filter]\n"
	"      --payload           EVENT is only the payload, not a whole CloudEvent; then also\n"
	"      --format NAME       what the payload is: json, text or binary                       [json]\n" MESSAGE_OPTIONS_HELP
	"      --lines             EVENTS holds one event a line            [-]; one verdict a line\n"
	"      --batch             standard input holds one JSON object a line: texts name, dialect, pattern, and\n"
	"                          event or payload, topic, key, and headers, an object; out comes a line\n"
	"                          with name, result (match, no-match, error) and reason\n"
	"      --plugin-path DIRS  directories of plugins, with colons between them\n"
	"      --json              for programs\n"
	"\n"
	"exit status: 0 it fits (all of the lines do; the batch was read), 1 it does not, 2 pattern, event or\n"
	"usage refused, 3 the environment: no such plugin, standard output cannot be written\n";

enum { OPTION_DIALECT = OPTION_OWN, OPTION_FORMAT, OPTION_LINES, OPTION_BATCH, OPTION_JSON };

static const struct option options[] = {
	{ "dialect", required_argument, NULL, OPTION_DIALECT },
	{ "payload", no_argument, NULL, OPTION_PLAIN_PAYLOAD },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	MESSAGE_LONG_OPTIONS,
	{ "lines", no_argument, NULL, OPTION_LINES },
	{ "batch", no_argument, NULL, OPTION_BATCH },
	{ "plugin-path", required_argument, NULL, OPTION_PLUGIN_PATH },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int take(struct pattern_options *o, int option, const char *argument)
{
	outflow_error err = { .size = sizeof err };
	int taken = message_options_take(&o->message, option, argument, &err);

	if (taken < 0)
		return cli_misuse("pattern", err.msg);
	if (taken > 0 || config_options_take(&o->config, option, argument))
		return EXIT_OK;
	switch (option) {
	case OPTION_DIALECT:
		o->dialect = argument;
		return EXIT_OK;
	case OPTION_FORMAT:
		o->format = argument;
		return message_format_is_known(argument) ? EXIT_OK
		                                         : cli_misuse("pattern", "--format is json, text or binary");
	case OPTION_PLAIN_PAYLOAD:
		o->payload = 1;
		return EXIT_OK;
	case OPTION_LINES:
		o->lines = 1;
		return EXIT_OK;
	case OPTION_BATCH:
		o->batch = 1;
		return EXIT_OK;
	default:
		o->json = 1;
		return EXIT_OK;
	}
}

static int check_arguments(struct pattern_options *o, const char *action, int n)
{
	o->explain = strcmp(action, "explain") == 0;
	if (!o->explain && strcmp(action, "test") != 0)
		return cli_misuse("pattern", "expected test or explain, then a pattern and an event");
	if ((o->lines || o->batch) && (o->explain || o->json))
		return cli_misuse("pattern", "--lines and --batch are for test, and without --json");
	if (o->lines && o->batch)
		return cli_misuse("pattern", "either --lines or --batch");
	if (o->batch && n > 0)
		return cli_misuse("pattern", "with --batch everything comes from standard input");
	if (o->lines && (n < 1 || n > 2))
		return cli_misuse("pattern", "--lines takes a pattern, then @FILE or - with the events");
	if (!o->lines && !o->batch && n != 2)
		return cli_misuse("pattern", "expected a pattern and an event, each as JSON, @FILE or -");
	if (o->format != NULL && !o->payload && !o->batch)
		return cli_misuse("pattern", "--format is for --payload: an event is always JSON");
	if (n == 2 && strcmp(o->pattern, "-") == 0 && strcmp(o->event, "-") == 0)
		return cli_misuse("pattern", "only one of them can come from standard input");
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct pattern_options *o)
{
	const char *action;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		int status;

		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == '?')
			return cli_bad_option("pattern", argv, options);
		status = take(o, option, optarg);
		if (status != EXIT_OK)
			return status;
	}
	action = optind < argc ? argv[optind++] : "";
	o->pattern = optind < argc ? argv[optind] : NULL;
	o->event = optind + 1 < argc ? argv[optind + 1] : NULL;
	return check_arguments(o, action, argc - optind);
}

/* ---- one event ---- */

static const char *name_of(int verdict)
{
	static const char *const names[] = { "match", "no match", "refused" };

	return names[verdict];
}

/* The explanation goes out as it came: numbers keep their digits. */
static void print_json(const struct pattern_trial *p, const struct pattern_options *o, int verdict)
{
	if (o->explain && p->explanation != NULL)
		printf("{\"ok\": true, \"data\": %s, \"errors\": []}\n", p->explanation);
	else
		printf("{\"ok\": true, \"data\": {\"matched\": %s}, \"errors\": []}\n",
		       verdict == PATTERN_MATCH ? "true" : "false");
}

static int answer(const struct pattern_trial *p, const struct pattern_options *o, int verdict, const outflow_error *why)
{
	if (verdict == PATTERN_REFUSED)
		return tool_fail(o->json, verdict, "%s", why->msg);
	if (o->json) {
		print_json(p, o, verdict);
		return verdict;
	}
	puts(name_of(verdict));
	if (o->explain && p->explanation != NULL)
		explanation_print(outflow_text(p->explanation), "  ", stdout);
	return verdict;
}

static int test_one(struct pattern_trial *p, struct pattern_options *o)
{
	outflow_error err = { .size = sizeof err };
	int verdict = PATTERN_REFUSED;

	o->message.has_payload = 1;
	o->message.is_event = !o->payload;
	p->wants_explanation = o->explain;
	if (text_read(&o->message.payload, o->event, &err) == OUTFLOW_OK)
		verdict = (int)pattern_trial_ask(p, &o->message, &err);
	return answer(p, o, verdict, &err);
}

/* ---- many events ---- */

static FILE *open_lines(const char *argument, outflow_error *err)
{
	FILE *file;

	if (argument == NULL || strcmp(argument, "-") == 0)
		return stdin;
	file = fopen(argument + (*argument == '@'), "re");
	if (file == NULL)
		outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", argument + (*argument == '@'));
	return file;
}

static int test_line(struct pattern_trial *p, struct pattern_options *o, outflow_status read, outflow_error *err)
{
	int verdict = PATTERN_REFUSED;

	o->message.position++;
	if (read == OUTFLOW_OK)
		verdict = (int)pattern_trial_ask(p, &o->message, err);
	if (verdict == PATTERN_REFUSED)
		printf("refused: %s\n", err->msg);
	else
		puts(name_of(verdict));
	return verdict;
}

static int test_lines(struct pattern_trial *p, struct pattern_options *o)
{
	outflow_error err = { .size = sizeof err };
	FILE *from = open_lines(o->event, &err);
	int worst = PATTERN_MATCH;

	if (from == NULL)
		return tool_fail(0, PATTERN_REFUSED, "%s", err.msg);
	o->message.has_payload = 1;
	o->message.is_event = !o->payload;
	for (;;) {
		outflow_status status = text_read_line(&o->message.payload, from, &err);
		int verdict;

		if (status == OUTFLOW_EOF)
			break;
		if (status == OUTFLOW_E_TASK || status == OUTFLOW_E_NOMEM) {
			worst = tool_fail(0, PATTERN_REFUSED, "%s", err.msg);
			break;
		}
		verdict = test_line(p, o, status, &err);
		worst = verdict > worst ? verdict : worst;
	}
	if (from != stdin)
		fclose(from);
	return worst;
}

static int use_pattern(struct pattern_trial *p, const struct pattern_options *o)
{
	outflow_error err = { .size = sizeof err };
	struct text pattern = { .ptr = NULL };
	outflow_status status = text_read(&pattern, o->pattern, &err);

	if (status == OUTFLOW_OK)
		status = pattern_trial_use(p, &pattern, o->dialect, &err);
	text_clear(&pattern);
	return status == OUTFLOW_OK ? EXIT_OK : tool_fail(o->json, PATTERN_REFUSED, "%s", err.msg);
}

static int run(struct configuration *c, struct pattern_options *o)
{
	struct pattern_setting setting = { &c->host, c->inventory, o->format, TRIAL_FOR_USER };
	outflow_error err = { .size = sizeof err };
	struct pattern_trial p = { .model = NULL };
	int status = EXIT_OK;

	log_set_level(o->lines || o->batch ? OUTFLOW_LOG_ERROR : OUTFLOW_LOG_WARN);
	if (pattern_trial_open(&p, &setting, &err) != OUTFLOW_OK)
		status = tool_fail(o->json, EXIT_ENVIRONMENT, "%s", err.msg);
	if (status == EXIT_OK && !o->batch)
		status = use_pattern(&p, o);
	if (status == EXIT_OK)
		status = o->batch ? pattern_batch(&p, o) : o->lines ? test_lines(&p, o) : test_one(&p, o);
	pattern_trial_close(&p);
	return status;
}

int cli_pattern(int argc, char **argv)
{
	struct pattern_options o = { .message = { .timestamp_ms = -1 } };
	struct configuration c = { 0 };
	int status = parse(argc, argv, &o);

	if (status == EXIT_OK) {
		status = trial_configuration(&c, &o.config, o.json);
		if (status == EXIT_OK)
			status = run(&c, &o);
		configuration_clear(&c);
	}
	message_clear(&o.message);
	return status < 0 ? EXIT_OK : status;
}
