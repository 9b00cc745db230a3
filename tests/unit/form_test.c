/* SPDX-License-Identifier: Apache-2.0 */
/* form_test.c: a form comes to the bytes that it should, a template to JSON whatever the event holds, and a mistake in one
 * is refused with its place. */
#include "sdk/testing/harness.h"
#include "transforms/language/base64.h"
#include "transforms/language/form.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FORM(...)                                                                                                      \
	&(struct form_texts)                                                                                           \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}

static outflow_str text(const char *s)
{
	return outflow_text(s);
}

/* What came of a form, with a NUL behind it; "null", or the error. */
static const char *result(outflow_harness *t, const struct form *f, const outflow_record *r)
{
	static char shown[70000];
	outflow_error err = { .msg = "" };
	struct event_settings settings;
	struct event e;
	outflow_bytes out = { NULL, 0 };
	outflow_status status;

	event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), &settings, r, &err);
	status = form_evaluate(f, &e, &out, NULL);
	if (status == OUTFLOW_AGAIN)
		return "dropped";
	if (status != OUTFLOW_OK) {
		assert_true(status == OUTFLOW_E_RECORD || status == OUTFLOW_E_NOMEM);
		snprintf(shown, sizeof shown, "%s: %s", status == OUTFLOW_E_RECORD ? "rejected" : "no memory", err.msg);
		return shown;
	}
	if (out.ptr == NULL)
		return "null";
	assert_true(out.len < sizeof shown);
	memcpy(shown, out.ptr, out.len);
	shown[out.len] = '\0';
	return shown;
}

static void make(struct form *f, const struct form_texts *texts)
{
	outflow_error err = { .msg = "" };

	if (form_set(f, texts, FORM_FAIL, &err) != OUTFLOW_OK)
		fail_msg("%s", err.msg);
	f->key = "value";
}

/* Of a record with this payload. */
static void comes_to(outflow_harness *t, const struct form_texts *texts, const char *payload, const char *expected)
{
	const outflow_record *r = outflow_harness_input(t, "plant/p1", "k1", payload);
	struct form f;
	const char *got;

	make(&f, texts);
	got = result(t, &f, r);
	if (strncmp(got, expected, strlen(expected)) != 0 ||
	    (strncmp(expected, "rejected", 8) != 0 && strcmp(got, expected) != 0))
		fail_msg("%s\nbut wanted\n%s", got, expected);
	form_clear(&f);
}

static void refuses(const struct form_texts *texts, const char *expected)
{
	outflow_error err = { .msg = "" };
	struct form f;

	assert_int_equal(form_set(&f, texts, FORM_NULL, &err), OUTFLOW_E_CONFIG);
	if (strncmp(err.msg, expected, strlen(expected)) != 0)
		fail_msg("%s\nbut wanted\n%s", err.msg, expected);
	form_clear(&f);
}

/* ---- the forms ---- */

