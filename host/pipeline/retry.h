/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h: whether and when a record is tried again. Pure functions. */
#ifndef HOST_PIPELINE_RETRY_H
#define HOST_PIPELINE_RETRY_H
#include <stdint.h>

enum retry_kind {
	RETRY_BACKOFF,           /* BACKOFF_RETRY: 3 retries, each 10 to 20 s after the failure */
	RETRY_EXPONENTIAL_DECAY, /* EXPONENTIAL_DECAY_RETRY: 176 retries after 1, 2, 4 ... 256 s, then 512 s: 86,015 s in all */
	RETRY_CUSTOM,            /* initial wait, factor, cap and jitter as given */
	RETRY_NONE,
	RETRY_CONNECT, /* Kafka Connect's errors.retry.*: 300 ms, doubled up to the cap, then at random below it (KIP-298) */
};

#define RETRY_NO_LIMIT INT64_C(-1)
#define RETRY_NO_MORE INT64_C(-1)

struct retry_policy {
	enum retry_kind kind;
	int64_t max_attempts;            /* retries after the first attempt, or RETRY_NO_LIMIT */
	int64_t max_age_ns;              /* since the first failure: no retry begins later; or RETRY_NO_LIMIT */
	int64_t initial_ns, max_wait_ns; /* custom, and Connect's cap */
	double factor, jitter;           /* custom; jitter 0.2: a wait is cut by up to a fifth at random */
};

/* Retries of a kind when the configuration sets no limit of its own. [any] */
int64_t retry_default_attempts(enum retry_kind kind);

/* Nanoseconds to wait after a record's failure number `failures` (1 is the first), the first of which is age_ns ago.
 * random: any 64 random bits. RETRY_NO_MORE: the record is given up. [any] */
int64_t retry_wait_ns(const struct retry_policy *p, uint32_t failures, int64_t age_ns, uint64_t random);

/* The same while the other side cannot be reached: 1, 2, 4 s, then 5 s, without end. [any] */
int64_t outage_wait_ns(uint32_t failures);

#endif
