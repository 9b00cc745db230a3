/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/base64.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at ? (int)(at - digits) : -1;
}

char *base64_decode(const char *text, size_t length, size_t *n)
{
	unsigned bits = 0, value = 0;
	char *result;

	*n = 0;
	for (int padding = 0; padding < 2 && length > 0 && text[length - 1] == '='; padding++)
		length--;
	result = length % 4 == 1 ? NULL : malloc(length + 1);
	for (size_t i = 0; i < length && result != NULL; i++) {
		int d = digit(text[i]);

		if (d < 0) {
			free(result);
			return NULL;
		}
		value = (value << 6 | (unsigned)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			result[(*n)++] = (char)(value >> bits);
		}
	}
	return result;
}
