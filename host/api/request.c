/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/request.h"

#include "host/base/clock.h"

#include <outflow/util.h>

#include <jansson.h>

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define SEGMENTS_MAX 32u

outflow_status fields_add(struct fields *f, const char *name, const char *value)
{
	struct field new = { strdup(name), strdup(value) };
	struct field *list = f->list;

	if (f->n == f->room) {
		list = realloc(f->list, (f->room * 2 + 8) * sizeof *list);
		if (list != NULL) {
			f->list = list;
			f->room = f->room * 2 + 8;
		}
	}
	if (new.name == NULL || new.value == NULL || list == NULL) {
		free(new.name);
		free(new.value);
		return OUTFLOW_E_NOMEM;
	}
	f->list[f->n++] = new;
	return OUTFLOW_OK;
}

void fields_clear(struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->list[i].name);
		free(f->list[i].value);
	}
	free(f->list);
	*f = (struct fields){ 0 };
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where percent-encoded text stands. */
enum encoded { IN_PATH, IN_QUERY, IN_FORM };

/* Other programs, and JSON, get these texts. A form has lines, too. */
static int is_clean(const char *text, size_t n, enum encoded where)
{
	json_t *valid = json_stringn(text, n);

	json_decref(valid);
	for (size_t i = 0; i < n; i++)
		if (where == IN_FORM ? text[i] == '\0' : (unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return 0;
	return valid != NULL;
}

/* A malloc'd decoded copy. */
static outflow_status decode(const char *from, size_t n, enum encoded where, char **result, outflow_error *err)
{
	const char *name = where == IN_FORM ? "the body" : "the URL";
	char *text = malloc(n + 1);
	size_t kept = 0;

	*result = text;
	if (text == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (from[i] != '%') {
			text[kept++] = where != IN_PATH && from[i] == '+' ? ' ' : from[i];
			continue;
		}
		high = i + 2 < n ? hex(from[i + 1]) : -1;
		low = high >= 0 ? hex(from[i + 2]) : -1;
		if (low < 0)
			return outflow_fail(err, OUTFLOW_E_CONFIG,
			                    "%s has a %% that is not followed by two hexadecimal digits", name);
		text[kept++] = (char)(high * 16 + low);
		i += 2;
	}
	text[kept] = '\0';
	if (!is_clean(text, kept, where))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "%s has %s, or is not UTF-8 when decoded", name,
		                    where == IN_FORM ? "a NUL" : "control characters");
	return OUTFLOW_OK;
}

/* A slash at the end makes no difference. */
static outflow_status split_path(struct request *q, const char *path, size_t n, outflow_error *err)
{
	const char *end = path + n;

	if (n > 0 && end[-1] == '/')
		end--;
	while (path < end) {
		const char *start = path + 1, *slash = start;
		outflow_status status;

		while (slash < end && *slash != '/')
			slash++;
		if (q->n_segments == SEGMENTS_MAX)
			return outflow_fail(err, OUTFLOW_E_CONFIG, "the URL has more than %u parts", SEGMENTS_MAX);
		status = decode(start, (size_t)(slash - start), IN_PATH, &q->segments[q->n_segments++], err);
		if (status != OUTFLOW_OK)
			return status;
		path = slash;
	}
	return OUTFLOW_OK;
}

static outflow_status add_pair(struct fields *to, const char *part, size_t n, enum encoded where, outflow_error *err)
{
	const char *equals = memchr(part, '=', n);
	size_t name_length = equals ? (size_t)(equals - part) : n;
	char *name, *value = NULL;
	outflow_status status = decode(part, name_length, where, &name, err);

	if (status == OUTFLOW_OK)
		status = decode(part + name_length + (equals != NULL), equals ? n - name_length - 1 : 0, where, &value,
		                err);
	if (status == OUTFLOW_OK)
		status = fields_add(to, name, value);
	free(name);
	free(value);
	return status;
}

static outflow_status split_query(struct request *q, const char *query, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	while (*query != '\0' && status == OUTFLOW_OK) {
		size_t n = strcspn(query, "&");

		if (n > 0)
			status = add_pair(&q->query, query, n, IN_QUERY, err);
		query += n + (query[n] == '&');
	}
	return status;
}

outflow_status request_form(const struct request *q, struct fields *to, outflow_error *err)
{
	const char *at = q->body ? q->body : "", *end = at + q->body_length;
	outflow_status status = OUTFLOW_OK;

	while (at < end && status == OUTFLOW_OK) {
		const char *stop = memchr(at, '&', (size_t)(end - at));
		size_t n = stop ? (size_t)(stop - at) : (size_t)(end - at);

		if (to->n >= REQUEST_FORM_MAX)
			return outflow_fail(err, OUTFLOW_E_CONFIG, "the body has more than %u fields",
			                    REQUEST_FORM_MAX);
		if (n > 0)
			status = add_pair(to, at, n, IN_FORM, err);
		at += n + 1;
	}
	return status == OUTFLOW_E_NOMEM ? outflow_fail(err, OUTFLOW_E_NOMEM, "no memory") : status;
}

static outflow_status split_target(struct request *q, outflow_error *err)
{
	const char *path = q->target;
	size_t n;
	outflow_status status;

	/* RFC 9112, 3.2: a client may send the whole URL, and OPTIONS may be about the server as a whole. */
	if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
		path = strstr(path, "//") + 2;
		path += strcspn(path, "/?");
	}
	if (strcmp(path, "*") == 0 && strcmp(q->method, "OPTIONS") == 0)
		return OUTFLOW_OK;
	n = strcspn(path, "?#");
	if (n > 0 && *path != '/')
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the URL's path does not begin with a slash");
	status = split_path(q, path, n, err);
	if (status == OUTFLOW_OK && path[n] == '?')
		status = split_query(q, path + n + 1, err);
	return status;
}

