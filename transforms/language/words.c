/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <string.h>

/* Eight bytes at a time, multiplied by the golden ratio; good enough for tables of texts that nobody chooses against
 * us, since patterns are configuration. */
static inline uint64_t hash(outflow_str text)
{
	const uint64_t golden = 0x9e3779b97f4a7c15;
	uint64_t sum = text.len * golden, v = 0;
	const char *p = text.ptr;
	size_t n = text.len;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		sum = (sum ^ v) * golden;
		sum ^= sum >> 32;
	}
	v = 0;
	while (n-- > 0)
		v = v << 8 | (unsigned char)p[n];
	sum = (sum ^ v) * golden;
	return sum ^ sum >> 32;
}

static inline struct word *place(struct word *table, uint32_t mask, outflow_str text, uint64_t h)
{
	uint32_t at = (uint32_t)h & mask;

	while (table[at].text.ptr != NULL && (table[at].hash != h || table[at].text.len != text.len ||
	                                      (text.len > 0 && memcmp(table[at].text.ptr, text.ptr, text.len) != 0)))
		at = (at + 1) & mask;
	return &table[at];
}

static int grow(struct words *w, struct block **blocks)
{
	uint32_t mask = w->table ? 2 * w->mask + 1 : 3;
	struct word *table = blocks_take(blocks, ((size_t)mask + 1) * sizeof *table);

	if (table == NULL)
		return -1;
	for (uint32_t i = 0; w->table != NULL && i <= w->mask; i++)
		if (w->table[i].text.ptr != NULL)
			*place(table, mask, w->table[i].text, w->table[i].hash) = w->table[i];
	w->table = table;
	w->mask = mask;
	return 0;
}

void **words_add(struct words *w, struct block **blocks, outflow_str text)
{
	struct word *at;
	uint64_t h = hash(text);

	if ((w->table == NULL || w->n > w->mask / 2) && grow(w, blocks) < 0)
		return NULL;
	at = place(w->table, w->mask, text, h);
	if (at->text.ptr == NULL) {
		at->text = text.ptr ? text : (outflow_str){ "", 0 };
		at->hash = h;
		w->n++;
	}
	return &at->what;
}

void *words_find(const struct words *w, outflow_str text)
{
	return w->table ? place(w->table, w->mask, text, hash(text))->what : NULL;
}
