/* SPDX-License-Identifier: Apache-2.0 */
/* file_test.c: lines become records at their offsets and records lines, whole or not at all. */
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
	outflow_harness_resume(t, "{\"file\":0}", 4);
	begin(OUTFLOW_SOURCE);
	assert_int_equal(poll(100), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 1);
	assert_string_equal(outflow_harness_value(t, 0), "two");
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
	outflow_harness_resume(t, "{\"file\":0}", 100);
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
		TEST(a_full_batch_keeps_the_rest),
		TEST(a_followed_file_waits_for_the_end_of_a_line),
		TEST(a_long_line_stops_with_its_place),
		TEST(a_file_that_was_cut_is_refused),
		TEST(records_become_lines_behind_a_torn_one),
		TEST(json_lines_hold_the_whole_record),
		TEST(only_a_regular_file_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