static void the_simple_forms(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_str original = text("ORIGINAL"), path = text("JSONPATH"), constant = text("CONSTANT");

	(void)state;
	comes_to(
		t, FORM(.form = original), "{\"a\":1}",
		"{\"specversion\":\"1.0\",\"id\":\"outflow/test/0/0\",\"source\":\"acs:mqtt\",\"type\":\"mqtt:Topic:SendMessage\","
		"\"subject\":\"acs:mqtt%plant/p1\",\"time\":\"2026-01-01T00:00:00.000Z\","
		"\"datacontenttype\":\"application/json;charset=utf-8\",\"data\":{\"props\":{\"topic\":\"plant/p1\","
		"\"parentTopic\":\"plant\",\"format\":\"json\",\"userProperties\":[]},\"body\":{\"a\":1},\"value\":{\"a\":1},"
		"\"key\":\"k1\"}}");
	comes_to(t, FORM(.value = text("$.data.body.t"), .form = path), "{\"t\":1.50e2}", "1.50e2");
	comes_to(t, FORM(.value = text("$.data.body")), "{\"t\": 1.50}", "{\"t\": 1.50}");
	comes_to(t, FORM(.value = text("$.data.body.o")), "{\"o\":{\"n\":null,\"x\":[ 1 ]}}",
	         "{\"n\":null,\"x\":[ 1 ]}");
	comes_to(t, FORM(.value = text("$.data.body.s")), "{\"s\":\"a\\u00e9\\n\"}", "a\xc3\xa9\n");
	comes_to(t, FORM(.value = text("$.data.body.n")), "{\"n\":null}", "null");
	comes_to(t, FORM(.value = text("$.data.body.x")), "{}", "rejected: value: there is no value at $.data.body.x");
	comes_to(t, FORM(.value = text("$.data.body.x"), .missing = text("null")), "{}", "null");
	comes_to(t, FORM(.value = text("$.data.body.x"), .missing = text("drop")), "{}", "dropped");
	comes_to(t, FORM(.value = text("$5"), .form = constant), "{}", "$5");
	comes_to(t, FORM(.value = text("")), "{}", "");
	outflow_harness_set(t, "source.event.aliases", "false");
	comes_to(
		t, FORM(.value = text("$.data")), "[1]",
		"{\"props\":{\"topic\":\"plant/p1\",\"parentTopic\":\"plant\",\"format\":\"json\",\"userProperties\":[]},\"body\":[1]}");
	comes_to(t, FORM(.value = text("$.data.value[0]")), "[1]", "1");
	outflow_harness_free(&t);
}

static void a_whole_event_is_its_own_original(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_record *r = outflow_harness_input(t, "x", NULL, " {\"id\": \"7\", \"data\": {\"a\": 1}}");
	struct form f;

	(void)state;
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	make(&f, FORM(.form = text("ORIGINAL")));
	assert_string_equal(result(t, &f, r), " {\"id\": \"7\", \"data\": {\"a\": 1}}");
	form_clear(&f);
	make(&f, FORM(.template_text = text("${i}/${a}"), .value = text("{\"i\":\"$.id\",\"a\":\"$.data.a\"}")));
	assert_string_equal(result(t, &f, r), "7/1");
	form_clear(&f);
	outflow_harness_free(&t);
}

static void base64_becomes_bytes(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_str binary = text("BINARY"), at = text("$.data.body.b"), body = text("$.data.value");

	(void)state;
	comes_to(t, FORM(.form = binary, .value = at), "{\"b\":\"Zm9v\"}", "foo");
	comes_to(t, FORM(.form = binary, .value = at), "{\"b\":\"Zm9\\u0076Yg==\"}", "foob");
	comes_to(t, FORM(.form = binary, .value = at), "{\"b\":\"\"}", "");
	comes_to(t, FORM(.form = binary, .value = at), "{\"b\":null}", "null");
	comes_to(t, FORM(.form = binary, .value = at), "{}", "rejected: value: there is no value at $.data.body.b");
	comes_to(t, FORM(.form = binary, .value = at), "{\"b\":5}",
	         "rejected: value: the value at $.data.body.b is not a string");
	comes_to(t, FORM(.form = binary, .value = at), "{\"b\":\"Zm9\"}",
	         "rejected: value: the text at $.data.body.b is not Base64");
	comes_to(t, FORM(.form = binary, .value = body), "\"Zm9v\"", "foo");
	comes_to(t, FORM(.form = binary, .value = body), "\"Zm9v", "rejected: not JSON");
	outflow_harness_set(t, "source.format", "binary");
	comes_to(t, FORM(.form = binary, .value = body), "Zm9v", "Zm9v");
	comes_to(t, FORM(.form = binary, .value = body), NULL, "null");
	outflow_harness_free(&t);
}

static void reads_base64(const char *from, const char *expected)
{
	char out[64];
	size_t n = base64_read(text(from), out);

	if (expected == NULL ? n != SIZE_MAX : (n != strlen(expected) || memcmp(out, expected, n) != 0))
		fail_msg("%s: %zu bytes", from, n);
}

