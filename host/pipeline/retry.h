/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h: how long to wait before a record is tried again. A pure function. */
#ifndef HOST_PIPELINE_RETRY_H
#define HOST_PIPELINE_RETRY_H
#include <stdint.h>

/* Nanoseconds from the failure of attempt number `attempt` (1 is the first) to the next one: 1, 2, 4 ... 64 s, then 64 s.
 * There is no last attempt: an outage is waited out. [any] */
int64_t retry_wait_ns(uint32_t attempt);

#endif
