/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: everything that has to be well before messages flow, with what to do about what is not. */
#include "host/cli/doctor.h"

#include "host/base/clock.h"
#include "host/cli/cli.h"
#include "host/config/secret.h"
#include "host/pipeline/errand.h"

#include <outflow/ext/probe.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char help[] =
	"usage: outflow doctor [OPTION]... [FILE|DIR]...\n"
	"\n"
	"Examines all that has to be well before messages flow: the environment, every plugin, the configuration, the\n"
	"daemon, if one runs, and whether each broker and cluster can be reached. Says ok, warn or FAILED to each, and\n"
	"what to do. It disturbs nothing and may run at any time. FILEs replace the default places.\n"
	"\n" CONFIG_OPTIONS_HELP
	"      --url URL           the daemon's: http://HOST:PORT, https://..., unix:/PATH  [$OUTFLOW_URL,\n"
	"                          else what the state directory's file `api` says]\n"
	"      --timeout SECONDS   how long each broker or cluster is waited for  [5]\n"
	"      --json              for programs\n"
	"\n"
	"exit status: 0 nothing has failed, 1 something has, 2 the configuration is wrong, 3 the environment is\n";

enum { OPTION_URL = OPTION_OWN, OPTION_TIMEOUT, OPTION_JSON };

/* ---- options ---- */

static int take_timeout(struct doctor *d, const char *text)
{
	char *end;
	long seconds = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || seconds < 1 || seconds > 60)
		return cli_misuse("doctor", "--timeout takes whole seconds, from 1 to 60");
	d->timeout_ns = seconds * CLOCK_S;
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct doctor *d)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "url", required_argument, NULL, OPTION_URL },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, status = EXIT_OK;

	while (status == EXIT_OK && (option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == OPTION_URL)
			d->client.url = optarg;
		else if (option == OPTION_TIMEOUT)
			status = take_timeout(d, optarg);
		else if (option == OPTION_JSON)
			d->client.json = 1;
		else if (!config_options_take(&d->options, option, optarg))
			return cli_bad_option("doctor", argv, options);
	}
	d->options.files = argv + optind;
	d->options.n_files = argc - optind;
	return status;
}

/* ---- configuration ---- */

static void check_places(struct doctor *d)
{
	const struct loaded *l = &d->configuration.loaded;
	const struct config_options *o = &d->options;
	const char *file = o->config_file ? o->config_file : SYSCONF_DIR "/outflow.conf";
	const char *dir = o->config_dir ? o->config_dir : SYSCONF_DIR "/plugins.d";
	int is_there = o->n_files > 0 || access(file, F_OK) == 0 || access(dir, F_OK) == 0;

	d->checkup.area = AREA_CONFIGURATION;
	if (!is_there)
		checkup_add(&d->checkup, VERDICT_WARNING, "configuration",
		            "name a file, or create pipelines with `outflow create`", "there is neither %s nor %s",
		            file, dir);
	else if (d->configuration.problems.reported == 0)
		checkup_add(&d->checkup, VERDICT_OK, "configuration", NULL, "%s%s%s: %zu pipeline%s, %zu connection%s",
		            o->n_files > 0 ? o->files[0] : file, o->n_files > 0 ? "" : ", ",
		            o->n_files > 1   ? ", ..."
		            : o->n_files > 0 ? ""
		                             : dir,
		            l->pipelines.n, l->pipelines.n == 1 ? "" : "s", l->connections.n,
		            l->connections.n == 1 ? "" : "s");
}

static void tell_problems(struct doctor *d)
{
	const struct problems *p = &d->configuration.problems;

	d->checkup.area = AREA_CONFIGURATION;
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *it = &p->list[i];
		char place[PATH_MAX + 20] = "configuration";

		if (it->file != NULL && it->line > 0)
			snprintf(place, sizeof place, "%s:%d", it->file, it->line);
		else if (it->file != NULL)
			snprintf(place, sizeof place, "%s", it->file);
		checkup_add(&d->checkup, VERDICT_FAILED, place, "correct it; `outflow check` shows this part alone",
		            "%s%s%s%s%s%s", it->pipeline ? "pipeline " : "", it->pipeline ? it->pipeline : "",
		            it->pipeline ? ": " : "", it->key ? it->key : "", it->key ? ": " : "",
		            it->message ? it->message : "no memory");
	}
}

