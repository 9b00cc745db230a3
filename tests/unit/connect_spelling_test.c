/* SPDX-License-Identifier: Apache-2.0 */
/* connect_spelling_test.c: Kafka Connect's spelling of a pipeline becomes the same model as ours, and mistakes in it are said of the
 * keys as they were spelled. */
#include "host/config/connect_spelling.h"

#include "host/config/connect_class.h"
#include "host/config/connect_regex.h"
#include "host/config/plugin_version.h"
#include "host/config/schema.h"
#include "host/plugin/probe.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static struct inventory *inventory;

struct fixture {
	struct declaration declaration;
	struct loaded loaded; /* the host's keys */
	struct host_model host;
	struct problems problems;
	struct pipeline_model *model;
};

static int open_inventory(void **state)
{
	outflow_error err = { .size = sizeof err };

	(void)state;
	return inventory_open(".libs", NULL, &inventory, &err);
}

static int close_inventory(void **state)
{
	(void)state;
	inventory_close(&inventory);
	return 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	f->declaration.name = strdup("p");
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	pipeline_model_free(&f->model);
	host_model_clear(&f->host);
	loaded_clear(&f->loaded);
	problems_clear(&f->problems);
	settings_clear(&f->declaration.settings);
	free(f->declaration.name);
	free(f);
	return 0;
}

static void set(struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(settings_set(&f->declaration.settings, key, value, NULL, 0), OUTFLOW_OK);
}

static void set_host(struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(settings_set(&f->loaded.host, key, value, "outflow.conf", 7), OUTFLOW_OK);
}

static void make(struct fixture *f)
{
	pipeline_model_free(&f->model);
	host_model_clear(&f->host);
	problems_clear(&f->problems);
	assert_int_equal(host_model_new(&f->loaded, &f->host, &f->problems), OUTFLOW_OK);
	assert_int_equal(pipeline_model_new(&f->declaration, &f->loaded.connections, &f->host, inventory, &f->problems,
	                                    &f->model),
	                 OUTFLOW_OK);
}

static void make_good(struct fixture *f)
{
	make(f);
	if (f->model == NULL || f->problems.n > 0) {
		problems_print(&f->problems, stderr);
		fail_msg("there are problems");
	}
}

/* There is one of that key, and its text has this part. */
static void assert_problem(struct fixture *f, const char *key, const char *part)
{
	make(f);
	assert_null(f->model);
	for (size_t i = 0; i < f->problems.n; i++) {
		const struct problem *p = &f->problems.list[i];

		if (p->key != NULL && strcmp(p->key, key) == 0 && strstr(p->message, part) != NULL)
			return;
	}
	problems_print(&f->problems, stderr);
	fail_msg("no problem of %s says '%s'", key, part);
}

static void assert_only_problem(struct fixture *f, const char *key, const char *part)
{
	assert_problem(f, key, part);
	if (f->problems.n != 1) {
		problems_print(&f->problems, stderr);
		fail_msg("there are %zu problems", f->problems.n);
	}
}

static void assert_native(const struct fixture *f, const char *key, const char *expected)
{
	const char *value = settings_get(&f->model->settings, key);

	if (value == NULL ? expected != NULL : expected == NULL || strcmp(value, expected) != 0)
		fail_msg("%s is '%s'", key, value ? value : "(unset)");
}

static void source(struct fixture *f)
{
	set(f, "name", "p");
	set(f, "connector.class", "FileStreamSource");
	set(f, "file", "/tmp/in.txt");
	set(f, "topic", "lines");
	set_host(f, "bootstrap.servers", "localhost:9092");
}

static void sink(struct fixture *f)
{
	set(f, "name", "p");
	set(f, "connector.class", "org.apache.kafka.connect.file.FileStreamSinkConnector");
	set(f, "file", "/tmp/out.txt");
	set(f, "topics", "lines");
	set_host(f, "bootstrap.servers", "localhost:9092");
}

static void json(struct fixture *f, const char *end)
{
	char key[100];

	snprintf(key, sizeof key, "%s.converter", end);
	set(f, key, "org.apache.kafka.connect.json.JsonConverter");
	snprintf(key, sizeof key, "%s.converter.schemas.enable", end);
	set(f, key, "false");
}

/* ---- connectors ---- */

