/* SPDX-License-Identifier: Apache-2.0 */
#include "host/record/pool.h"

#include "host/base/check.h"

#include <stdint.h>

#define POOL_MAGIC 0x706f6f6cu
#define SMALLEST 7u /* 2^7 bytes */
#define CLASSES 14u /* up to 2^20 bytes; larger blocks go straight to malloc */
#define UNPOOLED CLASSES
/* Free blocks beyond this go back to the system, so that a burst does not stay resident. */
#define KEEP_BYTES ((size_t)4 << 20)

struct block {
	struct block *next;
	uint32_t class;
	uint32_t spare;
	size_t size; /* of what follows */
	size_t align;
};

/* The free blocks of one size. */
struct shelf {
	struct block *first;
	uint32_t n, fewest; /* at the lowest since the last pool_shrink */
};

struct pool {
	unsigned magic;
	size_t used, kept;
	struct shelf shelves[CLASSES];
};

struct pool *pool_new(void)
{
	struct pool *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->magic = POOL_MAGIC;
	return p;
}

static uint32_t class_of(size_t size)
{
	uint32_t class = 0;

	while (class < CLASSES && ((size_t)1 << (SMALLEST + class)) - sizeof(struct block) < size)
		class ++;
	return class;
}

/* NULL: there is none. */
static struct block *take_kept(struct pool *p, uint32_t class)
{
	struct shelf *s = &p->shelves[class];
	struct block *b = s->first;

	if (b == NULL)
		return NULL;
	s->first = b->next;
	s->n--;
	if (s->n < s->fewest)
		s->fewest = s->n;
	p->kept -= b->size;
	return b;
}

void *pool_get(struct pool *p, size_t size, size_t *room)
{
	uint32_t class = class_of(size);
	struct block *b = class < CLASSES ? take_kept(p, class) : NULL;

	CHECK_OBJ(p, POOL_MAGIC);
	if (b == NULL) {
		if (class < CLASSES)
			size = ((size_t)1 << (SMALLEST + class)) - sizeof *b;
		if (size > SIZE_MAX - sizeof *b)
			return NULL;
		b = malloc(sizeof *b + size);
		if (b == NULL)
			return NULL;
		b->class = class;
		b->size = size;
	}
	p->used += b->size;
	if (room != NULL)
		*room = b->size;
	return b + 1;
}

void pool_put(struct pool *p, void *block)
{
	struct shelf *s;
	struct block *b;

	CHECK_OBJ(p, POOL_MAGIC);
	if (block == NULL)
		return;
	b = (struct block *)block - 1;
	p->used -= b->size;
	if (b->class == UNPOOLED || p->kept + b->size > KEEP_BYTES) {
		free(b);
		return;
	}
	s = &p->shelves[b->class];
	b->next = s->first;
	s->first = b;
	s->n++;
	p->kept += b->size;
}

size_t pool_shrink(struct pool *p)
{
	size_t before = p->kept;

	CHECK_OBJ(p, POOL_MAGIC);
	for (uint32_t i = 0; i < CLASSES; i++) {
		struct shelf *s = &p->shelves[i];

		for (uint32_t idle = s->fewest; idle > 0; idle--)
			free(take_kept(p, i));
		s->fewest = s->n;
	}
	return before - p->kept;
}

size_t pool_used(const struct pool *p)
{
	return p->used;
}

void pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	CHECK_OBJ(p, POOL_MAGIC);
	for (uint32_t i = 0; i < CLASSES; i++)
		while (p->shelves[i].first != NULL)
			free(take_kept(p, i));
	p->magic = 0;
	free(p);
}
