/* SPDX-License-Identifier: Apache-2.0 */
#include "glob.h"

#include <string.h>

static bool begins(outflow_str text, outflow_str with)
{
	return text.len >= with.len && (with.len == 0 || memcmp(text.ptr, with.ptr, with.len) == 0);
}

static bool ends(outflow_str text, outflow_str with)
{
	return text.len >= with.len &&
	       (with.len == 0 || memcmp(text.ptr + text.len - with.len, with.ptr, with.len) == 0);
}

static bool folded_fits(const struct glob *g, outflow_str text)
{
	size_t length;

	if (g->n_parts == 2 && g->parts[0].len == 0)
		return fold_ends(g->folded, g->n_folded, text);
	return fold_begins(g->folded, g->n_folded, text, &length) && (g->n_parts == 2 || length == text.len);
}

/* The first place of a part is as good as any later one, since nothing but runs lies between parts. */
static bool middle_fits(const struct glob *g, outflow_str text)
{
	for (uint32_t i = 1; i + 1 < g->n_parts; i++) {
		outflow_str part = g->parts[i];
		const char *at = part.len == 0   ? text.ptr
		                 : text.len == 0 ? NULL
		                                 : memmem(text.ptr, text.len, part.ptr, part.len);

		if (at == NULL && part.len > 0)
			return false;
		if (part.len > 0) {
			text.len -= (size_t)(at - text.ptr) + part.len;
			text.ptr = at + part.len;
		}
	}
	return true;
}

bool glob_fits(const struct glob *g, outflow_str text)
{
	outflow_str first = g->parts[0], last = g->parts[g->n_parts - 1];

	if (g->folded != NULL)
		return folded_fits(g, text);
	if (g->n_parts == 1)
		return text.len == first.len && begins(text, first);
	if (text.len < first.len + last.len || !begins(text, first) || !ends(text, last))
		return false;
	text.ptr += first.len;
	text.len -= first.len + last.len;
	return middle_fits(g, text);
}
