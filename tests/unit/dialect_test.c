/* SPDX-License-Identifier: Apache-2.0 */
/* dialect_test.c: where the three dialects of patterns differ, and where they must not: the table of differences row by
 * row, operators of one dialect only, several operators in one object, names that look like paths, digits of numbers. */
#include "sdk/testing/harness.h"
#include "transforms/language/pattern.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static outflow_harness *harness;
static struct event_settings settings;

static int set_up(void **state)
{
	(void)state;
	harness = outflow_harness_new();
	event_settings_read(&settings, outflow_harness_host(harness), outflow_harness_config(harness), "source.");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	outflow_harness_free(&harness);
	return 0;
}

static bool fits_in_a_set(enum pattern_dialect dialect, const char *text, struct event *e)
{
	struct pattern_set *set = NULL;
	bool fits;

	assert_int_equal(pattern_set_new(dialect, &set, NULL), OUTFLOW_OK);
	assert_int_equal(pattern_set_add(set, outflow_text("one"), outflow_text(text), NULL), OUTFLOW_OK);
	assert_int_equal(pattern_set_finish(set, NULL), OUTFLOW_OK);
	fits = pattern_set_match_any(set, e);
	pattern_set_free(&set);
	return fits;
}

/* 'T': fits, 'F': does not, 'E': the pattern is refused. */
static char verdict(enum pattern_dialect dialect, const char *text, const char *json, outflow_error *err)
{
	struct pattern *p = NULL;
	outflow_record *r;
	struct event e;
	bool fits;

	if (pattern_compile(outflow_text(text), dialect, &p, err) != OUTFLOW_OK)
		return 'E';
	r = outflow_harness_input_bytes(harness, "t", json, strlen(json));
	outflow_harness_header(harness, r, "content-type", "application/cloudevents+json");
	event_begin(&e, outflow_harness_host(harness), outflow_harness_batch(harness), &settings, r, err);
	fits = pattern_match(p, &e, NULL, NULL);
	if (e.status != OUTFLOW_OK)
		fail_msg("%s: %s", json, err->msg);
	if (fits_in_a_set(dialect, text, &e) != fits)
		fail_msg("%s: %s on %s: a set says otherwise", pattern_dialects[dialect], text, json);
	pattern_free(&p);
	outflow_harness_clear(harness);
	return fits ? 'T' : 'F';
}

/* One row: what alibaba, aws and union say. */
struct row {
	const char *verdicts;
	const char *pattern, *event;
};

static void check(const struct row *rows, size_t n)
{
	static const enum pattern_dialect order[] = { PATTERN_ALIBABA, PATTERN_AWS, PATTERN_UNION };

	for (size_t i = 0; i < n; i++) {
		for (size_t d = 0; d < 3; d++) {
			outflow_error err = { .msg = "" };
			char got = verdict(order[d], rows[i].pattern, rows[i].event, &err);

			if (got != rows[i].verdicts[d])
				fail_msg("%s: %s on %s: %c, wanted %c %s", pattern_dialects[order[d]], rows[i].pattern,
				         rows[i].event, got, rows[i].verdicts[d], err.msg);
		}
	}
}
#define CHECK(ROWS) check(ROWS, sizeof(ROWS) / sizeof(ROWS)[0])
#define X(CONDITIONS) "{\"data\":{\"x\":[" CONDITIONS "]}}"
#define EVENT(VALUE) "{\"data\":{\"x\":" VALUE "}}"

static void equality(void **state)
{
	static const struct row rows[] = {
		{ "FTT", X("300"), EVENT("300.0") },
		{ "TTT", X("300.0"), EVENT("300.0") },
		{ "TFF", X("\"80\""), EVENT("80") },
		{ "TFF", X("80"), EVENT("\"80\"") },
		{ "TFF", X("true"), EVENT("\"true\"") },
		{ "FTT", X("1.5"), EVENT("1.50") },
		{ "FFF", X("12345678901234567890"), EVENT("12345678901234567891") },
		{ "TTT", X("12345678901234567890"), EVENT("12345678901234567890") },
		{ "FFF", X("null"), EVENT("\"null\"") },
		{ "FFF", X("\"null\""), EVENT("null") },
		{ "TTT", X("null"), EVENT("null") },
		{ "FFF", X("null"), "{\"data\":{}}" },
		{ "FFF", X("\"\""), EVENT("null") },
		{ "TTT", X("1e400"), EVENT("1e400") },
		{ "FTT", X("\"::1\""), EVENT("\"0:0:0:0:0:0:0:1\"") },
	};

	(void)state;
	CHECK(rows);
}

