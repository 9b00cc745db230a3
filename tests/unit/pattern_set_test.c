/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_set_test.c: a set finds exactly the patterns that fit by themselves, for random patterns and events in each
 * dialect, for many alternatives of each kind, and with nothing allocated. */
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

static struct event event_of(const char *json, outflow_error *err)
{
	outflow_record *r = outflow_harness_input_bytes(harness, "t", json, strlen(json));
	struct event e;

	outflow_harness_header(harness, r, "content-type", "application/cloudevents+json");
	event_begin(&e, outflow_harness_host(harness), outflow_harness_batch(harness), &settings, r, err);
	return e;
}

static struct pattern_set *new_set(enum pattern_dialect dialect)
{
	struct pattern_set *set = NULL;

	assert_int_equal(pattern_set_new(dialect, &set, NULL), OUTFLOW_OK);
	return set;
}

static void add(struct pattern_set *set, const char *name, const char *text)
{
	outflow_error err = { .msg = "" };

	if (pattern_set_add(set, outflow_text(name), outflow_text(text), &err) != OUTFLOW_OK)
		fail_msg("%s: %s", text, err.msg);
}

static void finish(struct pattern_set *set)
{
	assert_int_equal(pattern_set_finish(set, NULL), OUTFLOW_OK);
}

/* The names of the patterns that fit, with a space behind each. */
static const char *matches(struct pattern_set *set, const char *json)
{
	static char names[2000];
	outflow_error err = { .msg = "" };
	struct event e = event_of(json, &err);
	const uint32_t *matched;
	size_t n = pattern_set_match(set, &e, &matched), length = 0;

	names[0] = '\0';
	for (size_t i = 0; i < n && length < sizeof names - 40; i++) {
		outflow_str name = pattern_set_name(set, matched[i]);

		length += (size_t)snprintf(names + length, sizeof names - length, "%.*s ", (int)name.len, name.ptr);
	}
	assert_int_equal(e.status, OUTFLOW_OK);
	assert_int_equal(pattern_set_match_any(set, &e), n > 0);
	outflow_harness_clear(harness);
	return names;
}

static void names_come_in_the_order_of_the_patterns(void **state)
{
	struct pattern_set *set = new_set(PATTERN_UNION);

	(void)state;
	add(set, "hot", "{\"t\":[{\"numeric\":[\">\",50]}]}");
	add(set, "all", "");
	add(set, "north", "{\"site\":[\"north\"],\"t\":[{\"exists\":true}]}");
	add(set, "no-site", "{\"site\":[{\"exists\":false}]}");
	add(set, "either", "{\"$or\":[{\"site\":[\"north\"]},{\"t\":[{\"numeric\":[\">\",50]}]}]}");
	finish(set);
	assert_int_equal(pattern_set_size(set), 5);
	assert_string_equal(matches(set, "{\"t\":60,\"site\":\"north\"}"), "hot all north either ");
	assert_string_equal(matches(set, "{\"t\":40,\"site\":\"north\"}"), "all north either ");
	assert_string_equal(matches(set, "{\"t\":60}"), "hot all no-site either ");
	assert_string_equal(matches(set, "{\"site\":\"south\"}"), "all ");
	assert_string_equal(matches(set, "{}"), "all no-site ");
	pattern_set_free(&set);
}

static void an_empty_set_fits_nothing(void **state)
{
	struct pattern_set *set = new_set(PATTERN_UNION);

	(void)state;
	finish(set);
	assert_string_equal(matches(set, "{\"a\":1}"), "");
	pattern_set_free(&set);
	assert_null(set);
	pattern_set_free(&set);
}

static void arrays_are_looked_at_for_each_pattern(void **state)
{
	struct pattern_set *set = new_set(PATTERN_UNION);

	(void)state;
	add(set, "both", "{\"l\":{\"x\":[1],\"y\":[2]}}");
	add(set, "x", "{\"l\":{\"x\":[1]}}");
	add(set, "x-without-y", "{\"l\":{\"x\":[1],\"y\":[{\"exists\":false}]}}");
	add(set, "no-z", "{\"l\":{\"z\":[{\"exists\":false}]}}");
	finish(set);
	assert_string_equal(matches(set, "{\"l\":[{\"x\":1,\"y\":2}]}"), "both x no-z ");
	assert_string_equal(matches(set, "{\"l\":[{\"x\":1},{\"y\":2}]}"), "x x-without-y no-z ");
	assert_string_equal(matches(set, "{\"l\":[{\"x\":1,\"y\":1},{\"x\":2,\"y\":2,\"z\":1}]}"), "x ");
	assert_string_equal(matches(set, "{\"l\":{\"x\":1},\"l.y\":2}"), "both x no-z ");
	assert_string_equal(matches(set, "[{\"l\":{\"x\":1}},{\"l\":{\"y\":2}}]"), "x x-without-y no-z ");
	pattern_set_free(&set);
}

