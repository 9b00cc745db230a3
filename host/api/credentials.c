/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/credentials.h"

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

static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at ? (int)(at - digits) : -1;
}

/* Base64 (RFC 4648); malloc'd, *n bytes. NULL: it is not, or no memory. */
static char *decode(const char *text, size_t *n)
{
	size_t length = strcspn(text, "= \t");
	char *result = malloc(length + 1);
	unsigned bits = 0, value = 0;

	*n = 0;
	for (size_t i = 0; i < length && result != NULL; i++) {
		int d = digit(text[i]);

		if (d < 0) {
			free(result);
			return NULL;
		}
		value = (value << 6 | (unsigned)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			result[(*n)++] = (char)(value >> bits);
		}
	}
	return result;
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
	char *pair = decode(encoded, &n);
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
