/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_test.c: edits of a JSON text, in any order and number, leave JSON, and every byte that they do not concern. */
#include "sdk/testing/harness.h"
#include "transforms/language/rewrite.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Edits as a small language: "=PATH VALUE" replaces, "-PATH" removes, "+PATH NAME VALUE" adds; a path is names and
 * indexes with dots between, "." the root; ';' separates. */
static uint32_t token_at(const outflow_json *j, char *path)
{
	uint32_t token = 0;
	char *save = NULL;

	for (char *step = strtok_r(path, ".", &save); step != NULL; step = strtok_r(NULL, ".", &save)) {
		token = outflow_json_type(j, token) == OUTFLOW_JSON_OBJECT
		                ? outflow_json_member(j, token, outflow_text(step))
		                : outflow_json_element(j, token, atoi(step));
		assert_int_not_equal(token, 0);
	}
	return token;
}

static void edit(struct rewrite *w, const outflow_json *j, const char *text)
{
	char copy[128], *save = NULL, *path, *a, *b;

	assert_true(strlen(text) < sizeof copy);
	strcpy(copy, text);
	path = strtok_r(copy + 1, " ", &save);
	a = strtok_r(NULL, " ", &save);
	b = strtok_r(NULL, " ", &save);
	if (*copy == '=')
		rewrite_replace(w, token_at(j, path), outflow_text(strstr(text, a)));
	else if (*copy == '-')
		rewrite_remove(w, token_at(j, path));
	else
		rewrite_add_member(w, token_at(j, path), outflow_text(a), outflow_text(strstr(text, b)));
}

static void turns(const char *before, const char *const *edits, const char *after)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_host *h = outflow_harness_host(t);
	outflow_batch *b = outflow_harness_batch(t);
	const outflow_json *j = NULL, *again = NULL;
	outflow_error err = { .msg = "" };
	struct rewrite w;
	outflow_bytes out;

	assert_int_equal(outflow_json_scan(h, b, outflow_text_bytes(outflow_text(before)), 128, &j, &err), OUTFLOW_OK);
	rewrite_begin(&w, h, b, j);
	for (; *edits != NULL; edits++)
		edit(&w, j, *edits);
	out = rewrite_finish(&w);
	assert_non_null(out.ptr);
	if (out.len != strlen(after) || memcmp(out.ptr, after, out.len) != 0)
		fail_msg("%s: %.*s instead of %s", before, (int)out.len, (const char *)out.ptr, after);
	assert_int_equal(outflow_json_scan(h, b, out, 128, &again, &err), OUTFLOW_OK);
	outflow_harness_free(&t);
}

#define EDITS(...)                                                                                                     \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}

static void replaces_values_of_every_kind(void **state)
{
	(void)state;
	turns("{\"a\":1}", EDITS("=a \"x\""), "{\"a\":\"x\"}");
	turns(" [ 1 , {\"a\" : [true]} , \"s\" ] ", EDITS("=2 null", "=0 [2]", "=1.a {}"),
	      " [ [2] , {\"a\" : {}} , null ] ");
	turns("1", EDITS("=. {\"a\":2}"), "{\"a\":2}");
	turns(" {\"a\":{\"b\":1}} ", EDITS("=. 7"), " 7 ");
}

static void removes_with_one_comma(void **state)
{
	(void)state;
	turns("{\"a\":1,\"b\":2,\"c\":3}", EDITS("-a"), "{\"b\":2,\"c\":3}");
	turns("{\"a\":1,\"b\":2,\"c\":3}", EDITS("-b"), "{\"a\":1,\"c\":3}");
	turns("{\"a\":1,\"b\":2,\"c\":3}", EDITS("-c"), "{\"a\":1,\"b\":2}");
	turns("{\"a\":1,\"b\":2,\"c\":3}", EDITS("-c", "-a"), "{\"b\":2}");
	turns("{\"a\":1,\"b\":2,\"c\":3}", EDITS("-b", "-a"), "{\"c\":3}");
	turns("{\"a\":1,\"b\":2,\"c\":3}", EDITS("-b", "-c"), "{\"a\":1}");
	turns("{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }", EDITS("-a", "-b", "-c"), "{ }");
	turns("{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }", EDITS("-a"), "{\"b\" : 2 , \"c\" : 3 }");
	turns("[ 1 , [2] , 3 , 4]", EDITS("-1", "-2"), "[ 1 , 4]");
	turns("[[1],[2]]", EDITS("-0.0", "-1"), "[[]]");
	turns("[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4}]", EDITS("-1.a", "-0.b"), "[{\"a\":1},{\"b\":4}]");
}