/* Writes form with number, of three digits, in place of each #. */
static size_t fill_in(char *to, const char *form, int number)
{
	char *start = to;

	for (; *form != '\0'; form++)
		if (*form == '#')
			to += sprintf(to, "%03d", number);
		else
			*to++ = *form;
	return (size_t)(to - start);
}

/* One pattern with many alternatives in one field: only number 437 of them fits. */
static void expect_alternative(const char *form, const char *fits, const char *other)
{
	struct pattern_set *set = new_set(PATTERN_UNION);
	char *text = malloc(100000);
	size_t n = (size_t)sprintf(text, "{\"a\":[");

	for (int i = 0; i < 1000; i++) {
		n += (size_t)sprintf(text + n, "%s", i ? "," : "");
		n += fill_in(text + n, form, i);
	}
	sprintf(text + n, "]}");
	add(set, "one", text);
	finish(set);
	assert_string_equal(matches(set, fits), "one ");
	assert_string_equal(matches(set, other), "");
	pattern_set_free(&set);
	free(text);
}

static void many_alternatives(void **state)
{
	(void)state;
	expect_alternative("\"dev#\"", "{\"a\":\"dev437\"}", "{\"a\":\"dev4370\"}");
	expect_alternative("{\"prefix\":\"dev#-\"}", "{\"a\":\"dev437-x\"}", "{\"a\":\"dev437\"}");
	expect_alternative("{\"suffix\":\"-#\"}", "{\"a\":\"dev-437\"}", "{\"a\":\"437\"}");
	expect_alternative("{\"contains\":\"-#-\"}", "{\"a\":\"x-43-437-\"}", "{\"a\":\"-43-43-7\"}");
	expect_alternative("{\"wildcard\":\"d#*x#*z\"}", "{\"a\":\"d437 x43 x437 zz\"}", "{\"a\":\"d437 x436 z\"}");
	expect_alternative("{\"equals-ignore-case\":\"Dev#\"}", "{\"a\":\"dEV437\"}", "{\"a\":\"dev43\"}");
	expect_alternative("{\"numeric\":[\">\",1#.25,\"<\",1#.75]}", "{\"a\":1437.5}", "{\"a\":1437}");
	expect_alternative("1#.5", "{\"a\":1437.50}", "{\"a\":1437}");
}

static void many_patterns(void **state)
{
	struct pattern_set *set = new_set(PATTERN_UNION);
	char name[20], text[200];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "p%d", i);
		snprintf(text, sizeof text, "{\"dev\":[{\"prefix\":\"pump-%03d\"}],\"f%d\":[{\"anything-but\":%d}]}", i,
		         i % 50, i);
		add(set, name, text);
	}
	finish(set);
	assert_string_equal(matches(set, "{\"dev\":\"pump-123-a\",\"f23\":1}"), "p123 ");
	assert_string_equal(matches(set, "{\"dev\":\"pump-123-a\",\"f23\":123}"), "");
	assert_string_equal(matches(set, "{\"dev\":\"pump-123-a\",\"f22\":1}"), "");
	assert_string_equal(matches(set, "{\"dev\":[\"pump-999\",\"pump-049\"],\"f49\":\"x\"}"), "p49 p999 ");
	pattern_set_free(&set);
}

static void nothing_is_allocated(void **state)
{
	struct pattern_set *set = new_set(PATTERN_UNION);
	const uint32_t *matched;
	outflow_error err = { .msg = "" };
	struct event e;
	size_t before;

	(void)state;
	add(set, "a",
	    "{\"a\":[{\"wildcard\":\"*x*y\"},{\"numeric\":[\">\",1]},{\"cidr\":\"10.0.0.0/8\"}],\"b.c\":[null]}");
	add(set, "b", "{\"a\":[{\"anything-but\":{\"suffix\":[\"q\",\"r\"]}}],\"b\":{\"c\":[{\"exists\":true}]}}");
	finish(set);
	e = event_of("{\"a\":[\"axbxy\",3,\"10.1.1.1\"],\"b\":[{\"c\":null}],\"b.c\":1}", &err);
	(void)event_tape(&e);
	before = outflow_harness_allocs(harness);
	for (int i = 0; i < 100; i++)
		assert_int_equal(pattern_set_match(set, &e, &matched), 2);
	assert_int_equal(outflow_harness_allocs(harness), before);
	pattern_set_free(&set);
	outflow_harness_clear(harness);
}

