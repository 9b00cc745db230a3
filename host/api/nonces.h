/* SPDX-License-Identifier: Apache-2.0 */
/* nonces.h: numbers used once, kept for as long as a request that carries one again would be let in. */
#ifndef HOST_API_NONCES_H
#define HOST_API_NONCES_H
#include <stddef.h>
#include <stdint.h>

#define NONCE_SIZE 32

struct nonces;

enum nonce_answer { NONCE_NEW, NONCE_USED, NONCE_NO_ROOM };

/* Room for `most` of them. NULL: no memory. [any] */
struct nonces *nonces_new(size_t most);
void nonces_free(struct nonces **n);

/* Keeps one, which is evenly distributed (a hash), until until_ms; those whose time has come by now_ms are forgotten.
 * NONCE_USED: it is kept already; NONCE_NO_ROOM: so many are, or there is no memory. [any] */
enum nonce_answer nonces_use(struct nonces *n, const unsigned char nonce[NONCE_SIZE], int64_t now_ms, int64_t until_ms);

#endif
