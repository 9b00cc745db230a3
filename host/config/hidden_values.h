/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden_values.h: the secrets of settings, taken out of what is shown: what a plugin says of them, and what passes through a
 * pipeline, where a transform may well have put one. They are found as they stand, not in other encodings.
 */
#ifndef HOST_CONFIG_HIDDEN_VALUES_H
#define HOST_CONFIG_HIDDEN_VALUES_H
#include "host/config/mask.h"

/* Zeroed is none. */
struct hidden_values {
	outflow_bytes *list; /* malloc'd each */
	size_t n;
	size_t longest;
};

/* Adds those of settings: the values of secret keys, passwords in URLs, and what references (${file:...}) lead to; a setting
 * counts as declared when it says its file, or when all are. What is shorter than three characters is in every text, and is
 * left out. Reads what references lead to. OUTFLOW_E_NOMEM leaves some out. [any] */
outflow_status hidden_values_learn(struct hidden_values *h, const struct inventory *inv, enum mask_of what,
                                   const struct settings *settings, int all_declared);
void hidden_values_clear(struct hidden_values *h);

/* A copy of the bytes, malloc'd, in which each of them is MASK_TEXT. NULL: there is none in them (*found is 0), or no memory.
 * [any] */
char *hidden_values_mask(const struct hidden_values *h, outflow_bytes bytes, size_t *n, int *found);

/* The same in place, in a buffer of that size: what has no room any more is cut off; without memory all is. [any] */
void hidden_values_mask_text(const struct hidden_values *h, char *text, size_t size);

#endif
