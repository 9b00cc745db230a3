/* SPDX-License-Identifier: Apache-2.0 */
/* envelope_test.c: a record seen as CloudEvent has the attributes and data that it should, made only when asked
 * for. */
#include "sdk/testing/harness.h"
#include "transforms/language/path.h"
#include "transforms/language/query.h"
#include "transforms/language/rfc3339.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What path finds in r with the settings of t, as JSON text; "missing", "record error" or "no memory". */
static void shows(outflow_harness *t, const outflow_record *r, const char *path, const char *expected)
{
	outflow_error err = { .msg = "" };
	struct event_settings settings;
	struct path *p = NULL;
	struct event e;
	struct value v;
	outflow_bytes json;
	const char *got;
	size_t n;

	event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), &settings, r, &err);
	assert_int_equal(path_compile(outflow_text(path), &p, &err), OUTFLOW_OK);
	path_find(p, &e, &v);
	json = event_value_json(&e, &v);
	path_free(&p);
	got = e.status == OUTFLOW_E_RECORD ? "record error" : e.status == OUTFLOW_E_NOMEM ? "no memory" : "missing";
	if (json.ptr == NULL)
		json = outflow_text_bytes(outflow_text(got));
	/* A string without its end stands for all that begin so. */
	n = expected[0] == '"' && expected[strlen(expected) - 1] != '"' ? strlen(expected) : json.len;
	if (n != strlen(expected) || n > json.len || memcmp(json.ptr, expected, n) != 0)
		fail_msg("%s: %.*s, wanted %s (%s)", path, (int)json.len, (const char *)json.ptr, expected, err.msg);
}

static outflow_record *mqtt_record(outflow_harness *t, const char *payload)
{
	outflow_record *r = outflow_harness_input(t, "plant/p1/temp", "plant/p1/temp", payload);

	outflow_harness_header(t, r, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, r, "outflow.mqtt.retain", "true");
	outflow_harness_header(t, r, "outflow.mqtt.dup", "0");
	outflow_harness_header(t, r, "site", "north");
	outflow_harness_header(t, r, "outflow.mqtt.content.type", "application/json");
	outflow_harness_header(t, r, "outflow.mqtt.response.topic", "answers");
	outflow_harness_header(t, r, "outflow.mqtt.correlation.data", "\x01\xff");
	outflow_harness_header(t, r, "outflow.mqtt.message.expiry", "60");
	outflow_harness_header(t, r, "line", "4");
	return r;
}

static void attributes(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r;

	(void)state;
	outflow_harness_place(t, "plant-to-kafka", 2, 3);
	outflow_harness_input(t, "x", NULL, "1");
	r = mqtt_record(t, "{\"t\":21}");
	shows(t, r, "$.specversion", "\"1.0\"");
	shows(t, r, "$.id", "\"outflow/plant-to-kafka/2/1\"");
	shows(t, r, "$.source", "\"acs:mqtt\"");
	shows(t, r, "$.type", "\"mqtt:Topic:SendMessage\"");
	shows(t, r, "$.subject", "\"acs:mqtt%plant/p1/temp\"");
	shows(t, r, "$.time", "\"2026-01-01T00:00:00.000Z\"");
	shows(t, r, "$.datacontenttype", "\"application/json;charset=utf-8\"");
	shows(t, r, "$.dataschema", "missing");
	r->timestamp_ms = -1;
	shows(t, r, "$.time", "missing");
	outflow_harness_set(t, "source.event.source", "my:source");
	outflow_harness_set(t, "source.event.type", "my.type");
	outflow_harness_set(t, "cluster", "north");
	shows(t, r, "$.source", "\"my:source\"");
	shows(t, r, "$.type", "\"my.type\"");
	shows(t, r, "$.subject", "\"my:source%plant/p1/temp\"");
	shows(t, r, "$.id", "\"north/plant-to-kafka/2/1\"");
	outflow_harness_set(t, "source.event.subject", "acs:mqtt:cn-x:12:post-1");
	shows(t, r, "$.subject", "\"acs:mqtt:cn-x:12:post-1%plant/p1/temp\"");
	outflow_harness_free(&t);
}

static void a_long_name_keeps_the_id_short(void **state)
{
	outflow_harness *t = outflow_harness_new();
	char name[301];
	struct event_settings a, b;

	(void)state;
	memset(name, 'n', 300);
	name[300] = '\0';
	outflow_harness_place(t, name, 7, 8);
	event_settings_read(&a, outflow_harness_host(t), outflow_harness_config(t), "source.");
	name[299] = 'm';
	outflow_harness_place(t, name, 7, 8);
	event_settings_read(&b, outflow_harness_host(t), outflow_harness_config(t), "source.");
	assert_int_equal(strlen(a.id_prefix), 16 + 3);
	assert_string_not_equal(a.id_prefix, b.id_prefix);
	outflow_harness_free(&t);
}

