/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h: bytes as text and back: RFC 4648, section 4, the standard alphabet with padding. All [any]. */
#ifndef EVENT_BASE64_H
#define EVENT_BASE64_H
#include <outflow/abi.h>

/* How long the text of n bytes is. */
size_t base64_length(size_t n);

/* Writes the text of bytes into out, which has room for base64_length(bytes.len). */
void base64_write(outflow_bytes bytes, char *out);

/* Reads text into out, which has room for text.len / 4 * 3 bytes. Strict, as RFC 4648, section 3, asks for: no line
 * breaks, no missing padding, no bits behind the end. Returns how many bytes came out; SIZE_MAX: text is not Base64,
 * and out holds nothing of use. */
size_t base64_read(outflow_str text, char *out);

#endif
