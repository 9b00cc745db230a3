/* SPDX-License-Identifier: Apache-2.0 */
/* event_plugin_test.c: converter, filter and deliver do with records what their configuration says, and reject
 * the rest. */
#include "sdk/testing/harness.h"
#include "transforms/event/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static outflow_harness *make(const outflow_component *c, const char *const (*settings)[2], size_t n)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .msg = "" };

	outflow_harness_rotate_threads(t);
	for (size_t i = 0; i < n; i++)
		outflow_harness_set(t, settings[i][0], settings[i][1]);
	if (outflow_harness_create(t, c, &err) != OUTFLOW_OK)
		fail_msg("create: %s", err.msg);
	return t;
}

#define MAKE(COMPONENT, ...)                                                                                           \
	make(&(COMPONENT), (const char *const[][2]){ __VA_ARGS__ },                                                    \
	     sizeof((const char *const[][2]){ __VA_ARGS__ }) / sizeof(char *[2]))

static void apply(outflow_harness *t)
{
	outflow_error err = { .msg = "" };

	if (outflow_harness_apply(t, &err) != OUTFLOW_OK)
		fail_msg("apply: %s", err.msg);
}

static void assert_rejected(outflow_harness *t, size_t i, size_t input, const char *cause)
{
	const outflow_harness_outcome *o = outflow_harness_reject(t, i);

	assert_non_null(o);
	assert_int_equal(o->status, OUTFLOW_E_RECORD);
	assert_int_equal(o->input, input);
	if (strstr(o->err.msg, cause) == NULL)
		fail_msg("reject %zu: %s", i, o->err.msg);
}

static void refuses(const outflow_component *c, const char *key, const char *value, const char *problem)
{
	outflow_harness *t = outflow_harness_new();

	outflow_harness_set(t, key, value);
	assert_int_equal(outflow_harness_check(t, c), OUTFLOW_E_CONFIG);
	if (strncmp(outflow_harness_problem(t, 0), problem, strlen(problem)) != 0)
		fail_msg("%s", outflow_harness_problem(t, 0));
	outflow_harness_free(&t);
}

/* ---- converter ---- */

static void the_converter_attaches_a_tape(void **state)
{
	outflow_harness *t = MAKE(event_json, { "format", "json" });
	const outflow_host *h = outflow_harness_host(t);
	const outflow_json *j;

	(void)state;
	outflow_harness_input(t, "a", NULL, "{\"t\":21}");
	outflow_harness_input(t, "a", NULL, "{\"t\":}");
	outflow_harness_input(t, "a", NULL, "");
	outflow_harness_input(t, "a", NULL, NULL);
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_int_equal(outflow_harness_output(t, 0)->view_tag, h->intern(h, OUTFLOW_VIEW_JSON));
	j = outflow_harness_output(t, 0)->view;
	assert_int_equal(j->n_tokens, 4);
	assert_null(outflow_harness_output(t, 1)->view);
	assert_rejected(t, 0, 1, "not JSON: byte 5: a value should begin here, found '}'");
	assert_rejected(t, 1, 2, "not JSON: byte 0");
	outflow_harness_free(&t);
}

static void the_converter_checks_text(void **state)
{
	outflow_harness *t = MAKE(event_json, { "format", "text" }, { "format.invalid", "fail" });

	(void)state;
	outflow_harness_input(t, "a", NULL, "caf\xc3\xa9");
	outflow_harness_input(t, "a", NULL, "caf\xc3");
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_null(outflow_harness_output(t, 0)->view);
	assert_rejected(t, 0, 1, "not text: byte 3");
	outflow_harness_free(&t);
}

static void the_converter_falls_back(void **state)
{
	outflow_harness *t = MAKE(event_json, { "format.invalid", "text" });

	(void)state;
	outflow_harness_input(t, "a", NULL, "plain");
	outflow_harness_input(t, "a", NULL, "\xff");
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), "plain");
	assert_rejected(t, 0, 1, "not text");
	outflow_harness_free(&t);
	t = MAKE(event_json, { "format.invalid", "binary" });
	outflow_harness_input(t, "a", NULL, "\xff");
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	outflow_harness_free(&t);
	t = MAKE(event_json, { "format", "binary" });
	outflow_harness_input(t, "a", NULL, "{\xff");
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	outflow_harness_free(&t);
}

static void the_converter_bounds_payloads(void **state)
{
	static const char large[262145];
	outflow_harness *t = MAKE(event_json, { "event.max.bytes", "5B" }, { "format.invalid", "binary" });

	(void)state;
	outflow_harness_input(t, "a", NULL, "12345");
	outflow_harness_input(t, "a", NULL, "123456");
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_rejected(t, 0, 1, "a payload of 6 bytes is larger than source.event.max.bytes allows, which is 5");
	outflow_harness_free(&t);
	t = MAKE(event_json, { "format", "binary" });
	outflow_harness_input_bytes(t, "a", large, sizeof large); /* by default 256 KiB */
	assert_int_equal(outflow_harness_decode(t, NULL), OUTFLOW_OK);
	assert_rejected(t, 0, 0, "a payload of 262145 bytes");
	outflow_harness_free(&t);
}

