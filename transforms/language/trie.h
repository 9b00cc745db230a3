/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trie.h: many globs (glob.h) tried on one text at once.
 *
 * Globs that begin alike share the nodes of a trie; a run of any characters is a node that stays open until the text
 * ends. Suffixes belong into a trie that is read from the end. A text is read as far as something may still come of
 * it, and the work per byte depends on how many nodes are open, which is one for prefixes and suffixes and some for
 * wildcards, but not on how many globs there are.
 */
#ifndef EVENT_TRIE_H
#define EVENT_TRIE_H
#include "blocks.h"
#include "glob.h"

/* Numbers of globs, as a list. */
struct id {
	uint32_t id;
	const struct id *next;
};

struct trie_node;

struct trie {
	bool backward; /* for suffixes; set before anything is added */
	struct trie_node *root, *all;
	size_t n_nodes;
	uint64_t run; /* how many texts were tried */
	/* open nodes: runs, and places inside literal parts now and one byte later */
	struct trie_node **runs, **now, **later;
	size_t n_runs, n_now, n_later;
};

/* Is g for a trie that is read backward? */
bool trie_is_backward(const struct glob *g);

/* Adds a glob, which must live as long as the trie; not after trie_finish. -1: no memory. [any] */
int trie_add(struct trie *t, struct block **blocks, const struct glob *g, uint32_t id);

/* Makes what was added ready for trie_find. -1: no memory. [any] */
int trie_finish(struct trie *t, struct block **blocks);

/* Calls found with each list of globs that fit text; a list may come twice. t's scratch is used. [task] */
typedef void trie_found(void *arg, const struct id *ids);
void trie_find(struct trie *t, outflow_str text, trie_found *found, void *arg);

/* Puts id before *list. -1: no memory. [any] */
int id_add(const struct id **list, struct block **blocks, uint32_t id);

#endif
