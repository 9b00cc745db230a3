/* SPDX-License-Identifier: Apache-2.0 */
/* tool.h: what the commands share that work on the files of a daemon which is not running. */
#ifndef HOST_CLI_TOOL_H
#define HOST_CLI_TOOL_H
#include "host/cli/options.h"
#include "host/store/checkpoint.h"
#include "host/store/state_dir.h"

#include <jansson.h>

struct tool {
	struct configuration configuration;
	struct state_dir *dir;
	struct checkpoint_store *checkpoints;
	int json;
};

/* Takes the state directory that the options lead to, which must exist, and opens the checkpoints. EXIT_OK, or another exit
 * status after saying why: EXIT_ENVIRONMENT while a daemon holds it. In any case tool_close follows. */
int tool_open(struct tool *t, const struct config_options *o, int json);
void tool_close(struct tool *t);

/* Says why on standard error, or as the answer in JSON; returns status. */
int tool_fail(int json, int status, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* A time as in 2026-11-24T14:00:01.123Z; "-" for -1. */
struct tool_time {
	char text[40];
};
struct tool_time tool_time(int64_t time_ms);

/* A time of RFC 3339, of which the zone (local time is meant), the fraction, the seconds and the whole clock may be missing.
 * -1: it is none. */
int64_t tool_parse_time(const char *text);

#endif
