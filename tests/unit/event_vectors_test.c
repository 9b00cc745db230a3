/* SPDX-License-Identifier: Apache-2.0 */
/* event_vectors_test.c: forms, edits and CloudEvents bindings do with other projects' test vectors what these expect, but
 * where a case is named here with the reason. The vectors are in the folder that OUTFLOW_CONFORMANCE names. */
#include "sdk/testing/harness.h"
#include "transforms/event/components.h"
#include "transforms/fields/components.h"
#include "transforms/language/form.h"

#include <outflow/util.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Cases in which we do something else on purpose. */
static const char *const deviations[][2] = {
	{ "rocketmq/TemplateTransformFromJsonStringTest.testTransformTemplate_Empty",
	  "there a variable that nobody defines stays in the text; here it is a mistake in the configuration" },
};

static const char *why_not(const char *name)
{
	for (size_t i = 0; i < sizeof deviations / sizeof deviations[0]; i++)
		if (strcmp(deviations[i][0], name) == 0)
			return deviations[i][1];
	return NULL;
}

static FILE *open_vectors(const char *name)
{
	const char *root = getenv("OUTFLOW_CONFORMANCE");
	char path[4096];
	FILE *in;

	snprintf(path, sizeof path, "%s/%s", root ? root : "", name);
	in = root ? fopen(path, "r") : NULL;
	if (in == NULL)
		printf("%s: skipped, OUTFLOW_CONFORMANCE does not name the folder of vectors\n", name);
	return in;
}

static const char *text_of(const json_t *of, const char *name)
{
	return json_string_value(json_object_get(of, name));
}

static bool same_json(const char *a, const char *b)
{
	json_t *one = json_loads(a, JSON_DECODE_ANY, NULL), *two = json_loads(b, JSON_DECODE_ANY, NULL);
	bool same = one != NULL && json_equal(one, two);

	json_decref(one);
	json_decref(two);
	return same;
}

/* ---- transforms ---- */

static char *error_text(const char *why)
{
	char *text = malloc(strlen(why) + sizeof "error: ");

	sprintf(text, "error: %s", why);
	return text;
}

/* What a case comes to with what is configured in t: "error: why", NULL for null, else a text. The caller frees it. */
static char *run(outflow_harness *t, const outflow_component *component, const json_t *test)
{
	outflow_error err = { .msg = "" };
	char *got = NULL;

	if (outflow_harness_create(t, component, &err) != OUTFLOW_OK) {
		got = error_text(outflow_harness_problem(t, 0));
		outflow_harness_free(&t);
		return got;
	}
	outflow_harness_header(t, outflow_harness_input(t, "x", NULL, text_of(test, "event")), "content-type",
	                       "application/cloudevents+json");
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_OK);
	if (outflow_harness_outputs(t) == 0)
		got = error_text(outflow_harness_reject(t, 0)->err.msg);
	else if (outflow_harness_value(t, 0) != NULL)
		got = strdup(outflow_harness_value(t, 0));
	outflow_harness_free(&t);
	return got;
}

static char *deliver_with(const json_t *test, const char *form)
{
	static const char *const keys[][2] = { { "value", "value" }, { "value.template", "template" } };
	outflow_harness *t = outflow_harness_new();

	outflow_harness_set(t, "value.form", form);
	if (strcmp(form, "TEMPLATE") != 0)
		outflow_harness_set(t, "value.missing", "null");
	for (size_t i = 0; i < 2; i++)
		if (text_of(test, keys[i][1]) != NULL)
			outflow_harness_set(t, keys[i][0], text_of(test, keys[i][1]));
	return run(t, &event_deliver, test);
}

static char *edit_with(const json_t *test, const outflow_component *component)
{
	outflow_harness *t = outflow_harness_new();

	outflow_harness_set(t, "fields", text_of(test, "value"));
	return run(t, component, test);
}

