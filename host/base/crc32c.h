/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c.h: CRC-32C (Castagnoli; RFC 3720 section 12.1), in hardware where there is some. */
#ifndef HOST_BASE_CRC32C_H
#define HOST_BASE_CRC32C_H
#include <stddef.h>
#include <stdint.h>

/* The checksum of n bytes that follow those whose checksum is `crc` (0 at the beginning). [any] */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);

#endif
