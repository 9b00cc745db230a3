/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>

#define V4 4
#define V6 6
#define V4_OFFSET 13 /* of the bytes of an IPv4 address */

bool address_read(outflow_str text, unsigned char address[ADDRESS_SIZE])
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	char copy[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (strlen(copy) < text.len)
		return false;
	memset(address, 0, ADDRESS_SIZE);
	address[0] = V4;
	if (inet_pton(AF_INET, copy, address + V4_OFFSET) == 1)
		return true;
	address[0] = V6;
	if (inet_pton(AF_INET6, copy, address + 1) != 1)
		return false;
	if (memcmp(address + 1, mapped, sizeof mapped) == 0) {
		address[0] = V4;
		memset(address + 1, 0, sizeof mapped);
	}
	return true;
}

static bool read_bits(const char *p, const char *end, unsigned *bits)
{
	*bits = 0;
	if (p == end || end - p > 3)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(*p - '0');
	}
	return true;
}

bool address_block_read(outflow_str text, struct address_range *range, unsigned *bits, unsigned *whole)
{
	const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
	outflow_str address = { text.ptr, slash ? (size_t)(slash - text.ptr) : 0 };
	unsigned free_bits;

	if (slash == NULL || !address_read(address, range->low) || !read_bits(slash + 1, text.ptr + text.len, bits))
		return false;
	*whole = memchr(address.ptr, ':', address.len) ? 128 : 32;
	if (*bits > *whole)
		return false;
	memcpy(range->high, range->low, ADDRESS_SIZE);
	free_bits = *whole - *bits;
	for (size_t i = ADDRESS_SIZE - 1; i > 0 && free_bits > 0; i--) {
		unsigned n = free_bits < 8 ? free_bits : 8, mask = (1u << n) - 1;

		range->low[i] &= (unsigned char)~mask;
		range->high[i] |= (unsigned char)mask;
		free_bits -= n;
	}
	return true;
}

void address_range_shrink(struct address_range *range)
{
	if (memcmp(range->low, range->high, ADDRESS_SIZE - 1) == 0 &&
	    range->high[ADDRESS_SIZE - 1] - range->low[ADDRESS_SIZE - 1] < 2) {
		memset(range->low, 0xff, ADDRESS_SIZE);
		return;
	}
	range->low[ADDRESS_SIZE - 1]++; /* the first one of a block of four or more is even, the last one odd */
	range->high[ADDRESS_SIZE - 1]--;
}
