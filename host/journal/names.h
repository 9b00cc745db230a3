/* SPDX-License-Identifier: Apache-2.0 */
/* names.h: which segments a journal's directory holds, by their names alone. */
#ifndef HOST_JOURNAL_NAMES_H
#define HOST_JOURNAL_NAMES_H
#include <outflow/abi.h>

struct segment_names {
	uint64_t *firsts; /* positions of the first records, rising */
	size_t n, room;
};

/* Fills names, which is zeroed, and calls foreign for each file that is no segment. OUTFLOW_E_TASK: the directory cannot
 * be read; OUTFLOW_E_NOMEM. What is in names goes with segment_names_clear in any case. [any] */
outflow_status segment_names_read(struct segment_names *names, const char *dir,
                                  void (*foreign)(void *ctx, const char *name), void *ctx, outflow_error *err);
void segment_names_clear(struct segment_names *names);

#endif
