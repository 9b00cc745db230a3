/* SPDX-License-Identifier: Apache-2.0 */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

#define NARROW 8 /* edges that are looked through one by one */

struct edge {
	struct trie_node *to;
	unsigned char byte;
};

/* A step that globs share, while the trie is built: one byte, or one character without regard to case. */
struct step {
	const struct folded *folded; /* NULL: byte */
	unsigned char byte;
	struct trie_node *to;
	struct step *next;
};

struct trie_node {
	struct edge *edges; /* sorted by byte */
	uint32_t *jump;     /* of a wide node: where the edges of a byte begin */
	uint32_t n_edges;
	struct trie_node *star;           /* any run of characters comes next */
	uint64_t run;                     /* of a star: the last text in which it was open */
	const struct id *reached, *ended; /* globs that fit as soon as this node is reached, when the text ends here */
	struct step *steps;
	struct trie_node *next; /* of all */
};

int id_add(const struct id **list, struct block **blocks, uint32_t id)
{
	struct id *i = blocks_take(blocks, sizeof *i);

	if (i == NULL)
		return -1;
	*i = (struct id){ id, *list };
	*list = i;
	return 0;
}

/* ---- building ---- */

static struct trie_node *new_node(struct trie *t, struct block **blocks)
{
	struct trie_node *n = blocks_take(blocks, sizeof *n);

	if (n == NULL)
		return NULL;
	n->next = t->all;
	t->all = n;
	t->n_nodes++;
	return n;
}

static bool same_folded(const struct folded *a, const struct folded *b)
{
	return a->lower_length == b->lower_length && a->upper_length == b->upper_length &&
	       memcmp(a->lower, b->lower, a->lower_length) == 0 && memcmp(a->upper, b->upper, a->upper_length) == 0;
}

static struct trie_node *add_step(struct trie *t, struct block **blocks, struct trie_node *n, unsigned char byte,
                                  const struct folded *folded)
{
	struct step *s;

	for (s = n->steps; s != NULL; s = s->next)
		if (folded != NULL ? s->folded != NULL && same_folded(s->folded, folded)
		                   : s->folded == NULL && s->byte == byte)
			return s->to;
	s = blocks_take(blocks, sizeof *s);
	if (s == NULL)
		return NULL;
	*s = (struct step){ folded, byte, new_node(t, blocks), n->steps };
	n->steps = s;
	return s->to;
}

/* The node that a literal part leads to from n. */
static struct trie_node *add_part(struct trie *t, struct block **blocks, struct trie_node *n, outflow_str part)
{
	for (size_t i = 0; i < part.len && n != NULL; i++)
		n = add_step(t, blocks, n, (unsigned char)part.ptr[t->backward ? part.len - 1 - i : i], NULL);
	return n;
}

static struct trie_node *add_folded(struct trie *t, struct block **blocks, struct trie_node *n, const struct glob *g)
{
	for (size_t i = 0; i < g->n_folded && n != NULL; i++)
		n = add_step(t, blocks, n, 0, &g->folded[t->backward ? g->n_folded - 1 - i : i]);
	return n;
}

/* Is nothing asked of the text behind the parts that are not empty? */
static bool is_open(const struct glob *g)
{
	return g->n_parts > 1 && g->parts[g->n_parts - 1].len == 0;
}

static struct trie_node *add_parts(struct trie *t, struct block **blocks, struct trie_node *n, const struct glob *g)
{
	uint32_t end = g->n_parts - is_open(g);

	for (uint32_t i = 0; i < end && n != NULL; i++) {
		if (i > 0) {
			if (n->star == NULL)
				n->star = new_node(t, blocks);
			n = n->star;
		}
		if (n != NULL)
			n = add_part(t, blocks, n, g->parts[i]);
	}
	return n;
}

bool trie_is_backward(const struct glob *g)
{
	return g->n_parts == 2 && g->parts[0].len == 0;
}

