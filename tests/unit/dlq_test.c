/* SPDX-License-Identifier: Apache-2.0 */
/* dlq_test.c: which dead letters an operator means, and that a replayed one is again the record that failed. */
#include "host/cli/dlq.h"
#include "host/record/batch.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEADER(NAME, VALUE)                                                                                            \
	{                                                                                                              \
		{ NAME, sizeof NAME - 1 },                                                                             \
		{                                                                                                      \
			VALUE, sizeof VALUE - 1                                                                        \
		}                                                                                                      \
	}

/* A dead letter of a dead letter: what the first pipeline said belongs to the record. */
static const outflow_header headers[] = {
	HEADER("trace", "a1"),
	HEADER("__connect.errors.topic", "first"),
	HEADER("outflow.errors.stage", "sink"),
	HEADER("outflow.replay.count", "2"),
	HEADER("__connect.errors.topic", "plant/p1"),
	HEADER("__connect.errors.offset", "77"),
	HEADER("__connect.errors.task.id", "0"),
	HEADER("__connect.errors.stage", "VALUE_CONVERTER"),
	HEADER("__connect.errors.exception.message", "not JSON: byte 3: a 'Brace' is missing"),
	HEADER("outflow.errors.stage", "convert"),
	HEADER("outflow.errors.class", "RECORD"),
	HEADER("outflow.errors.last.time", "2026-11-24T02:11:03.120Z"),
	HEADER("added.later", "by a tool"),
};
#define N_HEADERS (sizeof headers / sizeof headers[0])

static const outflow_record dead = {
	.key = { "k1", 2 },
	.value = { "poison", 6 },
	.topic = { "plant-dlq", 9 },
	.headers = headers,
	.n_headers = N_HEADERS,
	.partition = 3,
	.timestamp_ms = 5,
	.pos = 12,
};

#define AT INT64_C(1795486263120)

static struct dlq_letter read_letter(const outflow_record *r)
{
	struct dlq_letter l = { .position = "3:12" };

	dlq_letter_read(&l, r);
	return l;
}

static void assert_time(const char *text, int64_t expected)
{
	int64_t ms = -1;

	assert_int_equal(dlq_parse_time(text, AT, &ms), 0);
	assert_true(ms == expected);
}

static void times_of_many_spellings(void **state)
{
	static const char *const wrong[] = {
		"",          "yesterday",        "2026-13-01",           "2026-11-24T25:00Z",
		"12",        "2026-11-24T",      "2026-11-24T02:11:03x", "2026-11-24T02:11+1",
		"2026-11-0", "2026-11-24T02:61Z"
	};
	int64_t ms;

	(void)state;
	assert_time("2026-11-24T02:11:03.120Z", AT);
	setenv("TZ", "UTC-1", 1); /* an hour east */
	assert_time("2026-11-24T03:11:03.12", AT);
	assert_time("2026-11-24 03:11:03", AT - 120);
	setenv("TZ", "UTC", 1);
	assert_time("2026-11-24T04:11:03.120+02:00", AT);
	assert_time("2026-11-24T00:41:03.120-0130", AT);
	assert_time("2026-11-24T02:11Z", AT - 3120);
	assert_time("2026-11-24", AT - 3120 - INT64_C(131) * 60000);
	assert_time("90min", AT - INT64_C(90) * 60000);
	assert_time("500ms", AT - 500);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (dlq_parse_time(wrong[i], AT, &ms) == 0)
			fail_msg("'%s' was taken as a time", wrong[i]);
}

static void a_letter_says_what_its_last_failure_was(void **state)
{
	struct dlq_letter l = read_letter(&dead);

	(void)state;
	assert_true(outflow_equal((outflow_str){ l.stage.ptr, l.stage.len }, "convert"));
	assert_true(outflow_equal((outflow_str){ l.topic.ptr, l.topic.len }, "plant/p1"));
	assert_true(l.time_ms == AT);
	assert_int_equal(l.replays, 2);
}

static int matches(struct dlq_filter f)
{
	struct dlq_letter l = read_letter(&dead);

	if (f.since_ms == 0)
		f.since_ms = INT64_MIN;
	if (f.until_ms == 0)
		f.until_ms = INT64_MAX;
	return dlq_filter_matches(&f, &l);
}

static void filters_choose(void **state)
{
	static char *here[] = { "0:1", "3:12" }, *elsewhere[] = { "3:1", "12" };

	(void)state;
	assert_true(matches((struct dlq_filter){ 0 }));
	assert_true(matches((struct dlq_filter){ .reason = "not json" }));
	assert_true(matches((struct dlq_filter){ .reason = "missing" }));
	assert_true(matches((struct dlq_filter){ .reason = "record" }));
	assert_false(matches((struct dlq_filter){ .reason = "timeout" }));
	assert_true(matches((struct dlq_filter){ .stage = "convert" }));
	assert_true(matches((struct dlq_filter){ .stage = "VALUE_CONVERTER" }));
	assert_false(matches((struct dlq_filter){ .stage = "conv" }));
	assert_true(matches((struct dlq_filter){ .key = "k1" }));
	assert_false(matches((struct dlq_filter){ .key = "k" }));
	assert_true(matches((struct dlq_filter){ .since_ms = AT, .until_ms = AT }));
	assert_false(matches((struct dlq_filter){ .since_ms = AT + 1 }));
	assert_false(matches((struct dlq_filter){ .until_ms = AT - 1 }));
	assert_true(matches((struct dlq_filter){ .positions = here, .n_positions = 2 }));
	assert_false(matches((struct dlq_filter){ .positions = elsewhere, .n_positions = 2 }));
	assert_false(matches((struct dlq_filter){ .key = "k1", .stage = "sink" }));
	assert_true(matches((struct dlq_filter){ .open = 1 }));
}

