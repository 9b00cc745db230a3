/* SPDX-License-Identifier: Apache-2.0 */
#include "letter_case.h"

#include <outflow/util.h>

#include <errno.h>
#include <wctype.h>

outflow_status letter_case_open(locale_t *locale, outflow_error *err)
{
	*locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (*locale != (locale_t)0)
		return OUTFLOW_OK;
	if (errno == ENOMEM)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the case of letters");
	return outflow_fail(err, OUTFLOW_E_CONFIG,
	                    "the C library has no locale C.UTF-8, which says what upper and lower case are");
}

/* The code point at p and how many bytes it has; the text has been checked. */
static size_t decode(const unsigned char *p, wint_t *c)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	*c = *p & masks[n];
	for (size_t i = 1; i < n; i++)
		*c = *c << 6 | (p[i] & 0x3fu);
	return n;
}

static size_t encode(wint_t c, char *out)
{
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(heads[n] | c);
	return n;
}

size_t letter_case_write(locale_t locale, bool upper, outflow_str text, char *out)
{
	const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;
	size_t n = 0;

	while (p < end) {
		wint_t c;

		p += decode(p, &c);
		n += encode(upper ? towupper_l(c, locale) : towlower_l(c, locale), out + n);
	}
	return n;
}
