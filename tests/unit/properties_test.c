/* SPDX-License-Identifier: Apache-2.0 */
/* properties_test.c: a file of properties says what java.util.Properties reads in it, and one that Java refuses is refused. */
#include "host/config/properties.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static char *find(const char *text, size_t n, const char *key, outflow_status expected, outflow_error *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, n, "r");
	outflow_status status;
	char *value;

	assert_non_null(file);
	*err = (outflow_error){ .size = sizeof *err };
	status = properties_find(file, key, &value, err);
	fclose(file);
	if (status != expected)
		fail_msg("%s in '%s': %s", key, text, err->msg);
	return value;
}

/* expected NULL: there is no such key. */
static void says(const char *text, const char *key, const char *expected)
{
	outflow_error err;
	char *value = find(text, strlen(text), key, OUTFLOW_OK, &err);

	if (expected == NULL ? value != NULL : value == NULL || strcmp(value, expected) != 0)
		fail_msg("%s in '%s' is '%s', not '%s'", key, text, value ? value : "(nothing)",
		         expected ? expected : "(nothing)");
	free(value);
}

static void keys_end_where_java_says(void **state)
{
	(void)state;
	says("a=1\nb=2\n", "a", "1");
	says("a=1\nb=2", "b", "2");
	says("a 1", "a", "1");
	says("a:1", "a", "1");
	says("  a \t=\f 1 ", "a", "1 ");
	says("a = = 1", "a", "= 1");
	says("a", "a", "");
	says("a=", "a", "");
	says("=1", "", "1");
	says("a\\=b=1", "a=b", "1");
	says("a\\ b\\:c d", "a b:c", "d");
	says("a.b=1", "a", NULL);
	says("a=1\na=2\n", "a", "2");
	says("A=1", "a", NULL);
	says("x=1\r\ny=2\rz=3", "y", "2");
	says("x=1\r\ny=2\rz=3", "z", "3");
}

static void comments_and_blank_lines_do_not_count(void **state)
{
	(void)state;
	says("#a=1\n ! b=2\n\n \t\na=3", "a", "3");
	says("#a=1\n ! b=2\n\n \t\na=3", "b", NULL);
	says("a=1#2", "a", "1#2");
	says("# goes on \\\na=1", "a", "1");
}

static void lines_go_on(void **state)
{
	(void)state;
	says("a=1,\\\n   2,\\\r\n\t3\nb=4", "a", "1,2,3");
	says("a=1\\\\\nb=2", "b", "2");
	says("a=1\\\\\\\n2", "a", "1\\2");
	says("a=1\\\n#2", "a", "1#2");
	says("a=1\\\n\nb=2", "b", "2");
	says("a=1\\", "a", "1");
	says("a\\\nb=1", "ab", "1");
	says("\\\n#a=1\nb=2", "b", "2");
	says("a=1\n\\\n\nb=2", "a", "1");
}

static void escapes_are_java_s(void **state)
{
	(void)state;
	says("a=\\t\\n\\r\\f\\q\\\\", "a", "\t\n\r\fq\\");
	says("a=caf\\u00e9 \\u20AC", "a", "caf\xc3\xa9 \xe2\x82\xac");
	says("a=\\ud83d\\ude00", "a", "\xf0\x9f\x98\x80");
	says("a=\\u0041\\u07ff\\u0800\\uffff", "a", "A\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
	says("\\u0061=1", "a", "1");
	says("a=\xc3\xa9", "a", "\xc3\xa9");
}

static void what_is_malformed_is_refused_without_a_word_of_it(void **state)
{
	static const char *const texts[] = { "a=marker\\u12",   "a=marker\\u12g4",  "marker\\u=1",
		                             "a=marker\\ud83d", "a=marker\\ud83dx", "a=marker\\ude00",
		                             "a=marker\\u0000", "b=1\na=marker\\u" };
	outflow_error err;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_null(find(texts[i], strlen(texts[i]), "a", OUTFLOW_E_CONFIG, &err));
		assert_null(strstr(err.msg, "marker"));
	}
	assert_null(find("a=1\0b=2", 7, "a", OUTFLOW_E_CONFIG, &err));
}

static void a_file_has_a_limit(void **state)
{
	outflow_error err;
	char *text = malloc(PROPERTIES_MAX + 1);

	(void)state;
	memset(text, 'x', PROPERTIES_MAX + 1);
	memcpy(text, "a=1\n", 4);
	assert_null(find(text, PROPERTIES_MAX + 1, "a", OUTFLOW_E_CONFIG, &err));
	free(find(text, PROPERTIES_MAX, "a", OUTFLOW_OK, &err));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_end_where_java_says),
		cmocka_unit_test(comments_and_blank_lines_do_not_count),
		cmocka_unit_test(lines_go_on),
		cmocka_unit_test(escapes_are_java_s),
		cmocka_unit_test(what_is_malformed_is_refused_without_a_word_of_it),
		cmocka_unit_test(a_file_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