static void a_file_source_is_ours_and_kafka(void **state)
{
	struct fixture *f = *state;

	source(f);
	make_good(f);
	assert_string_equal(f->model->source.component.what->name, "source");
	assert_string_equal(f->model->source.component.module->plugin->id, "file");
	assert_string_equal(f->model->sink.component.module->plugin->id, "kafka");
	assert_native(f, "source.path", "/tmp/in.txt");
	assert_native(f, "source.follow", "true");
	assert_native(f, "source.missing", "wait");
	assert_native(f, "source.line.end", "any");
	assert_native(f, "source.poll.lines", "2000");
	assert_native(f, "source.format", "text");
	assert_native(f, "source.format.invalid", "binary");
	assert_native(f, "sink.topic", "lines");
	assert_native(f, "sink.value", NULL);
	assert_native(f, "sink.bootstrap", "localhost:9092");
	assert_native(f, "sink.producer.allow.auto.create.topics", "true");
	assert_native(f, "deadletter.class", NULL);
	assert_native(f, "connector.class", NULL);
	/* What was given stays as it was. */
	assert_int_equal(f->declaration.settings.n, 4);
}

static void a_file_sink_is_kafka_and_ours(void **state)
{
	struct fixture *f = *state;

	sink(f);
	set(f, "topics", "a, b");
	make_good(f);
	assert_string_equal(f->model->source.component.module->plugin->id, "kafka");
	assert_string_equal(f->model->sink.component.module->plugin->id, "file");
	assert_native(f, "source.topics", "a, b");
	assert_native(f, "source.missing", "wait");
	assert_native(f, "source.consumer.allow.auto.create.topics", "true");
	assert_native(f, "source.bootstrap", "localhost:9092");
	assert_native(f, "sink.path", "/tmp/out.txt");
	assert_native(f, "sink.null", "null");
}

static void java_names_are_known_in_full_and_short(void **state)
{
	static const char *const sources[] = { "org.apache.kafka.connect.file.FileStreamSourceConnector",
		                               "FileStreamSourceConnector", "FileStreamSource" };
	struct fixture *f = *state;

	source(f);
	for (size_t i = 0; i < 3; i++) {
		set(f, "connector.class", sources[i]);
		make_good(f);
		assert_string_equal(f->model->source.component.module->plugin->id, "file");
	}
}

static void other_java_classes_are_refused_by_name(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "connector.class", "io.confluent.connect.jdbc.JdbcSinkConnector");
	assert_only_problem(f, "connector.class",
	                    "'io.confluent.connect.jdbc.JdbcSinkConnector' cannot be run here; there "
	                    "are FileStreamSource, FileStreamSink, and the components");
	set(f, "connector.class", "FileStreamSauce");
	assert_only_problem(f, "connector.class", "there is no connector 'FileStreamSauce'");
	set(f, "connector.class", "org.apache.kafka.connect.filx.FileStreamSourceConnector");
	assert_only_problem(f, "connector.class", "cannot be run here");
	set(f, "connector.class", "");
	assert_only_problem(f, "connector.class", "there is no connector ''");
}

static void a_component_of_ours_is_a_connector(void **state)
{
	struct fixture *f = *state;

	set(f, "connector.class", "mqtt");
	set(f, "broker", "tcp://127.0.0.1:1883");
	set(f, "topics", "plant/#");
	set(f, "format", "json");
	set(f, "topic", "plant");
	set(f, "sink.key", "$.data.body.dev");
	set(f, "filter.pattern", "{\"data\":{\"body\":{\"temp\":[21]}}}");
	set(f, "batch.messages", "10");
	set(f, "producer.override.bootstrap.servers", "k:9092");
	make_good(f);
	assert_string_equal(f->model->source.component.module->plugin->id, "mqtt");
	assert_native(f, "source.topics", "plant/#");
	assert_native(f, "source.format", "json");
	assert_native(f, "sink.topic", "plant");
	assert_native(f, "sink.bootstrap", "k:9092");
	assert_int_equal(f->model->batch_messages, 10);
	assert_string_equal(f->model->stages[1].name, "filter");
}

static void a_sink_of_ours_reads_kafka(void **state)
{
	struct fixture *f = *state;

	set(f, "connector.class", "mqtt/sink");
	set(f, "broker", "tcp://127.0.0.1:1883");
	set(f, "topic", "back");
	set(f, "topics", "plant");
	set(f, "source.format", "binary");
	set(f, "consumer.override.bootstrap.servers", "k:9092");
	set(f, "consumer.override.group.id", "g");
	set(f, "consumer.override.auto.offset.reset", "latest");
	set(f, "consumer.override.fetch.min.bytes", "1");
	make_good(f);
	assert_native(f, "source.topics", "plant");
	assert_native(f, "sink.topic", "back");
	assert_native(f, "source.group", "g");
	assert_native(f, "source.offset.reset", "latest");
	assert_native(f, "source.consumer.fetch.min.bytes", "1");
}

