/* SPDX-License-Identifier: Apache-2.0 */
/* cloudevents_test.c: what is delivered as a CloudEvent has its attributes, its data and its type, in both modes; what cannot
 * be one is rejected. */
#include "sdk/testing/harness.h"
#include "transforms/event/components.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static outflow_harness *make(const char *mode, const char *const (*settings)[2])
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .msg = "" };

	outflow_harness_set(t, "cloudevents", mode);
	for (; settings != NULL && (*settings)[0] != NULL; settings++)
		outflow_harness_set(t, (*settings)[0], (*settings)[1]);
	if (outflow_harness_create(t, &event_deliver, &err) != OUTFLOW_OK)
		fail_msg("create: %s", err.msg);
	return t;
}

#define SETTINGS(...)                                                                                                  \
	(const char *const[][2])                                                                                       \
	{                                                                                                              \
		__VA_ARGS__,                                                                                           \
		{                                                                                                      \
			NULL, NULL                                                                                     \
		}                                                                                                      \
	}

static void apply(outflow_harness *t)
{
	outflow_error err = { .msg = "" };

	if (outflow_harness_apply(t, &err) != OUTFLOW_OK)
		fail_msg("apply: %s", err.msg);
}

static outflow_record *whole(outflow_harness *t, const char *event)
{
	outflow_record *r = outflow_harness_input(t, "in", NULL, event);

	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	return r;
}

static void is_header(outflow_harness *t, size_t i, const char *name, const char *expected)
{
	const char *got = outflow_harness_header_of(t, i, name);

	if (expected == NULL ? got != NULL : got == NULL || strcmp(got, expected) != 0)
		fail_msg("output %zu, %s: %s", i, name, got ? got : "none");
}

static void is_rejected(outflow_harness *t, size_t i, const char *cause)
{
	const outflow_harness_outcome *o = outflow_harness_reject(t, i);

	assert_non_null(o);
	assert_int_equal(o->status, OUTFLOW_E_RECORD);
	if (strncmp(o->err.msg, cause, strlen(cause)) != 0)
		fail_msg("reject %zu: %s", i, o->err.msg);
}

static void a_message_becomes_an_event(void **state)
{
	outflow_harness *t = make("binary", NULL);
	outflow_record *r = outflow_harness_input(t, "a/b", "k", "{\"t\": 1.50}");

	(void)state;
	outflow_harness_header(t, r, "site", "north");
	outflow_harness_header(t, r, "ce_id", "forged");
	apply(t);
	is_header(t, 0, "ce_specversion", "1.0");
	is_header(t, 0, "ce_id", "outflow/test/0/0");
	is_header(t, 0, "ce_source", "acs:mqtt");
	is_header(t, 0, "ce_type", "mqtt:Topic:SendMessage");
	is_header(t, 0, "ce_subject", "acs:mqtt%a/b");
	is_header(t, 0, "ce_time", "2026-01-01T00:00:00.000Z");
	is_header(t, 0, "content-type", "application/json");
	is_header(t, 0, "site", "north");
	assert_int_equal(outflow_harness_output(t, 0)->n_headers, 8);
	assert_string_equal(outflow_harness_value(t, 0), "{\"t\": 1.50}");
	assert_string_equal(outflow_harness_key(t, 0), "k");
	outflow_harness_free(&t);
	t = make("structured", SETTINGS({ "source.event.extensions.region", "n\"1" }));
	outflow_harness_input(t, "a/b", "k", "{\"t\": 1.50}");
	outflow_harness_input(t, "a/b", "k", NULL);
	apply(t);
	is_header(t, 0, "content-type", "application/cloudevents+json; charset=UTF-8");
	assert_string_equal(
		outflow_harness_value(t, 0),
		"{\"specversion\":\"1.0\",\"id\":\"outflow/test/0/0\",\"source\":\"acs:mqtt\","
		"\"type\":\"mqtt:Topic:SendMessage\",\"subject\":\"acs:mqtt%a/b\",\"time\":\"2026-01-01T00:00:00.000Z\","
		"\"region\":\"n\\\"1\",\"datacontenttype\":\"application/json\",\"data\":{\"t\": 1.50}}");
	assert_null(strstr(outflow_harness_value(t, 1), "data"));
	outflow_harness_free(&t);
}

