/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/crash_point.h"

#ifdef OUTFLOW_DEV
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int crash_point_armed;
static char wanted[64];
static long passes_left;

/* Before main, so that no thread sees it half done. */
__attribute__((constructor)) static void arm(void)
{
	const char *text = getenv("OUTFLOW_CRASH_POINT");
	const char *colon = text ? strchr(text, ':') : NULL;
	size_t n = colon ? (size_t)(colon - text) : text ? strlen(text) : 0;

	if (n == 0 || n >= sizeof wanted)
		return;
	memcpy(wanted, text, n);
	passes_left = colon ? strtol(colon + 1, NULL, 10) : 1;
	crash_point_armed = 1;
}

void crash_point_pass(const char *name)
{
	if (strcmp(name, wanted) == 0 && __atomic_sub_fetch(&passes_left, 1, __ATOMIC_RELAXED) == 0)
		raise(SIGKILL);
}
#else
/* A translation unit must hold something. */
typedef int crash_point_unused;
#endif
