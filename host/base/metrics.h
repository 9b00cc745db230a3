/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h: numbers that any thread may change and one exporter reads. */
#ifndef HOST_BASE_METRICS_H
#define HOST_BASE_METRICS_H
#include "host/base/log.h"

#include <outflow/abi.h>

/* What a visitor sees of a metric; the texts live until the visit ends. */
struct metric_view {
	uint32_t kind; /* OUTFLOW_METRIC_* */
	const char *name, *unit, *help;
	struct log_place place;
	const void *owner;
	int64_t value;
};

/* A metric that belongs to `owner`. The same name of the same owner is the same metric. Texts are copied. NULL: no
 * memory. [any] */
outflow_metric *metrics_open(const void *owner, const struct log_place *place, uint32_t kind, const char *name,
                             const char *unit, const char *help);

/* As outflow_metric_api; NULL is accepted. [any] */
void metrics_add(outflow_metric *m, int64_t delta);
void metrics_set(outflow_metric *m, int64_t value);

/* Removes all metrics of an owner. No thread may use them any more. [any] */
void metrics_close(const void *owner);

/* Calls visit for every metric, in order of creation. visit may not open or close one. [any] */
void metrics_each(void (*visit)(void *ctx, const struct metric_view *m), void *ctx);

/* ---- plugins that break the contract ---- */

/* Counts one. kind is of a fixed set and static; the name of the plugin is copied. [any] */
void metrics_count_misbehaviour(const char *plugin, const char *kind);

/* Calls visit for every pair that was counted; it may not count. [any] */
void metrics_each_misbehaviour(void (*visit)(void *ctx, const char *plugin, const char *kind, uint64_t n), void *ctx);

#endif
