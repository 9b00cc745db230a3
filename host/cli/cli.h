/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: the subcommands. Each gets its own name as argv[0] and returns the exit status of the program. */
#ifndef HOST_CLI_CLI_H
#define HOST_CLI_CLI_H
#include <getopt.h>

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* Ends with a NULL name. */
extern const struct subcommand subcommands[];

int cli_completion(int argc, char **argv);
int cli_connection(int argc, char **argv);
int cli_create(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_edit(int argc, char **argv);
int cli_list(int argc, char **argv);
int cli_logs(int argc, char **argv);
int cli_new(int argc, char **argv);
int cli_offsets(int argc, char **argv);
int cli_reload(int argc, char **argv); /* reload, plan, apply */
int cli_show(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_tap(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_verb(int argc, char **argv); /* start, pause, resume, stop, restart, delete */
int cli_run(int argc, char **argv);
int cli_checkpoint(int argc, char **argv);
int cli_journal(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_dlq(int argc, char **argv);
int cli_pattern(int argc, char **argv);
int cli_plugins(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_transform(int argc, char **argv);
int cli_try(int argc, char **argv);
int cli_version(int argc, char **argv);

/* Says on standard error that an option or argument is wrong and where help is; returns EXIT_CONFIG. */
int cli_misuse(const char *subcommand, const char *message);

/* After getopt_long gave '?' (with opterr 0): says which option is wrong and what may have been meant; returns
 * EXIT_CONFIG. */
int cli_bad_option(const char *subcommand, char *const *argv, const struct option *known);

#endif
