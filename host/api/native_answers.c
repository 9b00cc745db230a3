/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/native.h"

#include "host/base/utc.h"
#include "host/config/json_value.h"
#include "host/config/nested.h"

#include <errno.h>
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

static json_t *problem_json(const struct problem *p, const json_t *body)
{
	json_t *o = json_pack("{s:o, s:o}", "key", native_text(p->key), "message", json_value_sentence(p->message));
	const json_t *config = json_object_get(body, "config");
	char pointer[512];

	if (o == NULL)
		return NULL;
	if (body != NULL && p->key != NULL) {
		nested_pointer(json_is_object(config) ? config : body, p->key, pointer, sizeof pointer - 8);
		if (json_is_object(config)) {
			memmove(pointer + 7, pointer, strlen(pointer) + 1);
			memcpy(pointer, "/config", 7);
		}
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

void native_refuse(struct response *r, int status, const char *message, const struct problems *problems,
                   const json_t *body)
{
	json_t *list = json_array();

	for (size_t i = 0; problems != NULL && i < problems->n; i++)
		json_array_append_new(list, problem_json(&problems->list[i], body));
	response_json(r, status,
	              json_pack("{s:i, s:o, s:o}", "error_code", status, "message", json_value_sentence(message),
	                        "problems", list));
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