int trie_add(struct trie *t, struct block **blocks, const struct glob *g, uint32_t id)
{
	struct trie_node *n;

	if (t->root == NULL)
		t->root = new_node(t, blocks);
	n = t->root;
	if (n != NULL && g->folded != NULL)
		n = add_folded(t, blocks, n, g);
	else if (n != NULL)
		n = t->backward ? add_part(t, blocks, n, g->parts[1]) : add_parts(t, blocks, n, g);
	if (n == NULL)
		return -1;
	return id_add(t->backward || is_open(g) ? &n->reached : &n->ended, blocks, id);
}

/* The way to a node by one spelling of a character, from the node that *edge belongs to. */
static int add_spelling(struct trie *t, struct block **blocks, struct edge *edge, const char *text, size_t n,
                        struct trie_node *to)
{
	for (size_t i = 0; i < n; i++) {
		edge->byte = (unsigned char)text[t->backward ? n - 1 - i : i];
		if (i + 1 == n)
			break;
		edge->to = new_node(t, blocks);
		if (edge->to == NULL)
			return -1;
		edge->to->edges = blocks_take(blocks, sizeof *edge);
		edge->to->n_edges = 1;
		edge = edge->to->edges;
		if (edge == NULL)
			return -1;
	}
	edge->to = to;
	return 0;
}

static bool has_one_spelling(const struct folded *f)
{
	return f->lower_length == f->upper_length && memcmp(f->lower, f->upper, f->lower_length) == 0;
}

static int make_edges(struct trie *t, struct block **blocks, struct trie_node *n)
{
	struct edge *e;

	for (const struct step *s = n->steps; s != NULL; s = s->next)
		n->n_edges += s->folded && !has_one_spelling(s->folded) ? 2 : 1;
	n->edges = e = blocks_take(blocks, n->n_edges * sizeof *e);
	if (e == NULL)
		return -1;
	for (const struct step *s = n->steps; s != NULL; s = s->next) {
		const struct folded *f = s->folded;

		if (f == NULL) {
			*e++ = (struct edge){ s->to, s->byte };
			continue;
		}
		if (add_spelling(t, blocks, e++, f->lower, f->lower_length, s->to) < 0)
			return -1;
		if (!has_one_spelling(f) && add_spelling(t, blocks, e++, f->upper, f->upper_length, s->to) < 0)
			return -1;
	}
	return 0;
}

static int compare_edges(const void *a, const void *b)
{
	return ((const struct edge *)a)->byte - ((const struct edge *)b)->byte;
}

static int make_jump(struct block **blocks, struct trie_node *n)
{
	uint32_t at = 0;

	n->jump = blocks_take(blocks, 257 * sizeof *n->jump);
	if (n->jump == NULL)
		return -1;
	for (unsigned byte = 0; byte < 257; byte++) {
		while (at < n->n_edges && n->edges[at].byte < byte)
			at++;
		n->jump[byte] = at;
	}
	return 0;
}

static int finish_node(struct trie *t, struct block **blocks, struct trie_node *n)
{
	if (n->edges == NULL && make_edges(t, blocks, n) < 0)
		return -1;
	if (n->n_edges > 1)
		qsort(n->edges, n->n_edges, sizeof *n->edges, compare_edges);
	return n->n_edges > NARROW ? make_jump(blocks, n) : 0;
}

int trie_finish(struct trie *t, struct block **blocks)
{
	for (struct trie_node *n = t->all; n != NULL; n = n->next) /* what is made on the way goes before it */
		if (finish_node(t, blocks, n) < 0)
			return -1;
	t->runs = blocks_take(blocks, t->n_nodes * sizeof *t->runs);
	t->now = blocks_take(blocks, t->n_nodes * sizeof *t->now);
	t->later = blocks_take(blocks, t->n_nodes * sizeof *t->later);
	return t->runs && t->now && t->later ? 0 : -1;
}

/* ---- finding ---- */

/* n is reached: what that alone says, and the run that may follow. */
static inline void reach(struct trie *t, struct trie_node *n, trie_found *found, void *arg)
{
	if (n->reached != NULL)
		found(arg, n->reached);
	if (n->star != NULL && n->star->run != t->run) {
		n->star->run = t->run;
		t->runs[t->n_runs++] = n->star;
	}
}

