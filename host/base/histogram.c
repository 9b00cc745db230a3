/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/histogram.h"

const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
	500,    1000,    2500,    5000,    10000,    25000,    50000,    100000,    250000,
	500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 300000000,
};

/* By the length of a duration in bits: the first bucket that it can be in. */
static const uint8_t first_bucket[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 12, 13, 14, 15, 16, 16,
};

uint32_t histogram_bucket(int64_t us)
{
	uint32_t length, bucket;

	if (us <= 0)
		return 0;
	length = 64 - (uint32_t)__builtin_clzll((unsigned long long)us);
	if (length >= sizeof first_bucket)
		return us > histogram_bounds_us[HISTOGRAM_BOUNDS - 1] ? HISTOGRAM_BOUNDS : HISTOGRAM_BOUNDS - 1;
	bucket = first_bucket[length];
	while (us > histogram_bounds_us[bucket])
		bucket++;
	return bucket;
}

void histogram_add(struct histogram *h, int64_t us)
{
	struct histogram_run r = HISTOGRAM_RUN(h);

	histogram_run_add(&r, us);
	histogram_flush(&r);
}

void histogram_flush(struct histogram_run *r)
{
	if (r->n == 0)
		return;
	__atomic_add_fetch(&r->to->counts[r->bucket], r->n, __ATOMIC_RELAXED);
	__atomic_add_fetch(&r->to->sum_us, r->sum_us, __ATOMIC_RELAXED);
	r->n = r->sum_us = 0;
}

void histogram_turn(struct histogram_run *r, int64_t us)
{
	histogram_flush(r);
	r->bucket = histogram_bucket(us);
	r->above_us = r->bucket > 0 ? histogram_bounds_us[r->bucket - 1] : -1;
	r->upto_us = r->bucket < HISTOGRAM_BOUNDS ? histogram_bounds_us[r->bucket] : INT64_MAX;
}

void histogram_copy(const struct histogram *h, struct histogram *result)
{
	for (uint32_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		result->counts[i] = __atomic_load_n(&h->counts[i], __ATOMIC_RELAXED);
	result->sum_us = __atomic_load_n(&h->sum_us, __ATOMIC_RELAXED);
}
