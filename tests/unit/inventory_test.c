/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inventory_test.c: whatever lies in the plugin path, the host survives it, says what is wrong with it, and finds the
 * component that a name means.
 */
#include "host/plugin/inventory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64], copies[80];
	struct inventory *inv;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->dir, "/tmp/outflow-inventory-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->copies, sizeof f->copies, "%s/copies", f->dir);
	assert_int_equal(mkdir(f->copies, 0700), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	inventory_close(&f->inv);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Puts a plugin of tests/plug into a directory of the fixture. */
static void install(const struct fixture *f, const char *sub, const char *name)
{
	char from[200], to[300], whole[PATH_MAX];

	snprintf(from, sizeof from, "tests/plug/.libs/%s.so", name);
	assert_non_null(realpath(from, whole));
	snprintf(to, sizeof to, "%s/%s", f->dir, sub);
	(void)mkdir(to, 0700);
	snprintf(to, sizeof to, "%s/%s/%s.so", f->dir, sub, name);
	assert_int_equal(symlink(whole, to), 0);
}

static void open_path(struct fixture *f, const char *path, const char *copies)
{
	outflow_error err = { .size = sizeof err };

	assert_int_equal(inventory_open(path, copies, &f->inv, &err), OUTFLOW_OK);
}

static void open_sub(struct fixture *f, const char *sub, const char *copies)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", f->dir, sub);
	open_path(f, path, copies);
}

static void assert_refused(const struct fixture *f, const char *file, const char *reason)
{
	for (size_t i = 0; i < inventory_refusals(f->inv); i++) {
		const struct refusal *r = inventory_refusal(f->inv, i);

		if (strstr(r->path, file) != NULL && strstr(r->reason, reason) != NULL &&
		    strstr(r->reason, r->path) != NULL)
			return;
	}
	for (size_t i = 0; i < inventory_refusals(f->inv); i++)
		print_message("refused: %s\n", inventory_refusal(f->inv, i)->reason);
	fail_msg("%s is not refused with '%s'", file, reason);
}

static void assert_not_found(const struct fixture *f, uint32_t kind, const char *reference, const char *reason)
{
	outflow_error err = { .size = sizeof err };
	struct component c;

	assert_int_equal(inventory_find(f->inv, kind, reference, &c, &err), OUTFLOW_E_CONFIG);
	if (strstr(err.msg, reason) == NULL)
		fail_msg("'%s' does not hold '%s'", err.msg, reason);
}

static void a_plugin_that_kills_the_process_is_refused(void **state)
{
	struct fixture *f = *state;

	install(f, "p", "crash_at_load");
	install(f, "p", "exit_at_load");
	install(f, "p", "hang_at_load");
	install(f, "p", "plain");
	install(f, "p", "wrong_magic");
	open_sub(f, "p", NULL);
	assert_int_equal(inventory_count(f->inv), 1);
	assert_string_equal(inventory_module(f->inv, 0)->plugin->id, "plain");
	assert_int_equal(inventory_refusals(f->inv), 4);
	assert_refused(f, "crash_at_load.so", "crashes while it is loaded (signal 6");
	assert_refused(f, "exit_at_load.so", "exit status 7");
	assert_refused(f, "hang_at_load.so", "does not return");
	assert_refused(f, "wrong_magic.so", "not a plugin of Outflow");
}

static void the_first_directory_with_an_id_wins(void **state)
{
	struct fixture *f = *state;
	char path[300];

	install(f, "one", "plain_again");
	install(f, "two", "plain");
	snprintf(path, sizeof path, "%s/one::%s/two", f->dir, f->dir);
	open_path(f, path, NULL);
	assert_int_equal(inventory_count(f->inv), 1);
	assert_int_equal(inventory_module(f->inv, 0)->plugin->n_components, 1);
	assert_int_equal(inventory_refusals(f->inv), 0);
}

static void an_id_twice_in_one_directory_is_refused(void **state)
{
	struct fixture *f = *state;

	install(f, "p", "plain");
	install(f, "p", "plain_again");
	open_sub(f, "p", NULL);
	assert_int_equal(inventory_count(f->inv), 1);
	assert_refused(f, "plain_again.so", "has the id 'plain'");
}

static void a_directory_that_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;

	open_sub(f, "nowhere", NULL);
	assert_int_equal(inventory_count(f->inv), 0);
	assert_refused(f, "nowhere", "No such file");
	assert_not_found(f, OUTFLOW_SINK, "plain", "none (see plugin.path)");
}

