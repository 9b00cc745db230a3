/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden_values.h: the values of secret settings, taken out of what passes through a pipeline before it is shown: a transform
 * may well have put one there.
 */
#ifndef HOST_API_HIDDEN_VALUES_H
#define HOST_API_HIDDEN_VALUES_H
#include "host/api/api.h"

/* Zeroed is none. */
struct hidden_values {
	outflow_bytes *list; /* malloc'd each */
	size_t n;
	size_t longest;
};

/* Those of a pipeline and of the connections that it uses: secret keys, passwords in URLs, and what references lead to.
 * With secrets.show in the host's keys none. OUTFLOW_E_NOMEM. hidden_values_clear follows in any case. [any] */
outflow_status hidden_values_collect(struct hidden_values *h, struct api *api, const struct pipeline_snapshot *s);
void hidden_values_clear(struct hidden_values *h);

/* A copy of the bytes, malloc'd, in which each of them is MASK_TEXT. NULL: there is none in them (*found is 0), or no memory.
 * [any] */
char *hidden_values_mask(const struct hidden_values *h, outflow_bytes bytes, size_t *n, int *found);

#endif
