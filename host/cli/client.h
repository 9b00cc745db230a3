/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: asks a running daemon over its HTTP API, through its Unix socket or a URL. */
#ifndef HOST_CLI_CLIENT_H
#define HOST_CLI_CLIENT_H
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stddef.h>

/* How to reach it and how to answer; zeroed is the default. */
struct client {
	const char *url;                   /* --url: http://, https:// or unix:/path */
	const char *state_dir;             /* --state-dir: the daemon's, whose file `api` says where it is */
	int json;                          /* --json: answers are for programs */
	const volatile sig_atomic_t *stop; /* ends client_follow, as if all was done; NULL: nothing does */
	int quiet;                         /* what fails is not said, but left in `why` */
	char why[5000];
	char address[4200]; /* what the request goes to */
};

#define CLIENT_LONG_OPTIONS                                                                                            \
	{ "url", required_argument, NULL, CLIENT_OPTION_URL },                                                         \
		{ "state-dir", required_argument, NULL, CLIENT_OPTION_STATE_DIR },                                     \
		{ "json", no_argument, NULL, CLIENT_OPTION_JSON },                                                     \
	{                                                                                                              \
		"help", no_argument, NULL, 'h'                                                                         \
	}
enum { CLIENT_OPTION_URL = 2000, CLIENT_OPTION_STATE_DIR, CLIENT_OPTION_JSON, CLIENT_OPTION_OWN };

#define CLIENT_OPTIONS_HELP                                                                                            \
	"      --url URL           the daemon's: http://HOST:PORT, https://..., unix:/PATH  [$OUTFLOW_URL,\n"          \
	"                          else what the state directory's file `api` says]\n"                                 \
	"      --state-dir DIR     the daemon's state directory\n"                                                     \
	"      --json              for programs\n"                                                                     \
	"A bearer token is taken from $OUTFLOW_TOKEN, user and password from the URL.\n"

/* Takes one option that getopt_long gave; 0: it is not one of these. [any] */
int client_take(struct client *c, int option, const char *argument);

struct client_answer {
	long status;   /* of HTTP */
	json_t *body;  /* NULL: there was none, or it is no JSON */
	char etag[40]; /* "" without one */
};

/* Sends a request. body NULL: none; if_match NULL: none. EXIT_OK: answered with 2xx; else the exit status that fits, after the
 * reason was said as c->json wants it: EXIT_CONFIG for what is wrong with the request (400), EXIT_ENVIRONMENT when the daemon
 * cannot be reached or does not let us in, EXIT_FAILED for the rest. client_answer_clear follows in any case. [any] */
int client_call(struct client *c, const char *method, const char *path, const json_t *body, const char *if_match,
                struct client_answer *answer);
void client_answer_clear(struct client_answer *answer);

/* Follows a stream of server-sent events until it ends, the connection breaks, or event returns something else than 0. The
 * same exit statuses. [any] */
int client_follow(struct client *c, const char *path, int (*event)(void *ctx, const char *type, const char *data),
                  void *ctx);

/* A name as one segment of a path, percent-encoded, in a buffer of the caller. [any] */
const char *client_segment(const char *name, char *to, size_t size);

#endif
