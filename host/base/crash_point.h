/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_point.h: named places at which a test can have the process killed.
 *
 * OUTFLOW_CRASH_POINT="journal.after_write:7" raises SIGKILL at the seventh pass of that place. Development builds only:
 * elsewhere the macro is nothing. CRASH_POINT_ARMED: is any place to kill?
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
#define CRASH_POINT_ARMED crash_point_armed
#else
#define CRASH_POINT_ARMED 0
#define CRASH_POINT(NAME) ((void)0)
#endif

#endif
