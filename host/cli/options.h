/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: the options that several subcommands share, and what they lead to. */
#ifndef HOST_CLI_OPTIONS_H
#define HOST_CLI_OPTIONS_H
#include "host/config/load.h"
#include "host/config/model.h"

#include <getopt.h>

/* Exit statuses of the program; beyond them 128 + n, ended by signal n. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2, EXIT_ENVIRONMENT = 3 };

/* As given on the command line; NULL: not given. */
struct config_options {
	const char *config_file; /* -c, --config */
	const char *config_dir;  /* --config-dir */
	char *const *files;      /* the arguments: they replace both */
	int n_files;
	const char *state_dir;   /* --state-dir */
	const char *plugin_path; /* --plugin-path */
};

#define CONFIG_SHORT_OPTIONS "c:"
#define CONFIG_LONG_OPTIONS                                                                                            \
	{ "config", required_argument, NULL, 'c' }, { "config-dir", required_argument, NULL, OPTION_CONFIG_DIR },      \
		{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },                                            \
	{                                                                                                              \
		"plugin-path", required_argument, NULL, OPTION_PLUGIN_PATH                                             \
	}
enum { OPTION_CONFIG_DIR = 1000, OPTION_STATE_DIR, OPTION_PLUGIN_PATH, OPTION_OWN };

#define CONFIG_OPTIONS_HELP                                                                                            \
	"  -c, --config FILE       settings of the host          [" SYSCONF_DIR "/outflow.conf]\n"                     \
	"      --config-dir DIR    directory with *.conf          [" SYSCONF_DIR "/plugins.d]\n"                       \
	"      --state-dir DIR     journals and checkpoints       [/var/lib/outflow, or below\n"                       \
	"                                                          ~/.local/state]\n"                                  \
	"      --plugin-path DIRS  directories of plugins, with colons between them\n"

/* Takes one option that getopt_long gave; 0: it is not one of these. */
int config_options_take(struct config_options *o, int option, const char *argument);

/* Everything that a configuration leads to. */
struct configuration {
	struct loaded loaded;
	struct host_model host;
	struct inventory *inventory;
	struct pipeline_model **pipelines;
	size_t n_pipelines;
	struct problems problems;
};

/* Reads the files and the host's own keys into c, which is zeroed. Returns EXIT_OK, also with problems found, or EXIT_FAILED (no memory). */
int configuration_read(struct configuration *c, const struct config_options *o);

/* The same for somebody who only wants to know: the levels of this process's log stay. */
int configuration_read_files(struct configuration *c, const struct config_options *o);

/* The second half of it, for a caller that has filled c->loaded itself: the host's own keys. */
int configuration_read_host(struct configuration *c, const struct config_options *o);

/* Loads the plugins (private copies in copy_dir; NULL: none) and checks every pipeline. Returns as above. */
int configuration_resolve(struct configuration *c, const char *copy_dir);

/* Prints the problems and says how many; returns EXIT_CONFIG when there are any, else EXIT_OK. */
int configuration_report(struct configuration *c);

/* The pipeline of that name. NULL: none, and that has been said, on standard error or as the answer in JSON. */
struct pipeline_model *configuration_pipeline(const struct configuration *c, const char *name, int json);

void configuration_clear(struct configuration *c);

#endif
