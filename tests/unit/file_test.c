/* SPDX-License-Identifier: Apache-2.0 */
/* file_test.c: lines become records at their offsets and records lines, whole or not at all; JSON keeps every byte. */
#include "connectors/file/file.h"
#include "sdk/testing/harness.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static char path[64];
static outflow_harness *t;
static outflow_error err = { .size = sizeof err };

static const outflow_component *component(uint32_t kind)
{
	const outflow_plugin *p = outflow_plugin_entry_v1();

	for (size_t i = 0; i < p->n_components; i++)
		if (p->components[i]->kind == kind)
			return p->components[i];
	return NULL;
}

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof path, "/tmp/outflow-file-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	t = outflow_harness_new();
	outflow_harness_set(t, "path", path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	outflow_harness_free(&t);
	return unlink(path);
}

static void write_file(const char *text, int flags)
{
	int fd = open(path, O_WRONLY | flags | O_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *read_file(void)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void begin(uint32_t kind)
{
	assert_int_equal(outflow_harness_create(t, component(kind), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_OK);
}

static void resume_at(uint64_t position)
{
	char stream[200];

	snprintf(stream, sizeof stream, "{\"filename\":\"%s\"}", path);
	outflow_harness_resume(t, stream, position);
}

/* Polls until something comes or it ends. */
static outflow_status poll(uint32_t max)
{
	outflow_harness_clear(t);
	return outflow_harness_poll(t, max, 500, &err);
}

static void lines_become_records_at_their_offsets(void **state)
{
	(void)state;
	write_file("a\n\nlast", O_TRUNC);
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_string_equal(outflow_harness_value(t, 0), "a");
	assert_string_equal(outflow_harness_value(t, 1), "");
	assert_int_equal(outflow_harness_output(t, 1)->pos, 2);
	assert_int_equal(outflow_harness_output(t, 1)->next, 3);
	assert_int_equal(poll(100), OUTFLOW_EOF);
	assert_string_equal(outflow_harness_value(t, 0), "last");
	assert_int_equal(outflow_harness_output(t, 0)->next, 7);
}

static void a_restart_goes_on_behind_the_confirmed(void **state)
{
	(void)state;
	write_file("one\ntwo\n", O_TRUNC);
	resume_at(4);
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), "two");
}

static void carriage_returns_end_lines_when_any_does(void **state)
{
	(void)state;
	write_file("a\r\nb\rc\nd\r", O_TRUNC);
	outflow_harness_set(t, "line.end", "any");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 3);
	assert_string_equal(outflow_harness_value(t, 0), "a");
	assert_string_equal(outflow_harness_value(t, 1), "b");
	assert_int_equal(outflow_harness_output(t, 1)->pos, 3);
	assert_string_equal(outflow_harness_value(t, 2), "c");
	assert_int_equal(poll(100), OUTFLOW_EOF);
	assert_string_equal(outflow_harness_value(t, 0), "d");
	assert_int_equal(outflow_harness_output(t, 0)->next, 9);
}

static void a_carriage_return_waits_for_what_follows_it(void **state)
{
	(void)state;
	write_file("a\r", O_TRUNC);
	outflow_harness_set(t, "line.end", "any");
	outflow_harness_set(t, "follow", "true");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_AGAIN);
	write_file("\nb\r", O_APPEND);
	outflow_harness_advance(t, 1000);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), "a");
	assert_int_equal(outflow_harness_output(t, 0)->next, 3);
}

static void no_more_lines_at_a_time_than_are_wanted(void **state)
{
	(void)state;
	write_file("a\nb\nc\n", O_TRUNC);
	outflow_harness_set(t, "poll.lines", "2");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), "c");
}

static void a_file_that_is_not_there_is_waited_for(void **state)
{
	(void)state;
	unlink(path);
	outflow_harness_set(t, "follow", "true");
	outflow_harness_set(t, "missing", "wait");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_AGAIN);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	write_file("late\n", 0);
	outflow_harness_advance(t, 1000);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "late");
}

static void a_null_value_is_what_is_said_for_it(void **state)
{
	size_t taken = 0;

	(void)state;
	outflow_harness_set(t, "null", "nothing");
	begin(OUTFLOW_SINK);
	outflow_harness_input(t, "t", NULL, NULL);
	outflow_harness_input(t, "t", NULL, "");
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	assert_string_equal(read_file(), "nothing\n\n");
}