static void existence(void **state)
{
	static const struct row rows[] = {
		{ "FTT", X("{\"exists\":false}"), EVENT("[]") },
		{ "FTT", X("{\"exists\":false}"), EVENT("{}") },
		{ "FTT", X("{\"exists\":false}"), EVENT("{\"a\":1}") },
		{ "FFF", X("{\"exists\":true}"), EVENT("[]") },
		{ "FFF", X("{\"exists\":true}"), EVENT("{}") },
		{ "FTT", X("{\"exists\":true}"), EVENT("[[1]]") },
		{ "TTT", X("{\"exists\":true}"), EVENT("[1,null]") },
		{ "FFF", X("{\"exists\":false}"), EVENT("[1,null]") },
		{ "FTT", X("{\"exists\":false}"), "{\"id\":\"1\"}" },
		{ "FTT", X("{\"exists\":false}"), "{\"data\":null}" },
		{ "FTT", X("{\"exists\":false}"), "{\"data\":[]}" },
		{ "FTT", X("{\"exists\":false}"), "{\"data\":\"text\"}" },
		{ "TTT", X("{\"exists\":false}"), "{\"data\":{}}" },
		{ "TTT", X("{\"exists\":true}"), EVENT("null") },
		{ "TTT", "{\"id\":[{\"exists\":false}]}", "{\"data\":{}}" },
	};

	(void)state;
	CHECK(rows);
}

static void strings(void **state)
{
	static const struct row rows[] = {
		{ "ETT", X("{\"prefix\":\"\"}"), EVENT("\"a\"") },
		{ "ETT", X("{\"suffix\":\"\"}"), EVENT("\"a\"") },
		{ "TTT", X("{\"suffix\":\".jpg\"}"), EVENT("\"a.jpg\"") },
		{ "FFF", X("{\"suffix\":\".jpg\"}"), EVENT("\".jpeg\"") },
		{ "FFF", X("{\"prefix\":\"8\"}"), EVENT("80") },
		{ "TET", X("{\"contains\":\"alarm\"}"), EVENT("\"an alarm!\"") },
		{ "FEF", X("{\"contains\":\"alarm\"}"), EVENT("\"alar m\"") },
		{ "FEF", X("{\"contains\":\"1\"}"), EVENT("1") },
		{ "EEE", X("{\"contains\":\"\"}"), EVENT("\"a\"") },
		{ "ETT", X("{\"exactly\":\"on\"}"), EVENT("\"on\"") },
		{ "EEE", X("{\"exactly\":1}"), EVENT("1") },
		{ "ETT", X("{\"equals-ignore-case\":\"oN\"}"), EVENT("\"On\"") },
		{ "EFF", X("{\"equals-ignore-case\":\"oN\"}"), EVENT("\"One\"") },
		{ "ETT",
		  X("{\"equals-ignore-case\":\"stra\xc3\x9f"
		    "e\"}"),
		  EVENT("\"STRASSE\"") },
		{ "EFF", X("{\"equals-ignore-case\":\"strasse\"}"),
		  EVENT("\"stra\xc3\x9f"
		        "e\"") },
		{ "EFF", X("{\"equals-ignore-case\":\"k\"}"), EVENT("\"\xe2\x84\xaa\"") }, /* Kelvin sign */
		{ "ETT", X("{\"equals-ignore-case\":\"\xe2\x84\xaa\"}"), EVENT("\"k\"") },
		{ "ETT", X("{\"equals-ignore-case\":\"\xc4\xb0\"}"), EVENT("\"i\xcc\x87\"") }, /* I with a dot */
		{ "EFF", X("{\"equals-ignore-case\":\"\xf0\x90\x90\x80\"}"), EVENT("\"\xf0\x90\x90\xa8\"") },
		{ "ETT", X("{\"equals-ignore-case\":\"\xf0\x90\x90\x80\"}"), EVENT("\"\xf0\x90\x90\x80\"") },
		{ "ETT", X("{\"prefix\":{\"equals-ignore-case\":\"EU-\"}}"), EVENT("\"eu-west\"") },
		{ "ETT", X("{\"suffix\":{\"equals-ignore-case\":\".JPG\"}}"), EVENT("\"a.jpg\"") },
		{ "EEE", X("{\"suffix\":{\"wildcard\":\".JPG\"}}"), EVENT("\"a.jpg\"") },
		{ "ETT", X("{\"wildcard\":\"dev-*-t\"}"), EVENT("\"dev-1-t\"") },
		{ "ETT", X("{\"wildcard\":\"dev-*-t\"}"), EVENT("\"dev--t\"") },
		{ "EFF", X("{\"wildcard\":\"dev-*-t\"}"), EVENT("\"dev-t\"") },
		{ "ETT", X("{\"wildcard\":\"*ab*ba*\"}"), EVENT("\"xabbax\"") },
		{ "EFF", X("{\"wildcard\":\"*ab*ba*\"}"), EVENT("\"xabax\"") },
		{ "ETT", X("{\"wildcard\":\"a\\\\*b\\\\\\\\*\"}"), EVENT("\"a*b\\\\c\"") },
		{ "EFF", X("{\"wildcard\":\"a\\\\*b\"}"), EVENT("\"axb\"") },
		{ "ETT", X("{\"wildcard\":\"*\"}"), EVENT("\"\"") },
		{ "ETT", X("{\"wildcard\":\"\"}"), EVENT("\"\"") },
		{ "EEE", X("{\"wildcard\":\"a**b\"}"), EVENT("\"ab\"") },
		{ "EEE", X("{\"wildcard\":\"a\\\\b\"}"), EVENT("\"ab\"") },
		{ "EEE", X("{\"wildcard\":\"a\\\\\"}"), EVENT("\"ab\"") },
		{ "EET", X("{\"wildcard\":\"*:*:*:*:*:event-bus/*\"}"), EVENT("\":::::event-bus/a\"") },
	};

	(void)state;
	CHECK(rows);
}

