/* SPDX-License-Identifier: Apache-2.0 */
/* purge.h: forgets a pipeline: its positions, its small state, its journal. */
#ifndef HOST_PIPELINE_PURGE_H
#define HOST_PIPELINE_PURGE_H
#include "host/pipeline/instance.h"

/* No task of it may live. What could be removed is; an error says what was not: OUTFLOW_E_TASK, or of the stores. [any] */
outflow_status purge_pipeline(const struct environment *e, const char *pipeline, outflow_error *err);

#endif
