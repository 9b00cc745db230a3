/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/secret.h"

#include <outflow/util.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The first line of a file, malloc'd. */
static char *read_line(const char *path, outflow_error *err)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n = file ? getline(&line, &room, file) : -1;

	if (n < 0) {
		outflow_fail_errno(err, OUTFLOW_E_CONFIG, file && feof(file) ? ENODATA : errno, "%s cannot be read",
		                   path);
		free(line);
		line = NULL;
	} else if (line[n - 1] == '\n') {
		line[n - 1] = '\0';
	}
	if (file != NULL)
		fclose(file);
	return line;
}

static char *from_directory(const char *argument, outflow_error *err)
{
	const char *colon = strrchr(argument, ':');
	char path[PATH_MAX];

	if (colon == NULL || strchr(colon, '/') != NULL || strcmp(colon + 1, "..") == 0) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "${dir:%s}: expected ${dir:DIRECTORY:FILE}", argument);
		return NULL;
	}
	snprintf(path, sizeof path, "%.*s/%s", (int)(colon - argument), argument, colon + 1);
	return read_line(path, err);
}

/* The value behind "provider:argument", malloc'd; *known is 0 when this is no reference of ours. */
static char *look_up(const char *reference, int *known, outflow_error *err)
{
	const char *value;

	*known = 1;
	if (strncmp(reference, "file:", 5) == 0)
		return read_line(reference + 5, err);
	if (strncmp(reference, "dir:", 4) == 0)
		return from_directory(reference + 4, err);
	*known = strncmp(reference, "env:", 4) == 0;
	if (!*known)
		return NULL;
	value = getenv(reference + 4);
	if (value == NULL)
		outflow_fail(err, OUTFLOW_E_CONFIG, "${%s}: the environment has no such variable", reference);
	return value ? strdup(value) : NULL;
}

static int append(char **to, size_t *used, const char *from, size_t n)
{
	char *more = realloc(*to, *used + n + 1);

	if (more == NULL)
		return -1;
	memcpy(more + *used, from, n);
	*used += n;
	more[*used] = '\0';
	*to = more;
	return 0;
}

char *secret_resolve(const char *text, outflow_error *err)
{
	char *result = NULL;
	size_t used = 0;

	outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	if (append(&result, &used, "", 0) != 0)
		return NULL;
	while (*text != '\0') {
		const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
		char *reference = end ? strndup(text + 2, (size_t)(end - text - 2)) : NULL;
		int known = 0;
		char *value = reference ? look_up(reference, &known, err) : NULL;
		int failed;

		free(reference);
		if (known && value == NULL) {
			free(result);
			return NULL;
		}
		failed = known ? append(&result, &used, value, strlen(value)) : append(&result, &used, text, 1);
		free(value);
		if (failed) {
			free(result);
			return NULL;
		}
		text = known ? end + 1 : text + 1;
	}
	return result;
}