static void the_converter_encodes_a_newer_view(void **state)
{
	outflow_harness *t = MAKE(event_json, { "format", "json" });
	const outflow_host *h = outflow_harness_host(t);
	const outflow_json *j = NULL;
	outflow_record *r = outflow_harness_input(t, "a", NULL, "1");

	(void)state;
	assert_int_equal(
		outflow_json_scan(h, outflow_harness_batch(t), outflow_text_bytes(outflow_text("[2]")), 9, &j, NULL),
		OUTFLOW_OK);
	r->view = j;
	r->view_tag = h->intern(h, OUTFLOW_VIEW_JSON);
	assert_int_equal(outflow_harness_encode(t, NULL), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "1");
	r->flags |= OUTFLOW_REC_VALUE_STALE;
	assert_int_equal(outflow_harness_encode(t, NULL), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "[2]");
	assert_int_equal(outflow_harness_output(t, 0)->flags, 0);
	outflow_harness_free(&t);
}

static void the_converter_checks_its_settings(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'x', sizeof text);
	text[129] = '\0';
	refuses(&event_json, "event.source", text, "event.source: 129 characters");
	refuses(&event_json, "event.type", text, "event.type: 129 characters");
	refuses(&event_json, "event.subject", "\xff", "event.subject: not valid UTF-8");
	refuses(&event_json, "format", "xml", "format: not one of");
	refuses(&event_json, "event.extensions.Region", "x", "event.extensions.Region: not the name");
	refuses(&event_json, "event.extensions.id", "x", "event.extensions.id: not the name");
	refuses(&event_json, "event.extensions.data", "x", "event.extensions.data: not the name");
	refuses(&event_json, "event.extensions.a", "\xff", "event.extensions.a: not valid UTF-8");
	refuses(&event_json, "event.max.bytes", "0B", "event.max.bytes: out of range");
}

static void the_converter_says_no_memory(void **state)
{
	outflow_harness *t = MAKE(event_json, { "format", "json" });
	outflow_error err = { .msg = "" };

	(void)state;
	outflow_harness_input(t, "a", NULL, "1");
	outflow_harness_fail_alloc(t, 1);
	assert_int_equal(outflow_harness_decode(t, &err), OUTFLOW_E_NOMEM);
	assert_string_not_equal(err.msg, "");
	outflow_harness_free(&t);
}

/* ---- filter ---- */

static void the_filter_lets_through_what_fits(void **state)
{
	outflow_harness *t = MAKE(event_filter,
	                          { "pattern", "{\"data\":{\"props\":{\"topic\":[{\"prefix\":\"plant/\"}],\"qos\":[1]},"
	                                       "\"body\":{\"temp\":[{\"numeric\":[\">\",50]}]}}}" });
	const outflow_host *h = outflow_harness_host(t);

	(void)state;
	outflow_harness_header(t, outflow_harness_input(t, "plant/1", NULL, "{\"temp\":60}"), "outflow.mqtt.qos", "1");
	outflow_harness_header(t, outflow_harness_input(t, "plant/2", NULL, "{\"temp\":40}"), "outflow.mqtt.qos", "1");
	outflow_harness_header(t, outflow_harness_input(t, "other", NULL, "{\"temp\":60}"), "outflow.mqtt.qos", "1");
	outflow_harness_header(t, outflow_harness_input(t, "plant/3", NULL, "{\"temp\""), "outflow.mqtt.qos", "1");
	outflow_harness_header(t, outflow_harness_input(t, "plant/4", NULL, "{\"temp\":51}"), "outflow.mqtt.qos", "1");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_string_equal(outflow_harness_topic(t, 0), "plant/1");
	assert_string_equal(outflow_harness_topic(t, 1), "plant/4");
	assert_rejected(t, 0, 3, "not JSON: byte 7");
	/* The parse that it had to make goes along. */
	assert_int_equal(outflow_harness_output(t, 0)->view_tag, h->intern(h, OUTFLOW_VIEW_JSON));
	outflow_harness_free(&t);
}

