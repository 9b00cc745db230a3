/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/nonces.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u

struct kept {
	struct kept *next;
	int64_t until_ms;
	unsigned char nonce[NONCE_SIZE];
};

struct nonces {
	pthread_mutex_t lock;
	size_t n, most;
	size_t swept; /* the bucket that is looked through next */
	struct kept *buckets[BUCKETS];
};

struct nonces *nonces_new(size_t most)
{
	struct nonces *n = calloc(1, sizeof *n);

	if (n == NULL)
		return NULL;
	pthread_mutex_init(&n->lock, NULL);
	n->most = most;
	return n;
}

void nonces_free(struct nonces **pn)
{
	struct nonces *n = *pn;

	*pn = NULL;
	if (n == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (n->buckets[i] != NULL) {
			struct kept *it = n->buckets[i];

			n->buckets[i] = it->next;
			free(it);
		}
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* Takes what is over out of a bucket. */
static void sweep(struct nonces *n, size_t bucket, int64_t now_ms)
{
	struct kept **here = &n->buckets[bucket];

	while (*here != NULL) {
		struct kept *it = *here;

		if (it->until_ms > now_ms) {
			here = &it->next;
			continue;
		}
		*here = it->next;
		free(it);
		n->n--;
	}
}

static enum nonce_answer keep(struct nonces *n, const unsigned char *nonce, int64_t now_ms, int64_t until_ms)
{
	size_t bucket = (nonce[0] | (size_t)nonce[1] << 8) % BUCKETS;
	struct kept *it;

	sweep(n, bucket, now_ms);
	for (it = n->buckets[bucket]; it != NULL; it = it->next)
		if (memcmp(it->nonce, nonce, NONCE_SIZE) == 0)
			return NONCE_USED;
	/* One more bucket each time: nothing stays for good in those that no request comes to. */
	sweep(n, n->swept++ % BUCKETS, now_ms);
	for (size_t i = 0; i < BUCKETS && n->n >= n->most; i++)
		sweep(n, i, now_ms);
	it = n->n < n->most ? malloc(sizeof *it) : NULL;
	if (it == NULL)
		return NONCE_NO_ROOM;
	it->until_ms = until_ms;
	memcpy(it->nonce, nonce, NONCE_SIZE);
	it->next = n->buckets[bucket];
	n->buckets[bucket] = it;
	n->n++;
	return NONCE_NEW;
}

enum nonce_answer nonces_use(struct nonces *n, const unsigned char nonce[NONCE_SIZE], int64_t now_ms, int64_t until_ms)
{
	enum nonce_answer answer;

	pthread_mutex_lock(&n->lock);
	answer = keep(n, nonce, now_ms, until_ms);
	pthread_mutex_unlock(&n->lock);
	return answer;
}
