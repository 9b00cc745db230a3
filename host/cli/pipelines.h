/* SPDX-License-Identifier: Apache-2.0 */
/* pipelines.h: the pipelines of a running daemon, as its API lists them. */
#ifndef HOST_CLI_PIPELINES_H
#define HOST_CLI_PIPELINES_H
#include "host/cli/client.h"

/* All whose name begins with prefix, on however many pages; EXIT_OK, or an exit status after saying why. The JSON array is the
 * caller's in any case. [any] */
int pipelines_fetch(struct client *c, const char *prefix, json_t **list);

/* One line each, on standard output. [any] */
void pipelines_print(const json_t *list);

#endif
