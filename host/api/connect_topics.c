/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /connectors/{name}/topics (KIP-558). A pipeline from Kafka has read the topics of which it knows a position; one to Kafka has
 * written the topic that its sink names, once something was delivered (a topic that comes out of the records is not known here).
 * A reset lasts as long as the daemon.
 */
#include "host/api/connect.h"

#include <pthread.h>
#include <stdlib.h>

/* What was there at the last reset of one pipeline. */
struct baseline {
	struct baseline *next;
	char *name;
	int64_t created_ms; /* of the pipeline: another one of this name has no reset behind it */
	uint64_t delivered;
	json_t *positions; /* by stream */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct baseline *baselines;

/* [locked] */
static struct baseline *find(const struct pipeline_snapshot *p)
{
	for (struct baseline *b = baselines; b != NULL; b = b->next)
		if (strcmp(b->name, p->name) == 0)
			return b;
	return NULL;
}

static uint64_t delivered(const struct pipeline_snapshot *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_tasks; i++)
		sum += p->tasks[i].account.delivered;
	return sum;
}

static void add_position(void *ctx, const char *pipeline, outflow_str stream, const struct checkpoint *position)
{
	char *key = strndup(stream.ptr, stream.len);

	(void)pipeline;
	if (key != NULL)
		(void)json_object_set_new(ctx, key, json_integer((json_int_t)position->next));
	free(key);
}

static json_t *positions_of(const struct api *api, const struct pipeline_snapshot *p)
{
	json_t *positions = json_object();

	if (positions != NULL)
		checkpoint_each(api->environment->checkpoints, p->name, add_position, positions);
	return positions;
}

/* The one topic that a sink is told, or NULL. */
static const char *written_topic(const struct pipeline_snapshot *p)
{
	static const char *const keys[] = { "sink.topic", "sink.topic.value", "topic" };
	const char *form = settings_get(&p->settings, "sink.topic.form");

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *topic = settings_get(&p->settings, keys[i]);

		if (topic != NULL)
			return *topic != '$' && (form == NULL || strcmp(form, "CONSTANT") == 0) ? topic : NULL;
	}
	return NULL;
}

static int has(const json_t *topics, const char *topic)
{
	for (size_t i = 0; i < json_array_size(topics); i++)
		if (strcmp(json_string_value(json_array_get(topics, i)), topic) == 0)
			return 1;
	return 0;
}

/* Those that have got further than they were. [locked] */
static void add_read_topics(const json_t *positions, const struct baseline *b, json_t *topics)
{
	const char *stream;
	json_t *position;

	json_object_foreach((json_t *)(uintptr_t)positions, stream, position)
	{
		json_t *partition = json_loads(stream, 0, NULL);
		const char *topic = json_string_value(json_object_get(partition, "kafka_topic"));
		const json_t *before = b ? json_object_get(b->positions, stream) : NULL;

		if (topic != NULL && !has(topics, topic) &&
		    (before == NULL || json_integer_value(position) > json_integer_value(before)))
			(void)json_array_append_new(topics, json_string(topic));
		json_decref(partition);
	}
}

/* Those that a source is told to read, of which its consumer group keeps the positions. A pattern of names tells no name. */
static void add_named_topics(const struct pipeline_snapshot *p, json_t *topics)
{
	const char *list = settings_get(&p->settings, "topics");

	if (list == NULL)
		list = settings_get(&p->settings, "source.topics");
	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ","), blanks = strspn(list, " ");

		if (n > blanks && list[blanks] != '^')
			(void)json_array_append_new(topics, json_stringn(list + blanks, n - blanks));
		list += n + (list[n] == ',');
	}
}

static json_t *topics_of(const struct api *api, const struct pipeline_snapshot *p)
{
	json_t *topics = json_array(), *positions = positions_of(api, p);
	const char *written = written_topic(p);
	const struct baseline *b;

	pthread_mutex_lock(&lock);
	b = find(p);
	if (b != NULL && b->created_ms != p->created_ms)
		b = NULL;
	if (strcmp(connect_type(p), "sink") == 0) {
		add_read_topics(positions, b, topics);
		if (json_array_size(topics) == 0 && delivered(p) > (b ? b->delivered : 0))
			add_named_topics(p, topics);
	} else if (written != NULL &&
	           (delivered(p) > (b ? b->delivered : 0) || (b == NULL && json_object_size(positions) > 0)))
		(void)json_array_append_new(topics, json_string(written));
	pthread_mutex_unlock(&lock);
	json_decref(positions);
	return topics;
}

static void show(struct api *api, const struct request *q, struct response *r)
{
	const char *name = q->parameters[0];
	struct pipeline_snapshot *p = NULL;
	json_t *topics;

	if (!api->host->api.topic_tracking) {
		response_error(r, 403, "Topic tracking is disabled.");
		return;
	}
	/* A worker does not look whether there is such a connector. */
	topics = fleet_look(api->fleet, name, &p) == FLEET_OK ? topics_of(api, p) : json_array();
	response_json(r, 200, json_pack("{s:{s:o}}", name, "topics", topics));
	pipeline_snapshot_free(&p);
}

static int remember(const struct api *api, const struct pipeline_snapshot *p)
{
	json_t *positions = positions_of(api, p);
	struct baseline *b;

	pthread_mutex_lock(&lock);
	b = find(p);
	if (b == NULL && (b = calloc(1, sizeof *b)) != NULL) {
		b->name = strdup(p->name);
		if (b->name == NULL) {
			free(b);
			b = NULL;
		} else {
			b->next = baselines;
			baselines = b;
		}
	}
	if (b != NULL) {
		json_decref(b->positions);
		b->positions = positions;
		b->delivered = delivered(p);
		b->created_ms = p->created_ms;
	}
	pthread_mutex_unlock(&lock);
	return b != NULL;
}

static void reset(struct api *api, const struct request *q, struct response *r)
{
	struct pipeline_snapshot *p = NULL;

	if (!api->host->api.topic_tracking)
		response_error(r, 403, "Topic tracking is disabled.");
	else if (!api->host->api.topic_reset)
		response_error(r, 403, "Topic tracking reset is disabled.");
	else if (fleet_look(api->fleet, q->parameters[0], &p) == FLEET_OK && !remember(api, p))
		response_error(r, 500, "no memory");
	else
		response_empty(r, 202);
	pipeline_snapshot_free(&p);
}

const struct route connect_topic_routes[] = {
	{ "GET", "/connectors/{name}/topics", ACCESS_READ, .handle = show },
	{ "PUT", "/connectors/{name}/topics/reset", ACCESS_ADMIN, .handle = reset },
	{ 0 },
};
