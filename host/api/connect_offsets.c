/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /connectors/{name}/offsets (KIP-875): a partition is what the source calls its stream, an offset the position where it goes on,
 * called as Kafka Connect's own connectors call it. They are in the checkpoints, or where upstream keeps them: those of a Kafka
 * source are its consumer group's.
 */
#include "host/api/connect.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- shapes ---- */

static const char *offset_name(const json_t *partition)
{
	if (json_object_get(partition, "kafka_topic") != NULL)
		return "kafka_offset";
	return json_object_get(partition, "filename") != NULL ? "position" : "sequence";
}

static void append(json_t *list, outflow_str stream, uint64_t next)
{
	json_t *partition = json_loadb(stream.ptr, stream.len, 0, NULL);

	if (!json_is_object(partition)) {
		json_decref(partition);
		partition = json_pack("{s:s%}", "stream", stream.ptr, stream.len);
	}
	if (partition != NULL)
		(void)json_array_append_new(list, json_pack("{s:o, s:{s:I}}", "partition", partition, "offset",
		                                            offset_name(partition), (json_int_t)next));
}

static void add_offset(void *ctx, const char *pipeline, outflow_str stream, const struct checkpoint *position)
{
	(void)pipeline;
	append(ctx, stream, position->next);
}

static void add_upstream_offset(void *ctx, const struct fleet_offset *offset)
{
	append(ctx, outflow_text(offset->partition), offset->next);
}

/* What is wrong with positions is no mistake of the configuration. */
static void refuse(struct response *r, enum fleet_answer result, const outflow_error *err)
{
	if (result == FLEET_INVALID || result == FLEET_UNSUPPORTED)
		response_error(r, 400, "%s", err->msg);
	else
		connect_refuse(r, result, NULL, err);
}

/* 0: r says why not. */
static int list_offsets(struct api *api, const struct request *q, const struct pipeline_snapshot *p, json_t *list,
                        struct response *r)
{
	outflow_error err = { .size = sizeof err };
	enum fleet_answer result;

	if (!p->owns_offsets) {
		checkpoint_each(api->environment->checkpoints, p->name, add_offset, list);
		return 1;
	}
	result = fleet_list_offsets(api->fleet, p->name, request_time_left_ns(q), add_upstream_offset, list, &err);
	if (result != FLEET_OK && result != FLEET_UNSUPPORTED)
		refuse(r, result, &err);
	return result == FLEET_OK || result == FLEET_UNSUPPORTED;
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	json_t *list = json_array();

	if (p != NULL && list == NULL)
		response_error(r, 500, "no memory");
	else if (p != NULL && list_offsets(api, q, p, list, r))
		response_json(r, 200, json_pack("{s:O}", "offsets", list));
	json_decref(list);
	pipeline_snapshot_free(&p);
}

/* ---- changes ---- */

struct change {
	json_t *stream; /* the partition as the source spells it */
	int forget;
	uint64_t next;
};

struct changes_to_make {
	struct api *api;
	const char *name;
	struct change *list;
	size_t n;
	outflow_error err;
};

static enum fleet_answer apply(void *ctx)
{
	struct changes_to_make *c = ctx;
	struct checkpoint_store *s = c->api->environment->checkpoints;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < c->n && status == OUTFLOW_OK; i++) {
		char *text = json_dumps(c->list[i].stream, JSON_COMPACT);
		struct checkpoint position = { .next = c->list[i].next };
		uint64_t generation;

		if (text == NULL)
			status = outflow_fail(&c->err, OUTFLOW_E_NOMEM, "no memory");
		else if (c->list[i].forget)
			status = checkpoint_forget(s, c->name, outflow_text(text), &c->err);
		else
			status = checkpoint_put(s, c->name, outflow_text(text), &position, &generation, &c->err);
		free(text);
	}
	if (status == OUTFLOW_OK)
		status = checkpoint_sync(s, &c->err);
	return status == OUTFLOW_OK ? FLEET_OK : FLEET_FAILED;
}

/* The same where upstream keeps them. */
static enum fleet_answer apply_upstream(const struct changes_to_make *c, int64_t timeout_ns, outflow_error *err)
{
	struct fleet_offset *list = calloc(c->n, sizeof *list);
	enum fleet_answer result = FLEET_FAILED;
	size_t n = 0;

	for (; list != NULL && n < c->n; n++) {
		list[n] = (struct fleet_offset){ json_dumps(c->list[n].stream, JSON_COMPACT), c->list[n].next,
			                         c->list[n].forget };
		if (list[n].partition == NULL)
			break;
	}
	if (list != NULL && n == c->n)
		result = fleet_alter_offsets(c->api->fleet, c->name, list, n, timeout_ns, err);
	else
		outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	while (n > 0)
		free(list[--n].partition);
	free(list);
	return result;
}

static void answer(struct response *r, enum fleet_answer result, const char *done, const outflow_error *err)
{
	if (result == FLEET_OK)
		response_json(r, 200, json_pack("{s:s}", "message", done));
	else
		refuse(r, result, err);
}

static void clear(struct changes_to_make *c)
{
	for (size_t i = 0; i < c->n; i++)
		json_decref(c->list[i].stream);
	free(c->list);
}

/* ---- alter ---- */

/* A whole number from 0 on, or its text. */
static int read_number(const json_t *value, uint64_t *result)
{
	char *end;

	if (json_is_integer(value)) {
		*result = (uint64_t)json_integer_value(value);
		return json_integer_value(value) >= 0;
	}
	if (!json_is_string(value) || *json_string_value(value) < '0' || *json_string_value(value) > '9')
		return 0;
	*result = strtoull(json_string_value(value), &end, 10);
	return *end == '\0' && *result <= INT64_MAX;
}