static void a_source_with_a_topic_of_its_own_keeps_it(void **state)
{
	struct fixture *f = *state;

	set(f, "connector.class", "gen");
	set(f, "topic", "numbers");
	set(f, "count", "5");
	set(f, "producer.override.bootstrap.servers", "k:9092");
	make_good(f);
	assert_native(f, "source.topic", "numbers");
	assert_native(f, "source.count", "5");
	assert_native(f, "sink.topic", NULL);
}

/* ---- problems ---- */

static void what_is_missing_is_said_once_in_the_users_words(void **state)
{
	struct fixture *f = *state;

	set(f, "connector.class", "FileStreamSource");
	make(f);
	assert_null(f->model);
	assert_problem(f, "file", "is required");
	assert_problem(f, "topic", "is required");
	assert_problem(f, "producer.override.bootstrap.servers", "there are no brokers");
	assert_int_equal(f->problems.n, 3);
}

static void wrong_values_are_said_of_the_key_as_it_is_spelled(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "batch.size", "many");
	assert_only_problem(f, "batch.size", "'many' is not a whole number");
	set(f, "batch.size", "10");
	set(f, "tasks.max", "0");
	assert_only_problem(f, "tasks.max", "out of range");
	set(f, "tasks.max", "1");
	set(f, "producer.override.linger.ms", "soon");
	assert_only_problem(f, "producer.override.linger.ms", "Invalid value");
	set(f, "producer.override.linger.ms", "5");
	set(f, "errors.tolerance", "some");
	assert_only_problem(f, "errors.tolerance", "'some' is not one of none, all");
	set(f, "errors.tolerance", "all");
	set(f, "errors.log.enable", "maybe");
	assert_only_problem(f, "errors.log.enable", "neither true nor false");
}

static void a_wrong_value_of_the_hosts_is_said_of_its_line(void **state)
{
	struct fixture *f = *state;

	source(f);
	set_host(f, "producer.linger.ms", "soon");
	assert_only_problem(f, "producer.linger.ms", "Invalid value");
	assert_string_equal(f->problems.list[0].file, "outflow.conf");
	assert_int_equal(f->problems.list[0].line, 7);
}

static void unknown_keys_are_mistakes_with_a_suggestion(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "fille", "x");
	assert_only_problem(f, "fille", "did you mean 'file'?");
	settings_clear(&f->declaration.settings);
	source(f);
	set(f, "value.convertor", "x");
	assert_only_problem(f, "value.convertor", "did you mean 'value.converter'?");
	settings_clear(&f->declaration.settings);
	source(f);
	set(f, "source.path", "x");
	assert_only_problem(f, "source.path", "stands without 'source.'");
	settings_clear(&f->declaration.settings);
	source(f);
	set(f, "topics.regex", "x");
	assert_only_problem(f, "topics.regex", "is a key of sink connectors");
	settings_clear(&f->declaration.settings);
	sink(f);
	set(f, "exactly.once.support", "requested");
	assert_only_problem(f, "exactly.once.support", "is a key of source connectors");
}

/* ---- converters ---- */

static void json_quotes_the_lines_of_a_file(void **state)
{
	struct fixture *f = *state;

	source(f);
	json(f, "value");
	json(f, "key");
	make_good(f);
	assert_native(f, "source.format", "text");
	assert_native(f, "source.format.invalid", NULL);
	assert_native(f, "sink.value.template", "\"${line}\"");
	set(f, "sink.value", "$.data.body");
	make_good(f);
	assert_native(f, "sink.value.template", NULL);
}

static void json_is_unquoted_into_a_file(void **state)
{
	struct fixture *f = *state;

	sink(f);
	json(f, "value");
	make_good(f);
	assert_native(f, "source.format", "json");
	assert_native(f, "sink.value.template", "${value}");
}

