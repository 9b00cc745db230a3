/* SPDX-License-Identifier: Apache-2.0 */
/* nested_test.c: nested JSON and flat settings say the same, in both directions; patches change what they name; mistakes are
 * named by key and by place in the JSON. */
#include "host/config/nested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	return value;
}

/* "key=value;key=value;" in order of key. */
static char *line_of(const struct settings *s)
{
	char *line = calloc(1, 4096);

	for (size_t i = 0; i < s->n; i++)
		snprintf(line + strlen(line), 4096 - strlen(line), "%s=%s;", s->list[i].key, s->list[i].value);
	return line;
}

static void assert_settings(const struct settings *s, const char *expected)
{
	char *line = line_of(s);

	assert_string_equal(line, expected);
	free(line);
}

static void assert_flat(const char *text, const char *expected)
{
	struct settings s = { 0 };
	struct problems p = { 0 };
	json_t *value = parse(text);

	assert_int_equal(nested_flatten(value, &s, &p), OUTFLOW_OK);
	assert_int_equal(p.n, 0);
	assert_settings(&s, expected);
	json_decref(value);
	settings_clear(&s);
	problems_clear(&p);
}

static void assert_refused(const char *text, const char *key, const char *message)
{
	struct settings s = { 0 };
	struct problems p = { 0 };
	json_t *value = parse(text);

	assert_int_equal(nested_flatten(value, &s, &p), OUTFLOW_OK);
	assert_true(p.n > 0);
	if (key != NULL)
		assert_string_equal(p.list[0].key, key);
	assert_non_null(strstr(p.list[0].message, message));
	json_decref(value);
	settings_clear(&s);
	problems_clear(&p);
}

static void test_flatten(void **state)
{
	(void)state;
	assert_flat("{\"a\":{\"b\":1,\"c\":{\"d\":\"x\"}},\"e\":true}", "a.b=1;a.c.d=x;e=true;");
	assert_flat("{\"a.b\":{\"c\":0.1}}", "a.b.c=0.1;");
	assert_flat("{\"s\":{\"topics\":[\"a\",\"b,c\",\"d\\\\e\",7]}}", "s.topics=a,b\\,c,d\\\\e,7;");
	assert_flat("{\"s\":{\"topics\":[]}}", "s.topics=;");
	assert_flat("{\"s\":{\"properties\":[\"producer.linger.ms=5\"]}}", "s.producer.linger.ms=5;");
	assert_flat("{\"transforms\":[{\"name\":\"cut\",\"class\":\"drop\"},{\"class\":\"keep\"}]}",
	            "transforms=cut,t2;transforms.cut.class=drop;transforms.cut.name=cut;transforms.t2.class=keep;");
}

static void test_json_as_text(void **state)
{
	(void)state;
	assert_flat("{\"filter\":{\"pattern\":{\"a\":[{\"numeric\":[\">\",0.1]}]}}}",
	            "filter.pattern={\"a\":[{\"numeric\":[\">\",0.1]}]};");
	assert_flat("{\"filter\":{\"patterns\":{\"hot\":{\"a\":[1]}}}}", "filter.patterns.hot={\"a\":[1]};");
	assert_flat("{\"sink\":{\"key\":{\"form\":\"TEMPLATE\",\"value\":{\"d\":\"$.x\"},\"template\":\"<${d}>\"}}}",
	            "sink.key.form=TEMPLATE;sink.key.template=<${d}>;sink.key.value={\"d\":\"$.x\"};");
	assert_flat("{\"sink\":{\"value\":{\"form\":\"ORIGINAL\"}}}", "sink.value.form=ORIGINAL;");
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_refused("[1]", NULL, "object");
	assert_refused("{\"a\":null}", "a", "is null");
	assert_refused("{\"a\":{\"b\":1},\"a.b\":2}", "a.b", "set twice");
	assert_refused("{\"a\":[1,{\"b\":2}]}", "a", "not both");
	assert_refused("{\"a\":[{\"b\":2},1]}", "a", "not both");
	assert_refused("{\"a\":[{\"name\":\"x\"},{\"name\":\"x\"}]}", "a", "same name");
	assert_refused("{\"a\":[{\"name\":\"x.y\"}]}", "a", "no dots");
	assert_refused("{\"s\":{\"properties\":[\"=5\"]}}", "s", "name=value");
	assert_refused("{\"\":1}", NULL, "empty");
}

