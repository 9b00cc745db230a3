/* SPDX-License-Identifier: Apache-2.0 */
/* json_test.c: the scanner takes exactly RFC 8259 in strict UTF-8, its tape finds every value, the writer escapes. */
#include <outflow/json.h>
#include <outflow/util.h>

#include "sdk/testing/harness.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static outflow_str str(const char *s)
{
	return outflow_text(s);
}

/* A copy of exactly n bytes, so that AddressSanitizer sees a read beyond them. */
static char *exact(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	return copy;
}

static outflow_status parse(const char *text, size_t n, outflow_error *err)
{
	char *copy = exact(text, n);
	outflow_json *j = NULL;
	outflow_status status = outflow_json_parse((outflow_str){ copy, n }, &j, err);

	outflow_json_free(&j);
	free(copy);
	return status;
}

static void accepts(const char *text)
{
	outflow_error err = { .msg = "" };

	if (parse(text, strlen(text), &err) != OUTFLOW_OK)
		fail_msg("refused %s: %s", text, err.msg);
}

static void refuses(const char *text, int offset, const char *cause)
{
	outflow_error err = { .msg = "" };

	assert_int_equal(parse(text, strlen(text), &err), OUTFLOW_E_CONFIG);
	if (err.native != offset || strstr(err.msg, cause) == NULL)
		fail_msg("%s: wanted byte %d and '%s': %s", text, offset, cause, err.msg);
}

static void takes_what_the_grammar_allows(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"[[],{}]",
		" \t\r\n null\n",
		"true",
		"false",
		"-0",
		"0.5",
		"1e9",
		"1E-2",
		"-12.50e+03",
		"\"\"",
		"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"{\"a\":1,\"a\":[{\"b\":null},2]}",
		"\"\\ud800\"",
		"\"\x7f\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		accepts(texts[i]);
}

static void says_where_and_why(void **state)
{
	(void)state;
	refuses("", 0, "ends where a value");
	refuses("{\"a\":}", 5, "a value should begin here, found '}'");
	refuses("{\"a\" 1}", 5, "colon");
	refuses("{\"a\":1,}", 7, "a comma before '}'");
	refuses("{a:1}", 1, "name in quotes");
	refuses("[1,]", 3, "a value should begin");
	refuses("[1 2]", 3, "',' or ']'");
	refuses("{\"a\":1]", 6, "',' or '}'");
	refuses("[1", 2, "ends inside");
	refuses("01", 0, "leading zero");
	refuses("-", 1, "digit");
	refuses("1.", 2, "decimal point");
	refuses("1e+", 3, "exponent");
	refuses("\"abc", 4, "ends inside a string");
	refuses("\"a\nb\"", 2, "control character");
	refuses("\"\\x\"", 1, "unknown escape");
	refuses("\"\\u12g4\"", 1, "hexadecimal");
	refuses("nul", 0, "value should begin");
	refuses("1 1", 2, "goes on after");
	refuses("\xef\xbb\xbf{}", 0, "found 0xef");
}

static void takes_only_strict_utf8(void **state)
{
	static const char *const bad[] = {
		"\"\xc0\xaf\"",
		"\"\xe0\x80\xaf\"",
		"\"\xf0\x80\x80\xaf\"", /* overlong */
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xff\"", /* surrogate, too high, none */
		"\"\x80\"",
		"\"\xc3\"",
		"\"\xe2\x82\"",
		"\"\xf0\x9f\x98\"", /* alone, cut off */
		"\"0123456789abcdef\xc3(\"",
	};
	outflow_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(parse(bad[i], strlen(bad[i]), &err), OUTFLOW_E_CONFIG);
		assert_non_null(strstr(err.msg, "UTF-8"));
	}
	assert_int_equal(outflow_utf8_check(outflow_text_bytes(str("0123456789\xc3\xa9"))), 12);
	assert_int_equal(outflow_utf8_check(outflow_text_bytes(str("0123456789\xed\xa0\x80"))), 10);
	assert_int_equal(outflow_utf8_check((outflow_bytes){ NULL, 0 }), 0);
}