static void a_name_means_a_component(void **state)
{
	struct fixture *f = *state;
	outflow_error err = { .size = sizeof err };
	struct component c;

	install(f, "p", "misbehaving");
	install(f, "p", "plain");
	install(f, "p", "missing_member");
	open_sub(f, "p", NULL);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain/sink", &c, &err), OUTFLOW_OK);
	assert_string_equal(c.what->name, "sink");
	assert_string_equal(c.module->plugin->id, "plain");
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "twice", &c, &err), OUTFLOW_OK);
	assert_string_equal(c.module->plugin->id, "misbehaving");
	/* Of several the one that is called by its kind; without such a one the name says too little. */
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain", &c, &err), OUTFLOW_OK);
	assert_string_equal(c.what->name, "sink");
	assert_not_found(f, OUTFLOW_SINK, "misbehaving", "misbehaving/never, misbehaving/twice");
	assert_not_found(f, OUTFLOW_SOURCE, "twice", "there is no source 'twice'");
	assert_not_found(f, OUTFLOW_SINK, "twcie", "did you mean 'twice'?");
	assert_not_found(f, OUTFLOW_SINK, "plain/twice", "there is no sink");
	assert_not_found(f, OUTFLOW_SINK, "missing_member", "was refused");
	assert_not_found(f, OUTFLOW_SINK, "", "there is no sink ''");
}

static void a_plugin_of_one_component_is_found_by_its_id(void **state)
{
	struct fixture *f = *state;
	outflow_error err = { .size = sizeof err };
	struct component c;

	install(f, "p", "plain_again");
	open_sub(f, "p", NULL);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain", &c, &err), OUTFLOW_OK);
	assert_string_equal(c.what->name, "sink");
	assert_not_found(f, OUTFLOW_SINK, "plian", "did you mean 'plain'?");
}

static size_t count_files(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void private_copies_have_data_of_their_own(void **state)
{
	struct fixture *f = *state;
	outflow_error err = { .size = sizeof err };
	struct component own, shared, a, b, again, same;

	install(f, "p", "plain");
	open_sub(f, "p", f->copies);
	assert_int_equal(count_files(f->copies), 1);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "own", &own, &err), OUTFLOW_OK);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "sink", &shared, &err), OUTFLOW_OK);
	assert_int_equal(inventory_instance(f->inv, &shared, "p", "sink", 0, &same, &err), OUTFLOW_OK);
	assert_ptr_equal(same.what, shared.what);
	assert_int_equal(inventory_instance(f->inv, &own, "p", "sink", 0, &a, &err), OUTFLOW_OK);
	assert_int_equal(inventory_instance(f->inv, &own, "p/../q", "sink", 1, &b, &err), OUTFLOW_OK);
	assert_int_equal(inventory_instance(f->inv, &own, "p", "sink", 0, &again, &err), OUTFLOW_OK);
	assert_ptr_not_equal(a.what, own.what);
	assert_ptr_not_equal(a.what, b.what);
	assert_ptr_equal(a.what, again.what);
	assert_int_equal(count_files(f->copies), 3);
}

/* The one file of the directory of copies. */
static void find_copy(const struct fixture *f, char *path, size_t size)
{
	DIR *d = opendir(f->copies);
	const struct dirent *e;

	assert_non_null(d);
	for (e = readdir(d); e != NULL && e->d_name[0] == '.'; e = readdir(d))
		;
	assert_non_null(e);
	snprintf(path, size, "%s/%s", f->copies, e->d_name);
	closedir(d);
}

static void a_good_copy_is_used_again_and_a_damaged_one_is_not(void **state)
{
	struct fixture *f = *state;
	struct stat first, second, third;
	char path[400];

	install(f, "p", "plain");
	open_sub(f, "p", f->copies);
	find_copy(f, path, sizeof path);
	assert_int_equal(stat(path, &first), 0);
	inventory_close(&f->inv);
	open_sub(f, "p", f->copies);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	inventory_close(&f->inv);

	/* What a power loss may leave: the size, not the bytes. In a new file, since the old one is mapped. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fclose(fopen(path, "w")), 0);
	assert_int_equal(truncate(path, first.st_size), 0);
	open_sub(f, "p", f->copies);
	assert_int_equal(inventory_count(f->inv), 1);
	assert_int_equal(inventory_refusals(f->inv), 0);
	assert_int_equal(stat(path, &third), 0);
	assert_true(third.st_blocks > 0);
}

static void touch(const struct fixture *f, const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", f->copies, name);
	assert_int_equal(fclose(fopen(path, "w")), 0);
}

static void copies_of_another_time_are_removed(void **state)
{
	struct fixture *f = *state;
	char path[400], numbered[420];

	install(f, "p", "plain");
	open_sub(f, "p", f->copies);
	find_copy(f, path, sizeof path);
	inventory_close(&f->inv);
	snprintf(numbered, sizeof numbered, "%s.1", strrchr(path, '/') + 1);
	touch(f, numbered);
	snprintf(numbered, sizeof numbered, "%s.Xy12ab", strrchr(path, '/') + 1);
	touch(f, numbered);
	touch(f, "plain.so.00000000");
	touch(f, "gone.so.12345678.1");
	open_sub(f, "p", f->copies);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(count_files(f->copies), 2);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_plugin_that_kills_the_process_is_refused),
		TEST(the_first_directory_with_an_id_wins),
		TEST(an_id_twice_in_one_directory_is_refused),
		TEST(a_directory_that_is_not_there_is_said),
		TEST(a_name_means_a_component),
		TEST(a_plugin_of_one_component_is_found_by_its_id),
		TEST(private_copies_have_data_of_their_own),
		TEST(copies_of_another_time_are_removed),
		TEST(a_good_copy_is_used_again_and_a_damaged_one_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
