/* SPDX-License-Identifier: Apache-2.0 */
#include "blocks.h"

#include <stdlib.h>

#define BLOCK_SIZE 4096

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

void *blocks_take(struct block **blocks, size_t n)
{
	struct block *b = *blocks;
	size_t size;

	n = (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (b == NULL || b->size - b->used < n) {
		size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
		b = calloc(1, sizeof *b + size);
		if (b == NULL)
			return NULL;
		b->next = *blocks;
		b->size = size;
		*blocks = b;
	}
	b->used += n;
	return b->bytes + b->used - n;
}

void blocks_free(struct block **blocks)
{
	while (*blocks != NULL) {
		struct block *b = *blocks;

		*blocks = b->next;
		free(b);
	}
}