static void base64_goes_both_ways(void **state)
{
	char bytes[300], encoded[400], again[300];

	(void)state;
	/* RFC 4648, section 10 */
	reads_base64("", "");
	reads_base64("Zg==", "f");
	reads_base64("Zm8=", "fo");
	reads_base64("Zm9v", "foo");
	reads_base64("Zm9vYmFy", "foobar");
	reads_base64("Zh==", NULL); /* bits behind the end */
	reads_base64("Zm9=", NULL);
	reads_base64("Zg=", NULL);
	reads_base64("Zg", NULL);
	reads_base64("Z===", NULL);
	reads_base64("====", NULL);
	reads_base64("Zg==Zg==", NULL);
	reads_base64("Zm9v\n", NULL);
	reads_base64("Zm-_", NULL);
	reads_base64("Zm 9", NULL);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7 + i / 3);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		base64_write((outflow_bytes){ bytes, n }, encoded);
		assert_int_equal(base64_read((outflow_str){ encoded, base64_length(n) }, again), n);
		assert_memory_equal(again, bytes, n);
	}
}

/* ---- templates ---- */

static const char vars[] =
	"{\"d\":\"$.data.body.dev\",\"t\":\"$.data.body.t\",\"x\":\"$.data.body.none\",\"c\":\"a\\\"b\","
	"\"n\":4.50,\"u\":null,\"k\":\"$.data.key\",\"topic\":\"$.data.props.topic\"}";

static void fills(outflow_harness *t, const char *template_text, const char *payload, const char *expected)
{
	comes_to(t, FORM(.value = text(vars), .template_text = text(template_text)), payload, expected);
}

static void templates_are_filled(void **state)
{
	outflow_harness *t = outflow_harness_new();

	(void)state;
	/* JSON: escaped inside strings, a value outside. */
	fills(t, "{\"device\":\"${d}\",\"temp\":${t}}", "{\"dev\":\"p1\",\"t\":21.50}",
	      "{\"device\":\"p1\",\"temp\":21.50}");
	fills(t, "{\"d\":${d},\"o\":${t}}", "{\"dev\":\"p\\\"1\",\"t\":{ \"a\":[1] }}",
	      "{\"d\":\"p\\\"1\",\"o\":{ \"a\":[1] }}");
	fills(t, "{\"d\":\"<${d}>\",\"o\":\"${t}\"}", "{\"dev\":\"p\\\"1\\n\",\"t\":{\"a\":\"\\\"\"}}",
	      "{\"d\":\"<p\\\"1\\n>\",\"o\":\"{\\\"a\\\":\\\"\\\\\\\"\\\"}\"}");
	fills(t, "[${t}, ${t},\"${t}\"]", "{\"t\":null}", "[null, null,\"null\"]");
	fills(t, "{\"${d}\":true}", "{\"dev\":\"n\"}", "{\"n\":true}");
	fills(t, "[${k},\"${topic}\"]", "0", "[\"k1\",\"plant/p1\"]");
	/* Constants */
	fills(t, "[${c},\"${c}\",${n},\"${n}\",${u}]", "0", "[\"a\\\"b\",\"a\\\"b\",4.50,\"4.50\",null]");
	fills(t, "${c} ${n} ${u}", "0", "a\"b 4.50 null");
	fills(t, "no variables", "0", "no variables");
	fills(t, "", "0", "");
	/* Text */
	fills(t, "${d} = ${t}!", "{\"dev\":\"p\\u00271\\\"\",\"t\":{\"a\": 1}}", "p'1\" = {\"a\": 1}!");
	fills(t, "${d}", "{\"dev\":\"p1\"}", "p1");
	fills(t, "${d}", "{\"dev\":null}", "null");
	fills(t, "{${d}", "{\"dev\":\"\\\"\"}", "{\"");
	/* Not JSON wherever the variables are: text. */
	fills(t, "{\"a\":1${t}}", "{\"t\":2}", "{\"a\":12}");
	fills(t, "{${d}:1}", "{\"dev\":\"a\"}", "{a:1}");
	fills(t, "{\"a\":\"\\${d}\"}", "{\"dev\":\"\\\"\"}", "{\"a\":\"\\\"\"}");
	fills(t, "\"\\u00e${d}\"", "{\"dev\":\"9\"}", "\"\\u00e9\"");
	/* The dollar */
	fills(t, "$${d} $$${d} $d {d} $", "{\"dev\":\"p\"}", "${d} $${d} $d {d} $");
	fills(t, "$$${d}-${d}", "{\"dev\":\"p\"}", "$${d}-p");
	fills(t, "{\"a\":\"$${d}\",\"b\":\"${d}\"}", "{\"dev\":\"p\"}", "{\"a\":\"${d}\",\"b\":\"p\"}");
	outflow_harness_free(&t);
}