outflow_status request_new(const char *method, const char *target, struct request **result, outflow_error *err)
{
	struct request *q = calloc(1, sizeof *q);
	outflow_error reason = { .size = sizeof reason };
	outflow_status status = OUTFLOW_E_NOMEM;

	outflow_fail(&reason, OUTFLOW_E_NOMEM, "no memory");
	if (q != NULL && (q->method = strdup(method)) != NULL && (q->target = strdup(target)) != NULL &&
	    (q->segments = calloc(SEGMENTS_MAX, sizeof *q->segments)) != NULL)
		status = split_target(q, &reason);
	if (status != OUTFLOW_OK) {
		request_free(&q);
		return outflow_fail(err, status, "%s", reason.msg);
	}
	*result = q;
	return OUTFLOW_OK;
}

void request_free(struct request **pq)
{
	struct request *q = *pq;

	*pq = NULL;
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->n_segments; i++)
		free(q->segments[i]);
	free(q->segments);
	fields_clear(&q->query);
	fields_clear(&q->headers);
	free(q->method);
	free(q->target);
	free(q->body);
	free(q);
}

const char *request_header(const struct request *q, const char *name)
{
	for (size_t i = 0; i < q->headers.n; i++)
		if (strcasecmp(q->headers.list[i].name, name) == 0)
			return q->headers.list[i].value;
	return NULL;
}

const char *request_query(const struct request *q, const char *name)
{
	for (size_t i = 0; i < q->query.n; i++)
		if (strcmp(q->query.list[i].name, name) == 0)
			return q->query.list[i].value;
	return NULL;
}

int request_query_has(const struct request *q, const char *name, const char *value)
{
	for (size_t i = 0; i < q->query.n; i++)
		if (strcmp(q->query.list[i].name, name) == 0 && strcmp(q->query.list[i].value, value) == 0)
			return 1;
	return 0;
}

int request_flag(const struct request *q, const char *name)
{
	const char *value = request_query(q, name);

	return value != NULL && strcasecmp(value, "true") == 0;
}

int64_t request_time_left_ns(const struct request *q)
{
	int64_t left = q->deadline_ns - clock_mono_ns();

	return left > 0 ? left : 0;
}
