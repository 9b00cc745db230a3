/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob.h: what every operator on strings comes down to: literal parts with any run of characters between them. "on" is one
 * part; a prefix is the part and an empty one, a suffix an empty one and the part. All [any].
 */
#ifndef EVENT_GLOB_H
#define EVENT_GLOB_H
#include "fold.h"

struct glob {
	outflow_str *parts;
	uint32_t n_parts;
	struct folded *folded; /* without regard to case: the characters of the only part that is not empty */
	size_t n_folded;
};

/* Does the whole of text fit? Written to be obvious; fast matching is in trie.h. */
bool glob_fits(const struct glob *g, outflow_str text);

#endif
