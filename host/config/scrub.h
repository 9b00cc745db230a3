/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub.h: takes secrets out of what a plugin says about its settings: what references (${file:...}) lead to, and the values of
 * secret keys, wherever they stand in a text.
 */
#ifndef HOST_CONFIG_SCRUB_H
#define HOST_CONFIG_SCRUB_H
#include "host/config/mask.h"

/* Zeroed knows no secret. */
struct scrub {
	char **secrets; /* the longest first */
	size_t n;
};

/* Learns the secrets of settings; what is shorter than three characters says nothing. Reads what references lead to.
 * OUTFLOW_E_NOMEM leaves some out. [any] */
outflow_status scrub_learn(struct scrub *s, const struct inventory *inv, enum mask_of what,
                           const struct settings *settings);

/* Puts MASK_TEXT in their place, in a buffer of that size; what has no room any more is cut off. [any] */
void scrub_text(const struct scrub *s, char *text, size_t size);

void scrub_clear(struct scrub *s);

#endif
