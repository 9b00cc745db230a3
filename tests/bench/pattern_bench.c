/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_bench.c: what a pattern costs by how many alternatives a field has, and a set by how many patterns it holds; on
 * events with a view, whose values change from one to the next. */
#include "sdk/testing/harness.h"
#include "transforms/language/pattern.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EVENTS 512
#define ROUNDS 5 /* the fastest counts */
#define MANY 1000

static outflow_harness *harness;
static struct event_settings settings;
static outflow_record events[EVENTS];

/* Processor time: what else runs on the machine does not count. */
static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(outflow_status status, const outflow_error *err)
{
	if (status != OUTFLOW_OK) {
		fprintf(stderr, "pattern_bench: %s\n", err->msg);
		exit(1);
	}
}

/* Text with number in place of each #, in four digits. */
static size_t fill_in(char *to, const char *form, int number)
{
	char *start = to;

	for (; *form != '\0'; form++)
		if (*form == '#')
			to += sprintf(to, "%04d", number);
		else
			*to++ = *form;
	*to = '\0';
	return (size_t)(to - start);
}

static void make_events(void)
{
	static const char form[] =
		"{\"dev\":\"pump-#-t\",\"site\":\"north\",\"ts\":1700000000123,\"temp\":1#.25,\"hum\":48,\"state\":\"on\","
		"\"pos\":{\"x\":12.5,\"y\":-3.25,\"floor\":2},\"tags\":[\"a\",\"b\",\"c\"],\"ok\":true,\"ip\":\"2001:1000::7\",\"note\":\"within range, no "
		"action\"}";
	char text[400];
	outflow_error err;
	const outflow_json *j;

	for (int i = 0; i < EVENTS; i++) {
		fill_in(text, form, i * 7919 % MANY);
		events[i] = *outflow_harness_input(harness, "plant/p1/temp", "plant/p1/temp", text);
		check(outflow_json_scan(outflow_harness_host(harness), outflow_harness_batch(harness), events[i].value,
		                        OUTFLOW_JSON_DEPTH, &j, &err),
		      &err);
		events[i].view = j;
		events[i].view_tag = settings.json_tag;
	}
}

/* ns per event of the fastest round; every event must match `matches` patterns. */
static double measure(struct pattern_set *set, size_t matches)
{
	double best = 1e18;
	outflow_error err;

	check(pattern_set_finish(set, &err), &err);
	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();

		for (int i = 0; i < 200 * EVENTS; i++) {
			const uint32_t *matched;
			struct event e;

			event_begin(&e, outflow_harness_host(harness), outflow_harness_batch(harness), &settings,
			            &events[i % EVENTS], &err);
			if (pattern_set_match(set, &e, &matched) != matches)
				exit(1);
		}
		start = now_ns() - start;
		if (start < best)
			best = start;
	}
	pattern_set_free(&set);
	return best / (200 * EVENTS);
}

static struct pattern_set *new_set(void)
{
	struct pattern_set *set = NULL;
	outflow_error err;

	check(pattern_set_new(PATTERN_UNION, &set, &err), &err);
	return set;
}

static void add(struct pattern_set *set, const char *text)
{
	outflow_error err;

	check(pattern_set_add(set, outflow_text("x"), outflow_text(text), &err), &err);
}

static void row(const char *what, double one, double many)
{
	printf("%-34s %8.1f ns %10.1f ns %8.2f x\n", what, one, many, many / one);
}

/* One pattern that fits every event, with one alternative of that form, and with 999 more. */
static void alternatives(const char *what, const char *field, const char *fits, const char *form)
{
	static char text[60000];
	struct pattern_set *one = new_set(), *many = new_set();
	double ns;
	size_t n;

	sprintf(text, "{\"data\":{\"body\":{\"%s\":[%s]}}}", field, fits);
	add(one, text);
	n = (size_t)sprintf(text, "{\"data\":{\"body\":{\"%s\":[%s", field, fits);
	for (int i = 1; i < MANY; i++) {
		text[n++] = ',';
		n += fill_in(text + n, form, i + MANY);
	}
	sprintf(text + n, "]}}}");
	add(many, text);
	ns = measure(one, 1);
	row(what, ns, measure(many, 1));
}

/* Patterns of five fields, of which one tells them apart: one event fits one of them. */
static void patterns(const char *what, const char *condition)
{
	static char text[1000], form[1000];
	struct pattern_set *one = new_set(), *many = new_set();
	double ns;

	snprintf(form, sizeof form,
	         "{\"data\":{\"body\":{\"site\":[\"north\",\"south\"],\"temp\":[{\"numeric\":[\">\",50]}],\"state\":["
	         "{\"anything-but\":\"off\"}],\"dev\":[%s],\"pos\":{\"floor\":[{\"exists\":true}]}}}}",
	         condition);
	add(one,
	    "{\"data\":{\"body\":{\"site\":[\"north\",\"south\"],\"temp\":[{\"numeric\":[\">\",50]}],\"state\":["
	    "{\"anything-but\":\"off\"}],\"dev\":[{\"prefix\":\"pump-\"}],\"pos\":{\"floor\":[{\"exists\":true}]}}}}");
	for (int i = 0; i < MANY; i++) {
		fill_in(text, form, i);
		add(many, text);
	}
	ns = measure(one, 1);
	row(what, ns, measure(many, 1));
}

int main(void)
{
	harness = outflow_harness_new();
	event_settings_read(&settings, outflow_harness_host(harness), outflow_harness_config(harness), "source.");
	make_events();
	printf("%-34s %11s %13s\n", "on a view", "one", "a thousand");
	patterns("patterns, by a text", "\"pump-#-t\"");
	patterns("patterns, by a prefix", "{\"prefix\":\"pump-#\"}");
	patterns("patterns, by a wildcard", "{\"wildcard\":\"*-#-*\"}");
	alternatives("texts", "site", "\"north\"", "\"north-#\"");
	alternatives("prefixes", "dev", "{\"prefix\":\"pump-\"}", "{\"prefix\":\"pump-#\"}");
	alternatives("suffixes", "dev", "{\"suffix\":\"-t\"}", "{\"suffix\":\"#-t\"}");
	alternatives("texts without case", "site", "{\"equals-ignore-case\":\"NORTH\"}",
	             "{\"equals-ignore-case\":\"North-#\"}");
	alternatives("wildcards with a beginning", "dev", "{\"wildcard\":\"p*-t\"}", "{\"wildcard\":\"pump-#*x\"}");
	alternatives("wildcards without", "dev", "{\"wildcard\":\"*-t*\"}", "{\"wildcard\":\"*-#-*x\"}");
	alternatives("ranges", "temp", "{\"numeric\":[\">\",50]}", "{\"numeric\":[\">\",9#,\"<\",9#.5]}");
	alternatives("addresses", "ip", "{\"cidr\":\"2001:1000::/32\"}", "{\"cidr\":\"2001:#::/32\"}");
	outflow_harness_free(&harness);
	return 0;
}
