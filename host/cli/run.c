/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/control.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/signals.h"
#include "host/cli/cli.h"
#include "host/cli/options.h"
#include "host/config/exposed.h"
#include "host/config/secret.h"
#include "host/pipeline/errand.h"
#include "host/pipeline/supervisor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RELOAD_TIMEOUT_NS (60 * CLOCK_S)
#define CONTROL_END_NS (2 * CLOCK_S)

static const char help[] =
	"usage: outflow run [OPTION]... [FILE|DIR]...\n"
	"\n"
	"Runs the pipelines of a configuration until SIGTERM or SIGINT. The first signal sees what is in\n"
	"flight through, a second one ends at once; SIGHUP reads the files anew. FILEs replace the default places.\n"
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

/* What SIGHUP needs, where the files are, and whose pipelines they declare; and who wants to know of changes. */
struct running {
	const struct config_options *options;
	struct fleet *fleet;
	struct control *control;
	struct supervisor *supervisor;
	struct inventory *inventory;
};

static void on_change(void *ctx, const char *name)
{
	const struct running *r = ctx;

	supervisor_notify(r->supervisor, name);
	control_on_change(r->control, name);
}

static void on_stop(void *ctx)
{
	const struct running *r = ctx;

	control_stopping(r->control);
}

static void report_reload(enum fleet_answer answer, const struct fleet_plan *plan, const struct problems *problems,
                          const outflow_error *err)
{
	static const char *const kinds[] = {
		[CHANGE_ADDED] = "added", [CHANGE_CHANGED] = "changed", [CHANGE_REMOVED] = "removed"
	};
	size_t n = 0;

	for (size_t i = 0; i < problems->n; i++)
		log_write(NULL, OUTFLOW_LOG_ERROR, "reload: %s:%d: %s: %s",
		          problems->list[i].file ? problems->list[i].file : "", problems->list[i].line,
		          problems->list[i].key ? problems->list[i].key : "", problems->list[i].message);
	if (answer != FLEET_OK) {
		log_write(NULL, OUTFLOW_LOG_ERROR, "reload: nothing was changed: %s", err->msg);
		return;
	}
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->list[i].kind == CHANGE_NONE)
			continue;
		n++;
		log_write(NULL, OUTFLOW_LOG_INFO, "reload: %s %s", plan->list[i].name, kinds[plan->list[i].kind]);
	}
	log_write(NULL, OUTFLOW_LOG_INFO, "reload: done, %zu of %zu pipelines differ", n, plan->n);
}

/* Plugins that were put there since the start may be what the files name now. */
static void look_for_plugins(const struct running *r)
{
	outflow_error err = { .size = sizeof err };

	if (inventory_rescan(r->inventory, &err) != OUTFLOW_OK)
		log_write(&log_plugin_place, OUTFLOW_LOG_WARN, "reload: new plugins are not looked for: %s", err.msg);
}

/* What declared says, and what was created, have their secrets in files that only some should read. */
static void warn_of_exposed(const struct running *r, const struct loaded *declared)
{
	struct exposed e = { 0 };
	size_t n = 0;
	struct pipeline_snapshot **all = fleet_look_all(r->fleet, &n);
	outflow_status status = exposed_look_loaded(&e, r->inventory, declared);

	for (size_t i = 0; all != NULL && i < n; i++) {
		if (status == OUTFLOW_OK && !all[i]->declared)
			status = exposed_look(&e, r->inventory, MASK_PIPELINE, &all[i]->settings);
		pipeline_snapshot_free(&all[i]);
	}
	free(all);
	for (size_t i = 0; i < e.n; i++)
		log_write(NULL, OUTFLOW_LOG_WARN, "%s", e.sentences[i]);
	exposed_clear(&e);
}

/* As fleet_declare, with what the files say now. [any] */
static enum fleet_answer declare(void *ctx, int apply, const char *hash, int64_t timeout_ns, struct fleet_plan *plan,
                                 struct problems *problems, outflow_error *err)
{
	const struct running *r = ctx;
	struct configuration c = { 0 };
	enum fleet_answer answer = FLEET_FAILED;

