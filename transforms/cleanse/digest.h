/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h: SHA-256 (FIPS 180-4), and HMAC-SHA-256 (RFC 2104) when there is a key, of many texts one by one, without
 * memory for each. */
#ifndef CLEANSE_DIGEST_H
#define CLEANSE_DIGEST_H
#include <outflow/abi.h>

#define DIGEST_HEX 64u /* letters of one as text */

struct digest;

/* key: ptr NULL for none; it is copied into OpenSSL's memory. OUTFLOW_E_CONFIG: OpenSSL does not offer SHA-256;
 * OUTFLOW_E_NOMEM. The caller frees *d with digest_free. [any] */
outflow_status digest_new(outflow_str key, struct digest **d, outflow_error *err);

/* Frees *d and clears it; NULL inside is fine. [any] */
void digest_free(struct digest **d);

/* Writes the digest of text in lower case hexadecimal. OUTFLOW_E_RECORD: OpenSSL failed. [task] */
outflow_status digest_write(struct digest *d, outflow_str text, char hex[DIGEST_HEX], outflow_error *err);

#endif
