/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reachability_test.c: a connection's keys are checked by themselves; a test of one says step by step how far it came, and a
 * plugin that never answers costs its caller the deadline and the host a bounded number of threads.
 */
#include "host/base/clock.h"
#include "host/config/hidden_values.h"
#include "host/pipeline/errand.h"
#include "host/pipeline/reachability.h"
#include "host/plugin/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* As many as there may be at once. */
#define TESTS_MAX 16

struct fixture {
	char dir[64];
	struct host_model host;
	struct inventory *inventory;
	struct problems problems;
	struct settings settings;
	struct reachability result;
};

static outflow_error err = { .size = sizeof err };

static void install(const char *dir, const char *plugin)
{
	char to[PATH_MAX], whole[PATH_MAX];

	assert_non_null(realpath(plugin, whole));
	snprintf(to, sizeof to, "%s%s", dir, strrchr(plugin, '/'));
	assert_int_equal(symlink(whole, to), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct loaded nothing = { 0 };

	strcpy(f->dir, "/tmp/outflow-reachability-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(host_model_new(&nothing, &f->host, &f->problems), OUTFLOW_OK);
	install(f->dir, ".libs/event.so");
	install(f->dir, ".libs/file.so");
	install(f->dir, ".libs/null.so");
	install(f->dir, "tests/plug/.libs/hanging.so");
	assert_int_equal(inventory_open(f->dir, NULL, &f->inventory, &err), OUTFLOW_OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	inventory_close(&f->inventory);
	host_model_clear(&f->host);
	problems_clear(&f->problems);
	settings_clear(&f->settings);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Gives the connection these keys and values, ended by NULL. */
static void give(struct fixture *f, const char *first, ...)
{
	va_list args;

	settings_clear(&f->settings);
	problems_clear(&f->problems);
	va_start(args, first);
	for (const char *key = first; key != NULL; key = va_arg(args, const char *))
		assert_int_equal(settings_set(&f->settings, key, va_arg(args, const char *), NULL, 0), OUTFLOW_OK);
	va_end(args);
}

static outflow_status test(struct fixture *f, int64_t timeout_ns)
{
	char name[] = "plant";
	const struct declaration d = { .name = name, .settings = f->settings };
	const struct reachability_subject subject = {
		.name = name, .host = &f->host, .inventory = f->inventory, .connection = &d
	};

	return reachability_test(&subject, timeout_ns, &f->problems, &f->result, &err);
}

static void check(struct fixture *f)
{
	char name[] = "plant";
	const struct declaration d = { .name = name, .settings = f->settings };

	assert_int_equal(connection_check(&d, &f->host, f->inventory, &f->problems), OUTFLOW_OK);
}

static void assert_problem(const struct fixture *f, size_t i, const char *key, const char *part)
{
	assert_true(f->problems.n > i);
	assert_string_equal(f->problems.list[i].key, key);
	if (strstr(f->problems.list[i].message, part) == NULL)
		fail_msg("%s: %s", key, f->problems.list[i].message);
}

/* ---- keys ---- */

static void keys_of_every_end_are_known(void **state)
{
	struct fixture *f = *state;

	/* Of the plugin, of the converter beside a source, of a connection itself; and nothing is required. */
	give(f, "name", "plant", "class", "hanging", "description", "x", "at", "nowhere", "format", "json", NULL);
	check(f);
	assert_int_equal(f->problems.reported, 0);
	give(f, "class", "file", "description", "without its path", NULL);
	check(f);
	assert_int_equal(f->problems.reported, 0);
	give(f, "class", "null", "key.form", "ORIGINAL", NULL);
	check(f);
	assert_int_equal(f->problems.reported, 0);
}

static void wrong_keys_are_told_all_at_once(void **state)
{
	struct fixture *f = *state;

	give(f, "class", "hanging", "fail", "true", "fails", "perhaps", "at", "nowher", NULL);
	check(f);
	assert_int_equal(f->problems.n, 3);
	assert_problem(f, 0, "fail", "did you mean 'fails'?");
	assert_problem(f, 1, "at", "did you mean 'nowhere'?");
	assert_problem(f, 2, "fails", "neither true nor false");
	give(f, "class", "hangin", NULL);
	check(f);
	assert_problem(f, 0, "class", "did you mean 'hanging'?");
	give(f, "at", "nowhere", NULL);
	check(f);
	assert_problem(f, 0, "class", "is required");
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_E_CONFIG);
}

/* ---- tests ---- */

static void steps_say_how_far_it_came(void **state)
{
	struct fixture *f = *state;

	give(f, "class", "hanging", NULL);
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_OK);
	assert_true(f->result.is_tested && f->result.is_reachable);
	assert_int_equal(f->result.n_steps, 2);
	assert_string_equal(f->result.steps[0].text, "/");
	assert_true(f->result.steps[0].is_done && f->result.steps[1].is_done);
	give(f, "class", "hanging", "fails", "true", NULL);
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_OK);
	assert_true(f->result.is_tested && !f->result.is_reachable);
	assert_string_equal(f->result.reason, "it shall fail");
	assert_true(f->result.steps[0].is_done && !f->result.steps[1].is_done);
	assert_string_equal(f->result.steps[1].text, "it shall fail");
}

static void secrets_stay_out_of_what_a_plugin_says(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(setenv("OUTFLOW_TEST_SECRET", "s3cret", 1), 0);
	give(f, "class", "hanging", "until", "/x/${env:OUTFLOW_TEST_SECRET}.s3cret", NULL);
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_OK);
	assert_string_equal(f->result.steps[0].text, "/x/[hidden].[hidden]");
}