	look_for_plugins(r);
	if ((apply ? configuration_read : configuration_read_files)(&c, r->options) != EXIT_OK) {
		outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	} else if (c.problems.reported > 0) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "the files cannot be read");
		answer = FLEET_INVALID;
	} else {
		answer = fleet_declare(r->fleet, &c.loaded, apply, hash, timeout_ns, plan, &c.problems, err);
		if (apply && answer == FLEET_OK)
			warn_of_exposed(r, &c.loaded);
	}
	*problems = c.problems;
	c.problems = (struct problems){ 0 };
	configuration_clear(&c);
	return answer;
}

static void reload(void *ctx)
{
	struct fleet_plan plan = { 0 };
	struct problems problems = { 0 };
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = declare(ctx, 1, NULL, RELOAD_TIMEOUT_NS, &plan, &problems, &err);

	report_reload(answer, &plan, &problems, &err);
	fleet_plan_clear(&plan);
	problems_clear(&problems);
}

/* A request that still waits for a plugin may use all there is: nothing is taken away from it, the process ends. */
static void end_control(struct control **c, int status)
{
	if (control_close(c, clock_mono_ns() + CONTROL_END_NS) == 0)
		return;
	log_write(NULL, OUTFLOW_LOG_WARN, "a request of the API still waits for a plugin: ending without it");
	_exit(status);
}

static int supervise(struct configuration *c, struct running *r, struct environment *e, int until_done)
{
	struct supervisor_options options = { until_done, c->host.stop_timeout_ns, reload, on_stop, r };
	const struct api_files files = { declare, r };
	struct fleet_options fleet_options = { c->host.stop_timeout_ns, on_change, r };
	outflow_error err = { .size = sizeof err };
	int status = EXIT_FAILED;

	r->inventory = e->inventory;
	if (supervisor_new(&options, &r->supervisor, &err) != OUTFLOW_OK)
		return fail(&err, EXIT_FAILED);
	if (fleet_new(e, &c->loaded, c->pipelines, &fleet_options, &r->fleet, &err) != OUTFLOW_OK) {
		fail(&err, EXIT_FAILED);
	} else {
		c->n_pipelines = 0; /* the fleet's now */
		warn_of_exposed(r, &c->loaded);
		control_serve(r->control, r->fleet, e, &files);
		status = supervisor_run(r->supervisor, r->fleet) == 0 ? EXIT_OK : EXIT_FAILED;
	}
	end_control(&r->control, status);
	fleet_free(&r->fleet);
	supervisor_free(&r->supervisor);
	/* A plugin's check or probe that never came back still holds on to what would be freed now. */
	if (errands_abandoned() > 0)
		_exit(status);
	return status;
}

/* With the state directory held: the stores, then the pipelines. */
static int run_in(struct configuration *c, struct running *r, struct state_dir *d, int until_done)
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
		status = supervise(c, r, &e, until_done);
	}
	checkpoint_store_close(&e.checkpoints);
	state_store_close(&e.state);
	return status;
}

/* Nothing is started before the whole configuration is good; the state directory is needed for the copies of plugins. */
static int run(struct configuration *c, const struct config_options *o, int until_done)
{
	outflow_error err = { .size = sizeof err };
	struct running r = { .options = o };
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
	/* Before plugins are loaded: who waits for the daemon is told that it starts. */
	status = control_open(&c->host, d, &r.control, &err);
	if (status != OUTFLOW_OK)
		status = fail(&err, status == OUTFLOW_E_CONFIG ? EXIT_CONFIG : EXIT_ENVIRONMENT);
	else if (state_dir_path(d, "plugins", NULL, -1, copies, sizeof copies) == OUTFLOW_OK)
		status = configuration_resolve(c, copies);
	else
		status = EXIT_ENVIRONMENT;
	if (status == EXIT_OK)
		status = configuration_report(c);
	if (status == EXIT_OK)
		status = run_in(c, &r, d, until_done);
	end_control(&r.control, status);
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
	/* What is tried for clients is their business, unless the configuration says otherwise. */
	(void)log_logger_configure("host.trial", OUTFLOW_LOG_ERROR, NULL);
	status = configuration_read(&c, &o);
	secret_limit(c.host.secrets_files, c.host.secrets_names);
	if (status == EXIT_OK)
		status = run(&c, &o, until_done);
	configuration_clear(&c);
	return status;
}