static void properties(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = mqtt_record(t, "{\"t\":21}");

	(void)state;
	shows(t, r, "$.data.props.topic", "\"plant/p1/temp\"");
	shows(t, r, "$.data.props.parentTopic", "\"plant\"");
	shows(t, r, "$.data.props.qos", "1");
	shows(t, r, "$.data.props.retain", "true");
	shows(t, r, "$.data.props.dup", "false");
	shows(t, r, "$.data.props.format", "\"json\"");
	shows(t, r, "$.data.props.contentType", "\"application/json\"");
	shows(t, r, "$.data.props.responseTopic", "\"answers\"");
	shows(t, r, "$.data.props.correlationData", "\"Af8=\"");
	shows(t, r, "$.data.props.messageExpiryInterval", "60");
	shows(t, r, "$.data.props.userProperties",
	      "[{\"key\":\"site\",\"value\":\"north\"},{\"key\":\"line\",\"value\":\"4\"}]");
	shows(t, r, "$.data.props.userProperties[1].value", "\"4\"");
	shows(t, r, "$.data.props.userProperties[-2].key", "\"site\"");
	shows(t, r, "$.data.props.userProperties[2]", "missing");
	shows(t, r, "$.data.props.userProperties[-3]", "missing");
	shows(t, r, "$.data.props.userProperties[0].other", "missing");
	shows(t, r, "$.data.props.userProperties.key", "missing");
	shows(t, r, "$.data.props.nothing", "missing");
	shows(t, r, "$.data.props.topic.more", "missing");
	shows(t, r, "$.data.props[0]", "missing");
	r = outflow_harness_input(t, "flat", NULL, "1");
	shows(t, r, "$.data.props.parentTopic", "\"flat\"");
	shows(t, r, "$.data.props.qos", "missing");
	shows(t, r, "$.data.props.userProperties", "[]");
	outflow_harness_free(&t);
}

/* What a stage changes in the routing is not what the message came with. */
static void properties_are_those_of_the_origin(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record changed = *mqtt_record(t, "1");

	(void)state;
	changed.topic = outflow_text("elsewhere");
	changed.n_headers = 0;
	shows(t, &changed, "$.data.props.topic", "\"plant/p1/temp\"");
	shows(t, &changed, "$.data.props.qos", "1");
	shows(t, &changed, "$.subject", "\"acs:mqtt%plant/p1/temp\"");
	outflow_harness_free(&t);
}

/* Parts of one payload are events of their own, also when their source has never heard of them. */
static void parts_of_a_payload(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record part = *outflow_harness_input(t, "t", NULL, "1");
	const outflow_header headers[] = {
		{ { "outflow.part", 12 }, { "2", 1 } },
		{ { "outflow.parts", 13 }, { "3", 1 } },
	};

	(void)state;
	outflow_harness_place(t, "p", 0, 1);
	shows(t, &part, "$.data.props.part", "missing");
	shows(t, &part, "$.id", "\"outflow/p/0/0\"");
	part.headers = headers;
	part.n_headers = 2;
	shows(t, &part, "$.data.props.part", "2");
	shows(t, &part, "$.data.props.parts", "3");
	shows(t, &part, "$.id", "\"outflow/p/0/0/2\"");
	outflow_harness_free(&t);
}

static void bodies(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = mqtt_record(t, "{\"t\": 2.10}"), *bad;

	(void)state;
	shows(t, r, "$.data.body", "{\"t\": 2.10}");
	shows(t, r, "$.data.value.t", "2.10");
	shows(t, r, "$.data.key", "\"plant/p1/temp\"");
	bad = outflow_harness_input_bytes(t, "x", "{\"t\":\xff}", 7);
	shows(t, bad, "$.data.body", "record error");
	shows(t, bad, "$.data.key", "null");
	outflow_harness_set(t, "source.format.invalid", "text");
	shows(t, bad, "$.data.body", "record error");
	shows(t, outflow_harness_input(t, "x", NULL, "not \"json\""), "$.data.body", "\"not \\\"json\\\"\"");
	shows(t, outflow_harness_input(t, "x", NULL, "not json"), "$.data.props.format", "\"text\"");
	outflow_harness_set(t, "source.format.invalid", "binary");
	shows(t, bad, "$.data.body", "\"eyJ0Ijr/fQ==\"");
	shows(t, bad, "$.data.props.format", "\"binary\"");
	shows(t, r, "$.data.props.format", "\"json\"");
	outflow_harness_set(t, "source.format", "text");
	shows(t, r, "$.data.body", "\"{\\\"t\\\": 2.10}\"");
	shows(t, r, "$.data.body.t", "missing");
	outflow_harness_set(t, "source.format", "binary");
	shows(t, outflow_harness_input(t, "x", NULL, ""), "$.data.body", "\"\"");
	shows(t, outflow_harness_input(t, "x", NULL, "f"), "$.data.body", "\"Zg==\"");
	shows(t, outflow_harness_input(t, "x", NULL, "foo"), "$.data.body", "\"Zm9v\"");
	shows(t, outflow_harness_input(t, "x", NULL, NULL), "$.data.body", "null");
	r = outflow_harness_input(t, "x", "\xff", "1");
	shows(t, r, "$.data.key", "\"/w==\"");
	outflow_harness_free(&t);
}

