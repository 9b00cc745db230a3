/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/scrub.h"

#include "host/config/secret.h"

#include <outflow/util.h>

#include <stdlib.h>

#define SECRET_LEAST 3

/* Takes over secret, NULL for no memory. */
static outflow_status learn(struct scrub *s, char *secret)
{
	char **list = secret ? realloc(s->secrets, (s->n + 1) * sizeof *list) : NULL;
	size_t i = s->n;

	if (list == NULL || strlen(secret) < SECRET_LEAST) {
		free(secret);
		s->secrets = list ? list : s->secrets;
		return list ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
	}
	s->secrets = list;
	for (; i > 0 && strlen(list[i - 1]) < strlen(secret); i--)
		list[i] = list[i - 1];
	list[i] = secret;
	s->n++;
	return OUTFLOW_OK;
}

/* Each reference by itself: the rest of the value is no secret. */
static outflow_status learn_references(struct scrub *s, const struct setting *it)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status = OUTFLOW_OK;

	for (const char *at = strstr(it->value, "${"); at != NULL && status == OUTFLOW_OK; at = strstr(at + 2, "${")) {
		const char *end = strchr(at, '}');
		char *reference = end ? strndup(at, (size_t)(end - at + 1)) : NULL;
		char *value =
			reference ? secret_resolve(reference, it->file ? SECRET_DECLARED : SECRET_CREATED, &err) : NULL;

		if (value != NULL && strcmp(value, reference) != 0)
			status = learn(s, value);
		else
			free(value);
		free(reference);
	}
	return status;
}

outflow_status scrub_learn(struct scrub *s, const struct inventory *inv, enum mask_of what,
                           const struct settings *settings)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < settings->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &settings->list[i];

		if (mask_hides(inv, what, settings, it))
			status = learn(s, strdup(it->value));
		if (status == OUTFLOW_OK)
			status = learn_references(s, it);
	}
	return status;
}

static void replace(char *text, size_t size, const char *secret)
{
	const size_t n = strlen(secret), mask = sizeof MASK_TEXT - 1;

	for (char *at = strstr(text, secret); at != NULL; at = strstr(at + mask, secret)) {
		size_t room = size - (size_t)(at - text), tail = strlen(at + n) + 1;

		if (room <= mask) {
			*at = '\0';
			return;
		}
		memmove(at + mask, at + n, tail < room - mask ? tail : room - mask);
		memcpy(at, MASK_TEXT, mask);
		text[size - 1] = '\0';
	}
}

void scrub_text(const struct scrub *s, char *text, size_t size)
{
	for (size_t i = 0; i < s->n; i++)
		replace(text, size, s->secrets[i]);
}

void scrub_clear(struct scrub *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->secrets[i]);
	free(s->secrets);
	*s = (struct scrub){ 0 };
}
