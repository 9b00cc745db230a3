/* SPDX-License-Identifier: Apache-2.0 */
/* pipelines.h: the pipelines of a running daemon, as its API lists them. */
#ifndef HOST_CLI_PIPELINES_H
#define HOST_CLI_PIPELINES_H
#include "host/cli/client.h"

/* All of them; EXIT_OK and a JSON array that is the caller's, or an exit status after saying why. [any] */
int pipelines_fetch(struct client *c, json_t **list);

/* One line each, on standard output. [any] */
void pipelines_print(const json_t *list);

#endif
