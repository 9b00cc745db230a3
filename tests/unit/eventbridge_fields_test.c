/* SPDX-License-Identifier: Apache-2.0 */
/* eventbridge_fields_test.c: each field of a stream becomes its setting and comes back, or is refused by its name. */
#include "host/api/eventbridge_fields.h"
#include "host/api/eventbridge_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct fixture {
	struct settings settings;
	struct problems problems;
};

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	if (value == NULL)
		print_error("no JSON: %s\n", text);
	assert_non_null(value);
	return value;
}

static void read_part(struct fixture *f, const char *part, const char *text)
{
	json_t *value = parse(text);

	assert_int_equal(stream_read(part, value, &f->settings, &f->problems), OUTFLOW_OK);
	json_decref(value);
}

static void end(struct fixture *f)
{
	settings_clear(&f->settings);
	problems_clear(&f->problems);
}

/* "key=value" of each, with a line's end between. */
static char *lines(const struct settings *s)
{
	char *text = calloc(1, 4096);

	for (size_t i = 0; i < s->n; i++)
		snprintf(text + strlen(text), 4096 - strlen(text), "%s%s=%s", i > 0 ? "\n" : "", s->list[i].key,
		         s->list[i].value);
	return text;
}

static void assert_settings(const struct fixture *f, const char *expected)
{
	char *text = lines(&f->settings);

	for (size_t i = 0; i < f->problems.n; i++)
		print_error("%s: %s\n", f->problems.list[i].key, f->problems.list[i].message);
	assert_int_equal(f->problems.n, 0);
	assert_string_equal(text, expected);
	free(text);
}

/* ---- what a stream says ---- */

#define MQTT(fields) "{\"SourceMQTTParameters\": {\"InstanceId\": \"plant\", \"Topic\": \"a/#\"" fields "}}"
#define KAFKA(fields)                                                                                                  \
	"{\"SinkKafkaParameters\": {\"InstanceId\": {\"Form\": \"CONSTANT\", \"Value\": \"lake\"}" fields "}}"
#define OF_MQTT "source.class=mqtt\nsource.connection=plant"
#define OF_KAFKA "sink.class=kafka\nsink.connection=lake"

