/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h: everything that the process counts, as Prometheus reads it. */
#ifndef HOST_API_METRICS_H
#define HOST_API_METRICS_H
#include "host/pipeline/fleet.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Renders all metrics in the text format 0.0.4, with what these pipelines do; no task waits for it. The caller frees the
 * text. NULL: no memory. [any] */
char *metrics_render(struct pipeline_snapshot *const *pipelines, size_t n_pipelines, size_t *length);

#endif
