/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/torture/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG_BYTES 10000000u
#define DEPTH 10000u

static const char head[] = "{\"seq\":";
static const char tail[] = ",\"crc\":";

enum poison message_poison(const struct poisoning *p, uint64_t number)
{
	if (p->big_every != 0 && number % p->big_every == p->big_every - 1)
		return POISON_BIG;
	if (p->every != 0 && number % p->every == p->every - 1)
		return POISON_SYNTAX + (enum poison)(number / p->every % (POISON_BIG - POISON_SYNTAX));
	return POISON_NONE;
}

const char *poison_name(enum poison kind)
{
	static const char *const names[] = { "none", "syntax", "nul", "deep", "utf8", "big" };

	return names[kind];
}

size_t message_room(enum poison kind, size_t size)
{
	return 256 + (kind == POISON_BIG ? BIG_BYTES : kind == POISON_DEEP ? 2 * (size_t)DEPTH : size);
}

/* CRC-32C, a byte at a time. */
static uint32_t checksum(const char *bytes, size_t length)
{
	static uint32_t table[256];
	uint32_t crc = ~0u;

	if (table[1] == 0)
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int bit = 0; bit < 8; bit++)
				c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
			table[i] = c;
		}
	for (size_t i = 0; i < length; i++)
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)bytes[i]) & 0xff];
	return ~crc;
}

/* The middle of a message: what is wrong with it, or filling. */
static size_t write_middle(char *to, enum poison kind, size_t used, size_t size)
{
	size_t filling = kind == POISON_BIG ? BIG_BYTES : size > used + 32 ? size - used - 32 : 0;
	size_t n;

	switch (kind) {
	case POISON_SYNTAX:
		return (size_t)sprintf(to, ",\"pad\"");
	case POISON_DEEP:
		n = (size_t)sprintf(to, ",\"pad\":");
		memset(to + n, '[', DEPTH);
		memset(to + n + DEPTH, ']', DEPTH);
		return n + 2 * (size_t)DEPTH;
	default:
		n = (size_t)sprintf(to, ",\"pad\":\"%s", kind == POISON_UTF8 ? "\xff\xfe" : "");
		if (kind == POISON_NUL)
			to[n++] = '\0';
		memset(to + n, 'x', filling);
		to[n + filling] = '"';
		return n + filling + 1;
	}
}

size_t message_write(char *to, uint64_t number, enum poison kind, size_t size)
{
	size_t n = (size_t)sprintf(to, "%s%" PRIu64 ",\"dev\":\"d%u\",\"temp\":%u", head, number,
	                           (unsigned)(number % 20), 60 + (unsigned)(number % 30));

	n += write_middle(to + n, kind, n, size);
	return n + (size_t)sprintf(to + n, "%s%" PRIu32 "}", tail, checksum(to, n));
}

int message_read(const char *bytes, size_t length, uint64_t *number, int *corrupt)
{
	const char *crc;

	if (length < sizeof head || memcmp(bytes, head, sizeof head - 1) != 0)
		return 0;
	*number = strtoull(bytes + sizeof head - 1, NULL, 10);
	crc = memrchr(bytes, ',', length);
	*corrupt = crc == NULL || bytes[length - 1] != '}' || memcmp(crc, tail, sizeof tail - 1) != 0 ||
	           strtoul(crc + sizeof tail - 1, NULL, 10) != checksum(bytes, (size_t)(crc - bytes));
	return 1;
}