static void anything_but(void **state)
{
	static const struct row rows[] = {
		{ "TET", X("{\"anything-but\":null}"), EVENT("1") },
		{ "FEF", X("{\"anything-but\":true}"), EVENT("true") },
		{ "FTT", X("{\"anything-but\":123}"), EVENT("\"123\"") },
		{ "TFF", X("{\"anything-but\":123}"), EVENT("123.0") },
		{ "TET", X("{\"anything-but\":[1,\"a\"]}"), EVENT("2") },
		{ "FEF", X("{\"anything-but\":[1,\"a\"]}"), EVENT("\"a\"") },
		{ "TET", X("{\"anything-but\":[]}"), EVENT("1") },
		{ "FEF", X("{\"anything-but\":[]}"), "{\"data\":{}}" },
		{ "EEE", X("{\"anything-but\":[[1]]}"), EVENT("1") },
		{ "TTT", X("{\"anything-but\":\"x\"}"), EVENT("null") },
		{ "FFF", X("{\"anything-but\":\"x\"}"), "{\"data\":{}}" },
		{ "TTT", X("{\"anything-but\":\"x\"}"), EVENT("[\"x\",\"y\"]") },
		{ "TTT", X("{\"anything-but\":{\"prefix\":\"a\"}}"), EVENT("1") },
		{ "FFF", X("{\"anything-but\":{\"suffix\":\"a\"}}"), EVENT("\"ba\"") },
		{ "ETT", X("{\"anything-but\":{\"prefix\":[\"a\",\"b\"]}}"), EVENT("\"c\"") },
		{ "EFF", X("{\"anything-but\":{\"suffix\":[\"a\",\"b\"]}}"), EVENT("\"cb\"") },
		{ "EFF", X("{\"anything-but\":{\"equals-ignore-case\":[\"a\",\"B\"]}}"), EVENT("\"b\"") },
		{ "ETT", X("{\"anything-but\":{\"wildcard\":\"*/lib/*\"}}"), EVENT("\"/lib\"") },
		{ "EFF", X("{\"anything-but\":{\"wildcard\":[\"q\",\"*/lib/*\"]}}"), EVENT("\"/lib/\"") },
		{ "EEE", X("{\"anything-but\":{\"prefix\":\"\"}}"), EVENT("1") },
		{ "EEE", X("{\"anything-but\":{\"prefix\":{\"equals-ignore-case\":\"x\"}}}"), EVENT("1") },
		{ "EEE", X("{\"anything-but\":{\"prefix\":\"a\",\"suffix\":\"b\"}}"), EVENT("1") },
		{ "EEE", X("{\"anything-but\":{}}"), EVENT("1") },
	};

	(void)state;
	CHECK(rows);
}

