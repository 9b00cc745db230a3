/* SPDX-License-Identifier: Apache-2.0 */
/* replacement_test.c: what regular expressions fit is replaced once, within bounds, and bad replacements are refused. */
#include "sdk/testing/harness.h"
#include "transforms/language/replacement.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct regex *regex(const char *text)
{
	outflow_error err = { .msg = "" };
	struct regex *r = NULL;

	if (regex_compile(outflow_text(text), &r, &err) != OUTFLOW_OK)
		fail_msg("%s", err.msg);
	return r;
}

/* Replaces in a text of any bytes; the outcome is malloc'd, NULL: nothing fitted. */
static char *replace_within(struct regex_budget budget, const char *expression, const char *with, outflow_str subject,
                            outflow_status *status, outflow_error *err)
{
	outflow_harness *t = outflow_harness_new();
	struct regex *r = regex(expression);
	struct replacement *p = NULL;
	outflow_str out;
	char *copy;

	assert_int_equal(replacement_compile(outflow_text(with), r, &p, err), OUTFLOW_OK);
	*status =
		replacement_apply(p, r, outflow_harness_host(t), outflow_harness_batch(t), subject, &budget, &out, err);
	copy = *status == OUTFLOW_OK && out.ptr != NULL ? strndup(out.ptr, out.len) : NULL;
	replacement_free(&p);
	regex_free(&r);
	outflow_harness_free(&t);
	return copy;
}

static char *replace(const char *expression, const char *with, outflow_str subject, outflow_status *status,
                     outflow_error *err)
{
	return replace_within((struct regex_budget){ 0 }, expression, with, subject, status, err);
}

static void turns(const char *expression, const char *with, const char *subject, const char *expected)
{
	outflow_error err = { .msg = "" };
	outflow_status status;
	char *out = replace(expression, with, outflow_text(subject), &status, &err);

	if (status != OUTFLOW_OK || (out == NULL) != (expected == NULL) || (out != NULL && strcmp(out, expected) != 0))
		fail_msg("%s: %s instead of %s %s", subject, out ? out : "(none)", expected ? expected : "(none)",
		         err.msg);
	free(out);
}

static void groups_and_texts_take_the_place(void **state)
{
	(void)state;
	turns("(\\d{3})\\d{4}(\\d{4})", "$1****$2", "{\"tel\":\"13912345678\"}", "{\"tel\":\"139****5678\"}");
	turns("(?<dev>p\\d),(?<t>\\d+)", "${t}@${dev}", "p1,21;p2,22", "21@p1;22@p2");
	turns("b", "$$0 costs $$", "abc", "a$0 costs $c");
	turns("b", "[$0]", "abcb", "a[b]c[b]");
	turns("b", "", "abcb", "ac");
	turns("(a)(b)?", "${1}2$2.", "aab", "a2.a2b.");
	turns("x", "y", "abc", NULL);
	turns("x", "y", "", NULL);
	turns("(.)", "$1$1", "\xc3\xa4\xf0\x9f\x98\x80", "\xc3\xa4\xc3\xa4\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
	turns("^", "> ", "a", "> a");
	turns("$", "!", "a", "a!");
}

/* As Perl, Python and PCRE2 itself have it. */
static void empty_places_count_once(void **state)
{
	(void)state;
	turns("", "-", "ab", "-a-b-");
	turns("", "-", "", "-");
	turns("a*", "x", "baaac", "xbxxcx");
	turns("x*", "-",
	      "\xc3\xa4"
	      "b",
	      "-\xc3\xa4-b-");
	turns("(?=b)|b", "-", "abb", "a----");
	turns("\\b", "|", "ab cd", "|ab| |cd|");
}

/* A replacement that looks like one is text. */
static void what_was_put_in_is_not_searched_again(void **state)
{
	(void)state;
	turns("a", "aa", "aa", "aaaa");
	turns("(.+)", "<$1>", "$1 ${name} $$", "<$1 ${name} $$>");
}

static void bytes_of_any_kind(void **state)
{
	outflow_error err = { .msg = "" };
	outflow_status status;
	char *out = replace("\\x00", "0", (outflow_str){ "a\0b", 3 }, &status, &err);

	(void)state;
	assert_string_equal(out, "a0b");
	free(out);
	assert_null(replace("b", "c",
	                    (outflow_str){ "\xff"
	                                   "b",
	                                   2 },
	                    &status, &err));
	assert_int_equal(status, OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "UTF-8"));
}

