/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native_rates.h: how fast pipelines are, from how much they had done when somebody looked before. Nothing runs in between: a
 * rate is that of the time since the last look that is at least a second old, or since the tasks were started.
 */
#ifndef HOST_API_NATIVE_RATES_H
#define HOST_API_NATIVE_RATES_H
#include "host/pipeline/fleet.h"

struct rates;

struct rate {
	double received, delivered; /* records a second */
	int64_t interval_ms;        /* over which; 0: nothing is known yet */
};

/* NULL: no memory. [any] */
struct rates *rates_new(void);
void rates_free(struct rates **r);

/* The rate of a pipeline, which is looked at now. [any] */
struct rate rates_look(struct rates *r, const struct pipeline_snapshot *s);

/* Forgets pipelines that are not among these. [any] */
void rates_keep(struct rates *r, struct pipeline_snapshot *const *all, size_t n);

#endif