static void numbers(void **state)
{
	static const struct row rows[] = {
		{ "TFF", X("{\"numeric\":[\"=\",1.1234567]}"), EVENT("1.12345678") },
		{ "FTT", X("{\"numeric\":[\">\",1]}"), EVENT("1.00000005") },
		{ "TTT", X("{\"numeric\":[\">\",1]}"), EVENT("1.000001") },
		{ "TFF", X("{\"numeric\":[\"<=\",1]}"), EVENT("1.00000005") },
		{ "TET", X("{\"numeric\":[\"!=\",1]}"), EVENT("2") },
		{ "FEF", X("{\"numeric\":[\"!=\",1]}"), EVENT("1") },
		{ "ETT", X("{\"numeric\":[\"<\",1.1e9]}"), EVENT("1e9") },
		{ "TTT", X("{\"numeric\":[\">\",1.0e9]}"), EVENT("1e300") },
		{ "FEF", X("{\"numeric\":[\">\",0,\">\",5]}"), EVENT("3") },
		{ "TET", X("{\"numeric\":[\"<\",9,\">\",5]}"), EVENT("6") },
		{ "FEF", X("{\"numeric\":[\">\",5,\"<\",5]}"), EVENT("5") },
		{ "FFF", X("{\"numeric\":[\"=\",5]}"), EVENT("\"5\"") },
		{ "EEE", X("{\"numeric\":[\"=\",1e309]}"), EVENT("5") },
		{ "EEE", X("{\"numeric\":[\"=\",1,\">\"]}"), EVENT("5") },
		{ "TTT", X("{\"numeric\":[\">\",0,\"<=\",5]}"), EVENT("[7,5]") },
		/* All the digits count where two doubles would be the same. */
		{ "TTT", X("{\"numeric\":[\"<\",0.1]}"), EVENT("0.09999") },
		{ "FTT", X("{\"numeric\":[\"<\",0.1]}"), EVENT("0.0999999999999999999999") },
	};

	(void)state;
	CHECK(rows);
}

static void addresses(void **state)
{
	static const struct row rows[] = {
		{ "FTT", X("{\"cidr\":\"10.0.0.0/24\"}"), EVENT("\"10.0.0.0\"") },
		{ "FTT", X("{\"cidr\":\"10.0.0.0/24\"}"), EVENT("\"10.0.0.255\"") },
		{ "TTT", X("{\"cidr\":\"10.0.0.77/24\"}"), EVENT("\"10.0.0.1\"") },
		{ "FFF", X("{\"cidr\":\"10.0.0.0/24\"}"), EVENT("\"10.0.1.1\"") },
		{ "FET", X("{\"cidr\":\"10.0.0.1/32\"}"), EVENT("\"10.0.0.1\"") },
		{ "FEF", X("{\"cidr\":\"0.0.0.0/32\"}"), EVENT("\"10.0.0.1\"") },
		{ "FTT", X("{\"cidr\":\"10.0.0.0/31\"}"), EVENT("\"10.0.0.1\"") },
		{ "TET", X("{\"cidr\":\"10.0.0.1\"}"), EVENT("\"10.0.0.1\"") },
		{ "FEF", X("{\"cidr\":\"10.0.0.1\"}"), EVENT("\"10.0.0.2\"") },
		{ "TET", X("{\"cidr\":\"::1\"}"), EVENT("\"0::1\"") },
		{ "ETT", X("{\"cidr\":\"2001:db8::/32\"}"), EVENT("\"2001:db8:ffff::1\"") },
		{ "EFF", X("{\"cidr\":\"2001:db8::/32\"}"), EVENT("\"10.0.0.1\"") },
		{ "TTT", X("{\"cidr\":\"0.0.0.0/0\"}"), EVENT("\"10.0.0.1\"") },
		{ "FFF", X("{\"cidr\":\"0.0.0.0/0\"}"), EVENT("\"somewhere\"") },
		{ "FFF", X("{\"cidr\":\"0.0.0.0/0\"}"), EVENT("10") },
		{ "EEE", X("{\"cidr\":\"10.0.0.0/33\"}"), EVENT("\"10.0.0.1\"") },
		{ "EEE", X("{\"cidr\":\"10.0.0.0/\"}"), EVENT("\"10.0.0.1\"") },
		{ "EEE", X("{\"cidr\":\"10.0.0/24\"}"), EVENT("\"10.0.0.1\"") },
		{ "EEE", X("{\"cidr\":\"10.0.0.0/8/8\"}"), EVENT("\"10.0.0.1\"") },
		{ "EEE", X("{\"cidr\":1}"), EVENT("\"10.0.0.1\"") },
	};

	(void)state;
	CHECK(rows);
}