static char *run_transform(const json_t *test)
{
	const char *form = text_of(test, "form");

	if (strcmp(form, "INSERT_FIELD") == 0)
		return edit_with(test, &fields_insert);
	if (strcmp(form, "UPDATE_FIELD") == 0)
		return edit_with(test, &fields_update);
	return strcmp(form, "DELETE_FIELD") == 0 ? edit_with(test, &fields_delete) : deliver_with(test, form);
}

static bool is_expected(const json_t *test, const char *got)
{
	const char *output = text_of(test, "output");

	if (strcmp(text_of(test, "expect"), "error") == 0)
		return got != NULL && strncmp(got, "error: ", 7) == 0;
	if (output == NULL || got == NULL)
		return output == got;
	return strcmp(text_of(test, "compare"), "json") == 0 ? same_json(got, output) : strcmp(got, output) == 0;
}

static void transforms(void **state)
{
	FILE *in = open_vectors("transforms/rocketmq.jsonl");
	unsigned right = 0, all = 0, on_purpose = 0;
	char *line = NULL;
	size_t room = 0;

	(void)state;
	if (in == NULL)
		skip();
	for (; getline(&line, &room, in) > 0; all++) {
		json_t *test = json_loads(line, 0, NULL);
		const char *name = text_of(test, "name"), *reason = why_not(name);
		char *got = run_transform(test);
		bool is_right = is_expected(test, got);

		if (!is_right)
			printf("  %s: %s%s%s\n", name, got ? got : "null", reason ? "\n    " : "",
			       reason ? reason : "");
		right += is_right;
		on_purpose += !is_right && reason != NULL;
		free(got);
		json_decref(test);
	}
	printf("transforms/rocketmq.jsonl: %u of %u as there, %u other on purpose\n", right, all, on_purpose);
	free(line);
	fclose(in);
	assert_int_equal(right + on_purpose, all);
}

/* ---- CloudEvents ---- */

/* A case and the record that is made of it. */
struct event_case {
	const json_t *test, *attributes, *message;
	const char *data; /* JSON text, or NULL */
};

static void set_headers(outflow_harness *t, outflow_record *r, const struct event_case *c, const char *prefix,
                        const char *content_type)
{
	const char *name;
	char full[80];
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)c->attributes, name, value)
	{
		bool is_type = strcmp(name, "datacontenttype") == 0;

		snprintf(full, sizeof full, "%s%s", prefix, name);
		outflow_harness_header(t, r, is_type ? content_type : full, json_string_value(value));
	}
}

/* The whole event as JSON; the caller frees it. */
static char *event_text(const struct event_case *c)
{
	json_t *event = json_copy((json_t *)(uintptr_t)c->attributes);
	char *text;

	if (c->data != NULL)
		json_object_set_new(event, "data", json_loads(c->data, JSON_DECODE_ANY, NULL));
	text = json_dumps(event, 0);
	json_decref(event);
	return text;
}

enum input { AS_VECTOR, AS_KAFKA_BINARY, AS_MQTT_BINARY, AS_STRUCTURED };

static void add_input(outflow_harness *t, const struct event_case *c, enum input input)
{
	const char *value = text_of(c->message, "value");
	char *whole = event_text(c);
	outflow_record *r;
	const char *name;
	json_t *header;

	if (input == AS_STRUCTURED) {
		r = outflow_harness_input(t, "in", text_of(c->message, "key"), whole);
		outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	} else {
		r = outflow_harness_input(t, "in", text_of(c->message, "key"), input == AS_VECTOR ? value : c->data);
	}
	free(whole);
	if (input == AS_KAFKA_BINARY)
		set_headers(t, r, c, "ce_", "content-type");
	if (input == AS_MQTT_BINARY)
		set_headers(t, r, c, "", "outflow.mqtt.content.type");
	if (input != AS_VECTOR)
		return;
	if (text_of(c->message, "content_type") != NULL)
		outflow_harness_header(t, r, "outflow.mqtt.content.type", text_of(c->message, "content_type"));
	json_object_foreach(json_object_get(c->message, "headers"), name, header)
		outflow_harness_header(t, r, name, json_string_value(header));
	json_object_foreach(json_object_get(c->message, "user_properties"), name, header)
		outflow_harness_header(t, r, name, json_string_value(header));
}