static void each_field_is_a_setting(void **state)
{
	static const char *const cases[][3] = {
		{ "Description", "\"d\"", "description=d" },
		{ "FilterPattern", "\"{}\"", "filter.dialect=alibaba\nfilter.pattern={}" },
		{ "Source", MQTT(""), OF_MQTT "\nsource.topics=a/#" },
		{ "Source", MQTT(", \"BodyDataType\": \"JSON\""), OF_MQTT "\nsource.format=json\nsource.topics=a/#" },
		{ "Source", MQTT(", \"BodyDataType\": \"Text\""), OF_MQTT "\nsource.format=text\nsource.topics=a/#" },
		{ "Source", MQTT(", \"BodyDataType\": \"Binary\""),
		  OF_MQTT "\nsource.format=binary\nsource.topics=a/#" },
		{ "Source", MQTT(", \"RegionId\": \"here\""),
		  OF_MQTT "\nsource.event.extensions.aliyunregionid=here\nsource.topics=a/#" },
		{ "Source", MQTT(", \"VpcId\": \"\", \"NetworkType\": null"), OF_MQTT "\nsource.topics=a/#" },
		{ "Sink", KAFKA(", \"Topic\": {\"Form\": \"CONSTANT\", \"Value\": \"t\"}"), OF_KAFKA "\nsink.topic=t" },
		{ "Sink", KAFKA(", \"Topic\": {\"Value\": \"t\"}"), OF_KAFKA "\nsink.topic=t" },
		{ "Sink", KAFKA(", \"DynamicTopic\": {\"Form\": \"JSONPATH\", \"Value\": \"$.t\"}"),
		  OF_KAFKA "\nsink.topic.form=JSONPATH\nsink.topic.value=$.t" },
		{ "Sink", KAFKA(", \"Acks\": {\"Form\": \"CONSTANT\", \"Value\": \"all\"}"),
		  "sink.acks=all\n" OF_KAFKA },
		{ "Sink", KAFKA(", \"Key\": {\"Form\": \"JSONPATH\", \"Value\": \"$.k\"}"),
		  OF_KAFKA "\nsink.key.form=JSONPATH\nsink.key.value=$.k" },
		{ "Sink", KAFKA(", \"Key\": {\"Value\": \"$.k\"}"),
		  OF_KAFKA "\nsink.key.form=CONSTANT\nsink.key.value=$.k" },
		{ "Sink", KAFKA(", \"Value\": {\"Form\": \"TEMPLATE\", \"Value\": \"{}\", \"Template\": \"${a}\"}"),
		  OF_KAFKA "\nsink.value.form=TEMPLATE\nsink.value.template=${a}\nsink.value.value={}" },
		{ "Sink", KAFKA(", \"Headers\": {\"Form\": \"CONSTANT\", \"Value\": \"{}\"}"),
		  OF_KAFKA "\nsink.headers.form=CONSTANT\nsink.headers.value={}" },
		{ "Sink", KAFKA(", \"CompressionType\": \"lz4\""),
		  "sink.class=kafka\nsink.compression=lz4\nsink.connection=lake" },
		{ "Transforms", "[{\"Arn\": \"http://a/\"}, {\"Arn\": \"https://b/\"}]",
		  "transforms=t1,t2\ntransforms.t1.class=function\ntransforms.t1.url=http://a/\n"
		  "transforms.t2.class=function\ntransforms.t2.url=https://b/" },
		{ "Transforms", "[]", "" },
		{ "RunOptions", "{\"MaximumTasks\": 3, \"ErrorsTolerance\": \"ALL\"}",
		  "errors.tolerance=all\ntasks.max=3" },
		{ "RunOptions", "{\"MaximumTasks\": \"3\", \"ErrorsTolerance\": \"NONE\"}",
		  "errors.tolerance=none\ntasks.max=3" },
		{ "RunOptions", "{\"BatchWindow\": {\"CountBasedWindow\": 100, \"TimeBasedWindow\": 10}}",
		  "batch.interval=10s\nbatch.messages=100" },
		{ "RunOptions", "{\"BatchWindow\": {\"TimeBasedWindow\": 0}}", "batch.interval=0s" },
		{ "RunOptions",
		  "{\"RetryStrategy\": {\"PushRetryStrategy\": \"BACKOFF_RETRY\", \"MaximumRetryAttempts\": 4, "
		  "\"MaximumEventAgeInSeconds\": 60}}",
		  "retry.max.age=60s\nretry.max.attempts=4\nretry.policy=BACKOFF_RETRY" },
		{ "RunOptions", "{\"DeadLetterQueue\": {\"Arn\": \"acs:alikafka:r:1:instance/lake/topic/d\"}}",
		  "deadletter.class=kafka\ndeadletter.connection=lake\ndeadletter.mode=raw\ndeadletter.topic=d" },
		{ "RunOptions", "{\"Throttling\": 50}", "throttle.records.per.second=50" },
		{ "RunOptions", "{\"BusinessOption\": null}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f = { 0 };

		read_part(&f, cases[i][0], cases[i][1]);
		assert_settings(&f, cases[i][2]);
		end(&f);
	}
}

static void the_rest_is_refused_by_name(void **state)
{
	static const char *const cases[][3] = {
		{ "Description", "7", "Description" },
		{ "FilterPattern", "{}", "FilterPattern" },
		{ "Metadata", "\"x\"", "Metadata" },
		{ "Source", "{}", "Source" },
		{ "Source", "[]", "Source" },
		{ "Source", "\"\"", "Source" },
		{ "Source", "{\"SourceMQTTParameters\": 1}", "Source.SourceMQTTParameters" },
		{ "Source", "{\"SourceMQTTParameters\": {\"Topic\": \"a\"}}",
		  "Source.SourceMQTTParameters.InstanceId" },
		{ "Source", "{\"SourceMNSParameters\": {}}", "Source.SourceMNSParameters" },
		{ "Source", MQTT(", \"BodyDataType\": \"json\""), "Source.SourceMQTTParameters.BodyDataType" },
		{ "Source", MQTT(", \"BodyDataType\": [1]"), "Source.SourceMQTTParameters.BodyDataType" },
		{ "Source", MQTT(", \"RegionId\": 1"), "Source.SourceMQTTParameters.RegionId" },
		{ "Source", MQTT(", \"Tpic\": \"a\""), "Source.SourceMQTTParameters.Tpic" },
		{ "Sink", "{}", "Sink" },
		{ "Sink", "{\"SinkFcParameters\": {}}", "Sink.SinkFcParameters" },
		{ "Sink", "{\"SinkKafkaParameters\": {}}", "Sink.SinkKafkaParameters.InstanceId" },
		{ "Sink", KAFKA(", \"Topic\": \"t\""), "Sink.SinkKafkaParameters.Topic" },
		{ "Sink", KAFKA(", \"Topic\": {\"Form\": \"CONSTANT\"}"), "Sink.SinkKafkaParameters.Topic" },
		{ "Sink", KAFKA(", \"Topic\": {\"Form\": \"JSONPATH\", \"Value\": \"$.t\"}"),
		  "Sink.SinkKafkaParameters.Topic.Form" },
		{ "Sink", KAFKA(", \"Topic\": {\"Value\": \"t\", \"Template\": \"x\"}"),
		  "Sink.SinkKafkaParameters.Topic.Template" },
		{ "Sink", KAFKA(", \"Topic\": {\"Value\": \"t\"}, \"DynamicTopic\": {\"Value\": \"t\"}"),
		  "Sink.SinkKafkaParameters.DynamicTopic" },
		{ "Sink",
		  KAFKA(", \"DynamicTopic\": {\"Form\": \"JSONPATH\", \"Value\": \"$\"}, \"Topic\": {\"Value\": \"t\"}"),
		  "Sink.SinkKafkaParameters.Topic" },
		{ "Sink", KAFKA(", \"Key\": {\"Form\": 1}"), "Sink.SinkKafkaParameters.Key.Form" },
		{ "Sink", KAFKA(", \"Key\": {\"From\": \"CONSTANT\"}"), "Sink.SinkKafkaParameters.Key.From" },
		{ "Sink", KAFKA(", \"CompressionType\": {}"), "Sink.SinkKafkaParameters.CompressionType" },
		{ "Transforms", "{}", "Transforms" },
		{ "Transforms", "[1]", "Transforms.1.Arn" },
		{ "Transforms", "[{\"Arn\": \"http://a/\"}, {\"Arn\": \"acs:fc:1\"}]", "Transforms.2.Arn" },
		{ "Transforms", "[{\"Arn\": \"http://a/\", \"AiChunkTransformParameters\": {}}]",
		  "Transforms.1.AiChunkTransformParameters" },
		{ "RunOptions", "{\"MaximumTasks\": 1.5}", "RunOptions.MaximumTasks" },
		{ "RunOptions", "{\"MaximumTasks\": \"x\"}", "RunOptions.MaximumTasks" },
		{ "RunOptions", "{\"ErrorsTolerance\": \"all\"}", "RunOptions.ErrorsTolerance" },
		{ "RunOptions", "{\"BatchWindow\": {\"TimeBasedWindow\": \"1s\"}}",
		  "RunOptions.BatchWindow.TimeBasedWindow" },
		{ "RunOptions", "{\"BatchWindow\": 5}", "RunOptions.BatchWindow" },
		{ "RunOptions", "{\"RetryStrategy\": {\"PushRetryStrategy\": 1}}",
		  "RunOptions.RetryStrategy.PushRetryStrategy" },
		{ "RunOptions", "{\"DeadLetterQueue\": {\"Arn\": \"acs:mns:r:1:/queues/q\"}}",
		  "RunOptions.DeadLetterQueue.Arn" },
		{ "RunOptions", "{\"DeadLetterQueue\": {\"Arn\": \"acs:alikafka:r:1:instance//topic/d\"}}",
		  "RunOptions.DeadLetterQueue.Arn" },
		{ "RunOptions", "{\"DeadLetterQueue\": {\"Arn\": \"acs:alikafka:r:1:instance/lake/topic/\"}}",
		  "RunOptions.DeadLetterQueue.Arn" },
		{ "RunOptions", "{\"Throttling\": {}}", "RunOptions.Throttling" },
		{ "RunOptions", "{\"BusinessOption\": {}}", "RunOptions.BusinessOption" },
		{ "RunOptions", "{\"Nonsense\": 0}", "RunOptions.Nonsense" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f = { 0 };

		read_part(&f, cases[i][0], cases[i][1]);
		if (f.problems.n != 1)
			print_error("%s %s: %zu problems\n", cases[i][0], cases[i][1], f.problems.n);
		assert_int_equal(f.problems.n, 1);
		assert_string_equal(f.problems.list[0].key, cases[i][2]);
		end(&f);
	}
}

/* Puts a value where a path says, and nothing else. */
static json_t *only(const char *path, json_t *value)
{
	const char *dot = strrchr(path, '.');
	char *rest = strndup(path, dot ? (size_t)(dot - path) : 0);
	json_t *result = value;

	if (dot != NULL) {
		value = json_object();
		json_object_set_new(value, dot + 1, result);
		result = only(rest, value);
	}
	free(rest);
	return result;
}

static void every_refused_field_of_the_table_is_refused(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct stream_field *it = stream_fields; it->path != NULL; it++) {
		char *part = strndup(it->path, strcspn(it->path, "."));
		struct fixture f = { 0 };
		json_t *value = only(it->path, json_string("x"));

		if (it->kind == REFUSED) {
			n++;
			assert_int_equal(stream_read(part, value, &f.settings, &f.problems), OUTFLOW_OK);
			assert_int_equal(f.problems.n, 1);
			assert_string_equal(f.problems.list[0].key, it->path);
			assert_non_null(strstr(f.problems.list[0].message, it->key));
		}
		json_decref(value);
		free(part);
		end(&f);
	}
	assert_true(n > 5);
}

static void a_part_takes_the_place_of_the_old_one(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	settings_set(&f.settings, "source.qos", "2", NULL, 0);
	read_part(&f, "Source", MQTT(", \"BodyDataType\": \"Text\", \"RegionId\": \"r\""));
	read_part(&f, "Source", MQTT(""));
	read_part(&f, "Sink", KAFKA(", \"DynamicTopic\": {\"Form\": \"JSONPATH\", \"Value\": \"$.t\"}"));
	read_part(&f, "Sink", KAFKA(", \"Topic\": {\"Value\": \"t\"}"));
	read_part(&f, "Transforms", "[{\"Arn\": \"http://a/\"}, {\"Arn\": \"http://b/\"}]");
	read_part(&f, "Transforms", "[{\"Arn\": \"http://c/\"}]");
	read_part(&f, "FilterPattern", "\"{}\"");
	read_part(&f, "FilterPattern", "null");
	read_part(&f, "RunOptions",
	          "{\"DeadLetterQueue\": {\"Arn\": \"acs:alikafka:::instance/lake/topic/d\"}, \"MaximumTasks\": 2}");
	read_part(&f, "RunOptions", "{}");
	/* What a stream cannot say stays. */
	assert_settings(&f, OF_KAFKA
	                "\nsink.topic=t\nsource.class=mqtt\nsource.connection=plant\nsource.qos=2\nsource.topics=a/#\n"
	                "transforms=t1\ntransforms.t1.class=function\ntransforms.t1.url=http://c/");
	end(&f);
}

/* ---- settings, as a stream says them ---- */

static void what_was_read_is_shown_again(void **state)
{
	static const char text[] =
		"{\"Description\": \"d\", \"FilterPattern\": \"{\\\"a\\\": [1]}\","
		" \"Source\": " MQTT(
			", \"BodyDataType\": \"Binary\", \"RegionId\": \"r\"") ","
									       " \"Sink\": " KAFKA(
										       ", \"Acks\": {\"Form\": \"CONSTANT\", \"Value\": \"1\"},"
										       " \"DynamicTopic\": {\"Form\": \"TEMPLATE\", \"Value\": \"{}\", \"Template\": \"t\"},"
										       " \"Key\": {\"Form\": \"JSONPATH\", \"Value\": \"$.k\"},"
										       " \"Value\": {\"Form\": \"ORIGINAL\"}, \"CompressionType\": \"zstd\"") ","
																			      " \"Transforms\": [{\"Arn\": \"http://a/\"}],"
																			      " \"RunOptions\": {\"MaximumTasks\": 2, \"ErrorsTolerance\": \"NONE\","
																			      "  \"BatchWindow\": {\"CountBasedWindow\": 5, \"TimeBasedWindow\": 0},"
																			      "  \"RetryStrategy\": {\"PushRetryStrategy\": \"BACKOFF_RETRY\", \"MaximumRetryAttempts\": 1,"
																			      "   \"MaximumEventAgeInSeconds\": 7},"
																			      "  \"DeadLetterQueue\": {\"Arn\": \"acs:alikafka:::instance/lake/topic/d\"}}}";
	struct fixture f = { 0 };
	json_t *wanted = parse(text), *value, *shown;
	const char *part;

	(void)state;
	json_object_foreach(wanted, part, value)
		assert_int_equal(stream_read(part, value, &f.settings, &f.problems), OUTFLOW_OK);
	assert_int_equal(f.problems.n, 0);
	shown = stream_json(&f.settings, "mqtt/source", "kafka/sink");
	assert_true(json_equal(shown, wanted));
	json_decref(shown);
	json_decref(wanted);
	end(&f);
}

static void what_a_stream_cannot_say_is_left_out(void **state)
{
	static const char *const settings[][2] = {
		{ "source.class", "mqtt" },
		{ "source.topics", "a" },
		{ "source.qos", "2" },
		{ "sink.class", "kafka/sink" },
		{ "sink.topic", "$.t" },
		{ "sink.acks", "all" },
		{ "sink.key", "$.k" },
		{ "sink.value", "v" },
		{ "batch.interval", "1500ms" },
		{ "retry.max.age", "2min" },
		{ "transforms", "t, u" },
		{ "transforms.t.class", "rename" },
		{ "transforms.u.class", "function" },
		{ "transforms.u.url", "http://u/" },
		{ "deadletter.class", "file" },
		{ "errors.tolerance", "${env:T}" },
	};
	struct fixture f = { 0 };
	json_t *shown,
		*wanted = parse(
			"{\"FilterPattern\": \"\", \"Source\": {\"SourceMQTTParameters\": {\"Topic\": \"a\"}},"
			" \"Sink\": {\"SinkKafkaParameters\": {\"Acks\": {\"Form\": \"CONSTANT\", \"Value\": \"all\"},"
			"  \"DynamicTopic\": {\"Form\": \"JSONPATH\", \"Value\": \"$.t\"},"
			"  \"Key\": {\"Form\": \"JSONPATH\", \"Value\": \"$.k\"},"
			"  \"Value\": {\"Form\": \"CONSTANT\", \"Value\": \"v\"}}},"
			" \"Transforms\": [{\"Arn\": \"http://u/\"}],"
			" \"RunOptions\": {\"RetryStrategy\": {\"MaximumEventAgeInSeconds\": 120}}}");
	json_t *other;

	(void)state;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		settings_set(&f.settings, settings[i][0], settings[i][1], NULL, 0);
	shown = stream_json(&f.settings, "mqtt/source", "kafka/sink");
	if (!json_equal(shown, wanted))
		print_error("%s\n", json_dumps(shown, 0));
	assert_true(json_equal(shown, wanted));
	other = stream_json(&f.settings, "file/source", NULL);
	assert_int_equal(json_object_size(json_object_get(other, "Source")), 0);
	assert_int_equal(json_object_size(json_object_get(other, "Sink")), 0);
	json_decref(other);
	json_decref(shown);
	json_decref(wanted);
	end(&f);
}

static void a_problem_of_a_setting_has_the_name_of_its_field(void **state)
{
	(void)state;
	assert_string_equal(stream_field_of("source.topics"), "Source.SourceMQTTParameters.Topic");
	assert_string_equal(stream_field_of("sink.key.template"), "Sink.SinkKafkaParameters.Key");
	assert_string_equal(stream_field_of("transforms.t1.url"), "Transforms");
	assert_string_equal(stream_field_of("deadletter.topic"), "RunOptions.DeadLetterQueue.Arn");
	assert_string_equal(stream_field_of("source.qos"), "source.qos");
	assert_string_equal(stream_field_of("sink.keys"), "sink.keys");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_a_setting),
		cmocka_unit_test(the_rest_is_refused_by_name),
		cmocka_unit_test(every_refused_field_of_the_table_is_refused),
		cmocka_unit_test(a_part_takes_the_place_of_the_old_one),
		cmocka_unit_test(what_was_read_is_shown_again),
		cmocka_unit_test(what_a_stream_cannot_say_is_left_out),
		cmocka_unit_test(a_problem_of_a_setting_has_the_name_of_its_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