static void a_full_batch_keeps_the_rest(void **state)
{
	(void)state;
	write_file("1\n2\n3\n", O_TRUNC);
	begin(OUTFLOW_SOURCE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(poll(1), OUTFLOW_OK);
		assert_int_equal(outflow_harness_outputs(t), 1);
		assert_int_equal(outflow_harness_value(t, 0)[0], '1' + i);
	}
	assert_int_equal(poll(1), OUTFLOW_EOF);
}

static void a_followed_file_waits_for_the_end_of_a_line(void **state)
{
	(void)state;
	write_file("who", O_TRUNC);
	outflow_harness_set(t, "follow", "true");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(10), OUTFLOW_AGAIN);
	assert_int_equal(outflow_harness_outputs(t), 0);
	write_file("le\n", O_APPEND);
	outflow_harness_advance(t, 1000);
	assert_int_equal(poll(10), OUTFLOW_OK);
	assert_string_equal(outflow_harness_value(t, 0), "whole");
	assert_int_equal(truncate(path, 1), 0);
	outflow_harness_advance(t, 1000);
	assert_int_equal(poll(10), OUTFLOW_E_TASK);
}

static void a_long_line_stops_with_its_place(void **state)
{
	(void)state;
	write_file("ok\n0123456789\n", O_TRUNC);
	outflow_harness_set(t, "line.max", "5B");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(1), OUTFLOW_OK);
	assert_int_equal(poll(1), OUTFLOW_E_TASK);
	assert_non_null(strstr(err.msg, "byte 3"));
}

static void a_file_that_was_cut_is_refused(void **state)
{
	(void)state;
	resume_at(100);
	assert_int_equal(outflow_harness_create(t, component(OUTFLOW_SOURCE), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_E_TASK);
}

static void records_become_lines_behind_a_torn_one(void **state)
{
	size_t taken = 0;

	(void)state;
	write_file("before\ntorn", O_TRUNC);
	begin(OUTFLOW_SINK);
	outflow_harness_input(t, "t", "k", "v1");
	outflow_harness_input(t, "t", NULL, "v2");
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	assert_int_equal(taken, 2);
	assert_string_equal(read_file(), "before\nv1\nv2\n");
}

static void json_lines_hold_the_whole_record(void **state)
{
	outflow_record *r;
	size_t taken = 0;

	(void)state;
	outflow_harness_set(t, "format", "json");
	outflow_harness_set(t, "sync", "true");
	begin(OUTFLOW_SINK);
	r = outflow_harness_input(t, "t", NULL, "a\"\n");
	r->timestamp_ms = 5;
	outflow_harness_header(t, r, "h", "x");
	r = outflow_harness_input_bytes(t, "t", "\xff\x00\x01\x02", 4);
	r->timestamp_ms = -1;
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	assert_string_equal(read_file(),
	                    "{\"topic\":\"t\",\"key\":null,\"value\":\"a\\\"\\u000a\",\"headers\":[[\"h\",\"x\"]],"
	                    "\"timestamp\":5}\n"
	                    "{\"topic\":\"t\",\"key\":null,\"value\":{\"base64\":\"/wABAg==\"},\"headers\":[],"
	                    "\"timestamp\":null}\n");
}

/* Writes the records that fill makes, reads them back and hands them to check. */
static void round_trip(void (*fill)(void), void (*check)(void))
{
	size_t taken = 0;

	outflow_harness_set(t, "format", "json");
	begin(OUTFLOW_SINK);
	fill();
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	outflow_harness_free(&t);
	t = outflow_harness_new();
	outflow_harness_set(t, "path", path);
	outflow_harness_set(t, "line.format", "json");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(1000), OUTFLOW_OK);
	assert_null(outflow_harness_reject(t, 0));
	check();
	assert_int_equal(poll(1000), OUTFLOW_EOF);
}

static char all_bytes[256];

static void assert_bytes(outflow_bytes got, const char *expected, size_t n)
{
	assert_non_null(got.ptr);
	assert_int_equal(got.len, n);
	assert_memory_equal(got.ptr, expected, n);
}

/* Each byte alone, then all of them, as value, key and header. */
static void fill_all_bytes(void)
{
	for (int i = 0; i < 256; i++) {
		all_bytes[i] = (char)i;
		outflow_harness_input_bytes(t, "t", &all_bytes[i], 1);
	}
	for (size_t n = 224; n <= 256; n++) {
		outflow_record *r = outflow_harness_input_bytes(t, "t/\"\\\n", all_bytes, n);

		r->key = (outflow_bytes){ all_bytes, 256 - n };
		outflow_harness_header(t, r, "\xc3\xa4\t", "\x7f\xff");
		r->timestamp_ms = INT64_MAX;
	}
}

