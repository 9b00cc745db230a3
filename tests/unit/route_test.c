/* SPDX-License-Identifier: Apache-2.0 */
/* route_test.c: records go to the topics of the rules that fit, once to each, and bad topics are refused. */
#include "transform_fixture.h"
#include "transforms/cleanse/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char product[] =
	"{\"defaultTopic\":\"other\",\"rules\":[{\"regex\":\"^pump\",\"targetTopics\":[\"t1\",\"t2\"]},"
	"{\"regex\":\"^f\\u0061n\",\"targetTopics\":[\"t3\"]}]}";

/* The topics that one message goes to, with blanks between. */
static void goes_to(const char *const *settings, const char *payload, const char *topics)
{
	outflow_harness *t = transform_make(&cleanse_route, settings);
	outflow_record *in = outflow_harness_input(t, "plant/p1", "k", payload);
	char out[200] = "";

	outflow_harness_header(t, in, "site", "north");
	in->partition = 7;
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	if (outflow_harness_reject(t, 0) != NULL)
		fail_msg("%s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	for (size_t i = 0; i < outflow_harness_outputs(t); i++) {
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i > 0 ? " " : "",
		         outflow_harness_topic(t, i));
		assert_ptr_equal(outflow_harness_output(t, i)->value.ptr, in->value.ptr);
	}
	assert_string_equal(out, topics);
	outflow_harness_free(&t);
}

static void the_first_rule_that_fits_counts(void **state)
{
	(void)state;
	goes_to(SET("rules", product), "pump-1 ..", "t1 t2");
	goes_to(SET("rules", product), "fan-2 ..", "t3");
	goes_to(SET("rules", product), "x-3 ..", "other");
	goes_to(SET("rules", product), NULL, "other");
	goes_to(SET("rules", "{\"rules\":[{\"regex\":\"a\",\"targetTopics\":[\"t\"]}]}", "default", "d"), "b", "d");
	goes_to(SET("rules", "t1,t2", "rules.t1.regex", "a", "rules.t1.topics", "x, y,", "rules.t2.regex", "b",
	            "rules.t2.topics", "z"),
	        "ab", "x y");
}

static void all_rules_may_count(void **state)
{
	const char *const *all = SET("rules", "t1,t2,t3", "rules.t1.regex", "a", "rules.t1.topics", "x,y,x",
	                             "rules.t2.regex", "b", "rules.t2.topics", "y,z", "rules.t3.regex", "c",
	                             "rules.t3.topics", "w", "default", "d", "take", "all");

	(void)state;
	goes_to(all, "ab", "x y z");
	goes_to(all, "cb", "y z w");
	goes_to(all, "?", "d");
}

static void what_no_rule_fits_follows_its_policy(void **state)
{
#define ONE "rules", "t1", "rules.t1.regex", "a", "rules.t1.topics", "t"
	(void)state;
	transform_rejects(&cleanse_route, SET(ONE), "b", "no rule fits, and there is no default topic");
	transform_rejects(&cleanse_route, SET(ONE), NULL, "no rule fits");
	goes_to(SET(ONE, "unmatched", "pass"), "b", "plant/p1");
	goes_to(SET(ONE, "unmatched", "drop"), "b", "");
}

static void other_texts_than_the_payload(void **state)
{
	(void)state;
	goes_to(SET(ONE, "match", "topic", "rules.t1.regex", "^plant/p1$"), "", "t");
	goes_to(SET(ONE, "match", "header.site", "rules.t1.regex", "^north$"), "", "t");
	goes_to(SET(ONE, "match", "$.data.body.d", "rules.t1.regex", "^A\n$"), "{\"d\":\"\\u0041\\n\"}", "t");
	goes_to(SET(ONE, "match", "$.data.body.o", "rules.t1.regex", "^\\{\"x\": 1\\}$"), "{\"o\":{\"x\": 1}}", "t");
	goes_to(SET(ONE, "match", "$.data.props.topic", "rules.t1.regex", "p1"), "{}", "t");
	goes_to(SET(ONE, "match", "header.none", "unmatched", "drop"), "", "");
	goes_to(SET(ONE, "match", "$.data.body.none", "unmatched", "drop"), "{}", "");
	goes_to(SET(ONE, "match", "$.data.body.n", "unmatched", "drop"), "{\"n\":null}", "");
	transform_rejects(&cleanse_route, SET(ONE, "match", "$.data.body.d"), "{", "not JSON");
}

