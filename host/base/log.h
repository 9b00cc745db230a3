/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: one line an event, on standard error, with the place where it happened, and who may write how much.
 *
 * Each line belongs to a logger, by its place:
 *
 *   host, host.api, host.plugin, host.store         the daemon and its parts
 *   host.trial                                      stages that are tried for a client
 *   connector.NAME                                  a pipeline
 *   connector.NAME.task.T                           one of its tasks
 *   connector.NAME.task.T.STAGE                     a stage of that task, "source", "transforms.t1", "sink"
 *
 * A logger has a level of its own or that of the next one above it, where a dot ends a name; "root" is above them all.
 * Names, levels and what a change of them does are those of Kafka Connect (KIP-495, KIP-976).
 */
#ifndef HOST_BASE_LOG_H
#define HOST_BASE_LOG_H
#include <outflow/abi.h>
#include <outflow/util.h>

/* Where a line comes from; members that do not apply are NULL or negative. Without a pipeline it is the host, and stage is
 * the part of it. The texts outlive the line's call. */
struct log_place {
	const char *pipeline;
	const char *stage;
	int64_t task;
};

/* Parts of the host; host.trial is what stages say that are tried for a client. */
extern const struct log_place log_api_place, log_plugin_place, log_store_place, log_trial_place;

/* ---- lines ---- */

/* Is a line of this place and level written? place NULL: the host itself. Takes no lock unless loggers differ in whether it
 * is. [any] */
int log_enabled(const struct log_place *place, int level);

/* Writes a printf text of a level (OUTFLOW_LOG_*). Line breaks in it become spaces. [any] */
void log_write(const struct log_place *place, int level, const char *format, ...) OUTFLOW_PRINTF(3, 4);

enum log_format { LOG_TEXT, LOG_JSON };

/* How lines look from now on. [any] */
void log_set_format(enum log_format format);

/* Hands lines to a test instead of standard error, or back (NULL). Before threads are started. [any] */
void log_use(void (*writer)(int level, const char *line));

/* ---- levels ---- */

/* Beside OUTFLOW_LOG_ERROR to OUTFLOW_LOG_DEBUG. No line is above LOG_FATAL or LOG_OFF, so that both are silent. */
enum { LOG_OFF = -1, LOG_FATAL = 0, LOG_TRACE = OUTFLOW_LOG_DEBUG + 1 };

/* "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF". [any] */
const char *log_level_name(int level);

/* The level of that name, in any case. -1: there is none, *level is left alone. [any] */
int log_level_parse(const char *name, int *level);

/* What is not covered by another level: that of the root logger, OUTFLOW_LOG_INFO at the start. [any] */
void log_set_level(int level);

/* ---- loggers ---- */

/* What there is to say about a logger; the name lives until the visit or the next change of loggers. */
struct logger_view {
	const char *name;
	int level;                /* its own, or the one it follows */
	int64_t last_modified_ms; /* wall clock; 0: log_logger_set has never changed its level */
};

#define LOGGER_NAME_MAX 511
#define LOGGERS_MAX 16384

/* Calls visit for every logger that is not OFF, in order of name, "root" too. visit may not call functions of loggers.
 * [any] */
void log_loggers_each(void (*visit)(void *ctx, const struct logger_view *logger), void *ctx);

/* The logger of exactly this name ("root" in any case), with result->name the caller's. -1: there is none. [any] */
int log_logger_get(const char *name, struct logger_view *result);

/* Gives a logger, which is made when it is unknown, and all below it this level. Calls visit (may be NULL) for each whose
 * level has changed by that, in order of name; only theirs are last_modified now. OUTFLOW_E_NOMEM; OUTFLOW_E_CONFIG: the
 * name is empty or longer than LOGGER_NAME_MAX, or there would be more than LOGGERS_MAX; err says so, nothing has changed.
 * [any] */
outflow_status log_logger_set(const char *name, int level, void (*visit)(void *ctx, const struct logger_view *logger),
                              void *ctx, outflow_error *err);

/* The same at the start, from a configuration: nothing is last_modified by it. [any] */
outflow_status log_logger_configure(const char *name, int level, outflow_error *err);

/* Lists the loggers of a pipeline, and of its task unless that is negative, until log_logger_close was called as often. One
 * that cannot be listed has its level all the same. [any] */
void log_logger_open(const struct log_place *place);
void log_logger_close(const struct log_place *place);

/* ---- between the two files of the log ---- */

/* Writes the name of the logger of a place; returns its length. [any] */
size_t log_logger_name(const struct log_place *place, char *name, size_t size);

#endif
