/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/base/signals.h"
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/pipeline/supervisor.h"

#include <limits.h>
#include <stdio.h>

static const char help[] =
	"usage: outflow run [OPTION]... [FILE|DIR]...\n"
	"\n"
	"Runs the pipelines of a configuration until SIGTERM or SIGINT. The first signal sees what is in\n"
	"flight through, a second one ends at once. FILEs replace the default places.\n"
	"\n" CONFIG_OPTIONS_HELP
	"      --until-done        end when all sources have ended and everything is delivered\n"
	"\n"
	"exit status: 0 ended in order, 1 a pipeline failed, 2 bad configuration, 3 the state directory\n"
	"cannot be used, 128+n ended at once by signal n\n";

static int parse(int argc, char **argv, struct config_options *o, int *until_done)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "until-done", no_argument, NULL, OPTION_OWN },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == OPTION_OWN)
			*until_done = 1;
		else if (!config_options_take(o, option, optarg))
			return cli_bad_option("run", argv, options);
	}
	o->files = argv + optind;
	o->n_files = argc - optind;
	return EXIT_OK;
}

static int fail(const outflow_error *err, int status)
{
	fprintf(stderr, "outflow: %s\n", err->msg);
	return status;
}

static int supervise(struct configuration *c, struct environment *e, int until_done)
{
	struct supervisor_options options = { until_done, c->host.stop_timeout_ns };
	outflow_error err = { .size = sizeof err };
	struct supervisor *s = NULL;
	int status;

	if (supervisor_new(e, c->pipelines, c->n_pipelines, &options, &s, &err) != OUTFLOW_OK)
		return fail(&err, EXIT_FAILED);
	status = supervisor_run(s) == 0 ? EXIT_OK : EXIT_FAILED;
	supervisor_free(&s);
	return status;
}

/* With the state directory held: the stores, then the pipelines. */
static int run_in(struct configuration *c, struct state_dir *d, int until_done)
{
	struct environment e = { .inventory = c->inventory, .host = &c->host, .state_dir = d };
	outflow_error err = { .size = sizeof err };
	char path[PATH_MAX];
	int status = EXIT_ENVIRONMENT;

	if (state_dir_path(d, "checkpoints", NULL, -1, path, sizeof path) != OUTFLOW_OK ||
	    checkpoint_store_open(path, c->host.checkpoint_interval_ns, &e.checkpoints, &err) != OUTFLOW_OK) {
		fail(&err, EXIT_ENVIRONMENT);
	} else if (state_dir_path(d, "state", NULL, -1, path, sizeof path) != OUTFLOW_OK ||
	           state_store_open(path, &e.state, &err) != OUTFLOW_OK) {
		fail(&err, EXIT_ENVIRONMENT);
	} else {
		status = supervise(c, &e, until_done);
	}
	checkpoint_store_close(&e.checkpoints);
	state_store_close(&e.state);
	return status;
}

/* Nothing is started before the whole configuration is good; the state directory is needed for the copies of plugins. */
static int run(struct configuration *c, int until_done)
{
	outflow_error err = { .size = sizeof err };
	struct state_dir *d = NULL;
	char copies[PATH_MAX];
	int status = EXIT_OK;

	/* With the rest looked at too, so that all problems are said at once. */
	if (c->problems.reported > 0) {
		status = configuration_resolve(c, NULL);
		return status == EXIT_OK ? configuration_report(c) : status;
	}
	if (state_dir_open(c->host.state_dir, &d, &err) != OUTFLOW_OK)
		return fail(&err, EXIT_ENVIRONMENT);
	status = state_dir_path(d, "plugins", NULL, -1, copies, sizeof copies) == OUTFLOW_OK
	                 ? configuration_resolve(c, copies)
	                 : EXIT_ENVIRONMENT;
	if (status == EXIT_OK)
		status = configuration_report(c);
	if (status == EXIT_OK)
		status = run_in(c, d, until_done);
	state_dir_close(&d);
	return status;
}

int cli_run(int argc, char **argv)
{
	struct config_options o = { 0 };
	struct configuration c = { 0 };
	int until_done = 0;
	int status = parse(argc, argv, &o, &until_done);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	signals_block();
	status = configuration_read(&c, &o);
	if (status == EXIT_OK)
		status = run(&c, until_done);
	configuration_clear(&c);
	return status;
}