/* As the Kafka source spells it, whatever the order of its members and whether the number is a text. */
static const char *read_kafka_partition(const json_t *partition, struct change *c)
{
	const json_t *topic = json_object_get(partition, "kafka_topic");
	uint64_t number;

	if (!json_is_string(topic) || !read_number(json_object_get(partition, "kafka_partition"), &number) ||
	    number > INT32_MAX)
		return "a partition of Kafka has a text kafka_topic and a number kafka_partition";
	c->stream =
		json_pack("{s:s, s:I}", "kafka_topic", json_string_value(topic), "kafka_partition", (json_int_t)number);
	return c->stream ? NULL : "no memory";
}

static const char *read_change(const json_t *entry, int is_sink, struct change *c)
{
	json_t *partition = json_object_get(entry, "partition");
	const json_t *offset = json_object_get(entry, "offset");
	const char *problem = NULL;

	*c = (struct change){ .forget = json_is_null(offset) };
	if (!json_is_object(partition) || json_object_size(partition) == 0)
		return "each one needs a partition, a JSON object";
	if (is_sink)
		problem = read_kafka_partition(partition, c);
	else
		c->stream = json_incref(partition);
	if (problem != NULL || c->forget)
		return problem;
	if (!json_is_object(offset) || !read_number(json_object_get(offset, offset_name(c->stream)), &c->next))
		return is_sink ? "an offset of Kafka has a whole number kafka_offset"
		               : "an offset has a whole number under the name that GET shows (position, sequence); null resets";
	return NULL;
}

static int read_changes(const struct api *api, const json_t *body, int is_sink, struct changes_to_make *c,
                        struct response *r)
{
	const json_t *offsets = json_object_get(body, "offsets");
	const char *problem = NULL;

	if (!json_is_object(body) || json_object_size(body) != (offsets != NULL) ||
	    (offsets != NULL && !json_is_array(offsets) && !json_is_null(offsets))) {
		response_error(r, connect_malformed(api), "the body has to be a JSON object with a list offsets");
		return 0;
	}
	if (json_array_size(offsets) == 0) {
		response_error(r, 400, "Partitions / offsets need to be provided for an alter offsets request");
		return 0;
	}
	c->list = calloc(json_array_size(offsets), sizeof *c->list);
	if (c->list == NULL)
		problem = "no memory";
	for (size_t i = 0; i < json_array_size(offsets) && problem == NULL; i++)
		problem = read_change(json_array_get(offsets, i), is_sink, &c->list[c->n++]);
	if (problem != NULL)
		response_error(r, 400, "offsets: %s", problem);
	return problem == NULL;
}

static void alter(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = connect_find(api, q, r);
	json_t *body = p ? request_json(q, r, connect_malformed(api)) : NULL;
	struct changes_to_make c = { .api = api, .err = { .size = sizeof c.err } };
	outflow_error err = { .size = sizeof err };
	enum fleet_answer result;

	if (body != NULL && read_changes(api, body, strcmp(connect_type(p), "sink") == 0, &c, r)) {
		c.name = p->name;
		if (p->owns_offsets)
			result = apply_upstream(&c, request_time_left_ns(q), &err);
		else
			result = fleet_while_stopped(api->fleet, c.name, apply, &c, &err);
		answer(r, result, "The offsets for this connector have been altered successfully",
		       c.err.msg[0] != '\0' ? &c.err : &err);
	}
	clear(&c);
	json_decref(body);
	pipeline_snapshot_free(&p);
}

/* ---- reset ---- */

static void add_reset(void *ctx, const char *pipeline, outflow_str stream, const struct checkpoint *position)
{
	json_t *list = ctx;

	(void)pipeline;
	(void)position;
	(void)json_array_append_new(list, json_stringn(stream.ptr, stream.len));
}

struct reset {
	struct api *api;
	const char *name;
	outflow_error err;
};

static enum fleet_answer forget_all(void *ctx)
{
	struct reset *c = ctx;
	struct checkpoint_store *s = c->api->environment->checkpoints;
	json_t *streams = json_array();
	outflow_status status = OUTFLOW_OK;

	if (streams == NULL)
		return FLEET_FAILED;
	checkpoint_each(s, c->name, add_reset, streams);
	for (size_t i = 0; i < json_array_size(streams) && status == OUTFLOW_OK; i++)
		status = checkpoint_forget(s, c->name, outflow_text(json_string_value(json_array_get(streams, i))),
		                           &c->err);
	if (status == OUTFLOW_OK)
		status = checkpoint_sync(s, &c->err);
	json_decref(streams);
	return status == OUTFLOW_OK ? FLEET_OK : FLEET_FAILED;
}

static void reset(struct api *api, const struct request *q, struct response *r)
{
	struct reset c = { .api = api, .name = q->parameters[0], .err = { .size = sizeof c.err } };
	outflow_error err = { .size = sizeof err };
	struct pipeline_snapshot *p = connect_find(api, q, r);
	enum fleet_answer result;

	if (p == NULL)
		return;
	if (p->owns_offsets)
		result = fleet_reset_offsets(api->fleet, c.name, request_time_left_ns(q), &err);
	else
		result = fleet_while_stopped(api->fleet, c.name, forget_all, &c, &err);
	answer(r, result, "The offsets for this connector have been reset successfully",
	       c.err.msg[0] != '\0' ? &c.err : &err);
	pipeline_snapshot_free(&p);
}

const struct route connect_offset_routes[] = {
	{ "GET", "/connectors/{name}/offsets", ACCESS_READ, .handle = show },
	{ "PATCH", "/connectors/{name}/offsets", ACCESS_ADMIN, .handle = alter },
	{ "DELETE", "/connectors/{name}/offsets", ACCESS_ADMIN, .handle = reset },
	{ 0 },
};
