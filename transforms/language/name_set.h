/* SPDX-License-Identifier: Apache-2.0 */
/* name_set.h: names among which others are looked up, however many and whatever somebody made them to be. All [any]. */
#ifndef LANGUAGE_NAME_SET_H
#define LANGUAGE_NAME_SET_H
#include <outflow/abi.h>

#include <stdbool.h>

struct name_set {
	outflow_str *names; /* the caller's */
	size_t n;
};

/* Prepares the names for name_set_has; they change places. */
void name_set_sort(struct name_set *s);

bool name_set_has(const struct name_set *s, outflow_str name);

#endif
