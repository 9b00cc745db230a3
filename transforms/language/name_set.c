/* SPDX-License-Identifier: Apache-2.0 */
#include "name_set.h"

#include <string.h>

/* Any order will do, and lengths are the cheapest. */
static int compare(outflow_str a, outflow_str b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len > 0 ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* names[at] sinks to where it is not less than what is below it in the heap. */
static void sink(outflow_str *names, size_t n, size_t at)
{
	outflow_str name = names[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < n && compare(names[child], names[child + 1]) < 0)
			child++;
		if (child >= n || compare(name, names[child]) >= 0)
			break;
		names[at] = names[child];
		at = child;
	}
	names[at] = name;
}

/* A heap sort: no memory, and no input that makes it slow. */
void name_set_sort(struct name_set *s)
{
	for (size_t i = s->n / 2; i-- > 0;)
		sink(s->names, s->n, i);
	for (size_t n = s->n; n > 1;) {
		outflow_str largest = s->names[0];

		s->names[0] = s->names[--n];
		s->names[n] = largest;
		sink(s->names, n, 0);
	}
}

bool name_set_has(const struct name_set *s, outflow_str name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(name, s->names[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}
