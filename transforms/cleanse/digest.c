/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <outflow/util.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
	EVP_MD *md;
	EVP_MD_CTX *plain;
	EVP_MAC *mac;
	EVP_MAC_CTX *keyed; /* NULL: no key */
};

void digest_free(struct digest **dp)
{
	struct digest *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	EVP_MAC_CTX_free(d->keyed);
	EVP_MAC_free(d->mac);
	EVP_MD_CTX_free(d->plain);
	EVP_MD_free(d->md);
	free(d);
}

/* 1: done. */
static int set_key(struct digest *d, outflow_str key)
{
	char name[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};

	d->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	d->keyed = d->mac ? EVP_MAC_CTX_new(d->mac) : NULL;
	return d->keyed ? EVP_MAC_init(d->keyed, (const unsigned char *)key.ptr, key.len, parameters) : 0;
}

outflow_status digest_new(outflow_str key, struct digest **result, outflow_error *err)
{
	struct digest *d = calloc(1, sizeof *d);
	int done = 0;

	if (d == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a digest");
	if (key.ptr != NULL) {
		done = set_key(d, key);
	} else {
		d->md = EVP_MD_fetch(NULL, "SHA256", NULL);
		d->plain = d->md ? EVP_MD_CTX_new() : NULL;
		done = d->plain ? EVP_DigestInit_ex2(d->plain, d->md, NULL) : 0;
	}
	if (done != 1) {
		digest_free(&d);
		return outflow_fail(err, OUTFLOW_E_CONFIG, "OpenSSL does not offer SHA-256");
	}
	*result = d;
	return OUTFLOW_OK;
}

outflow_status digest_write(struct digest *d, outflow_str text, char hex[DIGEST_HEX], outflow_error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	size_t n = 0;
	int done;

	/* Without a key in its arguments, EVP_MAC_init begins anew with the one that it had. */
	if (d->keyed != NULL)
		done = EVP_MAC_init(d->keyed, NULL, 0, NULL) == 1 &&
		       EVP_MAC_update(d->keyed, (const unsigned char *)text.ptr, text.len) == 1 &&
		       EVP_MAC_final(d->keyed, bytes, &n, sizeof bytes) == 1;
	else
		done = EVP_DigestInit_ex2(d->plain, NULL, NULL) == 1 &&
		       EVP_DigestUpdate(d->plain, text.ptr, text.len) == 1 &&
		       EVP_DigestFinal_ex(d->plain, bytes, &length) == 1;
	if (!done || n + length != DIGEST_HEX / 2)
		return outflow_fail(err, OUTFLOW_E_RECORD, "OpenSSL could not make the digest of a value");
	for (size_t i = 0; i < DIGEST_HEX / 2; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	return OUTFLOW_OK;
}
