/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connect_keys.h"

#include <outflow/util.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define KEY(NAME, TYPE, DEFAULT, IMPORTANCE, GROUP, ORDER, WIDTH, DISPLAY, SIDE, REQUIRED, CHOICES, DOC)               \
	{                                                                                                              \
		.name = NAME, .type = #TYPE, .dflt = DEFAULT, .importance = #IMPORTANCE, .group = GROUP,               \
		.order = ORDER, .width = #WIDTH, .display = DISPLAY, .doc = DOC, .side = CONNECT_##SIDE,               \
		.required = REQUIRED, .choices = CHOICES,                                                              \
	}
#define COMMON "Common"
#define ERRORS "Error Handling"
#define ONCE "Exactly Once Support"

static const char *const reloads[] = { "none", "restart", NULL };
static const char *const tolerances[] = { "none", "all", NULL };
static const char *const once[] = { "requested", "required", NULL };
static const char *const boundaries[] = { "poll", "interval", "connector", NULL };

const struct connect_key connect_keys[] = {
	KEY("name", STRING, NULL, HIGH, COMMON, 1, MEDIUM, "Connector name", BOTH, 1, NULL,
	    "Name of the connector, unique in the daemon."),
	KEY("connector.class", STRING, NULL, HIGH, COMMON, 2, LONG, "Connector class", BOTH, 1, NULL,
	    "Which connector: a component such as mqtt/source, or the Java name, in full or short, of FileStreamSource or "
	    "FileStreamSink."),
	KEY("connector.plugin.version", STRING, NULL, MEDIUM, COMMON, 3, MEDIUM, "Connector version", BOTH, 0, NULL,
	    "Version of the plugin that is wanted, or a range of versions such as [0.1,1.0)."),
	KEY("tasks.max", INT, "1", HIGH, COMMON, 4, SHORT, "Tasks max", BOTH, 0, NULL,
	    "At most so many tasks; a source that cannot be split runs as one."),
	KEY("tasks.max.enforce", BOOLEAN, "true", LOW, COMMON, 5, SHORT, "Enforce tasks max", BOTH, 0, NULL,
	    "Deprecated. No component makes more tasks than tasks.max, whatever is said here."),
	KEY("key.converter", CLASS, NULL, LOW, COMMON, 6, SHORT, "Key converter class", BOTH, 0, NULL,
	    "What keys are in Kafka: StringConverter, JsonConverter without schemas, or ByteArrayConverter."),
	KEY("key.converter.plugin.version", STRING, NULL, LOW, COMMON, 7, SHORT, "Key converter version", BOTH, 0, NULL,
	    "Version of the key converter that is wanted, or a range."),
	KEY("value.converter", CLASS, NULL, LOW, COMMON, 8, SHORT, "Value converter class", BOTH, 0, NULL,
	    "What values are in Kafka: StringConverter, JsonConverter without schemas, or ByteArrayConverter."),
	KEY("value.converter.plugin.version", STRING, NULL, LOW, COMMON, 9, SHORT, "Value converter version", BOTH, 0,
	    NULL, "Version of the value converter that is wanted, or a range."),
	KEY("header.converter", CLASS, NULL, LOW, COMMON, 10, SHORT, "Header converter class", BOTH, 0, NULL,
	    "What values of headers are in Kafka: they pass as they are."),
	KEY("header.converter.plugin.version", STRING, NULL, LOW, COMMON, 11, SHORT, "Header converter version", BOTH,
	    0, NULL, "Version of the header converter that is wanted, or a range."),
	KEY("transforms", LIST, "", LOW, "Transforms", 12, LONG, "Transforms", BOTH, 0, NULL,
	    "Aliases of the transforms, in order."),
	KEY("predicates", LIST, "", LOW, "Predicates", 13, LONG, "Predicates", BOTH, 0, NULL,
	    "Aliases of the predicates that transforms refer to."),
	KEY("config.action.reload", STRING, "restart", LOW, COMMON, 14, MEDIUM, "Reload Action", BOTH, 0, reloads,
	    "What happens when a secret that the configuration refers to expires. The secrets there are do not."),
	KEY("errors.retry.timeout", LONG, "0", MEDIUM, ERRORS, 1, MEDIUM, "Retry Timeout for Errors", BOTH, 0, NULL,
	    "Milliseconds that one record is retried; -1: without end. Unset: as retry.policy says."),
	KEY("errors.retry.delay.max.ms", LONG, "60000", MEDIUM, ERRORS, 2, MEDIUM,
	    "Maximum Delay Between Retries for Errors", BOTH, 0, NULL, "The longest wait between two retries."),
	KEY("errors.tolerance", STRING, "none", MEDIUM, ERRORS, 3, SHORT, "Error Tolerance", BOTH, 0, tolerances,
	    "none: a record that cannot be converted, transformed or delivered ends the task; all: it is a dead letter, or "
	    "dropped without a topic for them."),
	KEY("errors.log.enable", BOOLEAN, "false", MEDIUM, ERRORS, 4, SHORT, "Log Errors", BOTH, 0, NULL,
	    "Write a line into the log for each record that fails."),
	KEY("errors.log.include.messages", BOOLEAN, "false", MEDIUM, ERRORS, 5, SHORT, "Log Error Details", BOTH, 0,
	    NULL, "With errors.log.enable: the beginning of the record's key and value, too."),
	KEY("topic.creation.groups", LIST, "", LOW, "Topic Creation", 1, LONG, "Topic Creation Groups", SOURCE, 0, NULL,
	    "Not supported: topics are created by topic.creation.default.partitions and .replication.factor."),
	KEY("exactly.once.support", STRING, "requested", MEDIUM, ONCE, 2, SHORT, "Exactly once support", SOURCE, 0,
	    once, "requested takes at least once; required is refused."),
	KEY("transaction.boundary", STRING, "poll", MEDIUM, ONCE, 3, SHORT, "Transaction Boundary", SOURCE, 0,
	    boundaries, "There are no transactions: only the default is taken."),
	KEY("transaction.boundary.interval.ms", LONG, NULL, LOW, ONCE, 4, SHORT, "Transaction boundary interval",
	    SOURCE, 0, NULL, "Not supported: there are no transactions."),
	KEY("offsets.storage.topic", STRING, NULL, LOW, "offsets.topic", 1, LONG, "Offsets topic", SOURCE, 0, NULL,
	    "Not supported: offsets are kept in the state directory."),
	KEY("topics", LIST, "", HIGH, COMMON, 4, LONG, "Topics", SINK, 0, NULL, "Topics to read."),
	KEY("topics.regex", STRING, "", HIGH, COMMON, 4, LONG, "Topics regex", SINK, 0, NULL,
	    "Instead of topics: a regular expression for the whole name of a topic to read."),
	KEY("errors.deadletterqueue.topic.name", STRING, "", MEDIUM, ERRORS, 6, MEDIUM, "Dead Letter Queue Topic Name",
	    SINK, 0, NULL, "Topic of the dead letters; for sources, too."),
	KEY("errors.deadletterqueue.topic.replication.factor", SHORT, "3", MEDIUM, ERRORS, 7, MEDIUM,
	    "Dead Letter Queue Topic Replication Factor", SINK, 0, NULL,
	    "Replicas of the topic of dead letters when it has to be created; -1: as the brokers choose."),
	KEY("errors.deadletterqueue.context.headers.enable", BOOLEAN, "false", MEDIUM, ERRORS, 8, MEDIUM,
	    "Enable Error Context Headers", SINK, 0, NULL,
	    "Add headers that begin with __connect.errors. and say what happened."),
	{ .name = NULL },
};