static void arrays(void **state)
{
	static const struct row rows[] = {
		{ "FTT", X("1"), EVENT("[[1]]") },
		{ "FTT", X("1"), EVENT("[1,{\"a\":1}]") },
		{ "TTT", X("1"), EVENT("[2,1]") },
		{ "FTT", "{\"data\":{\"a\":{\"b\":[1]}}}", "{\"data\":{\"a\":[{\"b\":1}]}}" },
		{ "TFF", "{\"data\":{\"a\":{\"b\":[{\"exists\":false}]}}}", "{\"data\":{\"a\":[{\"b\":1}]}}" },
		{ "FTT", "{\"data\":{\"x\":[1]}}", "{\"data\":[{\"x\":1}]}" },
		{ "FFF", "{\"data\":{\"a\":{\"x\":[1],\"y\":[2]}}}", "{\"data\":{\"a\":[{\"x\":1},{\"y\":2}]}}" },
	};

	(void)state;
	CHECK(rows);
}

static void names(void **state)
{
	static const struct row rows[] = {
		{ "TET", "{}", "{}" },
		{ "TTT", "", "{}" },
		{ "ETT", "{\"other\":[1]}", "{\"other\":1}" },
		{ "TTT", "{\"source\":[\"s\"]}", "{\"source\":\"s\"}" },
		{ "TTT", "{\"aliyunregionid\":[\"r\"]}", "{\"aliyunregionid\":\"r\"}" },
		{ "ETT", "{\"source\":{\"x\":[1]}}", "{\"source\":{\"x\":1}}" },
		{ "EEE", "{\"data\":{}}", "{}" },
		{ "EEE", "{\"data\":{\"x\":{}}}", "{}" },
		{ "TTT", "{\"data\":{\"a b\":[1]}}", "{\"data\":{\"a b\":1}}" },
		{ "FFF", "{\"data\":{\"*\":[1]}}", "{\"data\":{\"a\":1}}" },
		{ "TTT", "{\"data\":{\"*\":[1]}}", "{\"data\":{\"*\":1}}" },
		{ "FFF", "{\"data\":{\"a[0]\":[1]}}", "{\"data\":{\"a\":[1]}}" },
		{ "TTT", "{\"data\":{\"a.b\":[1]}}", "{\"data\":{\"a.b\":1}}" },
		{ "TTT", "{\"data\":{\"a.b\":[1]}}", "{\"data\":{\"a\":{\"b\":1}}}" },
		{ "TTT", "{\"data\":{\"a\":{\"b\":[1]}}}", "{\"data\":{\"a.b\":1}}" },
		{ "FFF", X("1"), EVENT("1,\"x\":2") },
	};

	(void)state;
	CHECK(rows);
}

static void several_operators_in_one_object(void **state)
{
	static const struct row rows[] = {
		{ "TET", X("{\"prefix\":\"a\",\"suffix\":\"z\"}"), EVENT("\"abz\"") },
		{ "FEF", X("{\"prefix\":\"a\",\"suffix\":\"z\"}"), EVENT("\"ab\"") },
		{ "TET", X("{\"prefix\":\"a\",\"suffix\":\"z\"},1"), EVENT("1") },
		{ "TET", X("{\"numeric\":[\">\",1],\"anything-but\":5}"), EVENT("4") },
		{ "FEF", X("{\"numeric\":[\">\",1],\"anything-but\":5}"), EVENT("5") },
		{ "FEF", X("{\"exists\":false,\"prefix\":\"a\"}"), "{\"data\":{}}" },
		{ "EEE", X("{\"prefix\":\"a\",\"foo\":1}"), EVENT("\"a\"") },
		{ "EEE", X("{}"), EVENT("1") },
		/* One element must have it all. */
		{ "FEF", X("{\"prefix\":\"a\",\"suffix\":\"z\"}"), EVENT("[\"ab\",\"bz\"]") },
	};

	(void)state;
	CHECK(rows);
}

#define OR(A, B) "{\"data\":{\"$or\":[" A "," B "]}}"

