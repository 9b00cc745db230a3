/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include "host/cli/options.h"
#include "host/config/suggest.h"

#include <stdio.h>

const struct subcommand subcommands[] = {
	{ "run", cli_run, "run the pipelines of a configuration" },
	{ "check", cli_check, "check a configuration, all mistakes at once, without running anything" },
	{ "doctor", cli_doctor, "is everything well: environment, configuration, plugins, daemon, brokers" },
	{ "try", cli_try, "what a pipeline would do with a message, stage by stage" },
	{ "test", cli_test, "run the cases that say what pipelines make of messages" },
	{ "pattern", cli_pattern, "does an event fit a pattern, and why" },
	{ "transform", cli_transform, "what a transform makes of a message" },
	{ "dlq", cli_dlq, "list, show and replay the dead letters of a pipeline" },
	{ "plugins", cli_plugins, "list plugins, describe their components and keys" },
	{ "new", cli_new, "write a plugin to start from" },
	{ "list", cli_list, "list the pipelines of a running daemon" },
	{ "show", cli_show, "show one of them: state, tasks, configuration" },
	{ "status", cli_status, "what they do, once or again and again" },
	{ "top", cli_top, "a live table of them, the busiest first" },
	{ "tap", cli_tap, "the records of one of them, live" },
	{ "create", cli_create, "create pipelines in a running daemon" },
	{ "edit", cli_edit, "change one of them" },
	{ "start", cli_verb, "have pipelines run" },
	{ "pause", cli_verb, "have them deliver nothing new" },
	{ "resume", cli_verb, "have paused ones go on" },
	{ "stop", cli_verb, "have them end in order" },
	{ "restart", cli_verb, "start their tasks again" },
	{ "delete", cli_verb, "remove created pipelines" },
	{ "offsets", cli_offsets, "show or change where a pipeline goes on" },
	{ "connection", cli_connection, "the named brokers and clusters: list, show, set, test, delete" },
	{ "reload", cli_reload, "have a running daemon read its files anew" },
	{ "plan", cli_reload, "what a reload would change" },
	{ "apply", cli_reload, "reload if that is still the plan" },
	{ "logs", cli_logs, "levels of the loggers of a running daemon" },
	{ "journal", cli_journal, "inspect, check, export or replay the journal of a pipeline" },
	{ "checkpoint", cli_checkpoint, "show, set or forget where a pipeline goes on" },
	{ "completion", cli_completion, "what makes bash, zsh or fish complete these commands" },
	{ "version", cli_version, "print the version" },
	{ NULL, NULL, NULL },
};

int cli_misuse(const char *subcommand, const char *message)
{
	fprintf(stderr, "outflow %s: %s (see outflow %s --help)\n", subcommand, message, subcommand);
	return EXIT_CONFIG;
}

int cli_bad_option(const char *subcommand, char *const *argv, const struct option *known)
{
	/* A long option has been stepped over; of a short one only the letter is sure. */
	const char *text = argv[optind - 1];
	struct suggestion near = { .typed = text + strspn(text, "-") };
	char message[300];

	for (const struct option *o = known; o->name != NULL; o++) {
		suggestion_offer(&near, o->name);
		if (optopt != 0 && o->val == optopt) {
			snprintf(message, sizeof message, "option '--%s' %s", o->name,
			         o->has_arg ? "needs an argument" : "takes no argument");
			return cli_misuse(subcommand, message);
		}
	}
	if (optopt != 0)
		snprintf(message, sizeof message, "there is no option '-%c'", optopt);
	else if (near.best != NULL)
		snprintf(message, sizeof message, "there is no option '%.100s'; did you mean '--%s'?", text, near.best);
	else
		snprintf(message, sizeof message, "there is no option '%.100s', or it means several", text);
	return cli_misuse(subcommand, message);
}