/* Our dead letters are there for sources, too, although Connect shows these keys for sinks alone. */
static int is_for(const struct connect_key *key, enum connect_side side)
{
	return key->side == CONNECT_BOTH || side == CONNECT_BOTH || key->side == side ||
	       strncmp(key->name, "errors.", 7) == 0;
}

const struct connect_key *connect_key_find(const char *name, enum connect_side side)
{
	for (const struct connect_key *key = connect_keys; key->name != NULL; key++)
		if (strcmp(key->name, name) == 0 && is_for(key, side))
			return key;
	return NULL;
}

int connect_flag(const char *text)
{
	return strcasecmp(text, "true") == 0 ? 1 : strcasecmp(text, "false") == 0 ? 0 : -1;
}

static outflow_status check_number(const char *type, const char *text, outflow_error *err)
{
	long long limit = strcmp(type, "SHORT") == 0 ? SHRT_MAX : strcmp(type, "INT") == 0 ? INT_MAX : LLONG_MAX;
	long long number;
	char *end;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || number > limit || number < -limit - 1)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not a whole number of type %s", text, type);
	return OUTFLOW_OK;
}

outflow_status connect_key_check(const struct connect_key *key, const char *text, outflow_error *err)
{
	char all[200] = "";

	if (strcmp(key->type, "BOOLEAN") == 0 && connect_flag(text) < 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is neither true nor false", text);
	if (strcmp(key->type, "INT") == 0 || strcmp(key->type, "LONG") == 0 || strcmp(key->type, "SHORT") == 0)
		return check_number(key->type, text, err);
	for (const char *const *choice = key->choices; choice != NULL && *choice != NULL; choice++) {
		if (strcmp(*choice, text) == 0)
			return OUTFLOW_OK;
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? ", " : "", *choice);
	}
	return key->choices == NULL ? OUTFLOW_OK
	                            : outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not one of %s", text, all);
}
