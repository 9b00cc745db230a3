/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.h: how long things took, counted in fixed buckets that any thread may add to and one exporter reads. */
#ifndef HOST_BASE_HISTOGRAM_H
#define HOST_BASE_HISTOGRAM_H
#include <stdint.h>

#define HISTOGRAM_BOUNDS 17

/* Upper ends of the buckets, in microseconds, from half a millisecond to five minutes. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

/* Zeroed is empty. */
struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* atomic; each of its bucket alone, the last of all that is longer */
	uint64_t sum_us;                       /* atomic */
};

/* The bucket of a duration; negative ones go into the first. [any] */
uint32_t histogram_bucket(int64_t us);

/* Adds one. [any] */
void histogram_add(struct histogram *h, int64_t us);

/* Durations that are added one after the other: neighbours in the same bucket cost one addition together. Begins as
 * HISTOGRAM_RUN and ends with histogram_flush. */
struct histogram_run {
	struct histogram *to;
	int64_t above_us, upto_us; /* of the bucket that n are in */
	uint32_t bucket;
	uint64_t n, sum_us;
};
#define HISTOGRAM_RUN(TO)                                                                                              \
	{                                                                                                              \
		.to = (TO), .above_us = INT64_MAX                                                                      \
	}

/* Hands what the run holds to its histogram. [any] */
void histogram_flush(struct histogram_run *r);

/* Flushes, and goes on in the bucket of this duration. [any] */
void histogram_turn(struct histogram_run *r, int64_t us);

/* Adds one. */
static inline void histogram_run_add(struct histogram_run *r, int64_t us)
{
	if (us < 0)
		us = 0;
	if (us <= r->above_us || us > r->upto_us)
		histogram_turn(r, us);
	r->n++;
	r->sum_us += (uint64_t)us;
}

/* A copy for reading, of counts that may lag a moment behind each other. [any] */
void histogram_copy(const struct histogram *h, struct histogram *result);

#endif
