/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/settings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of key, or where it would go. */
static size_t search(const struct settings *s, const char *key, int *found)
{
	size_t low = 0, high = s->n;

	*found = 0;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(s->list[middle].key, key);

		if (order == 0)
			*found = 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static outflow_status insert(struct settings *s, size_t at, const struct setting *new)
{
	struct setting *list;

	if (s->n == s->room) {
		list = realloc(s->list, (s->room * 2 + 16) * sizeof *list);
		if (list == NULL)
			return OUTFLOW_E_NOMEM;
		s->list = list;
		s->room = s->room * 2 + 16;
	}
	memmove(s->list + at + 1, s->list + at, (s->n - at) * sizeof *s->list);
	s->list[at] = *new;
	s->n++;
	return OUTFLOW_OK;
}

outflow_status settings_set(struct settings *s, const char *key, const char *value, const char *file, int line)
{
	struct setting new = { strdup(key), strdup(value), file, line };
	outflow_status status = OUTFLOW_OK;
	int found;
	size_t at = search(s, key, &found);

	if (new.key == NULL || new.value == NULL)
		status = OUTFLOW_E_NOMEM;
	else if (!found)
		status = insert(s, at, &new);
	if (status != OUTFLOW_OK) {
		free(new.key);
		free(new.value);
		return status;
	}
	if (found) {
		free(s->list[at].key);
		free(s->list[at].value);
		s->list[at] = new;
	}
	return OUTFLOW_OK;
}

const struct setting *settings_find(const struct settings *s, const char *key)
{
	int found;
	size_t at = search(s, key, &found);

	return found ? &s->list[at] : NULL;
}

const char *settings_get(const struct settings *s, const char *key)
{
	const struct setting *it = settings_find(s, key);

	return it ? it->value : NULL;
}

outflow_status settings_merge(struct settings *to, const char *to_prefix, const struct settings *from,
                              const char *prefix, int replace)
{
	size_t skip = strlen(prefix);
	char key[512];

	for (size_t i = 0; i < from->n; i++) {
		const struct setting *it = &from->list[i];
		outflow_status status;

		if (strncmp(it->key, prefix, skip) != 0)
			continue;
		snprintf(key, sizeof key, "%s%s", to_prefix, it->key + skip);
		if (!replace && settings_find(to, key) != NULL)
			continue;
		status = settings_set(to, key, it->value, it->file, it->line);
		if (status != OUTFLOW_OK)
			return status;
	}
	return OUTFLOW_OK;
}

void settings_remove(struct settings *s, const char *key)
{
	int found;
	size_t at = search(s, key, &found);

	if (!found)
		return;
	free(s->list[at].key);
	free(s->list[at].value);
	s->n--;
	memmove(s->list + at, s->list + at + 1, (s->n - at) * sizeof *s->list);
}

void settings_clear(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].key);
		free(s->list[i].value);
	}
	free(s->list);
	*s = (struct settings){ 0 };
}

const char *settings_file_name(const char *path)
{
	struct name {
		struct name *next;
		char path[];
	};
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct name *names;
	struct name *it;

	pthread_mutex_lock(&lock);
	for (it = names; it != NULL && strcmp(it->path, path) != 0; it = it->next)
		;
	if (it == NULL && (it = malloc(sizeof *it + strlen(path) + 1)) != NULL) {
		strcpy(it->path, path);
		it->next = names;
		names = it;
	}
	pthread_mutex_unlock(&lock);
	return it ? it->path : NULL;
}