static void check_all_bytes(void)
{
	assert_int_equal(outflow_harness_outputs(t), 256 + 33);
	for (size_t i = 0; i < 256; i++)
		assert_bytes(outflow_harness_output(t, i)->value, &all_bytes[i], 1);
	for (size_t n = 224; n <= 256; n++) {
		const outflow_record *r = outflow_harness_output(t, n + 32);

		assert_bytes(r->value, all_bytes, n);
		assert_bytes(r->key, all_bytes, 256 - n);
		assert_string_equal(outflow_harness_topic(t, n + 32), "t/\"\\\n");
		assert_int_equal(r->n_headers, 1);
		assert_string_equal(outflow_harness_header_of(t, n + 32, "\xc3\xa4\t"), "\x7f\xff");
		assert_true(r->timestamp_ms == INT64_MAX);
	}
}

static void every_byte_comes_back(void **state)
{
	(void)state;
	round_trip(fill_all_bytes, check_all_bytes);
}

static void fill_nulls(void)
{
	static const outflow_header headers[] = { { { "none", 4 }, { NULL, 0 } },
		                                  { { "empty", 5 }, { "", 0 } },
		                                  { { "", 0 }, { "x", 1 } },
		                                  { { "none", 4 }, { "again", 5 } } };
	outflow_record *r = outflow_harness_input_bytes(t, "t", "", 0);

	r->key = r->value = (outflow_bytes){ NULL, 0 };
	r->timestamp_ms = -1;
	r->headers = headers;
	r->n_headers = 4;
	r = outflow_harness_input_bytes(t, "", "", 0);
	r->key = (outflow_bytes){ "", 0 };
	r->timestamp_ms = 0;
}

static void check_nulls(void)
{
	const outflow_record *r = outflow_harness_output(t, 0);

	assert_null(r->key.ptr);
	assert_null(r->value.ptr);
	assert_int_equal(r->timestamp_ms, -1);
	assert_int_equal(r->n_headers, 4);
	assert_true(outflow_equal(r->headers[0].name, "none"));
	assert_null(r->headers[0].value.ptr);
	assert_bytes(r->headers[1].value, "", 0);
	assert_int_equal(r->headers[2].name.len, 0);
	assert_bytes(r->headers[3].value, "again", 5);
	r = outflow_harness_output(t, 1);
	assert_bytes(r->key, "", 0);
	assert_bytes(r->value, "", 0);
	assert_int_equal(r->topic.len, 0);
	assert_int_equal(r->timestamp_ms, 0);
	assert_int_equal(r->n_headers, 0);
}

static void null_is_not_empty(void **state)
{
	(void)state;
	round_trip(fill_nulls, check_nulls);
}

static void a_malformed_line_is_rejected_with_its_place(void **state)
{
	static const struct {
		const char *line, *why;
	} lines[] = {
		{ "not JSON", "not a record" },
		{ "", "not a record" },
		{ "[]", "not an object" },
		{ "{\"vale\":\"x\"}", "'vale' is no part of a record" },
		{ "{\"value\":5}", "value is neither" },
		{ "{\"key\":{\"base64\":\"/wA\"}}", "not" },
		{ "{\"key\":{\"base64\":\"=AAA\"}}", "not" },
		{ "{\"key\":{\"base64\":\"AAAA\",\"x\":1}}", "key is neither" },
		{ "{\"headers\":{}}", "headers is not a list" },
		{ "{\"headers\":[[]]}", "not [name, value]" },
		{ "{\"headers\":[[\"a\"]]}", "not [name, value]" },
		{ "{\"headers\":[[null,\"b\"]]}", "not [name, value]" },
		{ "{\"headers\":[[\"a\",\"b\",\"c\"]]}", "not [name, value]" },
		{ "{\"timestamp\":1.5}", "timestamp is neither" },
		{ "{\"timestamp\":-1}", "out of range" },
		{ "{\"timestamp\":9223372036854775808}", "out of range" },
	};
	const size_t n = sizeof lines / sizeof lines[0];
	char place[100];

	(void)state;
	write_file("{\"value\":\"first\"}\n", O_TRUNC);
	for (size_t i = 0; i < n; i++) {
		write_file(lines[i].line, O_APPEND);
		write_file("\n", O_APPEND);
	}
	write_file("{\"value\":\"last\"}\n", O_APPEND);
	outflow_harness_set(t, "line.format", "json");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), n + 2);
	for (size_t i = 0; i < n; i++) {
		const outflow_harness_outcome *o = outflow_harness_reject(t, i);

		assert_non_null(o);
		assert_int_equal(o->input, i + 1);
		assert_int_equal(o->status, OUTFLOW_E_RECORD);
		snprintf(place, sizeof place, "%s:%zu: ", path, i + 2);
		assert_non_null(strstr(o->err.msg, place));
		assert_non_null(strstr(o->err.msg, lines[i].why));
		assert_bytes(outflow_harness_output(t, i + 1)->value, lines[i].line, strlen(lines[i].line));
	}
	assert_null(outflow_harness_reject(t, n));
	assert_string_equal(outflow_harness_value(t, n + 1), "last");
}

