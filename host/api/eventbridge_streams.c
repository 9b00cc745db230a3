/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams come, change, start, pause and go: pipelines in the vendor's words. */
#include "host/api/eventbridge_call.h"
#include "host/api/eventbridge_fields.h"
#include "host/api/native.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define PARTS "Description", "FilterPattern", "Metadata", "Source", "Sink", "Transforms", "RunOptions"
#define RESERVED "eventbridge-reserved-"

/* All of them, by the names of fields. */
static void refuse_problems(struct call *c, const struct problems *p)
{
	char message[4000] = "";
	size_t n = 0;

	for (size_t i = 0; i < p->n && n < sizeof message; i++)
		n += (size_t)snprintf(message + n, sizeof message - n, "%s%s: %s", i > 0 ? "; " : "",
		                      p->list[i].key ? stream_field_of(p->list[i].key) : "the event streaming",
		                      p->list[i].message);
	call_refuse(c, 400, "InvalidParameter", "%s", message);
}

/* ---- names ---- */

static int check_new_name(struct call *c, const char *name)
{
	if (native_name_is_good(name) && strncmp(name, RESERVED, strlen(RESERVED)) != 0)
		return 0;
	call_refuse(c, 400, "InvalidParameter", "EventStreamingName: %s, and does not begin with " RESERVED,
	            NATIVE_NAME_RULE);
	return -1;
}

/* ---- what a stream is to be ---- */

static const char *const parts[] = { PARTS };

static int is_json(const char *part)
{
	return strcmp(part, "Source") == 0 || strcmp(part, "Sink") == 0 || strcmp(part, "Transforms") == 0 ||
	       strcmp(part, "RunOptions") == 0;
}

static outflow_status read_part(const char *part, const char *text, struct settings *to, struct problems *problems)
{
	char why[300];
	json_t *value = is_json(part) ? json_bounded(text, strlen(text), why, sizeof why) : json_string(text);
	outflow_status status = OUTFLOW_OK;

	if (value != NULL)
		status = stream_read(part, value, to, problems);
	else
		problems_add(problems, &(struct place){ .key = part }, "%s", is_json(part) ? why : "no memory");
	json_decref(value);
	return status;
}

/* A parameter that is there takes the place of what the stream has of this part; "" takes it away. */
static outflow_status read_parts(const struct call *c, struct settings *to, struct problems *problems)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < c->parameters.n && status == OUTFLOW_OK; i++) {
		const struct field *it = &c->parameters.list[i];

		for (size_t k = 0; k < sizeof parts / sizeof *parts && status == OUTFLOW_OK; k++)
			if (strcmp(it->name, parts[k]) == 0 && *it->value != '\0')
				status = read_part(it->name, it->value, to, problems);
			else if (strcmp(it->name, parts[k]) == 0 && !is_json(it->name))
				status = stream_read(it->name, json_null(), to, problems);
	}
	return status;
}

static void create_from(struct call *c, const char *name, struct settings *settings, struct problems *problems)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer =
		fleet_create(c->api->fleet, name, settings, TARGET_STOPPED, request_time_left_ns(c->q), problems, &err);

	if (answer == FLEET_OK)
		call_succeed(c, json_pack("{s:o}", "EventStreamingARN",
		                          json_sprintf("acs:eventbridge:::eventstreaming/%s", name)));
	else if (answer == FLEET_INVALID && problems->n > 0)
		refuse_problems(c, problems);
	else if (answer == FLEET_INVALID)
		call_refuse(c, 400, "InvalidParameter", "%s", err.msg);
	else
		call_fail(c, answer, name, &err);
}

static void create(struct call *c)
{
	const char *name = call_stream(c);
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	struct tag tags[CALL_TAGS_MAX];
	size_t n_tags;
	outflow_status status;

	if (name == NULL || check_new_name(c, name) != 0 || call_tags(c, tags, &n_tags) != 0)
		return;
	if (call_text(c, "Source") == NULL || call_text(c, "Sink") == NULL) {
		call_refuse(c, 400, "MissingParameter", "%s: is required.", call_text(c, "Source") ? "Sink" : "Source");
		return;
	}
	status = read_parts(c, &settings, &problems);
	if (status == OUTFLOW_OK)
		status = settings_set(&settings, "name", name, NULL, 0);
	if (status == OUTFLOW_OK)
		status = call_set_tags(&settings, tags, n_tags, &problems);
	if (status == OUTFLOW_OK && problems.reported == 0)
		status = mask_restore(c->api->environment->inventory, MASK_PIPELINE, &settings, NULL, name, &problems);
	if (status != OUTFLOW_OK)
		call_refuse(c, 500, "InternalError", "No memory.");
	else if (problems.reported > 0)
		refuse_problems(c, &problems);
	else
		create_from(c, name, &settings, &problems);
	settings_clear(&settings);
	problems_clear(&problems);
}