static void masks_have_room(void **state)
{
	struct fixture *f = *state;
	struct hidden_values hidden = { 0 };
	char text[16] = "abcabc0abc45678";

	assert_int_equal(setenv("OUTFLOW_TEST_SECRET", "abc", 1), 0);
	give(f, "x", "${env:OUTFLOW_TEST_SECRET}", "y", "${env:OUTFLOW_TEST_SECRET", "z.password", "abcabc", NULL);
	assert_int_equal(hidden_values_learn(&hidden, f->inventory, MASK_CONNECTION, &f->settings, 0), OUTFLOW_OK);
	assert_int_equal(hidden.n, 2);
	hidden_values_mask_text(&hidden, text, sizeof text);
	assert_string_equal(text, "[hidden]0[hidde");
	hidden_values_clear(&hidden);
}

static void a_plugin_without_a_probe_is_not_tested(void **state)
{
	struct fixture *f = *state;

	give(f, "class", "null", NULL);
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_OK);
	assert_false(f->result.is_tested);
	assert_non_null(strstr(f->result.reason, "'null'"));
}

/* One of many tests at once. */
static void *test_in_a_thread(void *arg)
{
	const struct fixture *f = arg;
	char name[] = "plant";
	const struct declaration d = { .name = name, .settings = f->settings };
	const struct reachability_subject subject = {
		.name = name, .host = &f->host, .inventory = f->inventory, .connection = &d
	};
	outflow_error why = { .size = sizeof why };
	struct problems problems = { 0 };
	struct reachability result;

	if (reachability_test(&subject, CLOCK_S, &problems, &result, &why) != OUTFLOW_E_RETRY)
		return (void *)(uintptr_t) "it is not given up";
	return strstr(why.msg, "hangs in 'second'") != NULL ? NULL : (void *)(uintptr_t) "its step is not named";
}

static void one_that_hangs_is_given_up(void **state)
{
	struct fixture *f = *state;
	int64_t begun = clock_mono_ns(), deadline;
	pthread_t threads[TESTS_MAX];
	char path[100];
	int fd;

	snprintf(path, sizeof path, "%s/go", f->dir);
	give(f, "class", "hanging", "at", "probe", "until", path, NULL);
	for (size_t i = 0; i < TESTS_MAX; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, test_in_a_thread, f), 0);
	for (size_t i = 0; i < TESTS_MAX; i++) {
		void *problem;

		assert_int_equal(pthread_join(threads[i], &problem), 0);
		if (problem != NULL)
			fail_msg("%s", (const char *)problem);
	}
	assert_true(clock_mono_ns() - begun < 20 * CLOCK_S);
	assert_int_equal(errands_abandoned(), TESTS_MAX);
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_E_RETRY);
	assert_non_null(strstr(err.msg, "try again later"));
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	for (deadline = clock_mono_ns() + 20 * CLOCK_S; errands_abandoned() > 0 && clock_mono_ns() < deadline;)
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	assert_int_equal(errands_abandoned(), 0);
	assert_int_equal(test(f, CLOCK_S), OUTFLOW_OK);
	assert_true(f->result.is_reachable);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_of_every_end_are_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_keys_are_told_all_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(steps_say_how_far_it_came, set_up, tear_down),
		cmocka_unit_test_setup_teardown(secrets_stay_out_of_what_a_plugin_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(masks_have_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_plugin_without_a_probe_is_not_tested, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_hangs_is_given_up, set_up, tear_down),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
