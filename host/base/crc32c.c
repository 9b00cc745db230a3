/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/crc32c.h"

#include <endian.h>
#include <string.h>

#if defined(__x86_64__) && !defined(CRC32C_PORTABLE)
#define HAS_INSTRUCTION __builtin_cpu_supports("sse4.2")

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc, word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (n-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#else
#define HAS_INSTRUCTION 0
#define by_instruction by_tables
#endif

#define POLYNOMIAL 0x82f63b78u /* reflected */

/* tables[k][b]: what byte b contributes when k more bytes follow it. */
static uint32_t tables[8][256];

/* Before main, so that no thread sees them half done. */
__attribute__((constructor)) static void make_tables(void)
{
	if (HAS_INSTRUCTION)
		return;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
		tables[0][i] = c;
	}
	for (int k = 1; k < 8; k++)
		for (int i = 0; i < 256; i++)
			tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 0xff];
}

static uint32_t by_tables(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		word = le64toh(word) ^ crc;
		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= tables[7 - k][word >> (8 * k) & 0xff];
	}
	while (n-- > 0)
		crc = tables[0][(crc ^ *p++) & 0xff] ^ crc >> 8;
	return crc;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
	return ~(HAS_INSTRUCTION ? by_instruction(~crc, bytes, n) : by_tables(~crc, bytes, n));
}