/* The data of an event by the value and what it is. */
static void data_is(const char *const (*settings)[2], const char *payload, size_t n, const char *type,
                    const char *member)
{
	outflow_harness *t = make("binary", settings);
	char expected[300];
	const char *at;

	outflow_harness_input_bytes(t, "a", payload, n);
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 1);
	is_header(t, 0, "content-type", type);
	outflow_harness_free(&t);
	t = make("structured", settings);
	outflow_harness_input_bytes(t, "a", payload, n);
	apply(t);
	snprintf(expected, sizeof expected, "\"datacontenttype\":\"%s\",%s}", type, member);
	at = strstr(outflow_harness_value(t, 0), "\"datacontenttype\"");
	if (at == NULL || strcmp(at, expected) != 0)
		fail_msg("%s\nbut wanted\n%s", at, expected);
	outflow_harness_free(&t);
}

static void data_has_its_type(void **state)
{
	(void)state;
	data_is(NULL, "[1]", 3, "application/json", "\"data\":[1]");
	data_is(SETTINGS({ "source.format", "text" }), "a\"b", 3, "text/plain;charset=utf-8", "\"data\":\"a\\\"b\"");
	data_is(SETTINGS({ "source.format", "binary" }), "\xff\0f", 3, "application/octet-stream",
	        "\"data_base64\":\"/wBm\"");
	data_is(SETTINGS({ "source.format.invalid", "text" }), "a", 1, "text/plain;charset=utf-8", "\"data\":\"a\"");
	data_is(SETTINGS({ "value", "$.data.body" }), "[1]", 3, "application/json", "\"data\":[1]");
	data_is(SETTINGS({ "value", "$.data.body[0]" }), "[1]", 3, "application/json", "\"data\":1");
	data_is(SETTINGS({ "value", "$.data.body[0]" }), "[\"1\"]", 5, "text/plain;charset=utf-8", "\"data\":\"1\"");
	data_is(SETTINGS({ "value", "a\xff" }), "1", 1, "text/plain;charset=utf-8", "\"data_base64\":\"Yf8=\"");
	data_is(SETTINGS({ "value", "$.data.body" }, { "value.form", "BINARY" }), "\"Zm8=\"", 6,
	        "application/octet-stream", "\"data_base64\":\"Zm8=\"");
	data_is(SETTINGS({ "value", "{\"b\":\"$.data.body\"}" }, { "value.template", "{\"b\":${b}}" }), "[1]", 3,
	        "application/json", "\"data\":{\"b\":[1]}");
	data_is(SETTINGS({ "value", "{\"b\":\"$.data.body\"}" }, { "value.template", "<${b}>" }), "[1]", 3,
	        "text/plain;charset=utf-8", "\"data\":\"<[1]>\"");
}

