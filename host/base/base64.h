/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h: bytes from Base64 (RFC 4648, section 4), with padding or without. */
#ifndef HOST_BASE_BASE64_H
#define HOST_BASE_BASE64_H
#include <stddef.h>

/* The bytes, malloc'd, *n of them. NULL: it is no Base64, or there is no memory. [any] */
char *base64_decode(const char *text, size_t length, size_t *n);

#endif
