/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/retry.h"

#include "host/base/clock.h"

#define DOUBLINGS 6u

int64_t retry_wait_ns(uint32_t attempt)
{
	uint32_t doublings = attempt > 0 ? attempt - 1 : 0;

	return CLOCK_S << (doublings < DOUBLINGS ? doublings : DOUBLINGS);
}
