/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/show.h"

#include <outflow/json.h>
#include <outflow/util.h>

int show_is_text(outflow_bytes b)
{
	const unsigned char *p = b.ptr;

	for (size_t i = 0; i < b.len; i++)
		if ((p[i] < ' ' && p[i] != '\n' && p[i] != '\t') || p[i] == 0x7f)
			return 0;
	/* U+0080 to U+009F are control characters too. */
	for (size_t i = 0; i + 1 < b.len; i++)
		if (p[i] == 0xc2 && p[i + 1] < 0xa0)
			return 0;
	return outflow_utf8_check(b) == b.len;
}

static int put(const char *text, FILE *to)
{
	if (to != NULL)
		fputs(text, to);
	return (int)strlen(text);
}

int show_short(outflow_bytes b, size_t most, FILE *to)
{
	const unsigned char *p = b.ptr;
	int text = show_is_text(b), cut = most > 0 && b.len > most, width = 0;
	size_t n = cut ? most : b.len;

	/* Not in the middle of a character. */
	while (cut && text && n > 0 && (p[n] & 0xc0) == 0x80)
		n--;
	if (p == NULL)
		return put("-", to);
	if (!text)
		width += put("0x", to);
	for (size_t i = 0; i < n; i++) {
		width += text ? (p[i] & 0xc0) != 0x80 : 2;
		if (to == NULL)
			continue;
		if (!text)
			fprintf(to, "%02x", p[i]);
		else
			putc(p[i] == '\n' || p[i] == '\t' ? ' ' : p[i], to);
	}
	return cut ? width + put("...", to) : width;
}

void show_whole(outflow_bytes b, FILE *to)
{
	if (b.len > 0 && show_is_text(b))
		fwrite(b.ptr, 1, b.len, to);
	else
		for (size_t i = 0; i < b.len; i++)
			fprintf(to, "%02x", ((const unsigned char *)b.ptr)[i]);
	putc('\n', to);
}
