/* SPDX-License-Identifier: Apache-2.0 */
/* envelope.h: the one shape of every --json answer: { "ok": BOOL, "data": ..., "errors": [ ... ] }. */
#ifndef HOST_CLI_ENVELOPE_H
#define HOST_CLI_ENVELOPE_H
#include "host/config/problems.h"

#include <jansson.h>

/* Prints one answer on standard output. data is taken over (NULL: null); each of the problems (NULL: none) becomes an
 * error with "message" and, as far as they are known, "file", "line", "pipeline" and "key". [any] */
void envelope_print(json_t *data, const struct problems *problems);

/* The same for one failure without a place. [any] */
void envelope_print_error(const char *message);

#endif
