/* SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"

#include <locale.h>
#include <stddef.h>
#include <string.h>
#include <wctype.h>

/* Characters whose upper case is more than one character: SpecialCasing.txt of the Unicode Character Database, its
 * unconditional part below U+10000. The rest is in the C library's UTF-8 locale. */
static const struct {
	uint16_t code, upper[3];
} several[] = {
	{ 0x00df, { 0x0053, 0x0053 } },         { 0x0149, { 0x02bc, 0x004e } },
	{ 0x01f0, { 0x004a, 0x030c } },         { 0x0390, { 0x0399, 0x0308, 0x0301 } },
	{ 0x03b0, { 0x03a5, 0x0308, 0x0301 } }, { 0x0587, { 0x0535, 0x0552 } },
	{ 0x1e96, { 0x0048, 0x0331 } },         { 0x1e97, { 0x0054, 0x0308 } },
	{ 0x1e98, { 0x0057, 0x030a } },         { 0x1e99, { 0x0059, 0x030a } },
	{ 0x1e9a, { 0x0041, 0x02be } },         { 0x1f50, { 0x03a5, 0x0313 } },
	{ 0x1f52, { 0x03a5, 0x0313, 0x0300 } }, { 0x1f54, { 0x03a5, 0x0313, 0x0301 } },
	{ 0x1f56, { 0x03a5, 0x0313, 0x0342 } }, { 0x1f80, { 0x1f08, 0x0399 } },
	{ 0x1f81, { 0x1f09, 0x0399 } },         { 0x1f82, { 0x1f0a, 0x0399 } },
	{ 0x1f83, { 0x1f0b, 0x0399 } },         { 0x1f84, { 0x1f0c, 0x0399 } },
	{ 0x1f85, { 0x1f0d, 0x0399 } },         { 0x1f86, { 0x1f0e, 0x0399 } },
	{ 0x1f87, { 0x1f0f, 0x0399 } },         { 0x1f88, { 0x1f08, 0x0399 } },
	{ 0x1f89, { 0x1f09, 0x0399 } },         { 0x1f8a, { 0x1f0a, 0x0399 } },
	{ 0x1f8b, { 0x1f0b, 0x0399 } },         { 0x1f8c, { 0x1f0c, 0x0399 } },
	{ 0x1f8d, { 0x1f0d, 0x0399 } },         { 0x1f8e, { 0x1f0e, 0x0399 } },
	{ 0x1f8f, { 0x1f0f, 0x0399 } },         { 0x1f90, { 0x1f28, 0x0399 } },
	{ 0x1f91, { 0x1f29, 0x0399 } },         { 0x1f92, { 0x1f2a, 0x0399 } },
	{ 0x1f93, { 0x1f2b, 0x0399 } },         { 0x1f94, { 0x1f2c, 0x0399 } },
	{ 0x1f95, { 0x1f2d, 0x0399 } },         { 0x1f96, { 0x1f2e, 0x0399 } },
	{ 0x1f97, { 0x1f2f, 0x0399 } },         { 0x1f98, { 0x1f28, 0x0399 } },
	{ 0x1f99, { 0x1f29, 0x0399 } },         { 0x1f9a, { 0x1f2a, 0x0399 } },
	{ 0x1f9b, { 0x1f2b, 0x0399 } },         { 0x1f9c, { 0x1f2c, 0x0399 } },
	{ 0x1f9d, { 0x1f2d, 0x0399 } },         { 0x1f9e, { 0x1f2e, 0x0399 } },
	{ 0x1f9f, { 0x1f2f, 0x0399 } },         { 0x1fa0, { 0x1f68, 0x0399 } },
	{ 0x1fa1, { 0x1f69, 0x0399 } },         { 0x1fa2, { 0x1f6a, 0x0399 } },
	{ 0x1fa3, { 0x1f6b, 0x0399 } },         { 0x1fa4, { 0x1f6c, 0x0399 } },
	{ 0x1fa5, { 0x1f6d, 0x0399 } },         { 0x1fa6, { 0x1f6e, 0x0399 } },
	{ 0x1fa7, { 0x1f6f, 0x0399 } },         { 0x1fa8, { 0x1f68, 0x0399 } },
	{ 0x1fa9, { 0x1f69, 0x0399 } },         { 0x1faa, { 0x1f6a, 0x0399 } },
	{ 0x1fab, { 0x1f6b, 0x0399 } },         { 0x1fac, { 0x1f6c, 0x0399 } },
	{ 0x1fad, { 0x1f6d, 0x0399 } },         { 0x1fae, { 0x1f6e, 0x0399 } },
	{ 0x1faf, { 0x1f6f, 0x0399 } },         { 0x1fb2, { 0x1fba, 0x0399 } },
	{ 0x1fb3, { 0x0391, 0x0399 } },         { 0x1fb4, { 0x0386, 0x0399 } },
	{ 0x1fb6, { 0x0391, 0x0342 } },         { 0x1fb7, { 0x0391, 0x0342, 0x0399 } },
	{ 0x1fbc, { 0x0391, 0x0399 } },         { 0x1fc2, { 0x1fca, 0x0399 } },
	{ 0x1fc3, { 0x0397, 0x0399 } },         { 0x1fc4, { 0x0389, 0x0399 } },
	{ 0x1fc6, { 0x0397, 0x0342 } },         { 0x1fc7, { 0x0397, 0x0342, 0x0399 } },
	{ 0x1fcc, { 0x0397, 0x0399 } },         { 0x1fd2, { 0x0399, 0x0308, 0x0300 } },
	{ 0x1fd3, { 0x0399, 0x0308, 0x0301 } }, { 0x1fd6, { 0x0399, 0x0342 } },
	{ 0x1fd7, { 0x0399, 0x0308, 0x0342 } }, { 0x1fe2, { 0x03a5, 0x0308, 0x0300 } },
	{ 0x1fe3, { 0x03a5, 0x0308, 0x0301 } }, { 0x1fe4, { 0x03a1, 0x0313 } },
	{ 0x1fe6, { 0x03a5, 0x0342 } },         { 0x1fe7, { 0x03a5, 0x0308, 0x0342 } },
	{ 0x1ff2, { 0x1ffa, 0x0399 } },         { 0x1ff3, { 0x03a9, 0x0399 } },
	{ 0x1ff4, { 0x038f, 0x0399 } },         { 0x1ff6, { 0x03a9, 0x0342 } },
	{ 0x1ff7, { 0x03a9, 0x0342, 0x0399 } }, { 0x1ffc, { 0x03a9, 0x0399 } },
	{ 0xfb00, { 0x0046, 0x0046 } },         { 0xfb01, { 0x0046, 0x0049 } },
	{ 0xfb02, { 0x0046, 0x004c } },         { 0xfb03, { 0x0046, 0x0046, 0x0049 } },
	{ 0xfb04, { 0x0046, 0x0046, 0x004c } }, { 0xfb05, { 0x0053, 0x0054 } },
	{ 0xfb06, { 0x0053, 0x0054 } },         { 0xfb13, { 0x0544, 0x0546 } },
	{ 0xfb14, { 0x0544, 0x0535 } },         { 0xfb15, { 0x0544, 0x053b } },
	{ 0xfb16, { 0x054e, 0x0546 } },         { 0xfb17, { 0x0544, 0x053d } },
};