static void a_bad_pattern_is_refused(void **state)
{
	struct pattern_set *set = new_set(PATTERN_AWS);
	outflow_error err = { .msg = "" };

	(void)state;
	add(set, "good", "{\"a\":[1]}");
	assert_int_equal(pattern_set_add(set, outflow_text("bad"), outflow_text("{}"), &err), OUTFLOW_E_CONFIG);
	assert_int_equal(strncmp(err.msg, "pattern.data.empty", 18), 0);
	pattern_set_free(&set);
}

/* ---- random patterns on random events ---- */

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % n;
}

static const char *one_of(const char *const *list, unsigned n)
{
	return list[below(n)];
}
#define ONE_OF(LIST) one_of(LIST, sizeof(LIST) / sizeof(LIST)[0])

struct text {
	char *at, *end;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, (size_t)(t->end - t->at), format, args);
	va_end(args);
	assert_true(n >= 0 && n < t->end - t->at);
	t->at += n;
}

static const char *const names[] = { "a", "b", "c", "a.b", "b.c", "l" };
static const char *const scalars[] = { "\"a\"",
	                               "\"ab\"",
	                               "\"aba\"",
	                               "\"abab\"",
	                               "\"AB\"",
	                               "\"\\u0061b\"",
	                               "\"\"",
	                               "\"K\"",
	                               "\"stra\xc3\x9f"
	                               "e\"",
	                               "\"10.0.0.1\"",
	                               "\"1\"",
	                               "\"true\"",
	                               "1",
	                               "1.0",
	                               "2",
	                               "1.00000001",
	                               "-3e2",
	                               "300",
	                               "1e999",
	                               "true",
	                               "false",
	                               "null",
	                               "\"STRASSE\"" };

static void random_value(struct text *t, unsigned depth)
{
	unsigned n, kind = below(depth > 2 ? 5 : 10);

	if (kind < 5) {
		put(t, "%s", ONE_OF(scalars));
		return;
	}
	put(t, kind < 8 ? "{" : "[");
	n = below(4);
	for (unsigned i = 0; i < n; i++) {
		put(t, "%s", i ? "," : "");
		if (kind < 8)
			put(t, "\"%s\":", ONE_OF(names));
		random_value(t, depth + 1);
	}
	put(t, kind < 8 ? "}" : "]");
}

static void random_condition(struct text *t)
{
	static const char *const conditions[] = {
		"{\"prefix\":\"a\"}",
		"{\"prefix\":\"ab\"}",
		"{\"suffix\":\"b\"}",
		"{\"suffix\":\"ba\"}",
		"{\"contains\":\"ba\"}",
		"{\"wildcard\":\"*b*\"}",
		"{\"wildcard\":\"a*b\"}",
		"{\"wildcard\":\"*a*a\"}",
		"{\"equals-ignore-case\":\"ab\"}",
		"{\"equals-ignore-case\":\"stra\xc3\x9f"
		"e\"}",
		"{\"suffix\":{\"equals-ignore-case\":\"SS\"}}",
		"{\"prefix\":{\"equals-ignore-case\":\"A\"}}",
		"{\"exists\":true}",
		"{\"exists\":false}",
		"{\"anything-but\":\"ab\"}",
		"{\"anything-but\":[1,null]}",
		"{\"anything-but\":[\"a\",\"1\"]}",
		"{\"anything-but\":{\"prefix\":\"ab\"}}",
		"{\"anything-but\":{\"suffix\":[\"a\",\"b\"]}}",
		"{\"anything-but\":{\"wildcard\":\"*b*\"}}",
		"{\"numeric\":[\">\",1]}",
		"{\"numeric\":[\"=\",300]}",
		"{\"numeric\":[\"!=\",1]}",
		"{\"numeric\":[\">=\",1,\"<\",3]}",
		"{\"numeric\":[\">\",0,\"!=\",2]}",
		"{\"cidr\":\"10.0.0.0/30\"}",
		"{\"cidr\":\"10.0.0.1\"}",
		"{\"prefix\":\"a\",\"suffix\":\"b\"}",
		"{\"anything-but\":\"a\",\"contains\":\"b\"}",
		"{\"numeric\":[\">\",0],\"anything-but\":1}",
	};

	put(t, "%s", below(3) ? ONE_OF(conditions) : ONE_OF(scalars));
}

