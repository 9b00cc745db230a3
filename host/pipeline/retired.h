/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retired.h: tasks that a smaller tasks.max has left without a seat. What their journals hold is still owed, and so is what
 * a broker keeps for them: each runs once more, as a retired task, until nothing is left.
 */
#ifndef HOST_PIPELINE_RETIRED_H
#define HOST_PIPELINE_RETIRED_H
#include "host/store/state_dir.h"

/* The numbers from n_tasks on that have a journal and are not marked as done, malloc'd; *n of them. OUTFLOW_E_TASK: the
 * directory cannot be read; OUTFLOW_E_NOMEM. [any] */
outflow_status retired_find(const struct state_dir *d, const char *pipeline, uint32_t n_tasks, uint32_t **numbers,
                            size_t *n, outflow_error *err);

/* Marks a retired task as done for good, or as in use again. What fails is only done once more. [any] */
void retired_mark(const struct state_dir *d, const char *pipeline, uint32_t number);
void retired_unmark(const struct state_dir *d, const char *pipeline, uint32_t number);

#endif