static void template_types_can_be_forced(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_str v = text(vars);

	(void)state;
	comes_to(t, FORM(.value = v, .template_text = text("${d}"), .template_type = text("json")), "{\"dev\":\"p1\"}",
	         "\"p1\"");
	comes_to(t, FORM(.value = v, .template_text = text("{\"a\":\"${d}\"}"), .template_type = text("text")),
	         "{\"dev\":\"\\\"\"}", "{\"a\":\"\"\"}");
	comes_to(t,
	         FORM(.value = v, .template_text = text("[${d}]"), .template_type = text("auto"),
	              .form = text("TEMPLATE")),
	         "{\"dev\":\"\\\"\"}", "[\"\\\"\"]");
	refuses(FORM(.value = v, .template_text = text("{${d}:1}"), .template_type = text("json")),
	        "with [] or x in the place of each variable the template is not JSON: byte 1");
	outflow_harness_free(&t);
}

static void variables_without_value(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_str v = text(vars);

	(void)state;
	fills(t, "${x}-${d}", "{\"dev\":\"p\"}", "${x}-p");
	fills(t, "{\"a\":\"${x}\",\"b\":${x}}", "{}", "{\"a\":\"${x}\",\"b\":\"${x}\"}");
	fills(t, "${x:-none} ${x:-} ${x:-a:-b} ${d:-no}", "{\"dev\":\"p\"}", "none  a:-b p");
	fills(t, "{\"a\":\"${x:-n/a}\",\"b\":${x:-0},\"c\":${x:-none},\"d\":${x:-[1]},\"e\":${x:-}}", "{}",
	      "{\"a\":\"n/a\",\"b\":0,\"c\":\"none\",\"d\":[1],\"e\":\"\"}");
	fills(t, "{\"a\":\"${x:-\\u00e9}\",\"b\":\"${x:-\"}\",\"c\":\"${x:-\\q}\"}", "{}",
	      "{\"a\":\"\\u00e9\",\"b\":\"\\\"\",\"c\":\"\\\\q\"}");
	comes_to(t, FORM(.value = v, .template_text = text("{\"a\":\"${x}\",\"b\":${x}}"), .missing = text("null")),
	         "{}", "{\"a\":\"null\",\"b\":null}");
	comes_to(t, FORM(.value = v, .template_text = text("${x} ${x:-d}"), .missing = text("null")), "{}", "null d");
	comes_to(t, FORM(.value = v, .template_text = text("${d}${x}"), .missing = text("drop")), "{\"dev\":1}",
	         "dropped");
	comes_to(t, FORM(.value = v, .template_text = text("${d}${x:-y}"), .missing = text("drop")), "{\"dev\":1}",
	         "1y");
	comes_to(t, FORM(.value = v, .template_text = text("${d}${x}"), .missing = text("fail")), "{\"dev\":1}",
	         "rejected: value: there is no value for ${x}");
	comes_to(t, FORM(.value = v, .template_text = text("${x:-y}"), .missing = text("default")), "{}", "y");
	refuses(FORM(.value = v, .template_text = text("é ${x}"), .missing = text("default")),
	        "character 3 of the template: the variable has no default");
	comes_to(t, FORM(.value = v, .template_text = text("${d}")), "{\"dev\":", "rejected: not JSON");
	outflow_harness_free(&t);
}