static void adds_behind_what_stays(void **state)
{
	(void)state;
	turns("{}", EDITS("+. a 1"), "{\"a\":1}");
	turns("{ }", EDITS("+. a 1", "+. b 2"), "{\"a\":1,\"b\":2 }");
	turns("{\"a\":1\n}", EDITS("+. b 2"), "{\"a\":1,\"b\":2\n}");
	turns("{\"a\":1}", EDITS("-a", "+. b 2"), "{\"b\":2}");
	turns("{\"a\":1,\"c\":3}", EDITS("+. b 2", "-c"), "{\"a\":1,\"b\":2}");
	turns("{\"a\":{\"x\":[{}]},\"c\":3}", EDITS("=c 4", "+a.x.0 y 1", "+a z 2"),
	      "{\"a\":{\"x\":[{\"y\":1}],\"z\":2},\"c\":4}");
	turns("{\"a\":1}", EDITS("+. q\"\\\n 2"), "{\"a\":1,\"q\\\"\\\\\\u000a\":2}");
	turns("{\"a\":{\"b\":1},\"c\":2}", EDITS("=a.b 12345", "-c", "+. d 3"), "{\"a\":{\"b\":12345},\"d\":3}");
}

static void the_last_edit_and_the_outer_one_count(void **state)
{
	(void)state;
	turns("{\"a\":1}", EDITS("=a 2", "=a 3"), "{\"a\":3}");
	turns("{\"a\":1}", EDITS("=a 2", "-a"), "{}");
	turns("{\"a\":1}", EDITS("-a", "=a 2"), "{\"a\":2}");
	turns("{\"a\":{\"b\":1},\"c\":2}", EDITS("=a.b 2", "=a 9", "+a x 1", "=c 3"), "{\"a\":9,\"c\":3}");
	turns("{\"a\":{\"b\":[1,2]},\"c\":2}", EDITS("-a.b.0", "-a", "=c 3"), "{\"c\":3}");
	turns("{\"a\":1}", EDITS("+. b 2", "=. []"), "[]");
}

/* What is hidden or deleted must not come to light again. */
static void a_name_that_is_there_twice_goes_along(void **state)
{
	(void)state;
	turns("{\"a\":1,\"b\":2,\"\\u0061\":3,\"c\":4,\"a\":{\"a\":5,\"b\":6}}", EDITS("-a"), "{\"b\":2,\"c\":4}");
	turns("{\"a\":1,\"b\":2,\"\\u0061\":3}", EDITS("=a 0"), "{\"b\":2,\"\\u0061\":0}");
	turns("{\"a\":{\"a\":1},\"b\":2,\"a\":{\"a\":1,\"x\":0,\"a\":2}}", EDITS("=a.a 9", "-b"),
	      "{\"a\":{\"x\":0,\"a\":9}}");
	turns("{\"a\":1,\"a\":2}", EDITS("+. b 3"), "{\"a\":1,\"a\":2,\"b\":3}");
	turns("{\"i\":0,\"h\":0,\"g\":0,\"f\":0,\"e\":0,\"x\":0,\"a\":1,\"b\":1,\"c\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"dd\":1}",
	      EDITS("-a", "-b", "-c", "-e", "-f", "-g", "-h", "-i"), "{\"x\":0,\"dd\":1}");
}

static void covers_what_is_replaced_or_removed(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_json *j = NULL;
	struct rewrite w;

	(void)state;
	assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
	                                   outflow_text_bytes(outflow_text("{\"a\":[1],\"b\":2}")), 9, &j, NULL),
	                 OUTFLOW_OK);
	rewrite_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), j);
	rewrite_add_member(&w, 0, outflow_text("x"), outflow_text("1"));
	assert_false(rewrite_covers(&w, 2));
	assert_true(rewrite_has_added(&w, 0, outflow_text("x")));
	assert_false(rewrite_has_added(&w, 0, outflow_text("y")) || rewrite_has_added(&w, 2, outflow_text("x")));
	rewrite_replace(&w, 2, outflow_text("1"));
	assert_true(rewrite_covers(&w, 2) && rewrite_covers(&w, 3));
	assert_false(rewrite_covers(&w, 0) || rewrite_covers(&w, 6));
	outflow_harness_free(&t);
}

