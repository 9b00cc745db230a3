/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: the configuration of one function stage. */
#ifndef FUNCTION_OPTIONS_H
#define FUNCTION_OPTIONS_H
#include "http.h"

/* Reads what the HTTP client is told; OUTFLOW_E_NOMEM. The caller calls http_options_clear also after an error. [any] */
outflow_status options_read(struct http_options *o, const outflow_host *h, const outflow_config *c, outflow_error *err);

extern const outflow_cfg_def options_schema;

#endif