static void alternatives(void **state)
{
	static const struct row rows[] = {
		{ "TTT", "{\"data\":{\"$or\":[{\"prefix\":\"1\"},{\"prefix\":\"2\"}]}}", "{\"data\":{\"$or\":\"1\"}}" },
		{ "ETT", OR("{\"a\":[1]}", "{\"b\":[2]}"), "{\"data\":{\"a\":1,\"b\":1}}" },
		{ "ETT", OR("{\"a\":[1]}", "{\"b\":[2]}"), "{\"data\":{\"b\":2}}" },
		{ "EFF", OR("{\"a\":[1]}", "{\"b\":[2]}"), "{\"data\":{\"a\":2,\"b\":1}}" },
		{ "EEE", OR("{\"a\":[1]}", "{}"), "{\"data\":{}}" },
		{ "EEE", "{\"data\":{\"$or\":[{\"a\":[1]}]}}", "{\"data\":{\"a\":1}}" },
		{ "TTT", "{\"data\":{\"$or\":[\"x\"]}}", "{\"data\":{\"$or\":\"x\"}}" },
		/* A field of an alternative takes the place of the same field beside $or. */
		{ "ETT", "{\"data\":{\"a\":[1],\"$or\":[{\"a\":[2]},{\"b\":[1]}]}}", "{\"data\":{\"a\":2}}" },
		{ "EFF", "{\"data\":{\"a\":[1],\"$or\":[{\"a\":[2]},{\"b\":[1]}]}}", "{\"data\":{\"a\":3,\"b\":2}}" },
		{ "ETT", "{\"data\":{\"a\":[1],\"$or\":[{\"a\":[2]},{\"b\":[1]}]}}", "{\"data\":{\"a\":1,\"b\":1}}" },
		{ "ETT", OR(OR("{\"a\":[1]}", "{\"b\":[1]}"), "{\"c\":[1]}"), "{\"data\":{\"data\":{\"b\":1}}}" },
		/* Inside an array both fields of an alternative must be in one element. */
		{ "EFF", OR("{\"l\":{\"x\":[1],\"y\":[1]}}", "{\"z\":[1]}"),
		  "{\"data\":{\"l\":[{\"x\":1},{\"y\":1}]}}" },
	};

	(void)state;
	CHECK(rows);
}

static void too_many_alternatives_are_refused(void **state)
{
	char text[4096];
	size_t n = (size_t)sprintf(text, "{\"z\":[1]");
	outflow_error err = { .msg = "" };

	(void)state;
	for (int i = 0; i < 14; i++)
		n += (size_t)sprintf(text + n, ",\"f%d\":{\"$or\":[{\"a\":[1]},{\"b\":[1]}]}", i);
	sprintf(text + n, "}");
	assert_int_equal(verdict(PATTERN_UNION, text, "{}", &err), 'E');
	if (strncmp(err.msg, "pattern.complex at /f", 21) != 0)
		fail_msg("%s", err.msg);
	n = (size_t)sprintf(text, "{\"a");
	for (int i = 0; i < 200; i++)
		n += (size_t)sprintf(text + n, ".a");
	sprintf(text + n, "\":[1]}");
	assert_int_equal(verdict(PATTERN_UNION, text, "{}", &err), 'E');
	assert_int_equal(strncmp(err.msg, "pattern.complex", 15), 0);
}

static void refuse(enum pattern_dialect dialect, const char *pattern, const char *code, const char *part)
{
	outflow_error err = { .msg = "" };

	assert_int_equal(verdict(dialect, pattern, "{}", &err), 'E');
	if (strncmp(err.msg, code, strlen(code)) != 0 || strstr(err.msg, part) == NULL)
		fail_msg("%s: wanted %s and '%s': %s", pattern, code, part, err.msg);
}

