/* SPDX-License-Identifier: Apache-2.0 */
/* words.h: whole texts, each with a pointer, found by hash. Building [any]; finding is constant and [any]. */
#ifndef EVENT_WORDS_H
#define EVENT_WORDS_H
#include "blocks.h"

#include <outflow/abi.h>

struct word {
	outflow_str text; /* ptr NULL: free */
	uint64_t hash;
	void *what;
};

struct words {
	struct word *table;
	uint32_t n, mask; /* the table has mask + 1 places, or none */
};

/* The place of text, made if need be; the text must live as long as w. NULL: no memory. */
void **words_add(struct words *w, struct block **blocks, outflow_str text);

/* What was put at text, or NULL. */
void *words_find(const struct words *w, outflow_str text);

#endif