/* The number of a line is right although the restart knows only its offset. */
static void a_restart_counts_lines_from_the_top(void **state)
{
	(void)state;
	write_file("{}\n{}\nx\n", O_TRUNC);
	outflow_harness_set(t, "line.format", "json");
	resume_at(6);
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, ":3: "));
}

static void an_unfinished_last_line_is_left_for_later(void **state)
{
	(void)state;
	write_file("{}\n{\"value\":{\"base64\":\"AAAA\"}", O_TRUNC);
	outflow_harness_set(t, "line.format", "json");
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(poll(100), OUTFLOW_EOF);
	assert_int_equal(outflow_harness_outputs(t), 0);
	outflow_harness_free(&t);
	t = outflow_harness_new();
	outflow_harness_set(t, "path", path);
	outflow_harness_set(t, "line.format", "json");
	write_file("}", O_APPEND);
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(poll(100), OUTFLOW_EOF);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_int_equal(outflow_harness_output(t, 0)->value.len, 3);
}

static void what_is_appended_meanwhile_waits_for_the_next_run(void **state)
{
	(void)state;
	write_file("1\n2", O_TRUNC);
	begin(OUTFLOW_SOURCE);
	write_file("2\n3\n", O_APPEND);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_string_equal(outflow_harness_value(t, 1), "22");
	assert_int_equal(poll(100), OUTFLOW_EOF);
	assert_int_equal(outflow_harness_outputs(t), 0);
}

/* As a second daemon would: behind the first one's back, and leaving half a line when it dies. */
static void several_sinks_share_a_file(void **state)
{
	outflow_harness *other;
	size_t taken = 0;

	(void)state;
	begin(OUTFLOW_SINK);
	other = outflow_harness_new();
	outflow_harness_set(other, "path", path);
	assert_int_equal(outflow_harness_create(other, component(OUTFLOW_SINK), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(other, &err), OUTFLOW_OK);
	outflow_harness_input(t, "t", NULL, "one");
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	outflow_harness_input(other, "t", NULL, "two");
	assert_int_equal(outflow_harness_put(other, &taken, &err), OUTFLOW_OK);
	write_file("torn", O_APPEND);
	outflow_harness_input(t, "t", NULL, "three");
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	outflow_harness_free(&other);
	assert_string_equal(read_file(), "one\ntwo\nthree\n");
}

static void only_a_regular_file_will_do(void **state)
{
	(void)state;
	outflow_harness_set(t, "path", "/dev/null");
	assert_int_equal(outflow_harness_create(t, component(OUTFLOW_SINK), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_E_TASK);
	assert_non_null(strstr(err.msg, "not a regular file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(lines_become_records_at_their_offsets),
		TEST(a_restart_goes_on_behind_the_confirmed),
		TEST(carriage_returns_end_lines_when_any_does),
		TEST(a_carriage_return_waits_for_what_follows_it),
		TEST(no_more_lines_at_a_time_than_are_wanted),
		TEST(a_file_that_is_not_there_is_waited_for),
		TEST(a_null_value_is_what_is_said_for_it),
		TEST(a_full_batch_keeps_the_rest),
		TEST(a_followed_file_waits_for_the_end_of_a_line),
		TEST(a_long_line_stops_with_its_place),
		TEST(a_file_that_was_cut_is_refused),
		TEST(records_become_lines_behind_a_torn_one),
		TEST(json_lines_hold_the_whole_record),
		TEST(every_byte_comes_back),
		TEST(null_is_not_empty),
		TEST(a_malformed_line_is_rejected_with_its_place),
		TEST(a_restart_counts_lines_from_the_top),
		TEST(an_unfinished_last_line_is_left_for_later),
		TEST(what_is_appended_meanwhile_waits_for_the_next_run),
		TEST(several_sinks_share_a_file),
		TEST(only_a_regular_file_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
