/* SPDX-License-Identifier: Apache-2.0 */
/* remote.h: what the commands share that ask a running daemon. */
#ifndef HOST_CLI_REMOTE_H
#define HOST_CLI_REMOTE_H
#include "host/cli/client.h"

/* What a command takes. */
struct remote_usage {
	const char *command; /* "list", "connection list" */
	const char *help;
	const struct option *options; /* with CLIENT_LONG_OPTIONS; own ones are CLIENT_OPTION_OWN and up */
	int least, most;              /* arguments; most -1: any number */
	void (*take)(void *ctx, int option, const char *argument); /* own options; may be NULL */
	void *ctx;
};

/* Reads options; *argc and *argv are the arguments then. EXIT_OK to go on, -1 to end with EXIT_OK (help was printed), or
 * EXIT_CONFIG after saying what is wrong. [any] */
int remote_parse(struct client *c, const struct remote_usage *u, int *argc, char ***argv);

/* A request whose answer is printed as JSON with --json (taken over from the answer), or else by print. Exit status as
 * client_call. [any] */
int remote_show(struct client *c, const char *method, const char *path, const json_t *body,
                void (*print)(const json_t *answer, void *ctx), void *ctx);

/* Members of answers; "" and 0 when they are missing. [any] */
const char *remote_text(const json_t *object, const char *name);
json_int_t remote_number(const json_t *object, const char *name);

/* KEY=VALUE arguments as an object of texts; KEY= as null. NULL: said what is wrong; *status is the exit status. [any] */
json_t *remote_read_settings(const struct client *c, int n, char *const *settings, int *status);

/* JSON from a file, or standard input for "-". NULL: said why; *status is the exit status. [any] */
json_t *remote_read_json(const struct client *c, const char *path, int *status);

#endif