static void converters_are_known_in_full_and_short(void **state)
{
	static const struct {
		const char *name, *format;
	} converters[] = {
		{ "org.apache.kafka.connect.storage.StringConverter", "text" },
		{ "StringConverter", "text" },
		{ "String", "text" },
		{ "org.apache.kafka.connect.converters.ByteArrayConverter", "binary" },
		{ "ByteArray", "binary" },
	};
	struct fixture *f = *state;

	sink(f);
	set(f, "header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter");
	/* Often left over beside another converter; Connect ignores it there. */
	set(f, "value.converter.schemas.enable", "true");
	for (size_t i = 0; i < sizeof converters / sizeof converters[0]; i++) {
		set(f, "value.converter", converters[i].name);
		set(f, "key.converter", converters[i].name);
		make_good(f);
		assert_native(f, "source.format", converters[i].format);
		assert_native(f, "sink.value", NULL);
	}
}

static void what_converters_there_are_not_is_refused(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "value.converter", "io.confluent.connect.avro.AvroConverter");
	assert_only_problem(f, "value.converter",
	                    "there is no converter 'io.confluent.connect.avro.AvroConverter'; there are "
	                    "StringConverter, JsonConverter (without schemas) and ByteArrayConverter");
	set(f, "value.converter", "JsonConverter");
	assert_only_problem(f, "value.converter", "set value.converter.schemas.enable = false");
	set(f, "value.converter.schemas.enable", "true");
	assert_only_problem(f, "value.converter.schemas.enable", "without schemas");
	set(f, "value.converter.schemas.enable", "no");
	assert_problem(f, "value.converter.schemas.enable", "neither true nor false");
	set(f, "value.converter.schemas.enable", "False");
	make_good(f);
	set(f, "value.converter.decimal.format", "NUMERIC");
	assert_only_problem(f, "value.converter.decimal.format", "there is no such key here");
	set(f, "value.converter", "String");
	settings_clear(&f->declaration.settings);
	source(f);
	set(f, "key.converter.schemas.enable", "false");
	assert_only_problem(f, "key.converter.schemas.enable", "has no effect without key.converter");
	set(f, "key.converter", "SimpleHeaderConverter");
	assert_only_problem(f, "key.converter", "there is no converter 'SimpleHeaderConverter'");
	set(f, "key.converter", "String");
	set(f, "key.converter.converter.encoding", "UTF-16");
	assert_only_problem(f, "key.converter.converter.encoding", "texts are UTF-8");
}

static void the_hosts_converters_stand_in(void **state)
{
	struct fixture *f = *state;

	source(f);
	set_host(f, "value.converter", "org.apache.kafka.connect.json.JsonConverter");
	assert_only_problem(f, "value.converter", "set value.converter.schemas.enable = false");
	assert_int_equal(f->problems.list[0].line, 7);
	set_host(f, "value.converter.schemas.enable", "false");
	make_good(f);
	assert_native(f, "sink.value.template", "\"${line}\"");
	/* The host's keys of a converter belong to the host's converter. */
	set(f, "value.converter", "JsonConverter");
	assert_only_problem(f, "value.converter", "set value.converter.schemas.enable = false");
	set(f, "value.converter", "ByteArrayConverter");
	make_good(f);
	assert_native(f, "source.format", "binary");
}

static void a_format_and_a_converter_are_one_too_many(void **state)
{
	struct fixture *f = *state;

	set(f, "connector.class", "gen");
	set(f, "format", "json");
	set(f, "producer.override.bootstrap.servers", "k:9092");
	set_host(f, "value.converter", "StringConverter");
	make_good(f);
	assert_native(f, "source.format", "json");
	set(f, "value.converter", "StringConverter");
	assert_only_problem(f, "value.converter", "stands beside format");
}

/* ---- errors ---- */

static void dead_letters_go_to_the_topic(void **state)
{
	struct fixture *f = *state;

	sink(f);
	set(f, "errors.tolerance", "all");
	set(f, "errors.retry.timeout", "60000");
	set(f, "errors.retry.delay.max.ms", "1000");
	set(f, "errors.log.enable", "TRUE");
	set(f, "errors.log.include.messages", "true");
	set(f, "errors.deadletterqueue.topic.name", "dlq");
	set(f, "errors.deadletterqueue.topic.replication.factor", "1");
	set(f, "errors.deadletterqueue.context.headers.enable", "true");
	set(f, "producer.override.linger.ms", "7");
	make_good(f);
	assert_int_equal(f->model->tolerance, TOLERANCE_ALL);
	assert_int_equal(f->model->retry.kind, RETRY_CONNECT);
	assert_true(f->model->log_errors);
	assert_true(f->model->log_messages);
	assert_string_equal(f->model->deadletter_topic, "dlq");
	assert_false(f->model->deadletter_raw);
	assert_native(f, "deadletter.bootstrap", "localhost:9092");
	assert_native(f, "deadletter.producer.linger.ms", "7");
	assert_native(f, "deadletter.create.partitions", "1");
	assert_native(f, "deadletter.create.replicas", "1");
	set(f, "topics", "a,dlq");
	assert_only_problem(f, "topics", "dlq, is among the topics to be read");
}