static void the_publisher_says_the_type(void **state)
{
	static const struct {
		const char *said, *payload, *type, *member;
	} cases[] = {
		{ "application/vnd.pump+json; v=1", "[1]", "application/vnd.pump+json; v=1", "\"data\":[1]" },
		{ "text/csv", "[1]", "text/csv", "\"data\":\"[1]\"" },
		{ "application/json", "not", "text/plain;charset=utf-8", "\"data\":\"not\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_harness *t = make("structured", SETTINGS({ "source.format.invalid", "text" }));
		outflow_record *r = outflow_harness_input(t, "a", NULL, cases[i].payload);
		char expected[200];

		outflow_harness_header(t, r, "outflow.mqtt.content.type", cases[i].said);
		apply(t);
		snprintf(expected, sizeof expected, "\"datacontenttype\":\"%s\",%s}", cases[i].type, cases[i].member);
		assert_non_null(strstr(outflow_harness_value(t, 0), expected));
		is_header(t, 0, "outflow.mqtt.content.type", NULL);
		outflow_harness_free(&t);
	}
}

#define REQUIRED "\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"s\",\"type\":\"t\""

static void a_whole_event_changes_its_mode(void **state)
{
	outflow_harness *t = make("binary", NULL);

	(void)state;
	whole(t, "{" REQUIRED ",\"n\":5,\"on\":true,\"none\":null,\"u\":\"\\u00e9\",\"data\":{\"a\": 1}}");
	whole(t, "{" REQUIRED ",\"datacontenttype\":\"text/plain\",\"data\":\"a\\nb\"}");
	whole(t, "{" REQUIRED ",\"datacontenttype\":\"application/x+json\",\"data\":\"a\"}");
	whole(t, "{" REQUIRED ",\"datacontenttype\":\"image/png\",\"data_base64\":\"/wA=\"}");
	whole(t, "{" REQUIRED ",\"data\":null}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 5);
	is_header(t, 0, "ce_n", "5");
	is_header(t, 0, "ce_on", "true");
	is_header(t, 0, "ce_none", NULL);
	is_header(t, 0, "ce_u", "\xc3\xa9");
	is_header(t, 0, "content-type", "application/json");
	assert_string_equal(outflow_harness_value(t, 0), "{\"a\": 1}");
	assert_string_equal(outflow_harness_value(t, 1), "a\nb");
	is_header(t, 1, "content-type", "text/plain");
	assert_string_equal(outflow_harness_value(t, 2), "\"a\"");
	assert_int_equal(outflow_harness_output(t, 3)->value.len, 2);
	assert_memory_equal(outflow_harness_output(t, 3)->value.ptr, "\xff", 2);
	assert_null(outflow_harness_value(t, 4));
	outflow_harness_free(&t);
	t = make("structured", NULL);
	whole(t, " {" REQUIRED ",\"data\":{\"a\": 1}}");
	apply(t);
	assert_string_equal(outflow_harness_value(t, 0), " {" REQUIRED ",\"data\":{\"a\": 1}}");
	assert_int_equal(outflow_harness_output(t, 0)->n_headers, 1);
	outflow_harness_free(&t);
	/* Another value than its data: attributes keep their JSON types. */
	t = make("structured", SETTINGS({ "value", "$.data.a" }));
	whole(t, "{" REQUIRED ",\"n\":5,\"data\":{\"a\": 1}}");
	apply(t);
	assert_string_equal(outflow_harness_value(t, 0),
	                    "{" REQUIRED ",\"n\":5,\"datacontenttype\":\"application/json\",\"data\":1}");
	outflow_harness_free(&t);
}

static void the_original_is_structured_as_it_is(void **state)
{
	outflow_harness *t = make("structured", SETTINGS({ "value.form", "ORIGINAL" }));

	(void)state;
	outflow_harness_input(t, "a", NULL, "1");
	apply(t);
	assert_non_null(strstr(outflow_harness_value(t, 0), "\"data\":{\"props\":{\"topic\":\"a\""));
	is_header(t, 0, "content-type", "application/cloudevents+json; charset=UTF-8");
	outflow_harness_free(&t);
}

static void the_key_is_the_partition_key(void **state)
{
	outflow_harness *t = make("binary", NULL);
	outflow_record *r;

	(void)state;
	whole(t, "{" REQUIRED ",\"partitionkey\":\"p1\"}");
	r = outflow_harness_input(t, "a", "k", "1");
	outflow_harness_header(t, r, "specversion", "1.0");
	outflow_harness_header(t, r, "id", "7");
	outflow_harness_header(t, r, "source", "s");
	outflow_harness_header(t, r, "type", "t");
	outflow_harness_header(t, r, "partitionkey", "p2");
	outflow_harness_input(t, "a", "k", "1");
	apply(t);
	assert_string_equal(outflow_harness_key(t, 0), "p1");
	assert_string_equal(outflow_harness_key(t, 1), "p2");
	is_header(t, 1, "ce_partitionkey", "p2");
	is_header(t, 1, "partitionkey", NULL);
	assert_string_equal(outflow_harness_key(t, 2), "k");
	outflow_harness_free(&t);
	t = make("structured", SETTINGS({ "key", "mine" }));
	whole(t, "{" REQUIRED ",\"partitionkey\":\"p1\"}");
	apply(t);
	assert_string_equal(outflow_harness_key(t, 0), "mine");
	outflow_harness_free(&t);
}

static void headers_can_be_set_beside(void **state)
{
	outflow_harness *t =
		make("binary", SETTINGS({ "headers.ce_type", "reading" }, { "headers.content-type", "a/b" },
	                                { "headers.more", "$.data.body" }));

	(void)state;
	outflow_harness_input(t, "a", NULL, "1");
	apply(t);
	is_header(t, 0, "ce_type", "reading");
	is_header(t, 0, "content-type", "a/b");
	is_header(t, 0, "more", "1");
	assert_int_equal(outflow_harness_output(t, 0)->n_headers, 8);
	outflow_harness_free(&t);
}

static void what_is_no_event_is_rejected(void **state)
{
	outflow_harness *t = make("binary", NULL);

	(void)state;
	whole(t, "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"s\"}");
	whole(t, "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}");
	whole(t, "[]");
	whole(t, "{\"id\":");
	whole(t, "{" REQUIRED ",\"x\":{}}");
	whole(t, "{" REQUIRED ",\"X-y\":1}");
	whole(t, "{" REQUIRED ",\"data_base64\":\"Zg\"}");
	whole(t, "{" REQUIRED ",\"data_base64\":5}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 0);
	is_rejected(t, 0, "cloudevents: the event has no attribute 'type'");
	is_rejected(t, 1, "cloudevents: the event has no attribute 'id'");
	is_rejected(t, 2, "the event is not a JSON object");
	is_rejected(t, 3, "not JSON");
	is_rejected(t, 4, "'x' of the event is not an attribute");
	is_rejected(t, 5, "'X-y' of the event is not an attribute");
	is_rejected(t, 6, "cloudevents: data_base64 of the event is not Base64");
	is_rejected(t, 7, "cloudevents: data_base64 of the event is not Base64");
	outflow_harness_free(&t);
}

/* Neither may take time in the square of its size. */
static void a_crowd_of_attributes_is_no_event(void **state)
{
	enum { MANY = 200000 };
	outflow_harness *t = make("binary", NULL);
	outflow_header *headers = calloc(MANY, sizeof *headers);
	char *text = malloc(MANY * 12 + 200);
	size_t n = (size_t)sprintf(text, "{%s", REQUIRED);
	outflow_record *r;

	(void)state;
	for (int i = 0; i < MANY; i++)
		n += (size_t)sprintf(text + n, ",\"a%d\":1", i);
	strcpy(text + n, "}");
	whole(t, text);
	r = outflow_harness_input(t, "a", NULL, "1");
	outflow_harness_header(t, r, "specversion", "1.0");
	outflow_harness_header(t, r, "id", "7");
	outflow_harness_header(t, r, "source", "s");
	outflow_harness_header(t, r, "type", "t");
	memcpy(headers, r->headers, 4 * sizeof *headers);
	for (int i = 4; i < MANY; i++)
		headers[i].name = outflow_text("attribute");
	r->headers = headers;
	r->n_headers = MANY;
	apply(t);
	is_rejected(t, 0, "the event has more than 256 members");
	assert_int_equal(outflow_harness_outputs(t), 1);
	is_header(t, 0, "ce_source", "acs:mqtt");
	outflow_harness_free(&t);
	free(headers);
	free(text);
}

static void contradictions_are_refused(void **state)
{
	outflow_harness *t = outflow_harness_new();

	(void)state;
	outflow_harness_set(t, "cloudevents", "binary");
	outflow_harness_set(t, "value.form", "ORIGINAL");
	assert_int_equal(outflow_harness_check(t, &event_deliver), OUTFLOW_E_CONFIG);
	assert_memory_equal(outflow_harness_problem(t, 0), "cloudevents: binary needs a value", 33);
	outflow_harness_set(t, "cloudevents", "structured");
	assert_int_equal(outflow_harness_check(t, &event_deliver), OUTFLOW_OK);
	outflow_harness_set(t, "headers.content-type", "x");
	assert_int_equal(outflow_harness_check(t, &event_deliver), OUTFLOW_E_CONFIG);
	assert_memory_equal(outflow_harness_problem(t, 0), "cloudevents: structured makes the header", 40);
	outflow_harness_free(&t);
}

static void no_memory_is_a_status(void **state)
{
	static const char *const modes[] = { "binary", "structured" };

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		outflow_harness *t = make(modes[m], SETTINGS({ "source.format", "binary" }));
		outflow_error err = { .msg = "" };
		outflow_status status = OUTFLOW_E_NOMEM;
		size_t n = 1;

		outflow_harness_input(t, "a", NULL, "1");
		whole(t, "{" REQUIRED ",\"u\\u0061\":\"\\n\",\"partitionkey\":\"\\n\",\"data_base64\":\"Zm8=\"}");
		for (; status != OUTFLOW_OK; n++) {
			outflow_harness_fail_alloc(t, n);
			status = outflow_harness_apply(t, &err);
			assert_true(status == OUTFLOW_OK || status == OUTFLOW_E_NOMEM);
			assert_string_not_equal(err.msg, "");
		}
		assert_true(n > 6);
		outflow_harness_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_becomes_an_event),
		cmocka_unit_test(data_has_its_type),
		cmocka_unit_test(the_publisher_says_the_type),
		cmocka_unit_test(a_whole_event_changes_its_mode),
		cmocka_unit_test(the_original_is_structured_as_it_is),
		cmocka_unit_test(the_key_is_the_partition_key),
		cmocka_unit_test(headers_can_be_set_beside),
		cmocka_unit_test(what_is_no_event_is_rejected),
		cmocka_unit_test(a_crowd_of_attributes_is_no_event),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