static void the_filter_sees_the_envelope(void **state)
{
	static const struct {
		const char *pattern;
		size_t passed;
	} cases[] = {
		{ "", 2 },
		{ "{\"source\":[\"acs:mqtt\"],\"type\":[{\"prefix\":\"mqtt:\"}]}", 2 },
		{ "{\"data\":{\"key\":[\"k1\"]}}", 1 },
		{ "{\"data\":{\"props\":{\"userProperties\":{\"key\":[\"site\"],\"value\":[\"north\"]}}}}", 1 },
		{ "{\"data\":{\"props\":{\"userProperties\":{\"key\":[\"site\"],\"value\":[\"4\"]}}}}", 0 },
		{ "{\"data\":{\"props\":{\"userProperties\":{\"key\":[{\"exists\":false}]}}}}", 1 },
		{ "{\"data\":{\"props\":{\"userProperties\":[{\"exists\":true}]}}}", 0 },
		{ "{\"data\":{\"props\":{\"qos\":[{\"exists\":false}]}}}", 2 },
		{ "{\"data\":{\"props\":[{\"exists\":true}]}}", 0 },
		{ "{\"data.props.format\":[\"json\"]}", 2 },
		{ "{\"data\":{\"value\":{\"a\":[1]}}}", 1 },
		{ "{\"data\":{\"body\":[2]}}", 1 },
		{ "{\"data\":{\"body\":{\"a\":[{\"exists\":false}]}}}", 1 },
		{ "{\"nothing\":{\"here\":[1]}}", 0 },
		{ "{\"nothing\":{\"here\":[{\"exists\":false}]}}", 2 },
		{ "{\"source\":{\"x\":[{\"exists\":false}]}}", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_harness *t = MAKE(event_filter, { "pattern", cases[i].pattern });
		outflow_record *r = outflow_harness_input(t, "x", "k1", "{\"a\":1}");

		outflow_harness_header(t, r, "site", "north");
		outflow_harness_header(t, r, "line", "4");
		outflow_harness_input(t, "y", "k2", "[1,2]");
		apply(t);
		if (outflow_harness_outputs(t) != cases[i].passed)
			fail_msg("%s: %zu passed", cases[i].pattern, outflow_harness_outputs(t));
		outflow_harness_free(&t);
	}
}

static void the_filter_reads_text_and_binary(void **state)
{
	outflow_harness *t = MAKE(event_filter, { "source.format", "text" },
	                          { "pattern", "{\"data\":{\"body\":[{\"prefix\":\"al\"}]}}" });

	(void)state;
	outflow_harness_input(t, "x", NULL, "alarm");
	outflow_harness_input(t, "x", NULL, "calm");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 1);
	outflow_harness_free(&t);
	t = MAKE(event_filter, { "source.format", "binary" }, { "pattern", "{\"data\":{\"body\":[\"Zm9v\"]}}" });
	outflow_harness_input(t, "x", NULL, "foo");
	outflow_harness_input(t, "x", NULL, "fop");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 1);
	outflow_harness_free(&t);
}

static void the_filter_refuses_a_bad_pattern(void **state)
{
	(void)state;
	refuses(&event_filter, "pattern", "{\"a\":[{\"prefx\":\"x\"}]}",
	        "pattern: pattern.condition.unknown at /a/0/prefx");
	refuses(&event_filter, "dialect", "azure", "dialect");
}

static void the_filter_warns_and_explains(void **state)
{
	outflow_harness *t =
		MAKE(event_filter, { "pattern", "{\"data\":{\"body\":{\"t\":[{\"numeric\":[\">\",5,\"<\",1]}]}}}" });
	outflow_error err = { .msg = "" };
	outflow_status status;

	(void)state;
	assert_non_null(strstr(outflow_harness_log(t, 0), "warn: pattern: no number can be in the range"));
	outflow_harness_input(t, "x", NULL, "{\"t\":3}");
	assert_string_equal(
		outflow_harness_explain(t, 0, &status, &err),
		"{\"matched\":false,\"fields\":[{\"path\":\"$.data.body.t\",\"pattern\":[{\"numeric\":[\">\",5,\"<\",1]}],"
		"\"found\":3,\"fits\":false}],\"reason\":\"$.data.body.t: 3 does not fit "
		"[{\\\"numeric\\\":[\\\">\\\",5,\\\"<\\\",1]}]\"}");
	outflow_harness_input(t, "x", NULL, "{\"t\"");
	assert_null(outflow_harness_explain(t, 1, &status, &err));
	assert_int_equal(status, OUTFLOW_E_RECORD);
	outflow_harness_free(&t);
}

static const char *header(outflow_harness *t, size_t output, const char *name)
{
	const outflow_header *h = outflow_find_header(outflow_harness_output(t, output), name);
	static char text[100];

	if (h == NULL)
		return "none";
	snprintf(text, sizeof text, "%.*s", (int)h->value.len, (const char *)h->value.ptr);
	return text;
}