/* What an event holds is inserted and never looked at. */
static void payloads_cannot_inject(void **state)
{
	outflow_harness *t = outflow_harness_new();

	(void)state;
	fills(t, "${d} ${t}", "{\"dev\":\"${t}\",\"t\":\"$${d}\"}", "${t} $${d}");
	fills(t, "{\"a\":\"${d}\",\"t\":${t}}", "{\"dev\":\"\\\",\\\"admin\\\":true,\\\"x\\\":\\\"\",\"t\":\"${d}\"}",
	      "{\"a\":\"\\\",\\\"admin\\\":true,\\\"x\\\":\\\"\",\"t\":\"${d}\"}");
	fills(t, "{\"a\":\"${d}\"}", "{\"dev\":\"\\u0000\\u001f\\ud800x\\\\\"}",
	      "{\"a\":\"\\u0000\\u001f\\ud800x\\\\\"}");
	fills(t, "{\"a\":\"${d}${t}\"}", "{\"dev\":\"\\ud83d\",\"t\":\"\\ude00\"}", "{\"a\":\"\\ud83d\\ude00\"}");
	fills(t, "${d}", "{\"dev\":\"\\ud800\"}", "\xef\xbf\xbd");
	outflow_harness_set(t, "source.format", "text");
	comes_to(t,
	         FORM(.value = text("{\"b\":\"$.data.body\"}"), .template_text = text("{\"a\":\"${b}\",\"b\":${b}}")),
	         "\x01\"\\\t${b}", "{\"a\":\"\\u0001\\\"\\\\\\u0009${b}\",\"b\":\"\\u0001\\\"\\\\\\u0009${b}\"}");
	outflow_harness_free(&t);
}

static void mistakes_are_refused(void **state)
{
	static char longer[10300];
	outflow_str v = text(vars), tpl = text("TEMPLATE");

	(void)state;
	refuses(FORM(.value = text("x"), .form = text("template")), "form 'template' should be ORIGINAL, JSONPATH");
	refuses(FORM(.form = text("JSONPATH")), "the form is given, but not its value");
	refuses(FORM(.form = text("ORIGINAL"), .value = text("$.data")), "the form ORIGINAL is the complete event");
	refuses(FORM(.form = tpl, .value = v), "the form TEMPLATE needs a .template");
	refuses(FORM(.form = text("CONSTANT"), .value = v, .template_text = text("a")), "a template is given, but");
	refuses(FORM(.value = text("a"), .missing = text("never")), "missing 'never' should be");
	refuses(FORM(.value = text("$.a"), .missing = text("keep")), "missing may be keep or default of a template");
	refuses(FORM(.value = v, .template_text = text("a"), .template_type = text("xml")),
	        "template.type 'xml' should");
	refuses(FORM(.value = text("$.a[*]")), "column 5 of path");
	refuses(FORM(.value = text("$.a..b"), .form = text("BINARY")), "column 5 of path");
	refuses(FORM(.value = text("a"), .template_text = text("${a}")),
	        "the variables of a template are a JSON object of names and "
	        "paths, such as {\"dev\":\"$.data.body.dev\"}: not JSON");
	refuses(FORM(.value = text("[]"), .template_text = text("${a}")), "the variables of a template are");
	refuses(FORM(.value = text("{\"a\":{\"b\":1}}"), .template_text = text("")),
	        "variable 'a' of the template should be");
	refuses(FORM(.value = text("{\"a\":\"$.b.\"}"), .template_text = text("")),
	        "variable 'a' of the template: column 5");
	refuses(FORM(.value = v, .template_text = text("${d} ${q}")),
	        "character 6 of the template: there is no variable 'q'; there is d, t, x, c, n, u, k, topic");
	refuses(FORM(.template_text = text("${q}")),
	        "character 1 of the template: there is no variable 'q'; there are none");
	refuses(FORM(.value = v, .template_text = text("a ${d")), "character 3 of the template: '}' is missing");
	refuses(FORM(.value = v, .template_text = text("${x:-${d}}")),
	        "character 1 of the template: a variable inside");
	refuses(FORM(.value = v, .template_text = text("a\xff")), "character 2 of the template: not valid UTF-8");
	memset(longer, 'x', sizeof longer - 1);
	refuses(FORM(.value = text(longer)), "a value of 10299 characters; at most 10240");
	refuses(FORM(.value = v, .template_text = text(longer)), "a template of 10299 characters; at most 10240");
}

