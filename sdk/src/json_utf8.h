/* SPDX-License-Identifier: Apache-2.0 */
/* json_utf8.h: one strict UTF-8 sequence, shared by the scanner and the check of plain text. */
#ifndef JSON_UTF8_H
#define JSON_UTF8_H
#include <stddef.h>

/* The length of the sequence at p (p < end, *p >= 0x80), 0 when it is overlong, a surrogate, beyond U+10FFFF,
 * cut off or no sequence at all. */
static inline size_t utf8_length(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t left = (size_t)(end - p);
	unsigned char low = 0x80, high = 0xbf;

	if (s[0] < 0xc2 || s[0] > 0xf4 || left < 2)
		return 0;
	if (s[0] < 0xe0)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] == 0xe0 || s[0] == 0xf0)
		low = s[0] == 0xe0 ? 0xa0 : 0x90;
	else if (s[0] == 0xed || s[0] == 0xf4)
		high = s[0] == 0xed ? 0x9f : 0x8f;
	if (s[1] < low || s[1] > high || left < 3 || (s[2] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xf0)
		return 3;
	return left >= 4 && (s[3] & 0xc0) == 0x80 ? 4 : 0;
}

#endif