static outflow_harness *deliver(const struct event_case *c, enum input input, const char *mode, const char *value)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .msg = "" };

	outflow_harness_set(t, "cloudevents", mode);
	outflow_harness_set(t, "value", value);
	if (outflow_harness_create(t, &event_deliver, &err) != OUTFLOW_OK)
		fail_msg("%s", err.msg);
	add_input(t, c, input);
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_OK);
	if (outflow_harness_outputs(t) != 1)
		fail_msg("%s", outflow_harness_reject(t, 0)->err.msg);
	return t;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Are the attributes what paths find, and is the data? */
static bool reads(const struct event_case *c)
{
	const char *name;
	json_t *value;
	bool right = true;

	json_object_foreach((json_t *)(uintptr_t)c->attributes, name, value)
	{
		char path[80];
		outflow_harness *t;

		snprintf(path, sizeof path, "$.%s", name);
		t = deliver(c, AS_VECTOR, "none", path);
		if (!same_text(outflow_harness_value(t, 0), json_string_value(value))) {
			printf("  %s: %s instead of %s\n", name, outflow_harness_value(t, 0), json_string_value(value));
			right = false;
		}
		outflow_harness_free(&t);
	}
	return right;
}

/* The headers that the Kafka binding has in binary mode, and no others. */
static bool writes_binary(const struct event_case *c, enum input input)
{
	outflow_harness *t = deliver(c, input, "binary", NULL);
	size_t n = json_object_size(c->attributes);
	const char *name, *data = outflow_harness_value(t, 0);
	json_t *value;
	bool right = outflow_harness_output(t, 0)->n_headers == n &&
	             same_text(outflow_harness_key(t, 0), text_of(c->message, "key"));

	json_object_foreach((json_t *)(uintptr_t)c->attributes, name, value)
	{
		char full[80];

		snprintf(full, sizeof full, "ce_%s", name);
		if (strcmp(name, "datacontenttype") == 0)
			strcpy(full, "content-type");
		right = right && same_text(outflow_harness_header_of(t, 0, full), json_string_value(value));
	}
	right = right && (c->data == NULL ? data == NULL : data != NULL && same_json(data, c->data));
	outflow_harness_free(&t);
	return right;
}

static bool writes_structured(const struct event_case *c, enum input input)
{
	static const char type[] = "application/cloudevents+json";
	outflow_harness *t = deliver(c, input, "structured", NULL);
	const char *header = outflow_harness_header_of(t, 0, "content-type"), *value = outflow_harness_value(t, 0);
	char *whole = event_text(c);
	bool right = header != NULL && strncmp(header, type, sizeof type - 1) == 0 && same_json(value, whole) &&
	             outflow_harness_output(t, 0)->n_headers == 1;

	free(whole);
	outflow_harness_free(&t);
	return right;
}

static bool is_right_event(const struct event_case *c)
{
	bool right = reads(c) && writes_binary(c, AS_VECTOR) && writes_structured(c, AS_VECTOR);

	for (enum input input = AS_KAFKA_BINARY; input <= AS_STRUCTURED && right; input++)
		right = writes_binary(c, input) && writes_structured(c, input);
	return right;
}

static void bindings(void **state)
{
	FILE *in = open_vectors("cloudevents/bindings.jsonl");
	unsigned right = 0, all = 0;
	char *line = NULL;
	size_t room = 0;

	(void)state;
	if (in == NULL)
		skip();
	for (; getline(&line, &room, in) > 0; all++) {
		json_t *test = json_loads(line, 0, NULL);
		struct event_case c = { test, json_object_get(test, "attributes"), json_object_get(test, "message"),
			                text_of(test, "data") };
		bool is_right = is_right_event(&c);

		if (!is_right)
			printf("  %s is wrong\n", text_of(test, "name"));
		right += is_right;
		json_decref(test);
	}
	printf("cloudevents/bindings.jsonl: %u of %u, each also in the other mode and binding\n", right, all);
	free(line);
	fclose(in);
	assert_int_equal(right, all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transforms),
		cmocka_unit_test(bindings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