static size_t put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

static size_t put_upper(uint32_t c, locale_t locale, char *out)
{
	size_t n = 0;

	for (size_t i = 0; c >= 0x80 && i < sizeof several / sizeof several[0]; i++) {
		if (several[i].code != c)
			continue;
		for (size_t k = 0; k < 3 && several[i].upper[k] != 0; k++)
			n += put(several[i].upper[k], out + n);
		return n;
	}
	return put((uint32_t)towupper_l((wint_t)c, locale), out);
}

static size_t put_lower(uint32_t c, locale_t locale, char *out)
{
	if (c == 0x130) /* the only one whose lower case is two characters: i and a dot above */
		return put('i', out) + put(0x307, out + 1);
	return put((uint32_t)towlower_l((wint_t)c, locale), out);
}

bool fold_read(outflow_str text, struct folded *chars, size_t *n)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;

	*n = 0;
	if (locale == (locale_t)0)
		return false;
	while (p < end) {
		struct folded *f = &chars[(*n)++];
		size_t length = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
		uint32_t c = *p & (length == 1 ? 0x7fu : 0x7fu >> length);

		for (size_t i = 1; i < length; i++)
			c = c << 6 | (p[i] & 0x3fu);
		if (length == 4) { /* no case beyond U+FFFF */
			f->lower_length = f->upper_length = 4;
			memcpy(f->lower, p, 4);
			memcpy(f->upper, p, 4);
		} else {
			f->lower_length = (uint8_t)put_lower(c, locale, f->lower);
			f->upper_length = (uint8_t)put_upper(c, locale, f->upper);
		}
		p += length;
	}
	freelocale(locale);
	return true;
}

static bool begins(const char *p, const char *end, const char *with, size_t n)
{
	return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

static bool ends(const char *start, const char *p, const char *with, size_t n)
{
	return (size_t)(p - start) >= n && memcmp(p - n, with, n) == 0;
}

bool fold_begins(const struct folded *chars, size_t n, outflow_str text, size_t *length)
{
	const char *start = text.len ? text.ptr : "", *p = start, *end = start + text.len;

	for (size_t i = 0; i < n; i++) {
		if (begins(p, end, chars[i].lower, chars[i].lower_length))
			p += chars[i].lower_length;
		else if (begins(p, end, chars[i].upper, chars[i].upper_length))
			p += chars[i].upper_length;
		else
			return false;
	}
	*length = (size_t)(p - start);
	return true;
}

bool fold_ends(const struct folded *chars, size_t n, outflow_str text)
{
	const char *start = text.len ? text.ptr : "", *p = start + text.len;

	while (n-- > 0) {
		if (ends(start, p, chars[n].lower, chars[n].lower_length))
			p -= chars[n].lower_length;
		else if (ends(start, p, chars[n].upper, chars[n].upper_length))
			p -= chars[n].upper_length;
		else
			return false;
	}
	return true;
}
