/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/hidden_values.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

/* Shorter ones are in every text. */
#define SHORTEST 3u

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

outflow_status hidden_values_learn(struct hidden_values *h, const struct inventory *inv, enum mask_of what,
                                   const struct settings *settings, int all_declared)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < settings->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &settings->list[i];
		int declared = all_declared || it->file != NULL;

		if (mask_hides(inv, what, settings, it))
			status = add(h, it->value, strlen(it->value));
		if (status == OUTFLOW_OK)
			status = add_password(h, it->value);
		if (status == OUTFLOW_OK)
			status = add_references(h, it->value, declared ? SECRET_DECLARED : SECRET_CREATED);
	}
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

void hidden_values_mask_text(const struct hidden_values *h, char *text, size_t size)
{
	int found;
	size_t n;
	char *masked = hidden_values_mask(h, (outflow_bytes){ text, strlen(text) }, &n, &found);

	if (found)
		snprintf(text, size, "%.*s", masked ? (int)n : 0, masked ? masked : "");
	free(masked);
}