static void every_cut_is_refused_cleanly(void **state)
{
	const char *text =
		"{\"dev\":\"p\\u00e9\xc3\xa9\",\"t\":[1,-2.5e3,true,false,null,{\"x\":\"0123456789abcdef\"}]}";
	outflow_error err;

	(void)state;
	accepts(text);
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(parse(text, n, &err), OUTFLOW_E_CONFIG);
}

static void depth_is_bounded(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_json *j;
	outflow_error err;

	(void)state;
	assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
	                                   outflow_text_bytes(str("[[{}]]")), 3, &j, &err),
	                 OUTFLOW_OK);
	assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
	                                   outflow_text_bytes(str("[[{}]]")), 2, &j, &err),
	                 OUTFLOW_E_RECORD);
	assert_int_equal(err.native, 2);
	assert_non_null(strstr(err.msg, "nested too deep"));
	outflow_harness_free(&t);
}

/* ---- tape ---- */

static const char sample[] =
	"{\"dev\":\"p1\",\"t\":[21,22.5,{\"k\":-1e3}],\"d\\u0065v\":\"p\\u0032\",\"z\":{ },\"n\":null}";

static outflow_json *tape(const char *text)
{
	outflow_json *j = NULL;

	assert_int_equal(outflow_json_parse(str(text), &j, NULL), OUTFLOW_OK);
	return j;
}

static void assert_raw(const outflow_json *j, uint32_t i, const char *expected)
{
	outflow_str raw = outflow_json_raw(j, i);

	assert_int_equal(raw.len, strlen(expected));
	assert_memory_equal(raw.ptr, expected, raw.len);
}

static void values_are_found(void **state)
{
	outflow_json *j = tape(sample);
	uint32_t t = outflow_json_member(j, 0, str("t"));

	(void)state;
	assert_raw(j, 0, sample);
	assert_raw(j, t, "[21,22.5,{\"k\":-1e3}]");
	assert_raw(j, outflow_json_element(j, t, 0), "21");
	assert_raw(j, outflow_json_element(j, t, -1), "{\"k\":-1e3}");
	assert_raw(j, outflow_json_element(j, t, -3), "21");
	assert_int_equal(outflow_json_element(j, t, 3), 0);
	assert_int_equal(outflow_json_element(j, t, -4), 0);
	assert_int_equal(outflow_json_element(j, 0, 0), 0);
	assert_raw(j, outflow_json_member(j, 0, str("z")), "{ }");
	assert_raw(j, outflow_json_member(j, 0, str("n")), "null");
	assert_int_equal(outflow_json_member(j, 0, str("k")), 0);
	assert_int_equal(outflow_json_member(j, t, str("k")), 0);
	/* The last of two equal names wins, also when it is spelled with an escape. */
	assert_raw(j, outflow_json_member(j, 0, str("dev")), "\"p\\u0032\"");
	assert_true(outflow_json_equal(j, outflow_json_member(j, 0, str("dev")), str("p2")));
	outflow_json_free(&j);
	assert_null(j);
}

static void numbers_and_strings_are_marked(void **state)
{
	outflow_json *j = tape("[12,1.5,1e2,\"a\",\"\\n\"]");

	(void)state;
	assert_false(j->tokens[1].info & OUTFLOW_JSON_SPECIAL);
	assert_true(j->tokens[2].info & OUTFLOW_JSON_SPECIAL);
	assert_true(j->tokens[3].info & OUTFLOW_JSON_SPECIAL);
	assert_true(outflow_json_is_plain(j, 4));
	assert_false(outflow_json_is_plain(j, 5));
	outflow_json_free(&j);
}

static void decodes(const char *text, const char *expected, size_t n)
{
	outflow_json *j = tape(text);
	char out[64];

	assert_int_equal(outflow_json_decode(outflow_json_text(j, 0), out), n);
	assert_memory_equal(out, expected, n);
	assert_true(outflow_json_equal(j, 0, (outflow_str){ expected, n }));
	assert_false(outflow_json_equal(j, 0, (outflow_str){ expected, n - 1 }));
	outflow_json_free(&j);
}