static void refusals_have_codes(void **state)
{
	(void)state;
	refuse(PATTERN_ALIBABA, "{\"x\":[1]}", "pattern.key at /x ", "aliyun");
	refuse(PATTERN_ALIBABA, "{\"data\":[1]}", "pattern.data.empty at /data ", "object");
	refuse(PATTERN_AWS, "{}", "pattern.data.empty at the top ", "in this dialect");
	refuse(PATTERN_ALIBABA, X("{\"prefix\":\"\"}"), "pattern.prefix.empty at /data/x/0/prefix ", "");
	refuse(PATTERN_ALIBABA, X("{\"suffix\":\"\"}"), "pattern.suffix.empty at /data/x/0/suffix ", "");
	refuse(PATTERN_ALIBABA, X("{\"suffix\":1}"), "pattern.suffix.type", "needs a string");
	refuse(PATTERN_UNION, X("{\"suffix\":1}"), "pattern.suffix.type", "equals-ignore-case");
	refuse(PATTERN_UNION, X("{\"contains\":1}"), "pattern.contains.type", "");
	refuse(PATTERN_UNION, X("{\"contains\":\"\"}"), "pattern.contains.empty", "");
	refuse(PATTERN_UNION, X("{\"exactly\":1}"), "pattern.exactly.type", "");
	refuse(PATTERN_UNION, X("{\"equals-ignore-case\":[\"a\"]}"), "pattern.equals_ignore_case.type",
	       "found [\"a\"]");
	refuse(PATTERN_UNION, X("{\"wildcard\":1}"), "pattern.wildcard", "");
	refuse(PATTERN_UNION, X("{\"wildcard\":\"a**\"}"), "pattern.wildcard at /data/x/0/wildcard ", "**");
	refuse(PATTERN_AWS, X("{\"wildcard\":\"*a*a*a*a*a\"}"), "pattern.complex at /data/x/0/wildcard ", "at most 4");
	refuse(PATTERN_ALIBABA, X("{\"wildcard\":\"a\"}"), "pattern.condition.unknown", "operators are prefix, suffix");
	refuse(PATTERN_AWS, X("{\"prefix\":\"a\",\"suffix\":\"b\"}"), "pattern.condition.keys at /data/x/0 ",
	       "one operator");
	refuse(PATTERN_AWS, X("{\"contains\":\"a\"}"), "pattern.condition.unknown", "");
	refuse(PATTERN_AWS, X("{\"numeric\":[\"!=\",1]}"), "pattern.numeric.operator at /data/x/0/numeric/0 ", "");
	refuse(PATTERN_AWS, X("{\"numeric\":[\">\",2,\"<\",1]}"), "pattern.numeric.range at /data/x/0/numeric ",
	       "less");
	refuse(PATTERN_ALIBABA, X("{\"numeric\":[\">\",1.1e9]}"), "pattern.numeric.range at /data/x/0/numeric/1 ",
	       "1.0E9");
	refuse(PATTERN_AWS, X("{\"anything-but\":[1,\"a\"]}"), "pattern.anything_but.value", "only");
	refuse(PATTERN_AWS, X("{\"anything-but\":[]}"), "pattern.anything_but.value", "at least one");
	refuse(PATTERN_AWS, X("{\"anything-but\":[1e999]}"), "pattern.numeric.range", "");
	refuse(PATTERN_ALIBABA, X("{\"anything-but\":{\"wildcard\":\"a\"}}"), "pattern.anything_but.nested", "suffix");
	refuse(PATTERN_ALIBABA, X("{\"anything-but\":{\"prefix\":[\"a\"]}}"), "pattern.prefix.type", "one string");
	refuse(PATTERN_UNION, X("{\"anything-but\":{\"wildcard\":[]}}"), "pattern.anything_but.value", "at least one");
	refuse(PATTERN_UNION, X("{\"cidr\":\"x\"}"), "pattern.cidr at /data/x/0/cidr ", "2001:db8::/32");
	refuse(PATTERN_ALIBABA, X("{\"cidr\":\"::/1\"}"), "pattern.cidr", "IPv4");
}

static void dialects_have_names(void **state)
{
	(void)state;
	assert_int_equal(pattern_dialect_of(outflow_text("union")), PATTERN_UNION);
	assert_int_equal(pattern_dialect_of(outflow_text("aws")), PATTERN_AWS);
	assert_int_equal(pattern_dialect_of(outflow_text("alibaba")), PATTERN_ALIBABA);
	assert_null(pattern_dialects[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality),
		cmocka_unit_test(existence),
		cmocka_unit_test(strings),
		cmocka_unit_test(anything_but),
		cmocka_unit_test(numbers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(arrays),
		cmocka_unit_test(names),
		cmocka_unit_test(several_operators_in_one_object),
		cmocka_unit_test(alternatives),
		cmocka_unit_test(too_many_alternatives_are_refused),
		cmocka_unit_test(refusals_have_codes),
		cmocka_unit_test(dialects_have_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
