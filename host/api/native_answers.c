/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/native.h"

#include "host/base/utc.h"
#include "host/config/json_value.h"
#include "host/config/nested.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_LENGTH_MAX 127u

json_t *native_time(int64_t wall_ms)
{
	return wall_ms > 0 ? json_string(utc_text(wall_ms).text) : json_null();
}

json_t *native_text(const char *text)
{
	return text == NULL || *text == '\0' ? json_null() : json_value_sentence(text);
}

static json_t *problem_json(const struct problem *p, const json_t *body, const char *prefix)
{
	json_t *o = json_pack("{s:o, s:o}", "key", native_text(p->key), "message", json_value_sentence(p->message));
	const json_t *config = json_object_get(body, "config");
	char pointer[512];

	if (o == NULL)
		return NULL;
	if (body != NULL && p->key != NULL) {
		size_t n = (size_t)snprintf(pointer, sizeof pointer, "%s%s", prefix,
		                            json_is_object(config) ? "/config" : "");

		nested_pointer(json_is_object(config) ? config : body, p->key, pointer + n, sizeof pointer - n);
		json_object_set_new(o, "pointer", json_string(pointer));
	}
	if (p->pipeline != NULL)
		json_object_set_new(o, "pipeline", native_text(p->pipeline));
	if (p->file != NULL) {
		json_object_set_new(o, "file", native_text(p->file));
		json_object_set_new(o, "line", json_integer(p->line));
	}
	return o;
}

void native_refuse_below(struct response *r, int status, const char *message, const struct problems *problems,
                         const json_t *body, const char *prefix)
{
	json_t *list = json_array();

	for (size_t i = 0; problems != NULL && i < problems->n; i++)
		json_array_append_new(list, problem_json(&problems->list[i], body, prefix));
	response_json(r, status,
	              json_pack("{s:i, s:o, s:o}", "error_code", status, "message", json_value_sentence(message),
	                        "problems", list));
}

void native_refuse(struct response *r, int status, const char *message, const struct problems *problems,
                   const json_t *body)
{
	native_refuse_below(r, status, message, problems, body, "");
}

void native_fail(struct response *r, enum fleet_answer answer, const outflow_error *err,
                 const struct problems *problems, const json_t *body)
{
	static const int statuses[] = {
		[FLEET_UNKNOWN] = 404,     [FLEET_EXISTS] = 409, [FLEET_INVALID] = 400, [FLEET_DECLARED] = 409,
		[FLEET_NOT_STOPPED] = 409, [FLEET_IN_USE] = 409, [FLEET_TIMEOUT] = 504, [FLEET_FAILED] = 500,
	};

	native_refuse(r, statuses[answer], err->msg, problems, body);
}

int native_fault(struct native_fault *f, const char *pointer, const char *name, const char *format, ...)
{
	size_t n = (size_t)snprintf(f->pointer, sizeof f->pointer, "%s%s", pointer, name ? "/" : "");
	va_list args;

	/* RFC 6901, section 3 */
	for (; name != NULL && *name != '\0' && n + 3 < sizeof f->pointer; name++)
		n += (size_t)snprintf(f->pointer + n, sizeof f->pointer - n, "%.*s",
		                      *name == '~' || *name == '/' ? 2 : 1,
		                      *name == '~'   ? "~0"
		                      : *name == '/' ? "~1"
		                                     : name);
	va_start(args, format);
	(void)vsnprintf(f->message, sizeof f->message, format, args);
	va_end(args);
	return -1;
}

void native_refuse_fault(struct response *r, const struct native_fault *f)
{
	int status = f->status ? f->status : 400;
	json_t *problem = json_pack("{s:n, s:o, s:o}", "key", "message", json_value_sentence(f->message), "pointer",
	                            json_value_sentence(f->pointer));
	char message[sizeof f->pointer + sizeof f->message + 4];

	if (f->line > 0) {
		json_object_set_new(problem, "line", json_integer((json_int_t)f->line));
		json_object_set_new(problem, "column", json_integer((json_int_t)f->column));
	}
	snprintf(message, sizeof message, "%s%s%s", f->pointer, *f->pointer ? ": " : "", f->message);
	response_json(r, status,
	              json_pack("{s:i, s:o, s:[o]}", "error_code", status, "message", json_value_sentence(message),
	                        "problems", problem));
}

int native_wait(struct errand *e, const struct request *q, struct response *r, const char *what)
{
	char message[300];
	int rc;

	if (errands_abandoned() >= ERRANDS_ABANDONED_MAX) {
		native_refuse(r, 503,
		              "too many calls of plugins have not come back: restart Outflow without the plugin that "
		              "hangs",
		              NULL, NULL);
		return -1;
	}
	rc = errand_run(e, request_time_left_ns(q));
	if (rc == 0)
		return 0;
	snprintf(message, sizeof message,
	         rc == ETIMEDOUT ? "%s was given up: a plugin did not come back in time" : "there is no thread for %s",
	         what);
	native_refuse(r, rc == ETIMEDOUT ? 504 : 503, message, NULL, NULL);
	return -1;
}

int native_name_is_good(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t n = strlen(name);

	return n > 0 && n <= NAME_LENGTH_MAX && strspn(name, letters) == n && *name != '-';
}

json_t *native_body(const struct request *q, struct response *r)
{
	json_t *body = request_json(q, r, 400);

	if (body == NULL || json_is_object(body))
		return body;
	json_decref(body);
	native_refuse(r, 400, "the body is to be a JSON object", NULL, NULL);
	return NULL;
}

const json_t *native_config(json_t *body, const char *beside, struct problems *problems)
{
	json_t *config = json_object_get(body, "config"), *name = json_object_get(body, "name");
	json_t *other = json_object_get(config, "name"), *value;
	const char *key;

	if (!json_is_object(config))
		return body;
	json_object_foreach(body, key, value) if (strcmp(key, "config") != 0 && strcmp(key, "name") != 0)
		problems_add(problems, &(struct place){ .key = key }, "%s", beside);
	json_object_foreach(config, key, value) if (json_is_object(value) || json_is_array(value))
		problems_add(problems, &(struct place){ .key = key },
	                     "config is flat: each of its members is a text, a number, true or false");
	if (name != NULL && !json_is_string(name))
		problems_add(problems, &(struct place){ .key = "name" }, "is a text");
	else if (name != NULL && other != NULL && !json_equal(name, other))
		problems_add(problems, &(struct place){ .key = "name" }, "is another one in config");
	else if (name != NULL)
		json_object_set(config, "name", name);
	return config;
}

int native_flag(const struct request *q, const char *name, struct response *r)
{
	const char *text = request_query(q, name);
	char message[100];

	if (text == NULL || strcmp(text, "false") == 0)
		return 0;
	if (strcmp(text, "true") == 0)
		return 1;
	snprintf(message, sizeof message, "%.40s is true or false", name);
	native_refuse(r, 400, message, NULL, NULL);
	return -1;
}

int64_t native_number(const struct request *q, const char *name, int64_t fallback, int64_t low, int64_t high,
                      struct response *r)
{
	const char *text = request_query(q, name);
	char message[200], *end;
	long long n;

	if (text == NULL)
		return fallback;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && n >= low && n <= high)
		return n;
	snprintf(message, sizeof message, "%s is a number from %lld to %lld", name, (long long)low, (long long)high);
	native_refuse(r, 400, message, NULL, NULL);
	return -1;
}