static void the_limits_are_in_characters(void **state)
{
	outflow_harness *t = outflow_harness_new();
	static char e_acute[2 * 10240 + 1];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof e_acute; i += 2)
		memcpy(e_acute + i, "\xc3\xa9", 2);
	comes_to(t, FORM(.value = text(e_acute)), "0", e_acute);
	comes_to(t, FORM(.template_text = text(e_acute)), "0", e_acute);
	outflow_harness_free(&t);
}

/* ---- a JSON template makes JSON, whatever the event ---- */

static uint32_t state_of_chance = 1;

static uint32_t chance(uint32_t below)
{
	state_of_chance = state_of_chance * 1664525 + 1013904223;
	return (state_of_chance >> 8) % below;
}

/* One random JSON value; strings are of the characters that hurt. */
static size_t random_json(char *to, int depth)
{
	static const char *const scalars[] = { "null", "true", "-0.0e-7", "12345678901234567890", "\"\"", "\"${a}\"" };
	static const char *const bits[] = { "\\\"", "\\\\", "\\n", "\\u0000",  "\\ud800",          "\\udc00",
		                            "${b}", "$${",  "}",   "\xc3\xa9", "\xf0\x9f\x98\x80", "\\/",
		                            "x",    "," };
	uint32_t kind = chance(depth > 3 ? 2 : 4), n = chance(4);
	size_t used = 0;

	if (kind == 0) {
		strcpy(to, scalars[chance(6)]);
		return strlen(to);
	}
	to[used++] = kind == 1 ? '"' : kind == 2 ? '[' : '{';
	for (uint32_t i = 0; i < n; i++) {
		if (kind != 1 && i > 0)
			to[used++] = ',';
		if (kind == 3)
			used += (size_t)sprintf(to + used, "\"k%u\":", i);
		if (kind != 1) {
			used += random_json(to + used, depth + 1);
		} else {
			strcpy(to + used, bits[chance(14)]);
			used += strlen(to + used);
		}
	}
	to[used++] = kind == 1 ? '"' : kind == 2 ? ']' : '}';
	return used;
}

static void json_templates_make_json(void **state)
{
	static const char *const templates[] = {
		"{\"a\":${a},\"b\":\"${b}\",\"c\":[${c},\"${c}${a}\"]}",
		"{\"a\":${a:-none},\"b\":\"${b:-\"}\",\"${c}\":0}",
		"[\"${a}\",\"x\\\\${b}\",\"\\\"${c}\\\"\",${topic},${body}]",
		"{\"all\":${event},\"again\":\"${event}\"}",
	};
	static const char *const policies[] = { "keep", "null" };
	static const char variables[] = "{\"a\":\"$.data.body.a\",\"b\":\"$.data.body.b\",\"c\":\"$.data.body.c\","
					"\"topic\":\"$.data.props.topic\",\"body\":\"$.data.body\",\"event\":\"$\"}";
	static char payload[20000];
	outflow_harness *t = outflow_harness_new();
	struct form forms[8];

	(void)state;
	outflow_harness_set(t, "source.format.invalid", "binary");
	for (size_t i = 0; i < 8; i++)
		make(&forms[i], FORM(.value = text(variables), .template_text = text(templates[i / 2]),
		                     .template_type = text("json"), .missing = text(policies[i % 2])));
	for (int round = 0; round < 3000; round++) {
		size_t n = 0;

		n += (size_t)sprintf(payload, "{");
		for (char name = 'a'; name <= 'c'; name++) {
			if (chance(4) == 0)
				continue;
			n += (size_t)sprintf(payload + n, "%s\"%c\":", n > 1 ? "," : "", name);
			n += random_json(payload + n, 0);
		}
		payload[n++] = chance(20) ? '}' : '\xff'; /* then the payload is not JSON, and Base64 in the event */
		payload[n] = '\0';
		for (size_t i = 0; i < 8; i++) {
			const outflow_record *r = outflow_harness_input(t, "a\"\\\x01/\xc3\xa9", "\xff", payload);
			outflow_json *json = NULL;
			outflow_error err = { .msg = "" };
			const char *got = result(t, &forms[i], r);

			if (outflow_json_parse(text(got), &json, &err) != OUTFLOW_OK)
				fail_msg("%s\nof %s\nand %s: %s", got, templates[i / 2], payload, err.msg);
			outflow_json_free(&json);
		}
		outflow_harness_clear(t);
	}
	for (size_t i = 0; i < 8; i++)
		form_clear(&forms[i]);
	outflow_harness_free(&t);
}