static void the_whole_event(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = outflow_harness_input(t, "a/b", "k\"", "[1, 2]");

	(void)state;
	outflow_harness_header(t, r, "outflow.mqtt.qos", "0");
	outflow_harness_header(t, r, "u", "v");
	shows(t, r, "$",
	      "{\"specversion\":\"1.0\",\"id\":\"outflow/test/0/0\",\"source\":\"acs:mqtt\",\"type\":\"mqtt:Topic:SendMessage\","
	      "\"subject\":\"acs:mqtt%a/b\",\"time\":\"2026-01-01T00:00:00.000Z\","
	      "\"datacontenttype\":\"application/json;charset=utf-8\",\"data\":{\"props\":{\"topic\":\"a/b\",\"parentTopic\":\"a\","
	      "\"qos\":0,\"format\":\"json\",\"userProperties\":[{\"key\":\"u\",\"value\":\"v\"}]},\"body\":[1, 2],"
	      "\"value\":[1, 2],\"key\":\"k\\\"\"}}");
	outflow_harness_free(&t);
}

static void a_payload_can_be_the_event(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r =
		outflow_harness_input(t, "x", "k", "{\"id\":7,\"data\":{\"body\":\"b\",\"props\":{\"topic\":\"y\"}}}");

	(void)state;
	outflow_harness_set(t, "source.format", "text");
	outflow_harness_header(t, r, "outflow.mqtt.content.type", "Application/CloudEvents+JSON; charset=utf-8");
	shows(t, r, "$.id", "7");
	shows(t, r, "$.data.body", "\"b\"");
	shows(t, r, "$.data.props.topic", "\"y\"");
	shows(t, r, "$.source", "missing");
	r = outflow_harness_input(t, "x", "k", "nothing");
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	shows(t, r, "$.id", "record error");
	r = outflow_harness_input(t, "x", "k", "{}");
	outflow_harness_header(t, r, "content-type", "application/cloudevents+jsonx");
	shows(t, r, "$.specversion", "\"1.0\"");
	outflow_harness_free(&t);
}

/* A message that carries a CloudEvent: MQTT 5 as user properties, Kafka as headers. */
static outflow_record *event_record(outflow_harness *t, const char *prefix)
{
	static const char *const attributes[][2] = { { "specversion", "1.0" },
		                                     { "id", "7" },
		                                     { "source", "/pumps" },
		                                     { "type", "reading" },
		                                     { "time", "2018-04-05T03:56:24Z" },
		                                     { "comexampleother", "x" },
		                                     { "comexampleother", "last" },
		                                     { "Not-One", "y" } };
	outflow_record *r = outflow_harness_input(t, "plant/p1", NULL, "{\"t\":1}");
	char name[40];

	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
		snprintf(name, sizeof name, "%s%s", prefix, attributes[i][0]);
		outflow_harness_header(t, r, name, attributes[i][1]);
	}
	return r;
}

