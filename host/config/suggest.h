/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.h: what somebody who mistyped a name meant. */
#ifndef HOST_CONFIG_SUGGEST_H
#define HOST_CONFIG_SUGGEST_H

/* Offer every candidate, then look at `best`. Zeroed but for `typed` is ready; only texts near enough are taken. */
struct suggestion {
	const char *typed;
	const char *best; /* NULL: nothing is near; else as long-lived as the candidate */
	unsigned distance;
};

void suggestion_offer(struct suggestion *s, const char *candidate);

#endif