static void dead_letters_are_there_for_sources_too(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "errors.deadletterqueue.topic.name", "dlq");
	make_good(f);
	assert_true(f->model->deadletter_raw);
	assert_native(f, "deadletter.create.replicas", "3");
	set(f, "deadletter.connection", "x");
	assert_problem(f, "errors.deadletterqueue.topic.name", "stands beside deadletter.*");
}

static void what_has_no_effect_in_connect_either_is_taken(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "errors.retry.delay.max.ms", "60000");
	set(f, "errors.log.include.messages", "true");
	set(f, "errors.deadletterqueue.topic.name", "");
	set(f, "errors.deadletterqueue.context.headers.enable", "true");
	set(f, "tasks.max.enforce", "true");
	set(f, "config.action.reload", "none");
	set(f, "topic.creation.groups", "");
	set(f, "exactly.once.support", "requested");
	set(f, "transaction.boundary", "poll");
	make_good(f);
	assert_native(f, "deadletter.class", NULL);
	set(f, "config.action.reload", "later");
	assert_only_problem(f, "config.action.reload", "not one of none, restart");
}

static void what_there_is_not_is_refused_by_name(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "exactly.once.support", "required");
	set(f, "transaction.boundary", "interval");
	set(f, "transaction.boundary.interval.ms", "100");
	set(f, "offsets.storage.topic", "o");
	set(f, "topic.creation.groups", "g");
	assert_problem(f, "exactly.once.support", "delivery is at least once");
	assert_problem(f, "transaction.boundary", "no transactions");
	assert_problem(f, "transaction.boundary.interval.ms", "no transactions");
	assert_problem(f, "offsets.storage.topic", "state directory");
	assert_problem(f, "topic.creation.groups", "groups of topics are not supported");
	assert_int_equal(f->problems.n, 5);
}

static void topics_are_created_as_is_said(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "topic.creation.default.partitions", "3");
	assert_only_problem(f, "topic.creation.default.partitions", "needs topic.creation.default.replication.factor");
	set(f, "topic.creation.default.replication.factor", "-1");
	set(f, "topic.creation.default.cleanup.policy", "compact");
	make_good(f);
	assert_native(f, "sink.create.partitions", "3");
	assert_native(f, "sink.create.replicas", "-1");
	assert_native(f, "sink.create.config.cleanup.policy", "compact");
	assert_native(f, "sink.producer.allow.auto.create.topics", NULL);
	set(f, "topic.creation.default.partitions", "0");
	assert_only_problem(f, "topic.creation.default.partitions", "'0'");
}

static void a_pipeline_of_the_api_may_not_load_code(void **state)
{
	struct fixture *f = *state;

	set(f, "name", "p");
	set(f, "source.class", "gen");
	set(f, "sink.class", "kafka");
	set(f, "sink.bootstrap", "k:9092");
	set(f, "sink.producer.linger.ms", "5");
	make_good(f);
	set(f, "sink.producer.plugin.library.paths", "/tmp/x.so");
	assert_only_problem(f, "sink.producer.plugin.library.paths", "not among the client properties");
	set_host(f, "connector.client.config.override.policy", "All");
	assert_problem(f, "sink.producer.plugin.library.paths", "dlopen");
}

static void transforms_are_ours(void **state)
{
	struct fixture *f = *state;

	source(f);
	json(f, "value");
	set(f, "transforms", "r");
	set(f, "transforms.r.type", "rename");
	set(f, "transforms.r.fields", "a:b");
	set(f, "transforms.r.plugin.version", "latest");
	make_good(f);
	assert_string_equal(f->model->stages[1].name, "transforms.r");
	set(f, "transforms.r.plugin.version", "9.0");
	assert_only_problem(f, "transforms.r.plugin.version", "there is no version of rename that fits '9.0'");
	set(f, "transforms.r.plugin.version", "latest");
	set(f, "transforms.r.type", "org.apache.kafka.connect.transforms.RegexRouter");
	assert_only_problem(f, "transforms.r.type", "'org.apache.kafka.connect.transforms.RegexRouter'");
}