static void random_object(struct text *t, unsigned depth, bool may_or);

static void random_field(struct text *t, unsigned depth)
{
	if (depth < 3 && below(2)) {
		random_object(t, depth + 1, true);
		return;
	}
	put(t, "[");
	for (unsigned i = 0, n = 1 + below(3); i < n; i++) {
		put(t, "%s", i ? "," : "");
		random_condition(t);
	}
	put(t, "]");
}

static void random_object(struct text *t, unsigned depth, bool may_or)
{
	unsigned n = 1 + below(3);

	put(t, "{");
	for (unsigned i = 0; i < n; i++) {
		put(t, "%s", i ? "," : "");
		if (may_or && below(8) == 0) {
			put(t, "\"$or\":[");
			random_object(t, depth + 1, false);
			put(t, ",");
			random_object(t, depth + 1, false);
			put(t, "]");
			continue;
		}
		put(t, "\"%s\":", depth == 0 && below(2) ? "data" : ONE_OF(names));
		random_field(t, depth);
	}
	put(t, "}");
}

#define PATTERNS 12

/* Random patterns that the dialect takes; p[i] is pattern i by itself. */
static struct pattern_set *random_set(enum pattern_dialect dialect, struct pattern **p)
{
	struct pattern_set *set = new_set(dialect);
	char text[60000];

	for (size_t n = 0; n < PATTERNS;) {
		struct text t = { text, text + sizeof text };

		random_object(&t, 0, true);
		if (pattern_compile((outflow_str){ text, (size_t)(t.at - text) }, dialect, &p[n], NULL) != OUTFLOW_OK)
			continue;
		add(set, "x", text);
		n++;
	}
	finish(set);
	return set;
}

static unsigned try_event(struct pattern_set *set, struct pattern **p, const char *json)
{
	outflow_error err = { .msg = "" };
	struct event e = event_of(json, &err);
	const uint32_t *matched;
	size_t n = pattern_set_match(set, &e, &matched), at = 0;

	for (size_t i = 0; i < PATTERNS; i++) {
		bool fits = pattern_match(p[i], &e, NULL, NULL), found = at < n && matched[at] == i;

		at += found;
		if (fits != found)
			fail_msg("pattern %zu of the set on %s: alone %d, in the set %d", i, json, fits, found);
	}
	assert_int_equal(e.status, OUTFLOW_OK);
	outflow_harness_clear(harness);
	return (unsigned)n;
}

/* OUTFLOW_SEED chooses another sequence, OUTFLOW_ROUNDS another length. */
static void a_set_agrees_with_its_patterns(void **state)
{
	const char *chosen = getenv("OUTFLOW_SEED"), *rounds = getenv("OUTFLOW_ROUNDS");
	unsigned n = rounds ? (unsigned)atoi(rounds) : 60, fits = 0, asked = 0;
	struct pattern *p[PATTERNS] = { NULL };
	char json[60000];

	(void)state;
	seed = chosen ? strtoull(chosen, NULL, 10) : 20261128;
	print_message("seed %llu, %u sets in each dialect\n", (unsigned long long)seed, n);
	for (unsigned i = 0; i < 3 * n; i++) {
		struct pattern_set *set = random_set((enum pattern_dialect)(i % 3), p);

		for (int k = 0; k < 60; k++) {
			struct text t = { json, json + sizeof json };

			put(&t, "{\"data\":");
			random_value(&t, 0);
			put(&t, ",\"%s\":", ONE_OF(names));
			random_value(&t, 0);
			put(&t, "}");
			fits += try_event(set, p, json);
			asked += PATTERNS;
		}
		for (size_t k = 0; k < PATTERNS; k++)
			pattern_free(&p[k]);
		pattern_set_free(&set);
	}
	print_message("%u of %u fit\n", fits, asked);
	assert_in_range(fits, asked / 50, asked / 2); /* else they are too far from each other to prove much */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_in_the_order_of_the_patterns),
		cmocka_unit_test(an_empty_set_fits_nothing),
		cmocka_unit_test(arrays_are_looked_at_for_each_pattern),
		cmocka_unit_test(many_alternatives),
		cmocka_unit_test(many_patterns),
		cmocka_unit_test(nothing_is_allocated),
		cmocka_unit_test(a_bad_pattern_is_refused),
		cmocka_unit_test(a_set_agrees_with_its_patterns),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
