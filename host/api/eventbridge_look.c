/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams are looked at: GetEventStreaming, ListEventStreamings. */
#include "host/api/eventbridge_call.h"
#include "host/api/eventbridge_fields.h"
#include "host/api/native.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX 100

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
	struct pipeline_snapshot *s = call_look(c);
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
		    !call_has_tags(all[i], tags, n_tags))
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
	struct tag tags[CALL_TAGS_MAX];
	struct pipeline_snapshot **all;
	size_t n, n_tags;
	long limit = read_limit(c);

	if (limit < 0 || call_tags(c, tags, &n_tags) != 0)
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

static const char *const of_get[] = { "EventStreamingName", NULL };
static const char *const of_list[] = { "NamePrefix", "Limit", "NextToken", "SourceArn", "SinkArn", "Tags.", NULL };

const struct action eventbridge_look_actions[] = {
	{ "GetEventStreaming", 0, get, of_get },
	{ "ListEventStreamings", 0, list, of_list },
	{ 0 },
};
