/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/tool.h"

#include "host/base/clock.h"
#include "host/cli/envelope.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int tool_fail(int json, int status, const char *format, ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (json)
		envelope_print_error(text);
	else
		fprintf(stderr, "outflow: %s\n", text);
	return status;
}

static int open_files(struct tool *t)
{
	const char *root = t->configuration.host.state_dir;
	outflow_error err = { .size = sizeof err };
	char path[PATH_MAX];

	/* Opening one would make it. */
	if (access(root, F_OK) != 0)
		return tool_fail(t->json, EXIT_ENVIRONMENT,
		                 "there is no state directory %s (--state-dir names another)", root);
	if (state_dir_open(root, &t->dir, &err) != OUTFLOW_OK ||
	    state_dir_path(t->dir, "checkpoints", NULL, -1, path, sizeof path) != OUTFLOW_OK ||
	    checkpoint_store_open(path, CLOCK_S, &t->checkpoints, &err) != OUTFLOW_OK)
		return tool_fail(t->json, EXIT_ENVIRONMENT, "%s", err.msg);
	return EXIT_OK;
}

int tool_open(struct tool *t, const struct config_options *o, int json)
{
	int status;

	*t = (struct tool){ .json = json };
	status = configuration_read(&t->configuration, o);
	if (status != EXIT_OK)
		return status;
	/* Where the files are may be what is wrong in it. */
	if (o->state_dir == NULL && t->configuration.problems.reported > 0) {
		if (!json)
			return configuration_report(&t->configuration);
		envelope_print(NULL, &t->configuration.problems);
		return EXIT_CONFIG;
	}
	return open_files(t);
}

void tool_close(struct tool *t)
{
	checkpoint_store_close(&t->checkpoints);
	state_dir_close(&t->dir);
	configuration_clear(&t->configuration);
}