/* Raw ones have no headers; they match by what they have. */
static void a_raw_letter_matches_by_what_it_has(void **state)
{
	outflow_record raw = { .timestamp_ms = 5 };
	struct dlq_letter l = read_letter(&raw);

	(void)state;
	assert_true(dlq_filter_matches(&(struct dlq_filter){ .since_ms = 5, .until_ms = 5 }, &l));
	assert_false(dlq_filter_matches(&(struct dlq_filter){ .until_ms = 5,
	                                                      .reason = ""
	                                                                "x" },
	                                &l));
	assert_false(dlq_filter_matches(&(struct dlq_filter){ .until_ms = 5, .key = "" }, &l));
	assert_false(dlq_filter_matches(&(struct dlq_filter){ .until_ms = 5, .stage = "sink" }, &l));
}

static void positions_and_files_are_told_apart(void **state)
{
	(void)state;
	assert_true(dlq_is_position("0"));
	assert_true(dlq_is_position("3:12"));
	assert_false(dlq_is_position(""));
	assert_false(dlq_is_position("3:"));
	assert_false(dlq_is_position(":3"));
	assert_false(dlq_is_position("3:4:5"));
	assert_false(dlq_is_position("1.conf"));
	assert_false(dlq_is_position("./1"));
}

/* Restores a copy of from in a batch and hands it to check. */
static void restore(const outflow_record *from, void (*check)(const outflow_record *r))
{
	struct pool *pool = pool_new();
	struct family_memory memory = { .pool = pool };
	outflow_host host = { .size = sizeof host, .batch = &batch_api };
	struct batch b;
	outflow_record r = *from;
	struct dlq_letter l = read_letter(from);

	assert_int_equal(batch_begin(&b, &memory, 1, 1), OUTFLOW_OK);
	assert_int_equal(dlq_letter_restore(&l, &host, &b.plugin, &r), OUTFLOW_OK);
	check(&r);
	batch_end(&b);
	batch_drop_records(&memory, b.plugin.recs);
	family_memory_release(&memory);
	pool_free(&pool);
}

static void check_restored(const outflow_record *r)
{
	static const char *const left[] = { "trace", "__connect.errors.topic", "outflow.errors.stage", "added.later",
		                            "outflow.replay.count" };

	assert_true(outflow_equal(r->topic, "plant/p1"));
	assert_int_equal(r->pos, 77);
	assert_int_equal(r->next, 13);
	assert_int_equal(r->partition, -1);
	assert_int_equal(r->timestamp_ms, 5);
	assert_ptr_equal(r->key.ptr, dead.key.ptr);
	assert_ptr_equal(r->value.ptr, dead.value.ptr);
	assert_int_equal(r->n_headers, sizeof left / sizeof left[0]);
	for (uint32_t i = 0; i < r->n_headers; i++)
		assert_true(outflow_equal(r->headers[i].name, left[i]));
	assert_memory_equal(r->headers[1].value.ptr, "first", 5);
	assert_memory_equal(r->headers[4].value.ptr, "3", 1);
}

static void a_replayed_record_is_the_one_that_failed(void **state)
{
	(void)state;
	restore(&dead, check_restored);
}

static void check_raw(const outflow_record *r)
{
	assert_true(outflow_equal(r->topic, "plant-dlq"));
	assert_int_equal(r->next, 40);
	assert_true(r->pos == (UINT64_C(0xffff) << 48 | 30));
	assert_int_equal(r->n_headers, 1);
	assert_memory_equal(r->headers[0].value.ptr, "1", 1);
}

/* The event id of one whose origin is unknown is that of no other record. */
static void a_raw_one_has_a_position_of_its_own(void **state)
{
	outflow_record raw = { .topic = { "plant-dlq", 9 }, .pos = 30, .next = 40 };

	(void)state;
	restore(&raw, check_raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_of_many_spellings),
		cmocka_unit_test(a_letter_says_what_its_last_failure_was),
		cmocka_unit_test(filters_choose),
		cmocka_unit_test(a_raw_letter_matches_by_what_it_has),
		cmocka_unit_test(positions_and_files_are_told_apart),
		cmocka_unit_test(a_replayed_record_is_the_one_that_failed),
		cmocka_unit_test(a_raw_one_has_a_position_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