static void escapes_are_decoded(void **state)
{
	(void)state;
	decodes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	decodes("\"\\u0041\\u00E9\\u20ac\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
	decodes("\"a\\u0000b\"", "a\0b", 3);
	/* Half a pair cannot be written as UTF-8. */
	decodes("\"\\ud800x\\udc00\"", "\xef\xbf\xbdx\xef\xbf\xbd", 7);
	decodes("\"\\ud800\\u0041\"",
	        "\xef\xbf\xbd"
	        "A",
	        4);
}

/* Long enough for the tape to leave the stack, through many kinds of token. */
static void large_texts_keep_every_token(void **state)
{
	enum { ITEMS = 5000 };
	outflow_harness *t = outflow_harness_new();
	char *text = malloc(ITEMS * 40);
	const outflow_json *j = NULL;
	size_t n = 0;

	(void)state;
	text[n++] = '[';
	for (int i = 0; i < ITEMS; i++)
		n += (size_t)sprintf(text + n, "%s%s", i ? "," : "", i % 3 ? "{\"a\":[1,[]]}" : "12345");
	text[n++] = ']';
	assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
	                                   (outflow_bytes){ text, n }, 8, &j, NULL),
	                 OUTFLOW_OK);
	for (uint32_t i = 1, k = 0; i < outflow_json_next(j, 0) - 1; i = outflow_json_next(j, i), k++)
		assert_raw(j, i, k % 3 ? "{\"a\":[1,[]]}" : "12345");
	assert_int_equal(outflow_json_next(j, 0), j->n_tokens);
	free(text);
	outflow_harness_free(&t);
}

static void densest_texts_fit(void **state)
{
	char text[2000];

	(void)state;
	for (size_t n = 1; n < sizeof text / 2; n++) {
		outflow_error err = { .msg = "" };

		memset(text, '[', n);
		memset(text + n, ']', n);
		assert_int_equal(parse(text, 2 * n, &err), n <= OUTFLOW_JSON_DEPTH ? OUTFLOW_OK : OUTFLOW_E_CONFIG);
	}
	for (size_t n = 1; n + 3 < sizeof text; n += 2) { /* [0,0,0] */
		text[0] = '[';
		text[n] = '0';
		text[n + 1] = ']';
		text[n + 2] = '\0';
		accepts(text);
		text[n + 1] = ',';
	}
	for (size_t n = 1; n + 5 < sizeof text; n += 3) { /* [{},{}] */
		text[0] = '[';
		memcpy(text + n, "{}]", 4);
		accepts(text);
		text[n + 2] = ',';
	}
}

static void a_view_is_used_again(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_host *h = outflow_harness_host(t);
	outflow_batch *b = outflow_harness_batch(t);
	outflow_record *r = outflow_harness_input(t, "x", NULL, "[1]");
	const outflow_json *first = NULL, *again = NULL;
	uint32_t tag = h->intern(h, OUTFLOW_VIEW_JSON);
	outflow_error err;

	(void)state;
	assert_int_equal(outflow_json_of(h, b, tag, r, &first, &err), OUTFLOW_OK);
	r->view = first;
	r->view_tag = tag;
	assert_int_equal(outflow_json_of(h, b, tag, r, &again, &err), OUTFLOW_OK);
	assert_ptr_equal(first, again);
	r->view_tag = tag + 1;
	assert_int_equal(outflow_json_of(h, b, tag, r, &again, &err), OUTFLOW_OK);
	assert_ptr_not_equal(first, again);
	/* A view of an older value counts only when it is said to be newer. */
	r->view_tag = tag;
	r->value.len--;
	assert_int_equal(outflow_json_of(h, b, tag, r, &again, &err), OUTFLOW_E_RECORD);
	r->flags |= OUTFLOW_REC_VALUE_STALE;
	assert_int_equal(outflow_json_of(h, b, tag, r, &again, &err), OUTFLOW_OK);
	assert_ptr_equal(first, again);
	r->flags = 0;
	r->value = (outflow_bytes){ NULL, 0 };
	assert_int_equal(outflow_json_of(h, b, tag, r, &again, &err), OUTFLOW_E_RECORD);
	outflow_harness_free(&t);
}

