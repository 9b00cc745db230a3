/* SPDX-License-Identifier: Apache-2.0 */
/* check.h: asserts for our own bugs. The world gets statuses instead. */
#ifndef HOST_BASE_CHECK_H
#define HOST_BASE_CHECK_H
#include <stdio.h>
#include <stdlib.h>

/* In release builds too: a wrong pointer in the bookkeeping of deliveries must not go on. */
#define CHECK(CONDITION)                                                                                               \
	do {                                                                                                           \
		if (__builtin_expect(!(CONDITION), 0)) {                                                               \
			fprintf(stderr, "outflow: bug at %s:%d: %s\n", __FILE__, __LINE__, #CONDITION);                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Every struct with a life cycle begins with `unsigned magic`; the free function clears it. */
#define CHECK_OBJ(POINTER, MAGIC) CHECK((POINTER) != NULL && (POINTER)->magic == (MAGIC))

#endif