static void large_and_deep_values(void **state)
{
	static char payload[60000];
	outflow_harness *t = outflow_harness_new();
	outflow_str v = text("{\"v\":\"$.data.body.v\"}");
	size_t n = (size_t)sprintf(payload, "{\"v\":\"");

	(void)state;
	memset(payload + n, 'y', 50000);
	strcpy(payload + n + 50000, "\"}");
	comes_to(t, FORM(.value = v, .template_text = text("{\"v\":\"${v}\"}")), payload, payload);
	n = (size_t)sprintf(payload, "{\"v\":");
	memset(payload + n, '[', 127);
	memset(payload + n + 127, ']', 127);
	strcpy(payload + n + 254, "}");
	comes_to(t, FORM(.value = v, .template_text = text("{\"v\":${v}}")), payload, payload);
	memset(payload + n, '[', 128);
	memset(payload + n + 128, ']', 128);
	strcpy(payload + n + 256, "}");
	comes_to(t, FORM(.value = v, .template_text = text("{\"v\":${v}}")), payload, "rejected: not JSON");
	outflow_harness_free(&t);
}

static void no_memory_is_a_status(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_record *r = outflow_harness_input(t, "a\"b", NULL, "{\"v\":{\"a\":\"\\n\"}}");
	struct form f;

	(void)state;
	make(&f, FORM(.value = text("{\"v\":\"$.data.body.v\",\"t\":\"$.data.props.topic\"}"),
	              .template_text = text("{\"a\":\"${v}\",\"b\":${t},\"c\":\"${t}\"}")));
	for (size_t i = 1; i <= 6; i++) { /* values, tape, escaped value, quoted topic, escaped topic, the text */
		outflow_harness_fail_alloc(t, i);
		assert_memory_equal(result(t, &f, r), "no memory: ", 11);
	}
	outflow_harness_fail_alloc(t, 7);
	assert_string_equal(result(t, &f, r),
	                    "{\"a\":\"{\\\"a\\\":\\\"\\\\n\\\"}\",\"b\":\"a\\\"b\",\"c\":\"a\\\"b\"}");
	form_clear(&f);
	outflow_harness_fail_alloc(t, 0);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_simple_forms),         cmocka_unit_test(a_whole_event_is_its_own_original),
		cmocka_unit_test(base64_becomes_bytes),     cmocka_unit_test(base64_goes_both_ways),
		cmocka_unit_test(templates_are_filled),     cmocka_unit_test(template_types_can_be_forced),
		cmocka_unit_test(variables_without_value),  cmocka_unit_test(payloads_cannot_inject),
		cmocka_unit_test(mistakes_are_refused),     cmocka_unit_test(the_limits_are_in_characters),
		cmocka_unit_test(json_templates_make_json), cmocka_unit_test(large_and_deep_values),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