static outflow_harness *make_named(const char *key, const char *value)
{
	outflow_harness *t =
		MAKE(event_filter, { "patterns.hot", "{\"data\":{\"body\":{\"t\":[{\"numeric\":[\">\",50]}]}}}" },
	             { "patterns.north", "{\"data\":{\"body\":{\"site\":[\"north\"]}}}" }, { key, value });

	outflow_harness_input(t, "x", NULL, "{\"t\":60,\"site\":\"north\"}");
	outflow_harness_input(t, "x", NULL, "{\"t\":40,\"site\":\"south\"}");
	outflow_harness_header(t, outflow_harness_input(t, "x", NULL, "{\"t\":40,\"site\":\"north\"}"), "h", "1");
	return t;
}

static void the_filter_names_the_patterns_that_fit(void **state)
{
	outflow_harness *t = make_named("dialect", "aws");
	outflow_error err = { .msg = "" };
	outflow_status status;

	(void)state;
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_string_equal(header(t, 0, "outflow.matched"), "hot,north");
	assert_string_equal(header(t, 1, "outflow.matched"), "north");
	assert_string_equal(header(t, 1, "h"), "1");
	assert_string_equal(
		outflow_harness_explain(t, 2, &status, &err),
		"{\"matched\":true,\"patterns\":[{\"name\":\"hot\",\"matched\":false,\"fields\":[{\"path\":\"$.data.body.t\","
		"\"pattern\":[{\"numeric\":[\">\",50]}],\"found\":40,\"fits\":false}],\"reason\":\"$.data.body.t: 40 does not "
		"fit [{\\\"numeric\\\":[\\\">\\\",50]}]\"},{\"name\":\"north\",\"matched\":true,\"fields\":[{\"path\":"
		"\"$.data.body.site\",\"pattern\":[\"north\"],\"found\":\"north\",\"fits\":true}]}]}");
	outflow_harness_free(&t);

	t = make_named("unmatched", "pass");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 3);
	assert_string_equal(header(t, 0, "outflow.matched"), "hot,north");
	assert_string_equal(header(t, 1, "outflow.matched"), "none");
	outflow_harness_free(&t);

	t = make_named("matched.header", "");
	apply(t);
	assert_string_equal(header(t, 0, "outflow.matched"), "none");
	outflow_harness_free(&t);
}

static void the_filter_checks_all_patterns(void **state)
{
	outflow_harness *t = outflow_harness_new();

	(void)state;
	outflow_harness_set(t, "pattern", "{\"a\":[1]}");
	outflow_harness_set(t, "patterns.x", "{\"a\":1}");
	outflow_harness_set(t, "patterns.y", "{}");
	outflow_harness_set(t, "dialect", "aws");
	assert_int_equal(outflow_harness_check(t, &event_filter), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(outflow_harness_problem(t, 0), "patterns.x: pattern.value at /a"));
	assert_non_null(strstr(outflow_harness_problem(t, 1), "patterns.y: pattern.data.empty"));
	assert_non_null(strstr(outflow_harness_problem(t, 2), "pattern: there is patterns.<name> as well"));
	outflow_harness_free(&t);
}

/* ---- matches ---- */

static void the_predicate_tells_what_fits(void **state)
{
	outflow_harness *t =
		MAKE(event_matches, { "pattern", "{\"data\":{\"body\":{\"t\":[\"5\"]}}}" }, { "dialect", "alibaba" });
	outflow_error err = { .msg = "" };
	outflow_status status;
	const uint8_t *match;

	(void)state;
	outflow_harness_input(t, "x", NULL, "{\"t\":5}");
	outflow_harness_input(t, "x", NULL, "{\"t\":6}");
	outflow_harness_input(t, "x", NULL, "{\"t\"");
	match = outflow_harness_test(t, &status, &err);
	assert_non_null(match);
	assert_int_equal(match[0], 1);
	assert_int_equal(match[1], 0);
	assert_rejected(t, 0, 2, "not JSON: byte 4");
	outflow_harness_fail_alloc(t, 1);
	assert_null(outflow_harness_test(t, &status, &err));
	assert_int_equal(status, OUTFLOW_E_NOMEM);
	outflow_harness_free(&t);
	refuses(&event_matches, "pattern", "[]", "pattern: pattern.not_object");
}

static void the_filter_says_when_there_is_no_room(void **state)
{
	outflow_harness *t = MAKE(event_filter, { "pattern", "{\"data\":{\"body\":{\"\\u0061\":[\"\\n\"]}}}" });
	outflow_error err = { .msg = "" };

	(void)state;
	outflow_harness_input(t, "x", NULL, "{\"\\u0061\":\"\\n\"}");
	outflow_harness_limit_outputs(t, 0);
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_NOMEM);
	outflow_harness_limit_outputs(t, 9);
	for (size_t n = 1; n <= 4; n++) { /* tape, name, string, record */
		outflow_harness_fail_alloc(t, n);
		assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_NOMEM);
	}
	outflow_harness_fail_alloc(t, 5);
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_OK);
	outflow_harness_free(&t);
}