static void refuses(const char *expression, const char *with, const char *cause)
{
	outflow_error err = { .msg = "" };
	struct regex *r = regex(expression);
	struct replacement *p = NULL;

	assert_int_equal(replacement_compile(outflow_text(with), r, &p, &err), OUTFLOW_E_CONFIG);
	if (strstr(err.msg, cause) == NULL)
		fail_msg("%s: %s", with, err.msg);
	assert_null(p);
	regex_free(&r);
}

static void bad_replacements_are_refused(void **state)
{
	(void)state;
	refuses("(a)", "x$2", "byte 1 of the replacement 'x$2': the regular expression has no group 2, it has 1");
	refuses("(a)", "$12", "no group 12, it has 1; a digit behind a group is written ${1}2");
	refuses("(a)", "$99999999999999999999999999", "no group 9999");
	refuses("(?<b>a)", "${c}", "no group of this name");
	refuses("(?<b>a)", "${}", "no group of this name");
	refuses("a", "1${0", "byte 1 of the replacement '1${0': '}' is missing");
	refuses("a", "$", "the sign itself is written $$");
	refuses("a", "a$b", "byte 1");
	refuses("a", "\xff", "not valid UTF-8");
}

static void no_expression_runs_away(void **state)
{
	enum { N = 200000 };
	outflow_error err = { .msg = "" };
	char *text = malloc(N + 1);
	outflow_status status;

	(void)state;
	memset(text, 'a', N);
	memcpy(text + 40, "!", 2);
	assert_null(replace("(a+)+$", "x", outflow_text(text), &status, &err));
	assert_int_equal(status, OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "gave up"));
	free(text);
}

static void a_record_has_a_budget(void **state)
{
	const struct regex_budget used_up = { .started_ns = -3000000000 };
	outflow_error err = { .msg = "" };
	outflow_status status;
	char text[101];

	(void)state;
	memset(text, 'a', 100);
	text[100] = '\0';
	assert_null(replace_within(used_up, "a", "b", outflow_text(text), &status, &err));
	assert_int_equal(status, OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "more than two seconds for this record: 64 searches"));
}

static void large_texts_take_linear_time(void **state)
{
	enum { N = 10 << 20 };
	outflow_error err = { .msg = "" };
	char *text = malloc(N + 1), *out, with[6000];
	outflow_status status;

	(void)state;
	for (size_t i = 0; i < N; i++)
		text[i] = i % 100 == 99 ? ';' : 'x';
	text[N] = '\0';
	out = replace(";", "--", outflow_text(text), &status, &err);
	assert_int_equal(status, OUTFLOW_OK);
	assert_int_equal(strlen(out), N + N / 100);
	free(out);
	/* A stack of this depth is not on the machine's. */
	out = replace("(?:x|;)*", "", outflow_text(text + N - 100000), &status, &err);
	assert_true(status == OUTFLOW_E_RECORD || (status == OUTFLOW_OK && *out == '\0'));
	free(out);
	memset(with, 'w', sizeof with);
	with[sizeof with - 1] = '\0';
	assert_null(replace("x", with, outflow_text(text), &status, &err));
	assert_int_equal(status, OUTFLOW_E_RECORD);
	assert_non_null(strstr(err.msg, "larger than 64 MiB"));
	free(text);
}

static void no_memory_is_a_status(void **state)
{
	outflow_harness *t = outflow_harness_new();
	struct regex_budget budget = { 0 };
	struct regex *r = regex("a");
	struct replacement *p = NULL;
	outflow_str out;

	(void)state;
	assert_int_equal(replacement_compile(outflow_text("b"), r, &p, NULL), OUTFLOW_OK);
	outflow_harness_fail_alloc(t, 1);
	assert_int_equal(replacement_apply(p, r, outflow_harness_host(t), outflow_harness_batch(t), outflow_text("a"),
	                                   &budget, &out, NULL),
	                 OUTFLOW_E_NOMEM);
	replacement_free(&p);
	regex_free(&r);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_and_texts_take_the_place),
		cmocka_unit_test(empty_places_count_once),
		cmocka_unit_test(what_was_put_in_is_not_searched_again),
		cmocka_unit_test(bytes_of_any_kind),
		cmocka_unit_test(bad_replacements_are_refused),
		cmocka_unit_test(no_expression_runs_away),
		cmocka_unit_test(a_record_has_a_budget),
		cmocka_unit_test(large_texts_take_linear_time),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