static void partitions_are_chosen_anew(void **state)
{
	outflow_harness *t = transform_make(&cleanse_route, SET(ONE));

	(void)state;
	outflow_harness_input(t, "t", NULL, "a")->partition = 7;
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_output(t, 0)->partition, -1);
	outflow_harness_free(&t);
}

static void no_expression_runs_away(void **state)
{
	char text[101];

	(void)state;
	memset(text, 'a', 99);
	memcpy(text + 99, "!", 2);
	transform_rejects(&cleanse_route,
	                  SET("rules", "t1,t2", "rules.t1.regex", "a", "rules.t1.topics", "x", "rules.t2.regex",
	                      "(a+)+$", "rules.t2.topics", "y", "take", "all"),
	                  text, "gave up");
	transform_rejects(&cleanse_route, SET(ONE), "\xff", "UTF-8");
}

static void bad_tables_are_refused(void **state)
{
	const outflow_component *c = &cleanse_route;

	(void)state;
	transform_refuses(c, SET("rules", ""), "rules: at least one rule");
	transform_refuses(c, SET("rules", "{\"rules\":[]}"), "rules: at least one rule");
	transform_refuses(c, SET("rules", "{\"rules\":"), "rules: not JSON");
	transform_refuses(c, SET("rules", "{\"rule\":[]}"), "'rule' is not known here");
	transform_refuses(c, SET("rules", "{\"rules\":[{\"regex\":\"a\"}]}"), "rules.rules[0]: a rule is {\"regex\"");
	transform_refuses(c, SET("rules", "{\"rules\":[{\"regex\":1,\"targetTopics\":[\"t\"]}]}"),
	                  "should be a string");
	transform_refuses(c, SET("rules", "{\"rules\":[{\"regex\":\"a\",\"targetTopics\":[]}]}"), "at least one topic");
	transform_refuses(c, SET("rules", "{\"rules\":[{\"regex\":\"a\",\"targetTopics\":[\"a/b\"]}]}"),
	                  "'a/b' is not the name of a topic");
	transform_refuses(c, SET("rules", product, "default", "x"), "default: the default is given twice");
	transform_refuses(c, SET("rules", product, "unmatched", "drop"), "unmatched: has no effect");
	transform_refuses(c, SET("rules", "t1", "rules.t1.topics", "t"), "rules.t1.regex: is missing");
	transform_refuses(c, SET("rules", "t1", "rules.t1.regex", "a"), "rules.t1.topics: is missing");
	transform_refuses(c, SET(ONE, "rules.t1.topics", ".."), "rules.t1.topics: '..' is not the name of a topic");
	transform_refuses(c, SET(ONE, "rules.t1.topic", "x"), "rules.t1.topic: unknown key");
	transform_refuses(c, SET(ONE, "match", "key"), "match: 'key' is not payload, topic, header.NAME");
	transform_refuses(c, SET(ONE, "match", "$["), "match: column");
}

static void no_memory_is_a_status(void **state)
{
	(void)state;
	transform_runs_out_of_memory(&cleanse_route, SET(ONE, "match", "$.data.body.d"), "{\"d\":\"\\u0061\"}", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_fits_counts),
		cmocka_unit_test(all_rules_may_count),
		cmocka_unit_test(what_no_rule_fits_follows_its_policy),
		cmocka_unit_test(other_texts_than_the_payload),
		cmocka_unit_test(partitions_are_chosen_anew),
		cmocka_unit_test(no_expression_runs_away),
		cmocka_unit_test(bad_tables_are_refused),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