/* ---- deliver ---- */

static void deliver_makes_each_part(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "topic", "plant" }, { "key", "$.data.body.dev" },
	                          { "value", "$.data.body.v" }, { "partition", "$.data.body.p" },
	                          { "timestamp", "$.data.body.at" }, { "headers.from", "$.data.props.topic" },
	                          { "headers.line", "4" }, { "headers.none", "$.data.body.none" });
	const outflow_host *h = outflow_harness_host(t);
	const outflow_json *j = NULL;
	outflow_record *in;
	const outflow_record *r;

	(void)state;
	in = outflow_harness_input(
		t, "a/b", "k", "{\"dev\":\"p\\u0031\",\"v\":{ \"t\":1.50 },\"p\":3,\"at\":\"2026-01-31T12:00:00Z\"}");
	outflow_harness_header(t, in, "line", "old");
	outflow_harness_header(t, in, "kept", "yes");
	assert_int_equal(outflow_json_scan(h, outflow_harness_batch(t), in->value, 9, &j, NULL), OUTFLOW_OK);
	in->view = j;
	in->view_tag = h->intern(h, OUTFLOW_VIEW_JSON);
	outflow_harness_input(t, "a/b", "k", "{\"dev\":5,\"v\":true,\"at\":1700000000001}");
	outflow_harness_input(t, "a/b", "k", "{\"v\":null}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 3);
	assert_string_equal(outflow_harness_topic(t, 0), "plant");
	assert_string_equal(outflow_harness_key(t, 0), "p1");
	assert_string_equal(outflow_harness_value(t, 0), "{ \"t\":1.50 }");
	assert_string_equal(outflow_harness_header_of(t, 0, "from"), "a/b");
	assert_string_equal(outflow_harness_header_of(t, 0, "line"), "4");
	assert_string_equal(outflow_harness_header_of(t, 0, "kept"), "yes");
	assert_null(outflow_harness_header_of(t, 0, "none"));
	r = outflow_harness_output(t, 0);
	assert_int_equal(r->n_headers, 3);
	assert_int_equal(r->partition, 3);
	assert_int_equal(r->timestamp_ms, 1769860800000);
	assert_null(r->view);
	assert_string_equal(outflow_harness_key(t, 1), "5");
	assert_string_equal(outflow_harness_value(t, 1), "true");
	assert_int_equal(outflow_harness_output(t, 1)->timestamp_ms, 1700000000001);
	assert_int_equal(outflow_harness_output(t, 1)->partition, -1);
	/* No key, and a value that is JSON's null. */
	assert_null(outflow_harness_key(t, 2));
	assert_null(outflow_harness_value(t, 2));
	assert_int_equal(outflow_harness_output(t, 2)->timestamp_ms, 1767225600000);
	outflow_harness_free(&t);
}

static void the_body_alone_is_not_touched(void **state)
{
	static const char *const paths[] = { "$.data.body", "$.data.value" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		outflow_harness *t = MAKE(event_deliver, { "value", paths[i] });
		outflow_record *r = outflow_harness_input(t, "x", NULL, " { broken");

		r->view = "a view that still holds";
		r->view_tag = 99;
		outflow_harness_input(t, "x", NULL, NULL);
		apply(t);
		assert_int_equal(outflow_harness_outputs(t), 2);
		assert_ptr_equal(outflow_harness_output(t, 0)->value.ptr, r->value.ptr);
		assert_int_equal(outflow_harness_output(t, 0)->value.len, r->value.len);
		assert_ptr_equal(outflow_harness_output(t, 0)->view, r->view);
		assert_null(outflow_harness_value(t, 1));
		assert_int_equal(outflow_harness_allocs(t), 2); /* the array of outputs, twice; nothing in the arena */
		outflow_harness_free(&t);
	}
}

static void without_keys_records_pass(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "source.format", "json" });
	outflow_record *r = outflow_harness_input(t, "x", "k", "broken");

	(void)state;
	apply(t);
	assert_memory_equal(outflow_harness_output(t, 0), r, sizeof *r);
	outflow_harness_free(&t);
}

