/* SPDX-License-Identifier: Apache-2.0 */
#include "json_text.h"

#include <string.h>

/* RFC 8259, section 7: what may not stand in a string as it is. */
static bool is_special(unsigned char c)
{
	return c < ' ' || c == '"' || c == '\\';
}

size_t json_text_length(outflow_str s)
{
	size_t n = s.len;

	for (size_t i = 0; i < s.len; i++)
		if (is_special((unsigned char)s.ptr[i]))
			n += (unsigned char)s.ptr[i] < ' ' ? 5 : 1;
	return n;
}

char *json_text_write(outflow_str s, char *to)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (!is_special(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		if (c >= ' ') {
			*to++ = (char)c;
			continue;
		}
		memcpy(to, "u00", 3);
		to[3] = hex[c >> 4];
		to[4] = hex[c & 15];
		to += 5;
	}
	return to;
}

size_t json_text_characters(outflow_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}
