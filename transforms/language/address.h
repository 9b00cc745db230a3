/* SPDX-License-Identifier: Apache-2.0 */
/* address.h: IP addresses (RFC 4291, dotted IPv4) and blocks of them (RFC 4632) as ranges of bytes. All [any]. */
#ifndef EVENT_ADDRESS_H
#define EVENT_ADDRESS_H
#include <outflow/abi.h>

#include <stdbool.h>

#define ADDRESS_SIZE 17 /* the family, and 16 bytes: so addresses of one family lie side by side under memcmp */

/* Every address of a block, the first and the last one included. */
struct address_range {
	unsigned char low[ADDRESS_SIZE], high[ADDRESS_SIZE];
};

/* Reads one address. An IPv6 address that stands for an IPv4 one (::ffff:a.b.c.d) is that one. */
bool address_read(outflow_str text, unsigned char address[ADDRESS_SIZE]);

/* Reads "address/bits"; bits below the mask are ignored. *bits is the length of the mask, *whole that of an address. */
bool address_block_read(outflow_str text, struct address_range *range, unsigned *bits, unsigned *whole);

/* Takes the first and the last address of a block out; nothing is in it then when that was all. */
void address_range_shrink(struct address_range *range);

#endif
