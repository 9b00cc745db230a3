/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"

#include "host/base/clock.h"
#include "host/base/signals.h"
#include "host/base/log.h"
#include "host/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: outflow dlq list PIPELINE [OPTION]... [FILE|DIR]...\n"
	"       outflow dlq show PIPELINE [POSITION]... [OPTION]... [FILE|DIR]...\n"
	"       outflow dlq replay PIPELINE [OPTION]... [FILE|DIR]...\n"
	"\n"
	"The dead letters of a pipeline: one line each; all of some; or sent once more through its stages to its\n"
	"sink. The daemon may run meanwhile. FILEs replace the default places.\n"
	"\n"
	"which ones (all, where nothing is said)\n"
	"      --reason TEXT       the reason or the class of the error holds this\n"
	"      --stage NAME        failed in this stage: convert, filter, transforms.NAME, deliver, sink\n"
	"      --key TEXT          the key is this\n"
	"      --since TIME        failed at this time or later: 2026-11-24T02:00Z, or 90min for so long ago\n"
	"      --until TIME        failed at this time or earlier\n"
	"      --max N             no more than this\n"
	"      --open              only what has not been replayed\n"
	"\n"
	"replay\n"
	"      --dry-run           say what would be sent, send nothing\n"
	"      --rate N            at most so many a second\n"
	"      --again             also those that have been replayed before\n"
	"      --loop-guard N      refuse what has been replayed N times                             [3]\n"
	"\n" CONFIG_OPTIONS_HELP "      --json              for programs\n"
	"\n"
	"exit status: 0 done; 1 something failed again, was refused or cannot be read; 2 bad configuration;\n"
	"3 the state directory cannot be used\n";

enum {
	OPTION_REASON = OPTION_OWN,
	OPTION_STAGE,
	OPTION_KEY,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_MAX,
	OPTION_OPEN,
	OPTION_DRY_RUN,
	OPTION_RATE,
	OPTION_AGAIN,
	OPTION_LOOP_GUARD,
	OPTION_JSON
};

static const struct option options[] = {
	CONFIG_LONG_OPTIONS,
	{ "reason", required_argument, NULL, OPTION_REASON },
	{ "stage", required_argument, NULL, OPTION_STAGE },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "since", required_argument, NULL, OPTION_SINCE },
	{ "until", required_argument, NULL, OPTION_UNTIL },
	{ "max", required_argument, NULL, OPTION_MAX },
	{ "open", no_argument, NULL, OPTION_OPEN },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "again", no_argument, NULL, OPTION_AGAIN },
	{ "loop-guard", required_argument, NULL, OPTION_LOOP_GUARD },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct arguments {
	struct config_options config;
	struct dlq_replay_options replay; /* its filter and max are those of list and show too */
	const char *action, *pipeline;
	int only_replay; /* the option that only replay has, 0: none was given */
};

/* A whole number from 1 on. */
static int take_number(const char *text, uint64_t *to)
{
	char *end;

	errno = 0;
	*to = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *to > 0 && *to <= INT32_MAX ? 0 : -1;
}

/* EXIT_OK, or it has been said what is wrong. */
static int take_time(const char *text, int64_t *to)
{
	if (dlq_parse_time(text, clock_wall_ms(), to) == 0)
		return EXIT_OK;
	return cli_misuse("dlq", "a time is 2026-11-24T02:00Z, or 90min for so long ago");
}

static int take_count(const char *text, uint64_t *to)
{
	return take_number(text, to) == 0 ? EXIT_OK : cli_misuse("dlq", "expected a whole number above 0");
}

static int take_own(struct arguments *a, int option, const char *argument)
{
	struct dlq_replay_options *r = &a->replay;
	uint64_t rate = 0;
	int status;

	switch (option) {
	case OPTION_REASON:
		r->filter.reason = argument;
		return EXIT_OK;
	case OPTION_STAGE:
		r->filter.stage = argument;
		return EXIT_OK;
	case OPTION_KEY:
		r->filter.key = argument;
		return EXIT_OK;
	case OPTION_SINCE:
		return take_time(argument, &r->filter.since_ms);
	case OPTION_UNTIL:
		return take_time(argument, &r->filter.until_ms);
	case OPTION_MAX:
		return take_count(argument, &r->max);
	case OPTION_OPEN:
		r->filter.open = 1;
		return EXIT_OK;
	case OPTION_JSON:
		r->json = 1;
		return EXIT_OK;
	default:
		a->only_replay = option;
	}
	switch (option) {
	case OPTION_DRY_RUN:
		r->dry_run = 1;
		return EXIT_OK;
	case OPTION_AGAIN:
		r->again = 1;
		return EXIT_OK;
	case OPTION_LOOP_GUARD:
		return take_count(argument, &r->loop_guard);
	default:
		status = take_count(argument, &rate);
		r->rate = (int64_t)rate;
		return status;
	}
}

/* What stands behind the action and the pipeline: positions (show only), then files. */
static int take_places(struct arguments *a, int argc, char **argv)
{
	int first = optind;

	while (strcmp(a->action, "show") == 0 && optind < argc && dlq_is_position(argv[optind]))
		optind++;
	a->replay.filter.positions = argv + first;
	a->replay.filter.n_positions = (size_t)(optind - first);
	a->config.files = argv + optind;
	a->config.n_files = argc - optind;
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	int option;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		int status = EXIT_OK;

		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == '?')
			return cli_bad_option("dlq", argv, options);
		if (!config_options_take(&a->config, option, optarg))
			status = take_own(a, option, optarg);
		if (status != EXIT_OK)
			return status;
	}
	a->action = optind < argc ? argv[optind++] : "";
	if (strcmp(a->action, "list") != 0 && strcmp(a->action, "show") != 0 && strcmp(a->action, "replay") != 0)
		return cli_misuse("dlq", "expected list, show or replay, then the name of a pipeline");
	if (a->only_replay != 0 && strcmp(a->action, "replay") != 0)
		return cli_misuse("dlq", "--dry-run, --rate, --again and --loop-guard are for replay");
	if (optind == argc)
		return cli_misuse("dlq", "which pipeline?");
	a->pipeline = argv[optind++];
	return take_places(a, argc, argv);
}

static int act(struct configuration *c, const struct arguments *a)
{
	struct dlq_show_options show = { .filter = a->replay.filter,
		                         .max = a->replay.max,
		                         .json = a->replay.json,
		                         .whole = strcmp(a->action, "show") == 0 };

	/* Nothing has to be read behind the last of them. */
	if (show.filter.n_positions > 0 && show.max == 0)
		show.max = show.filter.n_positions;
	/* What a daemon tells about its daily life is not for here. */
	if (c->host.log_level == OUTFLOW_LOG_INFO)
		log_set_level(OUTFLOW_LOG_WARN);
	if (strcmp(a->action, "replay") == 0)
		return dlq_replay(c, a->pipeline, &a->replay);
	return dlq_show(c, a->pipeline, &show);
}

int cli_dlq(int argc, char **argv)
{
	struct arguments a = { .replay = { .filter = { .since_ms = INT64_MIN, .until_ms = INT64_MAX },
		                           .loop_guard = 3 } };
	struct configuration c = { 0 };
	int status = parse(argc, argv, &a);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	if (strcmp(a.action, "replay") == 0 && !a.replay.dry_run)
		signals_block();
	status = configuration_read(&c, &a.config);
	if (status == EXIT_OK)
		status = act(&c, &a);
	configuration_clear(&c);
	return status;
}
