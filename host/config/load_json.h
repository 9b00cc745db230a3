/* SPDX-License-Identifier: Apache-2.0 */
/* load_json.h: a pipeline as a JSON file, as Kafka Connect takes connectors on its command line and over its REST API. */
#ifndef HOST_CONFIG_LOAD_JSON_H
#define HOST_CONFIG_LOAD_JSON_H
#include "host/config/load.h"

/* Adds the pipeline that text declares: a flat object of keys, or { "name": ..., "config": { ... } }, with "initial_state"
 * RUNNING or STOPPED if need be. Numbers and booleans become texts; everything that cannot be a key's value is a problem.
 * file: settings_file_name. OUTFLOW_E_NOMEM. [any] */
outflow_status load_json(const char *file, const char *text, struct declarations *to, struct problems *problems);

#endif
