/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t n)
{
	return (n + 2) / 3 * 4;
}

void base64_write(outflow_bytes bytes, char *out)
{
	const unsigned char *p = bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		unsigned bits =
			(unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[bits & 63] : '=';
	}
}

/* 64 and more: none. */
static unsigned digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* One group of four with so many digits before its padding. Returns whether it is one. */
static int read_group(const char *p, unsigned n_digits, char *out)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned value = i < n_digits ? digit_value(p[i]) : 0;

		if (value > 63)
			return 0;
		bits = bits << 6 | value;
	}
	if (n_digits < 2 || (n_digits == 2 && (bits & 0xffff)) || (n_digits == 3 && (bits & 0xff)))
		return 0;
	for (unsigned i = 0; i + 1 < n_digits; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return 1;
}

size_t base64_read(outflow_str text, char *out)
{
	size_t n = 0;

	if (text.len % 4 != 0)
		return SIZE_MAX;
	for (size_t i = 0; i < text.len; i += 4) {
		const char *p = text.ptr + i;
		unsigned n_digits = 4;

		if (i + 4 == text.len && p[3] == '=')
			n_digits = p[2] == '=' ? 2 : 3;
		if (!read_group(p, n_digits, out + n))
			return SIZE_MAX;
		n += n_digits - 1;
	}
	return n;
}
