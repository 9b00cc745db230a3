/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/eventbridge_table.h"

#include "host/api/eventbridge_fields.h"

#include <stdio.h>
#include <string.h>

static const struct word formats[] = { { "JSON", "json" }, { "Text", "text" }, { "Binary", "binary" }, { NULL, NULL } };
static const struct word tolerances[] = { { "ALL", "all" }, { "NONE", "none" }, { NULL, NULL } };

static const char no_network[] = "how an instance is reached is said by the connection that InstanceId names";
static const char no_capacity[] = "there are no capacity units here; MaximumTasks says how many tasks there are";

#define MQTT STREAM_MQTT
#define KAFKA STREAM_KAFKA
#define RUN "RunOptions"

#define FIELD(p, k, s)                                                                                                 \
	{                                                                                                              \
		.path = p, .kind = k, .key = s                                                                         \
	}

const struct stream_field stream_fields[] = {
	FIELD("Description", TEXT, "description"),
	FIELD("FilterPattern", PATTERN, "filter.pattern"),
	FIELD("Metadata", REFUSED, "Source says where messages come from"),
	FIELD("Source", GROUP, NULL),
	{ MQTT, GROUP, "source.class", .is = "mqtt" },
	FIELD(MQTT ".InstanceId", TEXT, "source.connection"),
	FIELD(MQTT ".Topic", TEXT, "source.topics"),
	{ MQTT ".BodyDataType", CHOICE, "source.format", .words = formats },
	FIELD(MQTT ".RegionId", TEXT, "source.event.extensions.aliyunregionid"),
	FIELD(MQTT ".NetworkType", REFUSED, no_network),
	FIELD(MQTT ".VpcId", REFUSED, no_network),
	FIELD(MQTT ".VSwitchIds", REFUSED, no_network),
	FIELD(MQTT ".SecurityGroupId", REFUSED, no_network),
	FIELD("Sink", GROUP, NULL),
	{ KAFKA, GROUP, "sink.class", .is = "kafka" },
	FIELD(KAFKA ".InstanceId", CONSTANT, "sink.connection"),
	FIELD(KAFKA ".Topic", CONSTANT, "sink.topic"),
	FIELD(KAFKA ".DynamicTopic", FORM, "sink.topic"),
	FIELD(KAFKA ".Acks", CONSTANT, "sink.acks"),
	FIELD(KAFKA ".Key", FORM, "sink.key"),
	FIELD(KAFKA ".Value", FORM, "sink.value"),
	FIELD(KAFKA ".Headers", FORM, "sink.headers"),
	FIELD(KAFKA ".CompressionType", TEXT, "sink.compression"),
	FIELD("Transforms", FUNCTIONS, "transforms"),
	FIELD(RUN, GROUP, NULL),
	FIELD(RUN ".MaximumTasks", NUMBER, "tasks.max"),
	{ RUN ".ErrorsTolerance", CHOICE, "errors.tolerance", .words = tolerances },
	FIELD(RUN ".BatchWindow", GROUP, NULL),
	FIELD(RUN ".BatchWindow.CountBasedWindow", NUMBER, "batch.messages"),
	FIELD(RUN ".BatchWindow.TimeBasedWindow", SECONDS, "batch.interval"),
	FIELD(RUN ".RetryStrategy", GROUP, NULL),
	FIELD(RUN ".RetryStrategy.PushRetryStrategy", TEXT, "retry.policy"),
	FIELD(RUN ".RetryStrategy.MaximumRetryAttempts", NUMBER, "retry.max.attempts"),
	FIELD(RUN ".RetryStrategy.MaximumEventAgeInSeconds", SECONDS, "retry.max.age"),
	FIELD(RUN ".DeadLetterQueue", GROUP, NULL),
	FIELD(RUN ".DeadLetterQueue.Arn", ARN, "deadletter"),
	FIELD(RUN ".DeadLetterQueue.Network", REFUSED, no_network),
	FIELD(RUN ".DeadLetterQueue.VpcId", REFUSED, no_network),
	FIELD(RUN ".DeadLetterQueue.VSwitchIds", REFUSED, no_network),
	FIELD(RUN ".DeadLetterQueue.SecurityGroupId", REFUSED, no_network),
	FIELD(RUN ".Throttling", NUMBER, "throttle.records.per.second"),
	FIELD(RUN ".BusinessOption", REFUSED, no_capacity),
	{ 0 },
};

const char *stream_setting(const struct settings *s, const char *key, const char *name)
{
	char full[STREAM_PATH_MAX + 100];

	snprintf(full, sizeof full, "%s.%s", key, name);
	return settings_get(s, full);
}

int stream_path_is_within(const char *path, const char *part)
{
	size_t n = strlen(part);

	return strncmp(path, part, n) == 0 && (path[n] == '\0' || path[n] == '.');
}

const struct stream_field *stream_field_find(const char *path)
{
	for (const struct stream_field *it = stream_fields; it->path != NULL; it++)
		if (strcmp(it->path, path) == 0)
			return it;
	return NULL;
}

const char *stream_field_of(const char *key)
{
	static const char *const endings[] = { "", ".form", ".value", ".template" };

	for (const struct stream_field *f = stream_fields; f->path != NULL; f++) {
		size_t n = f->key && f->kind != REFUSED && f->kind != GROUP ? strlen(f->key) : 0;

		if (n == 0 || strncmp(key, f->key, n) != 0)
			continue;
		for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
			if (strcmp(key + n, endings[k]) == 0)
				return f->path;
		if ((f->kind == ARN || f->kind == FUNCTIONS || f->kind == PATTERN) && key[n] == '.')
			return f->path;
	}
	return key;
}
