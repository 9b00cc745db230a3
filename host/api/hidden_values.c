/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/hidden_values.h"

#include "host/config/mask.h"
#include "host/config/secret.h"

#include <stdlib.h>

/* Shorter ones are in every text. */
#define SHORTEST 4u

static outflow_status add(struct hidden_values *h, const char *text, size_t n)
{
	outflow_bytes *list;
	char *copy;

	if (n < SHORTEST)
		return OUTFLOW_OK;
	copy = strndup(text, n);
	list = copy ? realloc(h->list, (h->n + 1) * sizeof *list) : NULL;
	if (list == NULL) {
		free(copy);
		return OUTFLOW_E_NOMEM;
	}
	h->list = list;
	list[h->n++] = (outflow_bytes){ copy, n };
	if (n > h->longest)
		h->longest = n;
	return OUTFLOW_OK;
}

/* scheme://user:password@host */
static outflow_status add_password(struct hidden_values *h, const char *value)
{
	const char *user = strstr(value, "://"), *at, *colon;

	if (user == NULL)
		return OUTFLOW_OK;
	user += 3;
	at = memchr(user, '@', strcspn(user, "/?#"));
	colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
	return colon ? add(h, colon + 1, (size_t)(at - colon - 1)) : OUTFLOW_OK;
}

/* What each ${...} leads to; one that leads nowhere (any more) hides nothing. */
static outflow_status add_references(struct hidden_values *h, const char *value, enum secret_author author)
{
	outflow_status status = OUTFLOW_OK;
	const char *end;

	for (const char *at = strstr(value, "${"); at != NULL && status == OUTFLOW_OK; at = strstr(end, "${")) {
		outflow_error err = { .size = sizeof err };
		char *reference, *text;

		end = strchr(at, '}');
		if (end == NULL)
			break;
		reference = strndup(at, (size_t)(++end - at));
		text = reference ? secret_resolve(reference, author, &err) : NULL;
		if (reference == NULL)
			status = OUTFLOW_E_NOMEM;
		else if (text != NULL && strcmp(text, reference) != 0)
			status = add(h, text, strlen(text));
		free(reference);
		free(text);
	}
	return status;
}

static outflow_status add_settings(struct hidden_values *h, const struct api *api, enum mask_of what,
                                   const struct settings *s, int declared)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < s->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &s->list[i];

		if (mask_hides(api->environment->inventory, what, s, it))
			status = add(h, it->value, strlen(it->value));
		if (status == OUTFLOW_OK)
			status = add_password(h, it->value);
		if (status == OUTFLOW_OK)
			status = add_references(h, it->value, declared ? SECRET_DECLARED : SECRET_CREATED);
	}
	return status;
}

static int uses(const struct pipeline_snapshot *s, const char *connection)
{
	static const char *const keys[] = { "source.connection", "sink.connection", "deadletter.connection" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *name = settings_get(&s->settings, keys[i]);

		if (name != NULL && strcmp(name, connection) == 0)
			return 1;
	}
	return 0;
}

outflow_status hidden_values_collect(struct hidden_values *h, struct api *api, const struct pipeline_snapshot *s)
{
	outflow_status status = OUTFLOW_OK;
	struct connection_snapshot **all;
	size_t n = 0;

	if (api->host->secrets_show)
		return OUTFLOW_OK;
	status = add_settings(h, api, MASK_PIPELINE, &s->settings, s->declared);
	all = fleet_look_connections(api->fleet, &n);
	if (all == NULL)
		status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (status == OUTFLOW_OK && uses(s, all[i]->name))
			status = add_settings(h, api, MASK_CONNECTION, &all[i]->settings, all[i]->declared);
		connection_snapshot_free(&all[i]);
	}
	free(all);
	return status;
}

void hidden_values_clear(struct hidden_values *h)
{
	for (size_t i = 0; i < h->n; i++) {
		explicit_bzero((void *)(uintptr_t)h->list[i].ptr, h->list[i].len);
		free((void *)(uintptr_t)h->list[i].ptr);
	}
	free(h->list);
	*h = (struct hidden_values){ 0 };
}

/* The longest one that stands at the start of the bytes; 0: none does. */
static size_t match(const struct hidden_values *h, const char *at, size_t left)
{
	size_t longest = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].len <= left && h->list[i].len > longest &&
		    memcmp(at, h->list[i].ptr, h->list[i].len) == 0)
			longest = h->list[i].len;
	return longest;
}

char *hidden_values_mask(const struct hidden_values *h, outflow_bytes bytes, size_t *n, int *found)
{
	static const char mask[] = MASK_TEXT;
	const char *from = bytes.ptr;
	char *result = NULL;

	*found = 0;
	for (size_t i = 0; i < h->n && !*found; i++)
		*found = bytes.len > 0 && memmem(from, bytes.len, h->list[i].ptr, h->list[i].len) != NULL;
	*n = 0;
	/* At worst each shortest one grows into the mask. */
	if (*found)
		result = malloc(bytes.len / SHORTEST * sizeof mask + bytes.len + 1);
	for (size_t at = 0; result != NULL && at < bytes.len;) {
		size_t length = match(h, from + at, bytes.len - at);

		if (length == 0) {
			result[(*n)++] = from[at++];
			continue;
		}
		memcpy(result + *n, mask, sizeof mask - 1);
		*n += sizeof mask - 1;
		at += length;
	}
	return result;
}
