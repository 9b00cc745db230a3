/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/route.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* Literal parts before {} ones: "/v1/plugins" is not a pipeline's name. */
static int path_matches(const char *path, struct request *q)
{
	size_t n_parameters = 0, i = 0;
	const char *found[REQUEST_PARAMETERS_MAX] = { 0 };

	for (; *path == '/' && path[1] != '\0'; i++) {
		const char *part = path + 1;
		size_t n = strcspn(part, "/");

		if (i == q->n_segments)
			return 0;
		if (*part == '{') {
			if (*q->segments[i] == '\0' || n_parameters == REQUEST_PARAMETERS_MAX)
				return 0;
			found[n_parameters++] = q->segments[i];
		} else if (strlen(q->segments[i]) != n || strncmp(q->segments[i], part, n) != 0) {
			return 0;
		}
		path = part + n;
	}
	if (i != q->n_segments)
		return 0;
	memcpy(q->parameters, found, sizeof found);
	return 1;
}

static void add_method(char *allowed, size_t size, const char *method)
{
	size_t n = strlen(allowed);

	if (strstr(allowed, method) == NULL)
		snprintf(allowed + n, size - n, "%s%s", n > 0 ? ", " : "", method);
}

const struct route *route_find(const struct route *const *tables, struct request *q, char *allowed, size_t size)
{
	const char *method = strcmp(q->method, "HEAD") == 0 ? "GET" : q->method;

	*allowed = '\0';
	for (; *tables != NULL; tables++)
		for (const struct route *it = *tables; it->method != NULL; it++) {
			if (!path_matches(it->path, q) || (it->header != NULL && request_header(q, it->header) == NULL))
				continue;
			if (strcmp(it->method, method) == 0)
				return it;
			add_method(allowed, size, it->method);
			if (strcmp(it->method, "GET") == 0)
				add_method(allowed, size, "HEAD");
		}
	if (*allowed != '\0')
		add_method(allowed, size, "OPTIONS");
	return NULL;
}

/* The media type at the start of text, without parameters and blanks. */
static size_t type_length(const char *text)
{
	size_t n = strcspn(text, ";,");

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	return n;
}

static int range_takes(const char *range, size_t n, const char *type)
{
	size_t main_part = strcspn(type, "/") + 1;

	if (n == 3 && strncmp(range, "*/*", 3) == 0)
		return 1;
	if (n == main_part + 1 && range[n - 1] == '*')
		return strncasecmp(range, type, main_part) == 0;
	return n == strlen(type) && strncasecmp(range, type, n) == 0;
}

/* RFC 9110, 12.4.2: a weight of 0 means "not this". */
static int is_refused(const char *parameters, size_t n)
{
	for (size_t i = 0; i + 2 < n; i++)
		if (parameters[i] == ';' || parameters[i] == ' ') {
			const char *q = parameters + i + 1;

			if ((*q == 'q' || *q == 'Q') && q[1] == '=' && q[2] == '0')
				return strspn(q + 2, "0.") == strcspn(q + 2, ";, ");
		}
	return 0;
}

int media_type_accepted(const char *accept, const char *type)
{
	if (accept == NULL || accept[strspn(accept, " \t")] == '\0')
		return 1;
	while (*accept != '\0') {
		size_t whole, n;

		accept += strspn(accept, " \t,");
		whole = strcspn(accept, ",");
		n = type_length(accept);
		if (range_takes(accept, n, type) && !is_refused(accept + n, whole - n))
			return 1;
		accept += whole;
	}
	return 0;
}

int media_type_is(const char *header, const char *type)
{
	size_t n;

	header += strspn(header, " \t");
	n = type_length(header);
	return strcmp(type, "*") == 0 || (n == strlen(type) && strncasecmp(header, type, n) == 0);
}