static void a_message_can_carry_attributes(void **state)
{
	static const char *const bindings[][2] = { { "", "outflow.mqtt.content.type" }, { "ce_", "content-type" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		outflow_harness *t = outflow_harness_new();
		outflow_record *r = event_record(t, bindings[i][0]);

		outflow_harness_header(t, r, bindings[i][1], "application/json");
		shows(t, r, "$.id", "\"7\"");
		shows(t, r, "$.source", "\"/pumps\"");
		shows(t, r, "$.type", "\"reading\"");
		shows(t, r, "$.time", "\"2018-04-05T03:56:24Z\"");
		shows(t, r, "$.subject", "missing");
		shows(t, r, "$.dataschema", "missing");
		shows(t, r, "$.datacontenttype", "\"application/json\"");
		shows(t, r, "$.comexampleother", "\"last\"");
		shows(t, r, "$['Not-One']", "missing");
		shows(t, r, "$.comexampleother.x", "missing");
		shows(t, r, "$.data.body.t", "1");
		shows(t, r, "$.data.props.topic", "\"plant/p1\"");
		outflow_harness_set(t, "source.event.aliases", "false");
		outflow_harness_set(t, "source.event.extensions.region", "north");
		outflow_harness_set(t, "source.event.extensions.comexampleother", "ours");
		r->n_headers = 9;
		shows(t, r, "$.region", "\"north\"");
		outflow_harness_set(t, "source.event.binding", "none");
		shows(t, r, "$.id", "\"outflow/test/0/0\"");
		shows(t, r, "$.comexampleother", "\"ours\"");
		outflow_harness_free(&t);
	}
}

static void four_attributes_make_an_event(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = event_record(t, "");

	(void)state;
	r->n_headers = 4;
	shows(t, r, "$.source", "\"/pumps\"");
	((outflow_header *)(uintptr_t)r->headers)[3].name = outflow_text("typ"); /* four headers, but no type */
	shows(t, r, "$.source", "\"acs:mqtt\"");
	r = event_record(t, "");
	outflow_harness_header(t, r, "specversion", "0.3");
	shows(t, r, "$.source", "\"acs:mqtt\"");
	r = event_record(t, "");
	outflow_harness_header(t, r, "id", "");
	shows(t, r, "$.source", "\"acs:mqtt\"");
	r = event_record(t, "");
	outflow_harness_header(t, r, "source", "\xff");
	shows(t, r, "$.source", "record error");
	outflow_harness_free(&t);
}

struct found {
	struct event e;
	size_t n;
};

static bool collect_path(void *arg, const struct value *v)
{
	static const char *const expected[] = { "$['region']", "$['comexampleother']" };
	struct found *f = arg;

	assert_true(f->n < 2);
	assert_true(outflow_equal(query_path(&f->e, v), expected[f->n++]));
	return true;
}

/* Queries find extensions like all other members, and tell their places. */
static void extensions_are_members(void **state)
{
	outflow_harness *t = outflow_harness_new();
	struct event_settings settings;
	outflow_error err = { .msg = "" };
	struct query *q = NULL;
	struct found f = { .n = 0 };

	(void)state;
	outflow_harness_set(t, "source.event.extensions.region", "north");
	event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	assert_int_equal(query_compile(outflow_text("$[?@ == 'north' || @ == 'last']"), &q, &err), OUTFLOW_OK);
	event_begin(&f.e, outflow_harness_host(t), outflow_harness_batch(t), &settings, event_record(t, "ce_"), &err);
	query_find(q, &f.e, collect_path, &f);
	assert_int_equal(f.e.status, OUTFLOW_OK);
	assert_int_equal(f.n, 2);
	query_free(&q);
	outflow_harness_free(&t);
}

static void extensions_are_written(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = event_record(t, "ce_");

	(void)state;
	outflow_harness_set(t, "source.event.aliases", "false");
	outflow_harness_set(t, "source.event.extensions.region", "north\"");
	outflow_harness_set(t, "source.event.extensions.comexampleother", "ours");
	shows(t, r, "$",
	      "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/pumps\",\"type\":\"reading\",\"time\":\"2018-04-05T03:56:24Z\","
	      "\"data\":{\"props\":{\"topic\":\"plant/p1\",\"parentTopic\":\"plant\",\"format\":\"json\",\"userProperties\":["
	      "{\"key\":\"ce_specversion\",\"value\":\"1.0\"},{\"key\":\"ce_id\",\"value\":\"7\"},{\"key\":\"ce_source\",\"value\":"
	      "\"/pumps\"},{\"key\":\"ce_type\",\"value\":\"reading\"},{\"key\":\"ce_time\",\"value\":\"2018-04-05T03:56:24Z\"},"
	      "{\"key\":\"ce_comexampleother\",\"value\":\"x\"},{\"key\":\"ce_comexampleother\",\"value\":\"last\"},{\"key\":"
	      "\"ce_Not-One\",\"value\":\"y\"}]},\"body\":{\"t\":1}},\"region\":\"north\\\"\",\"comexampleother\":\"last\"}");
	outflow_harness_free(&t);
}

static void attributes_have_limits(void **state)
{
	outflow_harness *t = outflow_harness_new();
	char topic[600], id[200];
	outflow_record *r;

	(void)state;
	memset(topic, 't', sizeof topic);
	topic[512 - strlen("acs:mqtt%")] = '\0';
	r = outflow_harness_input(t, topic, NULL, "1");
	memset(topic, 't', sizeof topic);
	topic[513 - strlen("acs:mqtt%")] = '\0';
	shows(t, outflow_harness_input(t, topic, NULL, "1"), "$.subject", "record error");
	shows(t, r, "$.data.props.topic", "\"t");
	for (size_t i = 0; i < 128; i++) /* characters, not bytes */
		strcpy(id + (i < 64 ? 2 * i : 64 + i), i < 64 ? "\xc3\xa9" : "i");
	r = event_record(t, "");
	outflow_harness_header(t, r, "id", id);
	shows(t, r, "$.type", "\"reading\"");
	shows(t, r, "$.id", "\"\xc3\xa9");
	strcat(id, "i");
	outflow_harness_header(t, r, "id", id);
	shows(t, r, "$.id", "record error");
	outflow_harness_free(&t);
}

static void every_payload_can_be_an_event(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = outflow_harness_input(t, "x", NULL, "{\"id\":\"7\"}");

	(void)state;
	outflow_harness_set(t, "source.event.binding", "structured");
	shows(t, r, "$.id", "\"7\"");
	outflow_harness_set(t, "source.event.binding", "none");
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	shows(t, r, "$.data.body.id", "\"7\"");
	outflow_harness_free(&t);
}

static void no_memory_is_a_status(void **state)
{
	static const char *const paths[] = {
		"$", "$.id", "$.subject", "$.time", "$.data.props", "$.data.body", "$.data.props.correlationData"
	};
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = mqtt_record(t, "{\"t\":1}");

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		outflow_harness_fail_alloc(t, 1);
		shows(t, r, paths[i], "no memory");
	}
	outflow_harness_fail_alloc(t, 0);
	outflow_harness_free(&t);
}

