/* SPDX-License-Identifier: Apache-2.0 */
/* intern.h: small numbers for names, the same in the whole process. */
#ifndef HOST_BASE_INTERN_H
#define HOST_BASE_INTERN_H
#include <stdint.h>

/* The same name gives the same number. 0: no memory, or more than 255 names. [any] */
uint32_t intern(const char *name);

#endif
