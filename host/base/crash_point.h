/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_point.h: named places at which a test can have the process killed.
 *
 * OUTFLOW_CRASH_POINT="journal.after_write:7" raises SIGKILL at the seventh pass of that place. Development builds only:
 * elsewhere the macro is nothing.
 */
#ifndef HOST_BASE_CRASH_POINT_H
#define HOST_BASE_CRASH_POINT_H

#ifdef OUTFLOW_DEV
/* Reads the environment once; unknown names never fire. [any] */
void crash_point_pass(const char *name);
extern int crash_point_armed;
#define CRASH_POINT(NAME)                                                                                              \
	do {                                                                                                           \
		if (__builtin_expect(crash_point_armed, 0))                                                            \
			crash_point_pass(NAME);                                                                        \
	} while (0)
#else
#define CRASH_POINT(NAME) ((void)0)
#endif

#endif