static inline void follow(struct trie *t, const struct trie_node *n, unsigned char byte, trie_found *found, void *arg)
{
	uint32_t i = n->jump ? n->jump[byte] : 0, end = n->jump ? n->jump[byte + 1] : n->n_edges;

	for (; i < end; i++) {
		struct trie_node *to = n->edges[i].to;

		if (n->edges[i].byte != byte)
			continue;
		if (to->n_edges > 0 || to->ended != NULL)
			t->later[t->n_later++] = to;
		reach(t, to, found, arg);
	}
}

static void step(struct trie *t, unsigned char byte, trie_found *found, void *arg)
{
	struct trie_node **done = t->now;
	size_t n_runs = t->n_runs;

	t->n_later = 0;
	for (size_t i = 0; i < t->n_now; i++)
		follow(t, t->now[i], byte, found, arg);
	for (size_t i = 0; i < n_runs; i++)
		follow(t, t->runs[i], byte, found, arg);
	t->now = t->later;
	t->n_now = t->n_later;
	t->later = done;
}

/* In a run and nothing else: the next place where anything can begin, or end. */
static const char *skip(const struct trie_node *run, const char *p, const char *end)
{
	const char *at;

	if (run->n_edges == 1) {
		at = memchr(p, run->edges[0].byte, (size_t)(end - p));
		return at ? at : end;
	}
	if (run->jump != NULL)
		while (p < end && run->jump[(unsigned char)*p] == run->jump[(unsigned char)*p + 1])
			p++;
	return p;
}

/* Where a byte leads from n; NULL: nowhere. *ways: to how many nodes. */
static inline struct trie_node *only_way(const struct trie_node *n, unsigned char byte, uint32_t *ways)
{
	struct trie_node *to = NULL;

	if (n->n_edges == 1) {
		*ways = 1;
		return n->edges[0].byte == byte ? n->edges[0].to : NULL;
	}
	if (n->jump != NULL) {
		*ways = n->jump[byte + 1] - n->jump[byte];
		return *ways > 0 ? n->edges[n->jump[byte]].to : NULL;
	}
	*ways = 0;
	for (uint32_t i = 0; i < n->n_edges; i++)
		if (n->edges[i].byte == byte) {
			to = n->edges[i].to;
			++*ways;
		}
	return to;
}

/* From the root as long as no run is open and each byte leads one way: the beginning of most texts, and all of a trie
 * without wildcards. Returns where it ends: where nothing can come of the text any more (t->n_now is 0 then), or where
 * steps must go on, or at its end. */
static const char *go_down(struct trie *t, const char *p, const char *end, trie_found *found, void *arg)
{
	struct trie_node *n = t->root, *to;
	ptrdiff_t direction = t->backward ? -1 : 1;
	uint32_t ways;

	reach(t, n, found, arg);
	while (p != end && n->star == NULL) {
		to = only_way(n, (unsigned char)(t->backward ? p[-1] : *p), &ways);
		if (to == NULL) {
			t->n_now = 0;
			return p;
		}
		if (ways > 1)
			break;
		n = to;
		p += direction;
		if (n->reached != NULL || n->star != NULL)
			reach(t, n, found, arg);
	}
	t->now[0] = n;
	t->n_now = 1;
	return p;
}

void trie_find(struct trie *t, outflow_str text, trie_found *found, void *arg)
{
	const char *p = text.len > 0 ? text.ptr : "", *end = p + text.len;

	t->run++;
	t->n_runs = 0;
	if (t->backward) {
		end = go_down(t, end, p, found, arg);
		while (end > p && t->n_now > 0)
			step(t, (unsigned char)*--end, found, arg);
		return;
	}
	for (p = go_down(t, p, end, found, arg); p < end; p++) {
		if (t->n_now == 0 && t->n_runs < 2) {
			if (t->n_runs == 0)
				return;
			p = skip(t->runs[0], p, end);
			if (p == end)
				return;
		}
		step(t, (unsigned char)*p, found, arg);
	}
	for (size_t i = 0; i < t->n_now; i++)
		if (t->now[i]->ended != NULL)
			found(arg, t->now[i]->ended);
}
