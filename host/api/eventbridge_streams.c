/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams: pipelines in the vendor's words. */
#include "host/api/eventbridge.h"
#include "host/api/eventbridge_fields.h"
#include "host/api/native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define LIMIT_MAX 100
#define TAGS_MAX 20
#define PARTS "Description", "FilterPattern", "Metadata", "Source", "Sink", "Transforms", "RunOptions"
#define RESERVED "eventbridge-reserved-"

/* ---- what the fleet says ---- */

static void fail(struct call *c, enum fleet_answer answer, const char *name, const outflow_error *err)
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

/* The name in the request. NULL: r says what is wrong with it. */
static const char *stream_name(struct call *c)
{
	const char *name = call_text(c, "EventStreamingName");

	if (name == NULL)
		call_refuse(c, 400, "MissingParameter", "EventStreamingName: is required.");
	return name;
}

static int check_new_name(struct call *c, const char *name)
{
	if (native_name_is_good(name) && strncmp(name, RESERVED, strlen(RESERVED)) != 0)
		return 0;
	call_refuse(c, 400, "InvalidParameter", "EventStreamingName: %s, and does not begin with " RESERVED,
	            NATIVE_NAME_RULE);
	return -1;
}

/* The stream of the request. NULL: r says why not. */
static struct pipeline_snapshot *look(struct call *c)
{
	const char *name = stream_name(c);
	struct pipeline_snapshot *s = NULL;
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = name ? fleet_look(c->api->fleet, name, &s) : FLEET_OK;

	outflow_fail(&err, OUTFLOW_E_NOMEM, "No memory.");
	if (answer != FLEET_OK)
		fail(c, answer, name, &err);
	return answer == FLEET_OK ? s : NULL;
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

/* Tags.1.Key and Tags.1.Value, and so on, without a gap. */
struct tag {
	const char *key, *value;
};

static int read_tags(struct call *c, struct tag tags[TAGS_MAX], size_t *n)
{
	size_t used = 0, there = 0;

	for (*n = 0; *n < TAGS_MAX; (*n)++) {
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
	            TAGS_MAX);
	return -1;
}

static outflow_status set_tags(struct settings *to, const struct tag *tags, size_t n, struct problems *problems)
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
		fail(c, answer, name, &err);
}

static void create(struct call *c)
{
	const char *name = stream_name(c);
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	struct tag tags[TAGS_MAX];
	size_t n_tags;
	outflow_status status;

	if (name == NULL || check_new_name(c, name) != 0 || read_tags(c, tags, &n_tags) != 0)
		return;
	if (call_text(c, "Source") == NULL || call_text(c, "Sink") == NULL) {
		call_refuse(c, 400, "MissingParameter", "%s: is required.", call_text(c, "Source") ? "Sink" : "Source");
		return;
	}
	status = read_parts(c, &settings, &problems);
	if (status == OUTFLOW_OK)
		status = settings_set(&settings, "name", name, NULL, 0);
	if (status == OUTFLOW_OK)
		status = set_tags(&settings, tags, n_tags, &problems);
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
		fail(c, answer, s->name, &err);
}