static void deliver_follows_the_missing_policy(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "value", "$.data.body.v" }, { "key", "$.data.body.k" },
	                          { "key.missing", "drop" });

	(void)state;
	outflow_harness_input(t, "x", NULL, "{\"k\":1,\"v\":2}");
	outflow_harness_input(t, "x", NULL, "{\"v\":2}");
	outflow_harness_input(t, "x", NULL, "{\"k\":1}");
	outflow_harness_input(t, "x", NULL, "{\"k\":1");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_rejected(t, 0, 2, "value: there is no value at $.data.body.v");
	assert_rejected(t, 1, 3, "not JSON");
	outflow_harness_free(&t);
	t = MAKE(event_deliver, { "value", "$.data.body.v" }, { "value.missing", "null" },
	         { "headers.h", "$.data.body.h" }, { "headers.h.missing", "fail" });
	outflow_harness_input(t, "x", NULL, "{\"h\":1}");
	outflow_harness_input(t, "x", NULL, "{}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_null(outflow_harness_value(t, 0));
	assert_rejected(t, 0, 1, "headers.h: there is no value at $.data.body.h");
	outflow_harness_free(&t);
}

static void deliver_leaves_out_what_tells_of_the_last_hop(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "topic", "out" });
	const outflow_record *r;
	outflow_record *in;

	(void)state;
	in = outflow_harness_input(t, "x", NULL, "{}");
	outflow_harness_header(t, in, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, in, "outflow.mqtt.packet.id", "7");
	outflow_harness_header(t, in, "outflow.mqtt.dup", "true");
	outflow_harness_header(t, in, "outflow.mqtt.content.type", "text/plain");
	outflow_harness_header(t, in, "a", "1");
	outflow_harness_header(t, in, "outflow.mqtt.qos", "the publisher's");
	apply(t);
	r = outflow_harness_output(t, 0);
	assert_int_equal(r->n_headers, 3);
	assert_true(outflow_equal(r->headers[0].name, "outflow.mqtt.content.type"));
	assert_true(outflow_equal(r->headers[1].name, "a"));
	outflow_harness_free(&t);
}

static void names_from_payloads_are_checked(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "topic", "$.data.body.t" }, { "partition", "$.data.body.p" },
	                          { "timestamp", "$.data.body.at" });

	(void)state;
	outflow_harness_input(t, "x", NULL, "{\"t\":\"site-4\"}");
	outflow_harness_input(t, "x", NULL, "{\"t\":\"\"}");
	outflow_harness_input(t, "x", NULL, "{\"t\":null}");
	outflow_harness_input(t, "x", NULL, "{}");
	outflow_harness_input(t, "x", NULL, "{\"t\":\"a\",\"p\":-1}");
	outflow_harness_input(t, "x", NULL, "{\"t\":\"a\",\"p\":2147483648}");
	outflow_harness_input(t, "x", NULL, "{\"t\":\"a\",\"at\":\"noon\"}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_topic(t, 0), "site-4");
	assert_rejected(t, 0, 1, "topic: the empty text from $.data.body.t");
	assert_rejected(t, 1, 2, "topic: null");
	assert_rejected(t, 2, 3, "topic: there is no value");
	assert_rejected(t, 3, 4, "partition: '-1'");
	assert_rejected(t, 4, 5, "partition: '2147483648'");
	assert_rejected(t, 5, 6, "timestamp: 'noon'");
	outflow_harness_free(&t);
}

static void a_form_can_be_forced(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "key", "$5" }, { "key.form", "CONSTANT" },
	                          { "headers.h.value", "$x" }, { "headers.h.form", "CONSTANT" }, { "value", "" });

	(void)state;
	outflow_harness_input(t, "x", NULL, "1");
	apply(t);
	assert_string_equal(outflow_harness_key(t, 0), "$5");
	assert_string_equal(outflow_harness_value(t, 0), "");
	assert_string_equal(outflow_harness_header_of(t, 0, "h"), "$x");
	outflow_harness_free(&t);
}