static void no_memory_is_a_status(void **state)
{
	outflow_harness *t = outflow_harness_new();
	char text[2000];
	const outflow_json *j;
	outflow_error err;

	(void)state;
	memset(text, ' ', sizeof text);
	text[0] = '[';
	for (size_t i = 1; i < 1200; i++)
		text[i] = i % 2 ? '1' : ',';
	text[1200] = ']';
	for (size_t n = 1; n <= 2; n++) {
		outflow_harness_fail_alloc(t, n);
		assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
		                                   (outflow_bytes){ text, sizeof text }, 8, &j, &err),
		                 OUTFLOW_E_NOMEM);
	}
	outflow_harness_free(&t);
}

static void the_writer_escapes_and_separates(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_json_writer w;
	outflow_bytes out;

	(void)state;
	outflow_json_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), 0);
	outflow_json_bracket(&w, '{');
	outflow_json_put_key(&w, str("a\"\\\n\x01\xc3\xa9"));
	outflow_json_bracket(&w, '[');
	outflow_json_put_number(&w, -7);
	outflow_json_put_string(&w, str("{"));
	outflow_json_bracket(&w, '{');
	outflow_json_bracket(&w, '}');
	outflow_json_put_raw(&w, str("1.50"));
	outflow_json_bracket(&w, ']');
	outflow_json_put_raw_key(&w, str("\"b\""));
	outflow_json_put_string(&w, (outflow_str){ NULL, 0 });
	outflow_json_bracket(&w, '}');
	out = outflow_json_finish(&w);
	assert_int_equal(out.len, strlen("{\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\":[-7,\"{\",{},1.50],\"b\":\"\"}"));
	assert_memory_equal(out.ptr, "{\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\":[-7,\"{\",{},1.50],\"b\":\"\"}", out.len);
	outflow_harness_fail_alloc(t, 1);
	outflow_json_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), 0);
	outflow_json_put_string(&w, str("a"));
	assert_null(outflow_json_finish(&w).ptr);
	outflow_harness_free(&t);
}

/* ---- third-party vectors ---- */

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	*n = fread(text, 1, 1 << 20, f);
	fclose(f);
	return text;
}

static void json_test_suite(void **state)
{
	const char *root = getenv("OUTFLOW_CONFORMANCE");
	char path[4096];
	unsigned taken = 0, refused = 0, free_choice = 0, wrong = 0;
	struct dirent *entry;
	DIR *dir;

	(void)state;
	snprintf(path, sizeof path, "%s/json/JSONTestSuite", root ? root : "");
	dir = root ? opendir(path) : NULL;
	if (dir == NULL) {
		puts("JSONTestSuite: skipped, OUTFLOW_CONFORMANCE does not name the folder of vectors");
		skip();
	}
	while ((entry = readdir(dir)) != NULL) {
		outflow_error err = { .msg = "" };
		size_t n;
		char *text;
		int ok;

		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof path, "%s/json/JSONTestSuite/%s", root, entry->d_name);
		text = read_file(path, &n);
		ok = parse(text, n, &err) == OUTFLOW_OK;
		free(text);
		taken += entry->d_name[0] == 'y';
		refused += entry->d_name[0] == 'n';
		free_choice += entry->d_name[0] == 'i';
		if (entry->d_name[0] != 'i' && ok != (entry->d_name[0] == 'y')) {
			printf("JSONTestSuite: %s: %s\n", entry->d_name, ok ? "accepted" : err.msg);
			wrong++;
		}
	}
	closedir(dir);
	printf("JSONTestSuite: %u to accept, %u to refuse, %u free, %u wrong\n", taken, refused, free_choice, wrong);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_the_grammar_allows),
		cmocka_unit_test(says_where_and_why),
		cmocka_unit_test(takes_only_strict_utf8),
		cmocka_unit_test(every_cut_is_refused_cleanly),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(values_are_found),
		cmocka_unit_test(numbers_and_strings_are_marked),
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(large_texts_keep_every_token),
		cmocka_unit_test(densest_texts_fit),
		cmocka_unit_test(a_view_is_used_again),
		cmocka_unit_test(no_memory_is_a_status),
		cmocka_unit_test(the_writer_escapes_and_separates),
		cmocka_unit_test(json_test_suite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
