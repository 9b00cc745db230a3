/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/suggest.h"

#include <string.h>

#define LONGEST 63u

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned rows[3][LONGEST + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

void suggestion_offer(struct suggestion *s, const char *candidate)
{
	size_t n = strlen(s->typed), m = strlen(candidate);
	unsigned d, limit = n < 4 ? 1 : n < 8 ? 2 : 3;

	if (n > LONGEST || m > LONGEST)
		return;
	d = distance(s->typed, n, candidate, m);
	if (d > limit || (s->best != NULL && d >= s->distance))
		return;
	s->best = candidate;
	s->distance = d;
}