/* A model: elements of a long array go, change or stay by chance, told in an order by chance. */
static void many_edits_agree_with_a_model(void **state)
{
	enum { N = 500, ROUNDS = 40 };
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		outflow_harness *t = outflow_harness_new();
		const outflow_json *j = NULL;
		char text[8 * N], expected[16 * N] = "[", *end = text;
		int fate[N], order[N];
		struct rewrite w;
		outflow_bytes out;

		for (int i = 0; i < N; i++) {
			end += sprintf(end, "%c%d", i ? ',' : '[', i);
			seed = seed * 1103515245u + 12345;
			fate[i] = (int)(seed >> 16) % (round % 4 + 1);
			order[i] = i;
		}
		strcpy(end, "]");
		for (int i = N - 1; i > 0 && round % 2; i--) {
			int other = (int)((seed = seed * 1103515245u + 12345) >> 16) % (i + 1), swap = order[i];

			order[i] = order[other];
			order[other] = swap;
		}
		assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
		                                   outflow_text_bytes(outflow_text(text)), 9, &j, NULL),
		                 OUTFLOW_OK);
		rewrite_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), j);
		for (int i = 0; i < N; i++) {
			if (fate[order[i]] == 1)
				rewrite_remove(&w, (uint32_t)order[i] + 1);
			else if (fate[order[i]] == 2)
				rewrite_replace(&w, (uint32_t)order[i] + 1, outflow_text("\"changed\""));
		}
		end = expected + 1;
		for (int i = 0; i < N; i++)
			if (fate[i] != 1) {
				if (end > expected + 1)
					*end++ = ',';
				end += fate[i] == 2 ? sprintf(end, "\"changed\"") : sprintf(end, "%d", i);
			}
		strcpy(end, "]");
		out = rewrite_finish(&w);
		assert_int_equal(out.len, strlen(expected));
		assert_memory_equal(out.ptr, expected, out.len);
		outflow_harness_free(&t);
	}
}

static void without_edits_the_text_is_the_same(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const char *text = " {\"a\":1} ";
	const outflow_json *j = NULL;
	struct rewrite w;

	(void)state;
	assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
	                                   outflow_text_bytes(outflow_text(text)), 9, &j, NULL),
	                 OUTFLOW_OK);
	rewrite_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), j);
	rewrite_remove(&w, 0); /* the root cannot go */
	assert_ptr_equal(rewrite_finish(&w).ptr, text);
	outflow_harness_free(&t);
}

static void no_memory_is_told_once(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		outflow_harness *t = outflow_harness_new();
		const outflow_json *j = NULL;
		struct rewrite w;
		outflow_bytes out;

		assert_int_equal(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t),
		                                   outflow_text_bytes(outflow_text("{\"a\":1,\"b\":2}")), 9, &j, NULL),
		                 OUTFLOW_OK);
		outflow_harness_fail_alloc(t, n);
		rewrite_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), j);
		rewrite_remove(&w, 4);
		rewrite_replace(&w, 2, outflow_text("3"));
		rewrite_add_member(&w, 0, outflow_text("x"), outflow_text("1"));
		out = rewrite_finish(&w);
		outflow_harness_free(&t);
		if (out.ptr != NULL) {
			assert_int_equal(n, 6); /* edits, name, order, text, names */
			return;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_values_of_every_kind),
		cmocka_unit_test(removes_with_one_comma),
		cmocka_unit_test(adds_behind_what_stays),
		cmocka_unit_test(the_last_edit_and_the_outer_one_count),
		cmocka_unit_test(a_name_that_is_there_twice_goes_along),
		cmocka_unit_test(covers_what_is_replaced_or_removed),
		cmocka_unit_test(many_edits_agree_with_a_model),
		cmocka_unit_test(without_edits_the_text_is_the_same),
		cmocka_unit_test(no_memory_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
