/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/retry.h"

#include "host/base/clock.h"

#define BACKOFF_LEAST_NS (10 * CLOCK_S)
#define BACKOFF_MOST_NS (20 * CLOCK_S)
#define DECAY_MOST_NS (512 * CLOCK_S)
#define CONNECT_INITIAL_NS (300 * CLOCK_MS)
#define OUTAGE_MOST_NS (5 * CLOCK_S)

int64_t retry_default_attempts(enum retry_kind kind)
{
	switch (kind) {
	case RETRY_BACKOFF:
		return 3;
	case RETRY_EXPONENTIAL_DECAY:
		return 176;
	case RETRY_CUSTOM:
		return 10;
	case RETRY_NONE:
		return 0;
	default:
		return RETRY_NO_LIMIT;
	}
}

/* initial * factor ^ (failures - 1), as far as most. */
static int64_t grown(int64_t initial_ns, double factor, uint32_t failures, int64_t most_ns)
{
	double wait = (double)initial_ns;

	for (uint32_t i = 1; i < failures && wait < (double)most_ns && factor > 1; i++)
		wait *= factor;
	return wait < (double)most_ns ? (int64_t)wait : most_ns;
}

static int64_t between(int64_t least, int64_t most, uint64_t random)
{
	return least + (int64_t)(random % (uint64_t)(most - least + 1));
}

static int64_t connect_wait(const struct retry_policy *p, uint32_t failures, int64_t age_ns, uint64_t random)
{
	int64_t wait = grown(CONNECT_INITIAL_NS, 2, failures, INT64_MAX / 2);

	if (wait > p->max_wait_ns)
		wait = between(0, p->max_wait_ns, random);
	/* The last attempt is made when the time is over, not before. */
	return p->max_age_ns != RETRY_NO_LIMIT && wait > p->max_age_ns - age_ns ? p->max_age_ns - age_ns : wait;
}

static int64_t wait_of(const struct retry_policy *p, uint32_t failures, int64_t age_ns, uint64_t random)
{
	int64_t wait;

	switch (p->kind) {
	case RETRY_BACKOFF:
		return between(BACKOFF_LEAST_NS, BACKOFF_MOST_NS, random);
	case RETRY_EXPONENTIAL_DECAY:
		return grown(CLOCK_S, 2, failures, DECAY_MOST_NS);
	case RETRY_CONNECT:
		return connect_wait(p, failures, age_ns, random);
	default:
		wait = grown(p->initial_ns, p->factor, failures, p->max_wait_ns);
		return between(wait - (int64_t)((double)wait * p->jitter), wait, random);
	}
}

int64_t retry_wait_ns(const struct retry_policy *p, uint32_t failures, int64_t age_ns, uint64_t random)
{
	int64_t wait;

	if (p->kind == RETRY_NONE || (p->max_attempts != RETRY_NO_LIMIT && failures > p->max_attempts))
		return RETRY_NO_MORE;
	if (p->max_age_ns != RETRY_NO_LIMIT && age_ns >= p->max_age_ns)
		return RETRY_NO_MORE;
	wait = wait_of(p, failures, age_ns, random);
	return p->max_age_ns != RETRY_NO_LIMIT && wait > p->max_age_ns - age_ns ? RETRY_NO_MORE : wait;
}

int64_t outage_wait_ns(uint32_t failures)
{
	return grown(CLOCK_S, 2, failures, OUTAGE_MOST_NS);
}