/* ---- plugins ---- */

/* The client library that it brings, if one of its components says so. */
static void library_of(const struct doctor *d, struct plugin_file *f, char *text, size_t size)
{
	const struct module *m;

	*text = '\0';
	if (inventory_load(d->configuration.inventory, f, &m, NULL) != OUTFLOW_OK)
		return;
	for (size_t i = 0; i < m->plugin->n_components && *text == '\0'; i++) {
		const outflow_component *c = m->plugin->components[i];
		const outflow_probe_api *probe =
			OUTFLOW_HAS(outflow_component, c, extension) ? c->extension(OUTFLOW_EXT_PROBE) : NULL;

		if (OUTFLOW_HAS(outflow_probe_api, probe, library))
			probe->library(text, size);
	}
}

/* Another process has loaded each already. */
static void check_plugins(struct doctor *d)
{
	const struct catalog *all = inventory_catalog(d->configuration.inventory);

	d->checkup.area = AREA_OPERATION;
	for (size_t i = 0; i < all->n_plugins; i++) {
		struct plugin_file *f = all->plugins[i];
		char subject[100], library[100];

		snprintf(subject, sizeof subject, "plugin %s", f->about->id);
		library_of(d, f, library, sizeof library);
		checkup_add(&d->checkup, VERDICT_OK, subject, NULL, "%s%s%s, %s", f->about->version,
		            *library ? ", " : "", library, f->path);
	}
	for (size_t i = 0; i < all->n_refusals; i++)
		checkup_add(&d->checkup, VERDICT_FAILED, "plugin",
		            "correct plugin.path, or install what fits this outflow", "%s", all->refusals[i].reason);
	d->checkup.area = AREA_ENVIRONMENT;
	if (all->n_plugins == 0)
		checkup_add(&d->checkup, VERDICT_FAILED, "plugins",
		            "install them, or say where they are: --plugin-path, plugin.path", "there is none in %s",
		            d->configuration.host.plugin_path);
}

/* ---- the whole ---- */

/* Private copies of plugins need a place; without one those that want them are not tested. */
static void make_copies_dir(struct doctor *d)
{
	const char *parent = getenv("TMPDIR");

	snprintf(d->copies, sizeof d->copies, "%s/outflow-doctor-XXXXXX", parent && *parent ? parent : "/tmp");
	if (mkdtemp(d->copies) == NULL)
		*d->copies = '\0';
}

static void remove_copies_dir(const struct doctor *d)
{
	DIR *dir = *d->copies ? opendir(d->copies) : NULL;
	const struct dirent *it;
	char path[PATH_MAX];

	while (dir != NULL && (it = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", d->copies, it->d_name);
		if (*it->d_name != '.')
			(void)unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
	if (*d->copies != '\0')
		(void)rmdir(d->copies);
}

static int examine(struct doctor *d)
{
	struct configuration *c = &d->configuration;
	int status = configuration_read(c, &d->options);

	if (status == EXIT_OK) {
		secret_limit(c->host.secrets_files, c->host.secrets_names);
		make_copies_dir(d);
		status = configuration_resolve(c, *d->copies ? d->copies : NULL);
	}
	if (status != EXIT_OK)
		return status;
	checkup_begin(&d->checkup, d->client.json);
	doctor_check_program(d);
	doctor_check_state_dir(d);
	check_plugins(d);
	check_places(d);
	tell_problems(d);
	doctor_check_daemon(d);
	doctor_check_open_files(d);
	doctor_check_servers(d);
	return checkup_end(&d->checkup);
}

int cli_doctor(int argc, char **argv)
{
	struct doctor d = { .timeout_ns = 5 * CLOCK_S };
	int status = parse(argc, argv, &d);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	status = examine(&d);
	remove_copies_dir(&d);
	/* A probe that never came back still holds on to what would be freed now. */
	if (errands_abandoned() > 0) {
		fflush(NULL);
		_exit(status);
	}
	configuration_clear(&d.configuration);
	return status;
}