static void assert_patched(const char *before, const char *patch, const char *expected)
{
	struct settings s = { 0 };
	struct problems p = { 0 };
	json_t *first = parse(before), *second = parse(patch);

	assert_int_equal(nested_flatten(first, &s, &p), OUTFLOW_OK);
	assert_int_equal(nested_merge(second, &s, &p), OUTFLOW_OK);
	assert_int_equal(p.n, 0);
	assert_settings(&s, expected);
	json_decref(first);
	json_decref(second);
	settings_clear(&s);
	problems_clear(&p);
}

static void test_patches(void **state)
{
	(void)state;
	assert_patched("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":3}}", "a.b=3;a.c=2;");
	assert_patched("{\"a\":{\"b\":1},\"ab\":2}", "{\"a\":null}", "ab=2;");
	assert_patched("{\"k\":{\"form\":\"JSONPATH\",\"value\":\"$.x\"}}", "{\"k\":\"$.y\"}", "k=$.y;");
	assert_patched("{\"k\":\"$.x\"}", "{\"k\":{\"form\":\"CONSTANT\",\"value\":\"c\"}}",
	               "k.form=CONSTANT;k.value=c;");
	assert_patched("{\"transforms\":[{\"class\":\"a\",\"x\":1},{\"class\":\"b\"}]}",
	               "{\"transforms\":[{\"class\":\"c\"}]}", "transforms=t1;transforms.t1.class=c;");
	assert_patched("{\"transforms\":[{\"class\":\"a\"}]}", "{\"transforms\":[]}", "transforms=;");
	assert_patched("{\"transforms\":[{\"class\":\"a\"}]}", "{\"transforms.t1.x\":5}",
	               "transforms=t1;transforms.t1.class=a;transforms.t1.x=5;");
}

static void assert_returns(const char *text)
{
	struct settings s = { 0 }, again = { 0 };
	struct problems p = { 0 };
	json_t *value = parse(text), *back;
	char *line;

	assert_int_equal(nested_flatten(value, &s, &p), OUTFLOW_OK);
	back = nested_from_settings(&s);
	assert_true(json_equal(back, value));
	assert_int_equal(nested_flatten(back, &again, &p), OUTFLOW_OK);
	assert_int_equal(p.n, 0);
	line = line_of(&s);
	assert_settings(&again, line);
	free(line);
	json_decref(value);
	json_decref(back);
	settings_clear(&s);
	settings_clear(&again);
}

static void test_there_and_back(void **state)
{
	(void)state;
	assert_returns(
		"{\"name\":\"p\",\"source\":{\"class\":\"mqtt\",\"event.max.bytes\":\"1\"},\"batch\":{\"messages\":\"2\"}}");
	assert_returns("{\"filter\":{\"pattern\":{\"a\":[1,null,{\"prefix\":\"x\"}]},\"dialect\":\"aws\"}}");
	assert_returns("{\"filter\":{\"pattern\":\"{\\\"a\\\":[0.5]}\"}}");
	assert_returns(
		"{\"sink\":{\"key\":{\"form\":\"TEMPLATE\",\"value\":\"{}\",\"template\":\"t\"},\"topic\":\"x\"}}");
	assert_returns("{\"transforms\":[{\"name\":\"r\",\"class\":\"rename\",\"fields\":\"a:b\"},"
	               "{\"name\":\"k\",\"class\":\"keep\"}]}");
	/* A value and a group of the same name. */
	assert_returns("{\"order\":\"strict\",\"order.x\":\"1\"}");
}

static void assert_pointer(const char *text, const char *key, const char *expected)
{
	json_t *value = parse(text);
	char pointer[64];

	nested_pointer(value, key, pointer, sizeof pointer);
	assert_string_equal(pointer, expected);
	json_decref(value);
}

static void test_pointers(void **state)
{
	(void)state;
	assert_pointer("{\"sink\":{\"key\":{\"form\":\"X\"}}}", "sink.key.form", "/sink/key/form");
	assert_pointer("{\"sink\":{\"class\":\"X\"}}", "sink.topic", "/sink");
	assert_pointer("{\"sink.class\":\"X\"}", "sink.class", "/sink.class");
	assert_pointer("{\"transforms\":[{\"class\":\"a\"},{\"name\":\"q\",\"class\":\"a\"}]}", "transforms.q.class",
	               "/transforms/1/class");
	assert_pointer("{\"transforms\":[{\"class\":\"a\"}]}", "transforms.t1.fields", "/transforms/0");
	assert_pointer("{\"a/b~\":1}", "a/b~", "/a~1b~0");
	assert_pointer("{}", "name", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flatten), cmocka_unit_test(test_json_as_text),   cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_patches), cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
