/* SPDX-License-Identifier: Apache-2.0 */
/* What calls about event streams have in common: the stream, its tags, and what the fleet says. */
#include "host/api/eventbridge_call.h"

#include <stdio.h>
#include <string.h>

void call_fail(struct call *c, enum fleet_answer answer, const char *name, const outflow_error *err)
{
	switch (answer) {
	case FLEET_UNKNOWN:
		call_refuse(c, 404, "EventStreamingNotExisted", "The event streaming [%s] not existed!", name);
		break;
	case FLEET_EXISTS:
		call_refuse(c, 409, "EventStreamingAlreadyExisted", "The event streaming [%s] already existed!", name);
		break;
	case FLEET_DECLARED:
	case FLEET_NOT_STOPPED:
	case FLEET_IN_USE:
		call_refuse(c, 409, "OperationDenied", "%s", err->msg);
		break;
	case FLEET_TIMEOUT:
		call_refuse(c, 504, "ServiceUnavailable", "%s", err->msg);
		break;
	default:
		call_refuse(c, 500, "InternalError", "%s", err->msg);
	}
}

const char *call_stream(struct call *c)
{
	const char *name = call_text(c, "EventStreamingName");

	if (name == NULL)
		call_refuse(c, 400, "MissingParameter", "EventStreamingName: is required.");
	return name;
}

struct pipeline_snapshot *call_look(struct call *c)
{
	const char *name = call_stream(c);
	struct pipeline_snapshot *s = NULL;
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = name ? fleet_look(c->api->fleet, name, &s) : FLEET_OK;

	outflow_fail(&err, OUTFLOW_E_NOMEM, "No memory.");
	if (answer != FLEET_OK)
		call_fail(c, answer, name, &err);
	return answer == FLEET_OK ? s : NULL;
}

int call_tags(struct call *c, struct tag tags[CALL_TAGS_MAX], size_t *n)
{
	size_t used = 0, there = 0;

	for (*n = 0; *n < CALL_TAGS_MAX; (*n)++) {
		char name[40];

		snprintf(name, sizeof name, "Tags.%zu.Key", *n + 1);
		tags[*n].key = call_text(c, name);
		snprintf(name, sizeof name, "Tags.%zu.Value", *n + 1);
		tags[*n].value = call_text(c, name);
		if (tags[*n].key == NULL)
			break;
		used += 1 + (tags[*n].value != NULL);
		if (strlen(tags[*n].key) > 128 || tags[*n].key[strcspn(tags[*n].key, "\n\r\t")] != '\0') {
			call_refuse(c, 400, "InvalidParameter", "Tags.%zu.Key: has at most 128 bytes and no lines.",
			            *n + 1);
			return -1;
		}
	}
	for (size_t i = 0; i < c->parameters.n; i++)
		there += strncmp(c->parameters.list[i].name, "Tags.", 5) == 0 && *c->parameters.list[i].value != '\0';
	if (used == there)
		return 0;
	call_refuse(c, 400, "InvalidParameter", "Tags: are at most %d, Tags.1.Key and Tags.1.Value and so on.",
	            CALL_TAGS_MAX);
	return -1;
}

outflow_status call_set_tags(struct settings *to, const struct tag *tags, size_t n, struct problems *problems)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		char key[160];

		snprintf(key, sizeof key, "tags.%s", tags[i].key);
		if (settings_find(to, key) != NULL)
			problems_add(problems, &(struct place){ .key = "Tags" }, "two tags have the key %s",
			             tags[i].key);
		status = settings_set(to, key, tags[i].value ? tags[i].value : "", NULL, 0);
	}
	return status;
}

int call_has_tags(const struct pipeline_snapshot *s, const struct tag *tags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char key[160];
		const char *value;

		snprintf(key, sizeof key, "tags.%s", tags[i].key);
		value = settings_get(&s->settings, key);
		if (value == NULL || (tags[i].value != NULL && strcmp(value, tags[i].value) != 0))
			return 0;
	}
	return 1;
}