static void update_to(struct call *c, const struct pipeline_snapshot *s, struct settings *settings,
                      struct problems *problems)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer =
		fleet_edit(c->api->fleet, s->name, s->version, settings, request_time_left_ns(c->q), problems, &err);

	if (answer == FLEET_OK)
		call_succeed(c, NULL);
	else if (answer == FLEET_INVALID && problems->n > 0)
		refuse_problems(c, problems);
	else if (answer == FLEET_INVALID)
		call_refuse(c, 400, "InvalidParameter", "%s", err.msg);
	else if (answer == FLEET_EXISTS)
		call_refuse(c, 409, "OperationConflict", "%s", err.msg);
	else
		call_fail(c, answer, s->name, &err);
}

/* Parts that the request does not have stay as they are, and so does what a stream cannot say. */
static void update(struct call *c)
{
	struct pipeline_snapshot *s = call_look(c);
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	outflow_status status;

	if (s == NULL)
		return;
	if (s->declared) {
		call_refuse(c, 409, "OperationDenied", "'%s' is declared in %s:%d, and is changed there.", s->name,
		            s->file ? s->file : "a file", s->line);
		pipeline_snapshot_free(&s);
		return;
	}
	status = mask_settings(NULL, c->api->environment->inventory, MASK_PIPELINE, &s->settings, &settings);
	if (status == OUTFLOW_OK)
		status = read_parts(c, &settings, &problems);
	if (status == OUTFLOW_OK && problems.reported == 0)
		status = mask_restore(c->api->environment->inventory, MASK_PIPELINE, &settings, &s->settings, s->name,
		                      &problems);
	if (status != OUTFLOW_OK)
		call_refuse(c, 500, "InternalError", "No memory.");
	else if (problems.reported > 0)
		refuse_problems(c, &problems);
	else
		update_to(c, s, &settings, &problems);
	settings_clear(&settings);
	problems_clear(&problems);
	pipeline_snapshot_free(&s);
}

/* ---- life ---- */

static void aim(struct call *c, enum pipeline_target target)
{
	const char *name = call_stream(c);
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = name ? fleet_aim(c->api->fleet, name, target, &err) : FLEET_OK;

	if (answer != FLEET_OK)
		call_fail(c, answer, name, &err);
	else if (name != NULL)
		call_succeed(c, NULL);
}

static void start(struct call *c)
{
	aim(c, TARGET_RUNNING);
}

static void pause_stream(struct call *c)
{
	aim(c, TARGET_PAUSED);
}

/* Nothing here is protected from being deleted, so that Force has nothing to overcome. */
static void delete_stream(struct call *c)
{
	const char *name = call_stream(c), *force = call_text(c, "Force");
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer;

	if (name == NULL)
		return;
	if (force != NULL && strcasecmp(force, "true") != 0 && strcasecmp(force, "false") != 0) {
		call_refuse(c, 400, "InvalidParameter", "Force: is true or false.");
		return;
	}
	answer = fleet_delete(c->api->fleet, name, 0, &err);
	if (answer != FLEET_OK)
		call_fail(c, answer, name, &err);
	else
		call_succeed(c, NULL);
}

static const char *const of_create[] = { "EventStreamingName", PARTS, "Tags.", NULL };
static const char *const of_update[] = { "EventStreamingName", PARTS, NULL };
static const char *const of_one[] = { "EventStreamingName", NULL };
static const char *const of_delete[] = { "EventStreamingName", "Force", NULL };

const struct action eventbridge_stream_actions[] = {
	{ "CreateEventStreaming", 1, create, of_create },
	{ "UpdateEventStreaming", 1, update, of_update },
	{ "StartEventStreaming", 1, start, of_one },
	{ "PauseEventStreaming", 1, pause_stream, of_one },
	{ "DeleteEventStreaming", 1, delete_stream, of_delete },
	{ 0 },
};
