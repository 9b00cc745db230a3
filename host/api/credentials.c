/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/credentials.h"

#include "host/base/base64.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Are they the same? How long it takes depends on `given` alone. */
static int same(const char *secret, const char *given, size_t n)
{
	size_t length = strlen(secret);
	unsigned char difference = length != n;

	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)(secret[length > 0 ? i % length : 0] ^ given[i]);
	return difference == 0;
}

static const struct api_user *by_token(const struct api_model *m, const char *token)
{
	const struct api_user *found = NULL;
	size_t n = strcspn(token, " \t");

	for (size_t i = 0; i < m->n_users; i++)
		if (m->users[i].token != NULL && same(m->users[i].token, token, n))
			found = &m->users[i];
	return n > 0 ? found : NULL;
}

static const struct api_user *by_password(const struct api_model *m, const char *encoded)
{
	const struct api_user *found = NULL;
	size_t n;
	char *pair = base64_decode(encoded, strcspn(encoded, " \t"), &n);
	const char *colon = pair ? memchr(pair, ':', n) : NULL;

	for (size_t i = 0; i < m->n_users && colon != NULL; i++) {
		const struct api_user *it = &m->users[i];
		const char *password = it->password ? it->password : "";
		int is_it = same(it->name, pair, (size_t)(colon - pair));

		is_it &= same(password, colon + 1, n - (size_t)(colon + 1 - pair));
		if (is_it && it->password != NULL)
			found = it;
	}
	free(pair);
	return found;
}

const struct api_user *credentials_find(const struct api_model *m, const char *header)
{
	size_t n;

	if (header == NULL)
		return NULL;
	header += strspn(header, " \t");
	n = strcspn(header, " \t");
	if (n == 6 && strncasecmp(header, "Bearer", n) == 0)
		return by_token(m, header + n + strspn(header + n, " \t"));
	if (n == 5 && strncasecmp(header, "Basic", n) == 0)
		return by_password(m, header + n + strspn(header + n, " \t"));
	return NULL;
}
