/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/secret.h"

#include "host/config/properties.h"

#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_DIRECTORIES "/run/secrets,/etc/outflow/secrets"
#define DEFAULT_NAMES "OUTFLOW_*"

static struct {
	int set;
	const char *directories, *names;
} limits;

void secret_limit(const char *directories, const char *names)
{
	limits.directories = directories;
	limits.names = names;
	limits.set = 1;
}

/* The next item of a list with commas, in a buffer; 0: there is none. */
static int next_item(const char **list, char *item, size_t size)
{
	size_t n;

	*list += strspn(*list, ", \t");
	n = strcspn(*list, ",");
	snprintf(item, size, "%.*s", (int)n, *list);
	*list += n;
	for (n = strlen(item); n > 0 && (item[n - 1] == ' ' || item[n - 1] == '\t'); n--)
		item[n - 1] = '\0';
	return *item != '\0';
}

/* ---- files ---- */

/* path: as the kernel resolved it. */
static int is_below(const char *path, const char *directory)
{
	char *real = realpath(directory, NULL);
	size_t n = real ? strlen(real) : 0;
	int below = real != NULL && strncmp(path, real, n) == 0 && (path[n] == '/' || strcmp(real, "/") == 0);

	free(real);
	return below;
}

static int is_file_allowed(const char *path, enum secret_author author)
{
	const char *list = limits.directories ? limits.directories : DEFAULT_DIRECTORIES;
	const char *credentials = getenv("CREDENTIALS_DIRECTORY"); /* systemd.exec(5) */
	char directory[PATH_MAX];

	if (!limits.set || (limits.directories == NULL && author == SECRET_DECLARED))
		return 1;
	if (limits.directories == NULL && credentials != NULL && is_below(path, credentials))
		return 1;
	while (next_item(&list, directory, sizeof directory))
		if (is_below(path, directory))
			return 1;
	return 0;
}

/* Opens what was looked at, and nothing that took its place since: links and ".." lead nowhere else. -1: errno. */
static int open_allowed(const char *path, enum secret_author author)
{
	int found = open(path, O_PATH | O_CLOEXEC), fd = -1, reason = errno;
	char link[64], real[PATH_MAX];
	ssize_t n;

	if (found >= 0) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", found);
		n = readlink(link, real, sizeof real - 1);
		real[n > 0 ? n : 0] = '\0';
		reason = EACCES;
		if (is_file_allowed(real, author)) {
			fd = open(link, O_RDONLY | O_CLOEXEC);
			reason = errno;
		}
		close(found);
	} else if (!is_file_allowed("", author)) {
		/* Whether there is such a file is nobody's business. */
		reason = EACCES;
	}
	errno = reason;
	return fd;
}

/* NULL: err says why not. */
static FILE *open_file(const char *path, enum secret_author author, outflow_error *err)
{
	int fd = open_allowed(path, author);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd < 0 && errno == EACCES)
		outflow_fail(err, OUTFLOW_E_CONFIG,
		             "%s may not be read, or is in no directory that references may lead to: see "
		             "secrets.file.paths",
		             path);
	else if (file == NULL)
		outflow_fail_errno(err, OUTFLOW_E_CONFIG, errno, "%s cannot be read", path);
	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

/* The first line of a file, malloc'd. */
static char *read_line(const char *path, enum secret_author author, outflow_error *err)
{
	FILE *file = open_file(path, author, err);
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (file == NULL)
		return NULL;
	n = getline(&line, &room, file);
	if (n < 0) {
		outflow_fail_errno(err, OUTFLOW_E_CONFIG, feof(file) ? ENODATA : errno, "%s cannot be read", path);
		free(line);
		line = NULL;
	} else if (line[n - 1] == '\n') {
		line[n - 1] = '\0';
	}
	fclose(file);
	return line;
}

/* The value of a key of a file of properties, malloc'd. */
static char *read_property(const char *path, const char *key, enum secret_author author, outflow_error *err)
{
	outflow_error why = { .size = sizeof why };
	FILE *file = open_file(path, author, err);
	char *value = NULL;

	if (file == NULL)
		return NULL;
	if (properties_find(file, key, &value, &why) != OUTFLOW_OK)
		outflow_fail(err, OUTFLOW_E_CONFIG, "%s %s", path, why.msg);
	else if (value == NULL)
		outflow_fail(err, OUTFLOW_E_CONFIG, "${file:%s:%s}: the file has no such key", path, key);
	fclose(file);
	return value;
}