/* ---- time and topic names ---- */

static void reads(const char *text, int64_t expected)
{
	int64_t ms = -1;

	if (rfc3339_read(outflow_text(text), &ms) != (expected >= 0) || ms != expected)
		fail_msg("%s: %lld, wanted %lld", text, (long long)ms, (long long)expected);
}

static void times_go_both_ways(void **state)
{
	char text[RFC3339_SIZE];

	(void)state;
	reads("1970-01-01T00:00:00Z", 0);
	reads("2026-11-23T10:15:00.123Z", 1795428900123);
	reads("2026-11-23t12:15:00.1239+02:00", 1795428900123);
	reads("2026-11-23 05:45:00.5-04:30", 1795428900500);
	reads("2000-02-29T23:59:60Z", 951868800000);
	reads("1900-02-29T00:00:00Z", -1);
	reads("2026-13-01T00:00:00Z", -1);
	reads("2026-01-32T00:00:00Z", -1);
	reads("2026-01-01T24:00:00Z", -1);
	reads("2026-01-01T00:00:00", -1);
	reads("2026-01-01T00:00:00.Z", -1);
	reads("2026-01-01T00:00:00+24:00", -1);
	reads("2026-01-01T00:00:00Zx", -1);
	reads("2026-1-01T00:00:00Z", -1);
	reads("", -1);
	rfc3339_write(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	rfc3339_write(INT64_C(253402300799999), text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	rfc3339_write(INT64_C(253402300800000), text);
	assert_string_equal(text, "10000-01-01T00:00:00.000Z");
	rfc3339_write(INT64_MAX, text);
	assert_string_equal(text, "292278994-08-17T07:12:55.807Z");
	for (int64_t ms = 0; ms < INT64_C(8000000000000); ms += 86399999 * INT64_C(17)) {
		int64_t again = -1;

		rfc3339_write(ms, text);
		assert_true(rfc3339_read(outflow_text(text), &again));
		assert_int_equal(again, ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes),
		cmocka_unit_test(a_long_name_keeps_the_id_short),
		cmocka_unit_test(properties),
		cmocka_unit_test(properties_are_those_of_the_origin),
		cmocka_unit_test(parts_of_a_payload),
		cmocka_unit_test(bodies),
		cmocka_unit_test(the_whole_event),
		cmocka_unit_test(a_payload_can_be_the_event),
		cmocka_unit_test(a_message_can_carry_attributes),
		cmocka_unit_test(four_attributes_make_an_event),
		cmocka_unit_test(extensions_are_members),
		cmocka_unit_test(extensions_are_written),
		cmocka_unit_test(attributes_have_limits),
		cmocka_unit_test(every_payload_can_be_an_event),
		cmocka_unit_test(no_memory_is_a_status),
		cmocka_unit_test(times_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