/* ---- topics of a sink ---- */

static void one_of_topics_and_a_regular_expression(void **state)
{
	struct fixture *f = *state;

	sink(f);
	set(f, "topics.regex", "a.*");
	assert_problem(f, "topics", "stands beside topics.regex");
	assert_problem(f, "topics.regex", "stands beside topics");
	set(f, "topics", "");
	make_good(f);
	assert_native(f, "source.topics", "^(a.*)$");
	set(f, "topics.regex", "[a-z]{1,3}\\d");
	make_good(f);
	assert_native(f, "source.topics", "^([a-z]{1\\,3}[0-9])$");
	set(f, "errors.deadletterqueue.topic.name", "ab1");
	assert_only_problem(f, "topics.regex", "ab1, is among the topics");
	set(f, "topics.regex", "");
	assert_problem(f, "topics", "is required, or topics.regex");
}

static void regular_expressions_of_java_are_rewritten_or_refused(void **state)
{
	static const struct {
		const char *java, *posix;
	} good[] = {
		{ "a|b", "^(a|b)$" },
		{ "(?:a|b)\\.\\w+", "^((a|b)\\.[a-zA-Z0-9_]+)$" },
		{ "[\\w.]+[^\\d]", "^([a-zA-Z0-9_.]+[^0-9])$" },
		{ "\\S\\-x", "^([^ \t]\\-x)$" },
	};
	static const char *const bad[] = { "a(?!b)", "(?i)a",  "a*+",   "a*?", "\\p{L}", "\\bx",
		                           "(a)\\1", "[a[b]]", "[\\D]", "a(",  "[a",     "x\\" };
	outflow_error err = { .size = sizeof err };
	char posix[200];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(connect_regex(good[i].java, posix, sizeof posix, &err), OUTFLOW_OK);
		assert_string_equal(posix, good[i].posix);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (connect_regex(bad[i], posix, sizeof posix, &err) != OUTFLOW_E_CONFIG)
			fail_msg("%s is taken, as %s", bad[i], posix);
	assert_int_equal(connect_regex("abcdefghijkl", posix, 8, &err), OUTFLOW_E_CONFIG);
	assert_true(connect_regex_fits("^(a.*)$", "ab"));
	assert_false(connect_regex_fits("^(a)$", "ab"));
}

/* ---- clients ---- */

static void the_hosts_properties_come_first(void **state)
{
	struct fixture *f = *state;

	source(f);
	set_host(f, "producer.linger.ms", "1");
	set_host(f, "producer.batch.size", "1000");
	set_host(f, "producer.ssl.ca.location", "/etc/ca.pem");
	set_host(f, "consumer.fetch.min.bytes", "3");
	set(f, "producer.override.linger.ms", "2");
	set(f, "producer.override.bootstrap.servers", "other:9092");
	make_good(f);
	assert_native(f, "sink.bootstrap", "other:9092");
	assert_native(f, "sink.producer.linger.ms", "2");
	assert_native(f, "sink.producer.batch.size", "1000");
	assert_native(f, "sink.producer.ssl.ca.location", "/etc/ca.pem");
	assert_native(f, "source.consumer.fetch.min.bytes", NULL);
}

static void properties_are_allowed_by_a_policy(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "producer.override.plugin.library.paths", "/tmp/x.so");
	assert_only_problem(f, "producer.override.plugin.library.paths", "not among the client properties");
	set(f, "sink.producer.ssl.ca.location", "/etc/passwd");
	assert_problem(f, "sink.producer.ssl.ca.location", "not among the client properties");
	settings_clear(&f->declaration.settings);
	source(f);
	set(f, "producer.override.linger.ms", "2");
	set_host(f, "connector.client.config.override.allowlist", "acks, batch.size");
	assert_only_problem(f, "producer.override.linger.ms", "'linger.ms' is not among");
	set_host(f, "connector.client.config.override.allowlist", "acks, linger.ms");
	make_good(f);
	set_host(f, "connector.client.config.override.policy", "None");
	assert_only_problem(f, "producer.override.linger.ms", "is None");
	set_host(f, "connector.client.config.override.policy", "All");
	set(f, "producer.override.queue.buffering.backpressure.threshold", "2");
	make_good(f);
}

