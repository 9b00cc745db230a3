/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h: commands that answer many requests in one process: JSON Lines on standard input and output. */
#ifndef HOST_CLI_BATCH_H
#define HOST_CLI_BATCH_H
#include "host/cli/options.h"
#include "host/pipeline/trial_ends.h"

#include <jansson.h>

/* Answers each line until standard input ends, one line each, at once. base: what every message has. answer gets a message
 * that it may fill, and returns a new object; its `name` is added here. A line that is no object is answered with an error.
 * Returns the exit status: EXIT_OK; EXIT_CONFIG when a line was no object; EXIT_ENVIRONMENT: standard input or output failed. */
int batch_run(const struct message *base, json_t *(*answer)(void *ctx, const json_t *request, struct message *m),
              void *ctx);

/* Is every member of the request one of these, and, but for headers, a text? -1: err says which one is not. names ends with NULL. */
int batch_check(const json_t *request, const char *const *names, outflow_error *err);

/* Takes event or payload, topic, key and headers of the request; topic and key stay its own. */
int batch_read_message(const json_t *request, struct message *m, outflow_error *err);

#endif
