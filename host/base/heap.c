/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/heap.h"

#include "host/base/clock.h"

#include <malloc.h>

#define TRIM_NS (10 * CLOCK_S)

static int64_t next_trim_ns; /* atomic */

int heap_trim(int64_t now_ns)
{
	int64_t next = __atomic_load_n(&next_trim_ns, __ATOMIC_RELAXED);

	if (now_ns < next ||
	    !__atomic_compare_exchange_n(&next_trim_ns, &next, now_ns + TRIM_NS, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return 1;
}
