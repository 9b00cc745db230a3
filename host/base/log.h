/* SPDX-License-Identifier: Apache-2.0 */
/* log.h: one line an event, on standard error, with the place where it happened. */
#ifndef HOST_BASE_LOG_H
#define HOST_BASE_LOG_H
#include <outflow/abi.h>
#include <outflow/util.h>

/* Where a line comes from; members that do not apply are NULL or negative. The texts outlive the line's call. */
struct log_place {
	const char *pipeline;
	const char *stage;
	int64_t task;
};

/* Lines above this level (OUTFLOW_LOG_*) are not written; OUTFLOW_LOG_INFO at the start. [any] */
void log_set_level(int level);

/* Is a line of this level written? [any] */
int log_enabled(int level);

/* Writes a printf text; place NULL: the host itself. Line breaks in it become spaces. [any] */
void log_write(const struct log_place *place, int level, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* Hands lines to a test instead of standard error, or back (NULL). Before threads are started. [any] */
void log_use(void (*writer)(int level, const char *line));

#endif
