/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_memory.h: malloc, calloc, realloc, free, strdup, strndup and asprintf of a test program, which fail when told. The program is linked with
 * $(FAILING_MEMORY_LINK), which sends them here (--wrap).
 */
#ifndef TESTS_FAILING_MEMORY_H
#define TESTS_FAILING_MEMORY_H
#include <stddef.h>

extern size_t fail_at; /* the allocation that fails, counted from now; 0: none */
extern int fails_on;   /* and every one after it */
extern int armed;      /* none has failed since this was set */
extern long balance;   /* live allocations since it was set to zero */

/* What never fails and is not counted. */
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);

#endif
