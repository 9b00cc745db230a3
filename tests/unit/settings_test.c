/* SPDX-License-Identifier: Apache-2.0 */
/* settings_test.c: the flat map keeps what it is given, sorted, with its origin; problems are listed once, in order. */
#include "host/config/problems.h"
#include "host/config/settings.h"
#include "host/config/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void keys_are_sorted_replaced_and_found(void **state)
{
	static const char *const keys[] = { "m", "b", "z", "a.b", "a" };
	struct settings s = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(settings_set(&s, keys[i], keys[i], NULL, (int)i), OUTFLOW_OK);
	assert_int_equal(settings_set(&s, "b", "new", "file", 9), OUTFLOW_OK);
	assert_int_equal(s.n, 5);
	for (size_t i = 1; i < s.n; i++)
		assert_true(strcmp(s.list[i - 1].key, s.list[i].key) < 0);
	assert_string_equal(settings_get(&s, "b"), "new");
	assert_int_equal(settings_find(&s, "b")->line, 9);
	assert_string_equal(settings_find(&s, "b")->file, "file");
	assert_null(settings_get(&s, "c"));
	settings_clear(&s);
	assert_int_equal(s.n, 0);
	assert_null(settings_get(&s, "b"));
}

static void merging_keeps_or_replaces(void **state)
{
	struct settings to = { 0 }, from = { 0 };

	(void)state;
	settings_set(&to, "sink.a", "old", NULL, 0);
	settings_set(&from, "x.a", "1", "f", 3);
	settings_set(&from, "x.b", "2", "f", 4);
	settings_set(&from, "y.c", "3", "f", 5);
	assert_int_equal(settings_merge(&to, "sink.", &from, "x.", 0), OUTFLOW_OK);
	assert_int_equal(to.n, 2);
	assert_string_equal(settings_get(&to, "sink.a"), "old");
	assert_string_equal(settings_get(&to, "sink.b"), "2");
	assert_int_equal(settings_find(&to, "sink.b")->line, 4);
	assert_int_equal(settings_merge(&to, "sink.", &from, "x.", 1), OUTFLOW_OK);
	assert_string_equal(settings_get(&to, "sink.a"), "1");
	settings_clear(&to);
	settings_clear(&from);
}

static void file_names_are_interned(void **state)
{
	char one[] = "a/b.conf", two[] = "a/b.conf";

	(void)state;
	assert_ptr_equal(settings_file_name(one), settings_file_name(two));
	assert_ptr_not_equal(settings_file_name("c"), settings_file_name(one));
}

static void problems_are_printed_once_in_order(void **state)
{
	struct problems p = { 0 };
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	problems_add(&p, &(struct place){ "b.conf", 1, "p", "k" }, "wrong %d", 7);
	problems_add(&p, &(struct place){ "a.conf", 20, NULL, "k" }, "late");
	problems_add(&p, &(struct place){ "a.conf", 3, NULL, NULL }, "early");
	problems_add(&p, &(struct place){ "a.conf", 3, NULL, NULL }, "early");
	problems_add(&p, &(struct place){ NULL, 0, NULL, NULL }, "nowhere");
	assert_int_equal(p.n, 4);
	problems_print(&p, to);
	fclose(to);
	assert_string_equal(text, "nowhere\na.conf:3: early\na.conf:20: k: late\nb.conf:1: pipeline 'p': k: wrong 7\n");
	free(text);
	problems_clear(&p);
	assert_int_equal(p.n, 0);
}

static const char *suggest(const char *typed)
{
	static const char *const names[] = { "bootstrap", "acks", "topic", "batch.messages", "qos" };
	struct suggestion s = { .typed = typed };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		suggestion_offer(&s, names[i]);
	return s.best ? s.best : "";
}

static void only_near_names_are_suggested(void **state)
{
	char longer[200];

	(void)state;
	assert_string_equal(suggest("bootstarp"), "bootstrap");
	assert_string_equal(suggest("ack"), "acks");
	assert_string_equal(suggest("tpoic"), "topic");
	assert_string_equal(suggest("batch.mesage"), "batch.messages");
	assert_string_equal(suggest("broker"), "");
	assert_string_equal(suggest(""), "");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_string_equal(suggest(longer), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_sorted_replaced_and_found),
		cmocka_unit_test(merging_keeps_or_replaces),
		cmocka_unit_test(file_names_are_interned),
		cmocka_unit_test(problems_are_printed_once_in_order),
		cmocka_unit_test(only_near_names_are_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