/* Parts that the request does not have stay as they are, and so does what a stream cannot say. */
static void update(struct call *c)
{
	struct pipeline_snapshot *s = look(c);
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
	status = settings_merge(&settings, "", &s->settings, "", 1);
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

/* ---- looking ---- */

/* Six words are all that the vendor's clients know: on the way to another state is STARTING, stopped or done READY. */
static const char *status_of(const struct pipeline_snapshot *s)
{
	switch (s->state) {
	case PIPELINE_COMPLETED:
		return "READY";
	case PIPELINE_STOPPING:
		return s->target == TARGET_RUNNING ? "STARTING" : s->target == TARGET_PAUSED ? "PAUSED" : "READY";
	default:
		return pipeline_state_name(s->state);
	}
}

static json_t *stream_of(struct api *api, const struct pipeline_snapshot *s)
{
	struct settings shown = { 0 };
	json_t *o = NULL;

	if (mask_settings(api->host, api->environment->inventory, MASK_PIPELINE, &s->settings, &shown) == OUTFLOW_OK)
		o = stream_json(&shown, s->source_class, s->sink_class);
	settings_clear(&shown);
	json_object_set_new(o, "EventStreamingName", json_string(s->name));
	json_object_set_new(o, "Status", json_string(status_of(s)));
	return o;
}

/* DelayTime in milliseconds, the age of the oldest message under way; DiffOffset, how many are. */
static json_t *detailed_status(struct api *api, const struct pipeline_snapshot *s)
{
	uint64_t in_flight = 0;
	int64_t oldest_ms = 0;
	json_t *o;

	for (size_t i = 0; i < s->n_tasks; i++) {
		in_flight += s->tasks[i].account.in_flight;
		if (s->tasks[i].oldest_ms > oldest_ms)
			oldest_ms = s->tasks[i].oldest_ms;
	}
	o = json_pack("{s:f, s:I, s:I, s:{s:s}}", "TPS", rates_look(api->rates, s).delivered, "DelayTime",
	              (json_int_t)oldest_ms, "DiffOffset", (json_int_t)in_flight, "Extensions", "State",
	              pipeline_state_name(s->state));
	if (s->reason != NULL && *s->reason != '\0')
		json_object_set_new(json_object_get(o, "Extensions"), "Reason", native_text(s->reason));
	return o;
}

static void get(struct call *c)
{
	struct pipeline_snapshot *s = look(c);
	json_t *o;

	if (s == NULL)
		return;
	o = stream_of(c->api, s);
	if (json_object_set_new(o, "DetailedStatus", detailed_status(c->api, s)) == 0)
		call_succeed(c, o);
	else
		call_refuse(c, 500, "InternalError", "No memory.");
	pipeline_snapshot_free(&s);
}

static int has_tags(const struct pipeline_snapshot *s, const struct tag *tags, size_t n)
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

/* In order of name: a name is where the next page begins. */
static json_t *page(struct call *c, struct pipeline_snapshot *const *all, size_t n, size_t limit,
                    const struct tag *tags, size_t n_tags)
{
	const char *prefix = call_text(c, "NamePrefix"), *token = call_text(c, "NextToken"), *last = "";
	json_t *list = json_array();
	size_t matching = 0;
	int more = 0;

	for (size_t i = 0; i < n; i++) {
		if ((prefix != NULL && strncmp(all[i]->name, prefix, strlen(prefix)) != 0) ||
		    !has_tags(all[i], tags, n_tags))
			continue;
		matching++;
		if (token != NULL && strcmp(all[i]->name, token) <= 0)
			continue;
		more = json_array_size(list) == limit;
		if (more)
			continue;
		json_array_append_new(list, stream_of(c->api, all[i]));
		last = all[i]->name;
	}
	return json_pack("{s:o, s:s, s:I}", "EventStreamings", list, "NextToken", more ? last : "", "Total",
	                 (json_int_t)matching);
}

static long read_limit(struct call *c)
{
	const char *text = call_text(c, "Limit");
	char *end;
	long limit;

	if (text == NULL)
		return LIMIT_MAX;
	errno = 0;
	limit = strtol(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && limit >= 1 && limit <= LIMIT_MAX)
		return limit;
	call_refuse(c, 400, "InvalidParameter", "Limit: is a number from 1 to %d.", LIMIT_MAX);
	return -1;
}

static void list(struct call *c)
{
	static const char *const refused[] = { "SourceArn", "SinkArn" };
	struct tag tags[TAGS_MAX];
	struct pipeline_snapshot **all;
	size_t n, n_tags;
	long limit = read_limit(c);

	if (limit < 0 || read_tags(c, tags, &n_tags) != 0)
		return;
	for (size_t i = 0; i < 2; i++)
		if (call_text(c, refused[i]) != NULL) {
			call_refuse(c, 400, "InvalidParameter",
			            "%s: is refused: connections have no ARN; NamePrefix and Tags choose streams.",
			            refused[i]);
			return;
		}
	all = fleet_look_all(c->api->fleet, &n);
	if (all == NULL) {
		call_refuse(c, 500, "InternalError", "No memory.");
		return;
	}
	call_succeed(c, page(c, all, n, (size_t)limit, tags, n_tags));
	for (size_t i = 0; i < n; i++)
		pipeline_snapshot_free(&all[i]);
	free(all);
}

/* ---- life ---- */

static void aim(struct call *c, enum pipeline_target target)
{
	const char *name = stream_name(c);
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = name ? fleet_aim(c->api->fleet, name, target, &err) : FLEET_OK;

	if (answer != FLEET_OK)
		fail(c, answer, name, &err);
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
	const char *name = stream_name(c), *force = call_text(c, "Force");
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
		fail(c, answer, name, &err);
	else
		call_succeed(c, NULL);
}

static const char *const of_create[] = { "EventStreamingName", PARTS, "Tags.", NULL };
static const char *const of_update[] = { "EventStreamingName", PARTS, NULL };
static const char *const of_one[] = { "EventStreamingName", NULL };
static const char *const of_delete[] = { "EventStreamingName", "Force", NULL };
static const char *const of_list[] = { "NamePrefix", "Limit", "NextToken", "SourceArn", "SinkArn", "Tags.", NULL };

const struct action eventbridge_stream_actions[] = {
	{ "CreateEventStreaming", 1, create, of_create },
	{ "UpdateEventStreaming", 1, update, of_update },
	{ "GetEventStreaming", 0, get, of_one },
	{ "ListEventStreamings", 0, list, of_list },
	{ "StartEventStreaming", 1, start, of_one },
	{ "PauseEventStreaming", 1, pause_stream, of_one },
	{ "DeleteEventStreaming", 1, delete_stream, of_delete },
	{ 0 },
};