/* Where a reference to a file leads, and, for PATH:KEY, to which key there (NULL: none). As Kafka's FileConfigProvider (KIP-297)
 * sees it the path ends at its first colon. 0, or -1: it says no file. */
static int split_file(const char *argument, char *path, size_t size, const char **key)
{
	size_t n = strcspn(argument, ":");

	*key = argument[n] == ':' ? argument + n + 1 : NULL;
	if (n == 0 || n >= size || (*key != NULL && **key == '\0'))
		return -1;
	snprintf(path, size, "%.*s", (int)n, argument);
	return 0;
}

static int split_directory(const char *argument, char *path, size_t size)
{
	const char *colon = strrchr(argument, ':');

	if (colon == NULL || strchr(colon, '/') != NULL || strcmp(colon + 1, "..") == 0)
		return -1;
	return (size_t)snprintf(path, size, "%.*s/%s", (int)(colon - argument), argument, colon + 1) < size ? 0 : -1;
}

static char *from_file(const char *argument, enum secret_author author, outflow_error *err)
{
	const char *key;
	char path[PATH_MAX];

	if (split_file(argument, path, sizeof path, &key) == 0)
		return key != NULL ? read_property(path, key, author, err) : read_line(path, author, err);
	outflow_fail(err, OUTFLOW_E_CONFIG, "${file:%.400s}: expected ${file:PATH} or ${file:PATH:KEY}", argument);
	return NULL;
}

static char *from_directory(const char *argument, enum secret_author author, outflow_error *err)
{
	char path[PATH_MAX];

	if (split_directory(argument, path, sizeof path) == 0)
		return read_line(path, author, err);
	outflow_fail(err, OUTFLOW_E_CONFIG, "${dir:%.400s}: expected ${dir:DIRECTORY:FILE}", argument);
	return NULL;
}

/* ---- the environment ---- */

static int is_name_allowed(const char *name, enum secret_author author)
{
	const char *list = limits.names ? limits.names : DEFAULT_NAMES;
	char pattern[256];

	if (!limits.set || (limits.names == NULL && author == SECRET_DECLARED))
		return 1;
	while (next_item(&list, pattern, sizeof pattern))
		if (fnmatch(pattern, name, 0) == 0)
			return 1;
	return 0;
}

static char *from_environment(const char *name, enum secret_author author, outflow_error *err)
{
	const char *value = getenv(name);

	if (!is_name_allowed(name, author))
		outflow_fail(err, OUTFLOW_E_CONFIG,
		             "${env:%s}: references may not lead to this variable: see secrets.env.names", name);
	else if (value == NULL)
		outflow_fail(err, OUTFLOW_E_CONFIG, "${env:%s}: the environment has no such variable", name);
	else
		return strdup(value);
	return NULL;
}

/* The value behind "provider:argument", malloc'd; *known is 0 when this is no reference of ours. */
static char *look_up(const char *reference, enum secret_author author, int *known, outflow_error *err)
{
	int is_file = strncmp(reference, "file:", 5) == 0, is_directory = strncmp(reference, "dir:", 4) == 0;

	*known = is_file || is_directory || strncmp(reference, "env:", 4) == 0;
	if (!*known)
		return NULL;
	if (author == SECRET_TRIED)
		return strdup(SECRET_HIDDEN);
	if (is_file)
		return from_file(reference + 5, author, err);
	return is_directory ? from_directory(reference + 4, author, err) : from_environment(reference + 4, author, err);
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

char *secret_resolve(const char *text, enum secret_author author, outflow_error *err)
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
		char *value = reference ? look_up(reference, author, &known, err) : NULL;
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

int secret_next_file(const char **text, char *path, size_t size)
{
	while ((*text = strstr(*text, "${")) != NULL) {
		size_t n = strcspn(*text, "}");
		char *reference = strndup(*text + 2, n - 2);
		const char *key;
		int found = 0;

		*text += 2;
		if (reference == NULL || (*text)[n - 2] != '}')
			found = 0;
		else if (strncmp(reference, "file:", 5) == 0)
			found = split_file(reference + 5, path, size, &key) == 0;
		else if (strncmp(reference, "dir:", 4) == 0)
			found = split_directory(reference + 4, path, size) == 0;
		free(reference);
		if (found)
			return 1;
	}
	return 0;
}
