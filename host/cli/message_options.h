/* SPDX-License-Identifier: Apache-2.0 */
/* message_options.h: the options that describe a message on the command line, for the commands that try something on one. */
#ifndef HOST_CLI_MESSAGE_OPTIONS_H
#define HOST_CLI_MESSAGE_OPTIONS_H
#include "host/cli/options.h"
#include "host/pipeline/trial_ends.h"

#define MESSAGE_LONG_OPTIONS                                                                                           \
	{ "topic", required_argument, NULL, OPTION_TOPIC }, { "key", required_argument, NULL, OPTION_KEY },            \
		{ "header", required_argument, NULL, OPTION_HEADER },                                                  \
	{                                                                                                              \
		"timestamp", required_argument, NULL, OPTION_TIMESTAMP                                                 \
	}
#define BODY_LONG_OPTIONS                                                                                              \
	{ "event", required_argument, NULL, OPTION_EVENT },                                                            \
	{                                                                                                              \
		"payload", required_argument, NULL, OPTION_PAYLOAD                                                     \
	}
enum {
	OPTION_TOPIC = 2000,
	OPTION_KEY,
	OPTION_HEADER,
	OPTION_TIMESTAMP,
	OPTION_EVENT,
	OPTION_PAYLOAD,
	OPTION_PLAIN_PAYLOAD,
};

#define MESSAGE_OPTIONS_HELP                                                                                           \
	"      --topic TOPIC       the topic that it came on\n"                                                        \
	"      --key TEXT          its key\n"                                                                          \
	"      --header NAME=TEXT  one header, or MQTT 5 user property; may be given again\n"                          \
	"      --timestamp TIME    when it arrived: 2026-11-24T02:00Z, or milliseconds since 1970    [now]\n"
#define BODY_OPTIONS_HELP                                                                                              \
	"      --payload TEXT      the message: TEXT, @FILE, or - for standard input\n"                                \
	"      --event JSON        a whole CloudEvent instead: JSON, @FILE or -\n"

/* Takes one option that getopt_long gave. 0: it is not one of these; 1: taken; -1: it is wrong, err says why. */
int message_options_take(struct message *m, int option, const char *argument, outflow_error *err);

#endif