static void properties_of_clients_that_are_not_there_are_refused(void **state)
{
	struct fixture *f = *state;

	source(f);
	set(f, "consumer.override.fetch.min.bytes", "2");
	assert_only_problem(f, "consumer.override.fetch.min.bytes", "a source connector has no consumer");
	settings_clear(&f->declaration.settings);
	source(f);
	set(f, "admin.override.client.rack", "r");
	assert_only_problem(f, "admin.override.client.rack", "see producer.override.");
	set(f, "producer.override.client.rack", "r");
	set(f, "consumer.override.client.rack", "r");
	make_good(f);
	settings_clear(&f->declaration.settings);
	sink(f);
	set(f, "producer.override.linger.ms", "2");
	assert_only_problem(f, "producer.override.linger.ms", "for dead letters alone");
	set(f, "errors.deadletterqueue.topic.name", "d");
	make_good(f);
}

/* ---- versions ---- */

static void versions_are_asked_for(void **state)
{
	static const struct {
		const char *version, *wanted;
		int fits;
	} cases[] = {
		{ "0.1.0", "0.1.0", 1 },    { "0.1.0", "0.1", 1 },         { "0.1.0", "0.2", 0 },
		{ "0.1.0", "latest", 1 },   { "0.1.0", "[0.1,1.0)", 1 },   { "1.0", "[0.1,1.0)", 0 },
		{ "1.0", "(,1.0]", 1 },     { "1.0", "(1.0,)", 0 },        { "1.10", "[1.9,)", 1 },
		{ "1.0-rc1", "[1.0,)", 0 }, { "2.0", "[1.0],[2.0]", 1 },   { "2.0", "[1.0]", 0 },
		{ "1.0", "[1.0", -1 },      { "1.0", "(1.0)", -1 },        { "1.0", "one two", -1 },
		{ "1.0", "[,]", -1 },       { "1.0", "[1,2],,[3,4]", -1 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (plugin_version_fits(cases[i].version, cases[i].wanted) != cases[i].fits)
			fail_msg("%s and %s", cases[i].version, cases[i].wanted);
	source(f);
	set(f, "connector.plugin.version", "[0.0.1,99)");
	set(f, "value.converter", "String");
	set(f, "value.converter.plugin.version", "99");
	assert_only_problem(f, "value.converter.plugin.version", "no version of the converter that fits '99'");
	set(f, "value.converter.plugin.version", "latest");
	make_good(f);
	set(f, "key.converter.plugin.version", "latest");
	assert_only_problem(f, "key.converter.plugin.version", "has no effect without key.converter");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_source_is_ours_and_kafka),
		TEST(a_file_sink_is_kafka_and_ours),
		TEST(java_names_are_known_in_full_and_short),
		TEST(other_java_classes_are_refused_by_name),
		TEST(a_component_of_ours_is_a_connector),
		TEST(a_sink_of_ours_reads_kafka),
		TEST(a_source_with_a_topic_of_its_own_keeps_it),
		TEST(what_is_missing_is_said_once_in_the_users_words),
		TEST(wrong_values_are_said_of_the_key_as_it_is_spelled),
		TEST(a_wrong_value_of_the_hosts_is_said_of_its_line),
		TEST(unknown_keys_are_mistakes_with_a_suggestion),
		TEST(json_quotes_the_lines_of_a_file),
		TEST(json_is_unquoted_into_a_file),
		TEST(converters_are_known_in_full_and_short),
		TEST(what_converters_there_are_not_is_refused),
		TEST(the_hosts_converters_stand_in),
		TEST(a_format_and_a_converter_are_one_too_many),
		TEST(dead_letters_go_to_the_topic),
		TEST(dead_letters_are_there_for_sources_too),
		TEST(what_has_no_effect_in_connect_either_is_taken),
		TEST(what_there_is_not_is_refused_by_name),
		TEST(topics_are_created_as_is_said),
		TEST(a_pipeline_of_the_api_may_not_load_code),
		TEST(transforms_are_ours),
		TEST(one_of_topics_and_a_regular_expression),
		TEST(regular_expressions_of_java_are_rewritten_or_refused),
		TEST(the_hosts_properties_come_first),
		TEST(properties_are_allowed_by_a_policy),
		TEST(properties_of_clients_that_are_not_there_are_refused),
		TEST(versions_are_asked_for),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, open_inventory, close_inventory);
}