static void every_part_can_be_a_template(void **state)
{
	outflow_harness *t =
		MAKE(event_deliver, { "topic", "{\"s\":\"$.data.body.s\"}" }, { "topic.template", "plant-${s}" },
	             { "key", "{\"d\":\"$.data.body.d\"}" }, { "key.template", "${d}" },
	             { "value", "{\"d\":\"$.data.body.d\"}" }, { "value.form", "TEMPLATE" },
	             { "value.template", "{\"dev\":\"${d}\"}" }, { "headers.h.template", "<${d:-none}>" },
	             { "headers.h.value", "{\"d\":\"$.data.body.d\"}" }, { "partition", "{\"d\":\"$.data.body.p\"}" },
	             { "partition.template", "1${d:-0}" }, { "timestamp", "{\"d\":\"$.data.body.at\"}" },
	             { "timestamp.template", "${d:-2026}-01-31T12:00:00Z" });

	(void)state;
	outflow_harness_input(t, "x", "k", "{\"s\":\"n\",\"d\":\"p\\\"1\",\"p\":2}");
	outflow_harness_input(t, "x", "k", "{\"s\":\"n\"}");
	outflow_harness_input(t, "x", "k", "{}");
	outflow_harness_input(t, "x", "k", "{\"s\":\"n\",\"p\":\"x\"}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_string_equal(outflow_harness_topic(t, 0), "plant-n");
	assert_string_equal(outflow_harness_key(t, 0), "p\"1");
	assert_string_equal(outflow_harness_value(t, 0), "{\"dev\":\"p\\\"1\"}");
	assert_string_equal(outflow_harness_header_of(t, 0, "h"), "<p\"1>");
	assert_int_equal(outflow_harness_output(t, 0)->partition, 12);
	assert_int_equal(outflow_harness_output(t, 0)->timestamp_ms, 1769860800000);
	assert_string_equal(outflow_harness_key(t, 1), "${d}");
	assert_string_equal(outflow_harness_header_of(t, 1, "h"), "<none>");
	assert_rejected(t, 0, 2, "topic: there is no value for ${s}");
	assert_rejected(t, 1, 3, "partition: '1x' is not a whole number");
	outflow_harness_free(&t);
}

static void the_complete_event_and_bytes(void **state)
{
	outflow_harness *t =
		MAKE(event_deliver, { "value.form", "ORIGINAL" }, { "key", "$.data.body.k" }, { "key.form", "BINARY" },
	             { "headers.event.form", "ORIGINAL" }, { "headers.raw", "$.data.body.k" },
	             { "headers.raw.form", "BINARY" }, { "headers.raw.missing", "null" });

	(void)state;
	outflow_harness_input(t, "x", NULL, "{\"k\":\"Zm8=\"}");
	outflow_harness_input(t, "x", NULL, "{}");
	outflow_harness_input(t, "x", NULL, "{\"k\":\"Zm8\"}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_non_null(strstr(outflow_harness_value(t, 0), "\"body\":{\"k\":\"Zm8=\"},\"value\":{\"k\":\"Zm8=\"}"));
	assert_string_equal(outflow_harness_header_of(t, 0, "event"), outflow_harness_value(t, 0));
	assert_string_equal(outflow_harness_key(t, 0), "fo");
	assert_string_equal(outflow_harness_header_of(t, 0, "raw"), "fo");
	assert_null(outflow_harness_key(t, 1));
	assert_rejected(t, 0, 2, "key: the text at $.data.body.k is not Base64");
	outflow_harness_free(&t);
}

static void headers_can_come_from_one_value(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "headers", "$.data.body.h" }, { "headers.b", "mine" });
	outflow_record *r;

	(void)state;
	r = outflow_harness_input(t, "x", NULL, "{\"h\":{\"a\":\"1\\n\",\"b\":2,\"\\u0063\":{\"d\":[1]},\"n\":null}}");
	outflow_harness_header(t, r, "own", "gone");
	outflow_harness_input(t, "x", NULL, "{\"h\":[{\"key\":\"a\",\"value\":\"1\"},{\"value\":2,\"key\":\"a\"}]}");
	outflow_harness_input(t, "x", NULL, "{\"h\":null}");
	outflow_harness_input(t, "x", NULL, "{}");
	outflow_harness_input(t, "x", NULL, "{\"h\":\"a\"}");
	outflow_harness_input(t, "x", NULL, "{\"h\":[{\"key\":1,\"value\":\"1\"}]}");
	outflow_harness_input(t, "x", NULL, "{\"h\":[\"a\"]}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 4);
	assert_int_equal(outflow_harness_output(t, 0)->n_headers, 3);
	assert_string_equal(outflow_harness_header_of(t, 0, "a"), "1\n");
	assert_string_equal(outflow_harness_header_of(t, 0, "b"), "mine");
	assert_string_equal(outflow_harness_header_of(t, 0, "c"), "{\"d\":[1]}");
	assert_int_equal(outflow_harness_output(t, 1)->n_headers, 3);
	assert_string_equal(outflow_harness_header_of(t, 1, "a"), "2");
	assert_int_equal(outflow_harness_output(t, 2)->n_headers, 1);
	assert_int_equal(outflow_harness_output(t, 3)->n_headers, 1);
	for (size_t i = 0; i < 3; i++)
		assert_rejected(t, i, 4 + i, "headers: the value at $.data.body.h is neither an object nor");
	outflow_harness_free(&t);
}

static void headers_can_be_the_user_properties(void **state)
{
	outflow_harness *t = MAKE(event_deliver, { "headers", "$.data.props.userProperties" });
	outflow_record *r = outflow_harness_input(t, "x", NULL, "1");

	(void)state;
	outflow_harness_header(t, r, "outflow.mqtt.response.topic", "answers");
	outflow_harness_header(t, r, "site", "\xff");
	apply(t);
	assert_int_equal(outflow_harness_output(t, 0)->n_headers, 1);
	assert_string_equal(outflow_harness_header_of(t, 0, "site"), "\xff");
	outflow_harness_free(&t);
}

static void deliver_refuses_a_bad_configuration(void **state)
{
	outflow_harness *t;

	(void)state;
	refuses(&event_deliver, "topic", "", "topic: '' is not");
	refuses(&event_deliver, "key", "$.a[*]", "key: column 5 of path '$.a[*]': this selects several");
	refuses(&event_deliver, "partition", "first", "partition: a partition is a whole number");
	refuses(&event_deliver, "timestamp", "noon", "timestamp: a timestamp is");
	refuses(&event_deliver, "key.form", "JSONPATH", "key: the form is given");
	refuses(&event_deliver, "key.form", "jsonpath", "key.form: not one of");
	refuses(&event_deliver, "headers.a.form", "JSONPATH", "headers.a.form: the form is given");
	refuses(&event_deliver, "headers.", "x", "headers.: a header needs a name");
	refuses(&event_deliver, "headers.a", "$a", "headers.a: column 2");
	refuses(&event_deliver, "value.form", "TEMPLATE", "value: the form TEMPLATE needs");
	refuses(&event_deliver, "value.template", "${x}",
	        "value: character 1 of the template: there is no variable 'x'");
	refuses(&event_deliver, "headers.a.template", "${x}", "headers.a.template: character 1 of the template");
	refuses(&event_deliver, "headers", "a", "headers: column 1 of path 'a'");
	refuses(&event_deliver, "topic.form", "ORIGINAL", "topic.form: not one of");
	refuses(&event_deliver, "topic.missing", "keep", "topic.missing: not one of");
	/* Every problem at once. */
	t = outflow_harness_new();
	outflow_harness_set(t, "topic", "");
	outflow_harness_set(t, "key", "$.");
	outflow_harness_set(t, "headers.a", "x");
	outflow_harness_set(t, "headers.a.value", "x");
	outflow_harness_set(t, "headers.b", "x");
	outflow_harness_set(t, "headers.b.missing", "never");
	assert_int_equal(outflow_harness_check(t, &event_deliver), OUTFLOW_E_CONFIG);
	assert_non_null(outflow_harness_problem(t, 3));
	assert_null(outflow_harness_problem(t, 4));
	outflow_harness_free(&t);
}

static void deliver_says_no_memory(void **state)
{
	outflow_harness *t =
		MAKE(event_deliver, { "key", "$.data.body.k" }, { "headers.h", "x" }, { "value", "$.data.props" });
	outflow_error err = { .msg = "" };

	(void)state;
	outflow_harness_input(t, "x", NULL, "{\"k\":\"\\n\"}");
	for (size_t n = 1; n <= 5; n++) { /* tape, key, properties, headers, record */
		outflow_harness_fail_alloc(t, n);
		assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_NOMEM);
		assert_string_not_equal(err.msg, "");
	}
	outflow_harness_fail_alloc(t, 0);
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_OK);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_converter_attaches_a_tape),
		cmocka_unit_test(the_converter_checks_text),
		cmocka_unit_test(the_converter_falls_back),
		cmocka_unit_test(the_converter_bounds_payloads),
		cmocka_unit_test(the_converter_encodes_a_newer_view),
		cmocka_unit_test(the_converter_checks_its_settings),
		cmocka_unit_test(the_converter_says_no_memory),
		cmocka_unit_test(the_filter_lets_through_what_fits),
		cmocka_unit_test(the_filter_sees_the_envelope),
		cmocka_unit_test(the_filter_reads_text_and_binary),
		cmocka_unit_test(the_filter_refuses_a_bad_pattern),
		cmocka_unit_test(the_filter_warns_and_explains),
		cmocka_unit_test(the_filter_names_the_patterns_that_fit),
		cmocka_unit_test(the_filter_checks_all_patterns),
		cmocka_unit_test(the_predicate_tells_what_fits),
		cmocka_unit_test(the_filter_says_when_there_is_no_room),
		cmocka_unit_test(deliver_makes_each_part),
		cmocka_unit_test(the_body_alone_is_not_touched),
		cmocka_unit_test(without_keys_records_pass),
		cmocka_unit_test(deliver_follows_the_missing_policy),
		cmocka_unit_test(deliver_leaves_out_what_tells_of_the_last_hop),
		cmocka_unit_test(names_from_payloads_are_checked),
		cmocka_unit_test(a_form_can_be_forced),
		cmocka_unit_test(every_part_can_be_a_template),
		cmocka_unit_test(the_complete_event_and_bytes),
		cmocka_unit_test(headers_can_come_from_one_value),
		cmocka_unit_test(headers_can_be_the_user_properties),
		cmocka_unit_test(deliver_refuses_a_bad_configuration),
		cmocka_unit_test(deliver_says_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
