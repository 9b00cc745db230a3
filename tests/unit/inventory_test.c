/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inventory_test.c: whatever lies in the plugin path, the host survives it, says what is wrong with it, and finds the
 * component that a name means.
 */
#include "host/plugin/inventory.h"

#include "host/base/log.h"
#include "host/plugin/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
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
	const struct catalog *all = inventory_catalog(f->inv);

	for (size_t i = 0; i < all->n_refusals; i++) {
		const struct refusal *r = &all->refusals[i];

		if (strstr(r->path, file) != NULL && strstr(r->reason, reason) != NULL &&
		    strstr(r->reason, r->path) != NULL)
			return;
	}
	for (size_t i = 0; i < all->n_refusals; i++)
		print_message("refused: %s\n", all->refusals[i].reason);
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
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 1);
	assert_string_equal(inventory_catalog(f->inv)->plugins[0]->about->id, "plain");
	assert_int_equal(inventory_catalog(f->inv)->n_refusals, 4);
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
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 1);
	assert_int_equal(inventory_catalog(f->inv)->plugins[0]->about->n_components, 1);
	assert_int_equal(inventory_catalog(f->inv)->n_refusals, 0);
}

static void an_id_twice_in_one_directory_is_refused(void **state)
{
	struct fixture *f = *state;

	install(f, "p", "plain");
	install(f, "p", "plain_again");
	open_sub(f, "p", NULL);
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 1);
	assert_refused(f, "plain_again.so", "has the id 'plain'");
}

static void a_directory_that_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;

	open_sub(f, "nowhere", NULL);
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 0);
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
	assert_int_equal(count_files(f->copies), 0);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "own", &own, &err), OUTFLOW_OK);
	assert_int_equal(count_files(f->copies), 1);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "sink", &shared, &err), OUTFLOW_OK);
	assert_int_equal(inventory_instance(f->inv, &shared, &same, &err), OUTFLOW_OK);
	assert_ptr_equal(same.what, shared.what);
	inventory_release(f->inv, &same, 1);
	assert_int_equal(inventory_instance(f->inv, &own, &a, &err), OUTFLOW_OK);
	assert_int_equal(inventory_instance(f->inv, &own, &b, &err), OUTFLOW_OK);
	inventory_release(f->inv, &a, 1);
	assert_int_equal(inventory_instance(f->inv, &own, &again, &err), OUTFLOW_OK);
	assert_ptr_not_equal(a.what, own.what);
	assert_ptr_not_equal(a.what, b.what);
	assert_ptr_equal(a.what, again.what);
	assert_int_equal(count_files(f->copies), 3);
	inventory_release(f->inv, &b, 0); /* a client is left in there */
	assert_int_equal(inventory_instance(f->inv, &own, &again, &err), OUTFLOW_OK);
	assert_ptr_not_equal(b.what, again.what);
	assert_int_equal(count_files(f->copies), 4);
}

static void use(const struct fixture *f, const char *reference)
{
	outflow_error err = { .size = sizeof err };
	struct component c;

	if (inventory_find(f->inv, OUTFLOW_SINK, reference, &c, &err) != OUTFLOW_OK)
		fail_msg("%s", err.msg);
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
	use(f, "plain");
	find_copy(f, path, sizeof path);
	assert_int_equal(stat(path, &first), 0);
	inventory_close(&f->inv);
	open_sub(f, "p", f->copies);
	use(f, "plain");
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	inventory_close(&f->inv);

	/* What a power loss may leave: the size, not the bytes. In a new file, since the old one is mapped. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fclose(fopen(path, "w")), 0);
	assert_int_equal(truncate(path, first.st_size), 0);
	open_sub(f, "p", f->copies);
	use(f, "plain");
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 1);
	assert_int_equal(inventory_catalog(f->inv)->n_refusals, 0);
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
	use(f, "plain");
	find_copy(f, path, sizeof path);
	inventory_close(&f->inv);
	snprintf(numbered, sizeof numbered, "%s.1", strrchr(path, '/') + 1);
	touch(f, numbered);
	snprintf(numbered, sizeof numbered, "%s.Xy12ab", strrchr(path, '/') + 1);
	touch(f, numbered);
	touch(f, "plain.so.00000000");
	touch(f, "gone.so.12345678.1");
	open_sub(f, "p", f->copies);
	assert_int_equal(count_files(f->copies), 4);
	use(f, "plain");
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(count_files(f->copies), 2);
}

/* ---- when something is loaded, and what is known later ---- */

static int is_mapped(const char *file)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[PATH_MAX + 100];
	int found = 0;

	assert_non_null(maps);
	while (!found && fgets(line, sizeof line, maps) != NULL)
		found = strstr(line, file) != NULL;
	fclose(maps);
	return found;
}

static void nothing_is_loaded_before_it_is_used(void **state)
{
	struct fixture *f = *state;
	const struct known_plugin *about;

	install(f, "p", "plain");
	install(f, "p", "misbehaving");
	open_sub(f, "p", f->copies);
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 2);
	assert_false(is_mapped(f->copies));
	about = catalog_find(inventory_catalog(f->inv), "plain")->about;
	assert_string_equal(about->version, "1.0.0");
	assert_string_equal(about->license, "Apache-2.0");
	assert_string_equal(about->doc, "For tests of the loader.");
	assert_int_equal(about->n_components, 2);
	assert_string_equal(about->components[0].doc, "Takes records.");
	assert_int_equal(about->components[1].flags, OUTFLOW_PRIVATE_COPY);
	assert_not_found(f, OUTFLOW_SINK, "plan", "did you mean 'plain'?");
	assert_false(is_mapped(f->copies));
	use(f, "plain/sink");
	assert_true(is_mapped("copies/plain.so"));
	assert_false(is_mapped("copies/misbehaving.so"));
}

static void replace(const struct fixture *f, const char *name, const char *by)
{
	char path[300], to[300];

	install(f, "p", by);
	snprintf(path, sizeof path, "%s/p/%s.so", f->dir, by);
	snprintf(to, sizeof to, "%s/p/%s.so", f->dir, name);
	assert_int_equal(rename(path, to), 0);
}

static void remove_file(const struct fixture *f, const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/p/%s.so", f->dir, name);
	assert_int_equal(unlink(path), 0);
}

static void assert_load_fails(const struct fixture *f, const char *reference, const char *reason)
{
	outflow_error err = { .size = sizeof err };
	struct component c;

	assert_int_not_equal(inventory_find(f->inv, OUTFLOW_SINK, reference, &c, &err), OUTFLOW_OK);
	if (strstr(err.msg, reason) == NULL)
		fail_msg("'%s' does not hold '%s'", err.msg, reason);
}

static void what_was_replaced_since_is_looked_at_again(void **state)
{
	struct fixture *f = *state;

	install(f, "p", "plain");
	open_sub(f, "p", f->copies);
	replace(f, "plain", "crash_at_load");
	assert_load_fails(f, "plain", "crashes while it is loaded");
	replace(f, "plain", "misbehaving");
	assert_load_fails(f, "plain", "was plugin plain, and is misbehaving now");
	replace(f, "plain", "plain_again");
	assert_load_fails(f, "plain/own", "was replaced by a version without plain/own");
	use(f, "plain/sink");
	remove_file(f, "plain");
	use(f, "plain/sink"); /* which is loaded */
}

static void rescan(const struct fixture *f)
{
	outflow_error err = { .size = sizeof err };

	assert_int_equal(inventory_rescan(f->inv, &err), OUTFLOW_OK);
}

static void new_files_are_known_after_a_rescan(void **state)
{
	struct fixture *f = *state;
	const struct catalog *first, *second;

	install(f, "p", "plain");
	install(f, "p", "wrong_magic");
	open_sub(f, "p", f->copies);
	first = inventory_catalog(f->inv);
	rescan(f);
	assert_ptr_equal(inventory_catalog(f->inv), first); /* nothing has changed */

	install(f, "p", "misbehaving");
	install(f, "p", "crash_at_load");
	remove_file(f, "wrong_magic");
	assert_not_found(f, OUTFLOW_SINK, "twice", "there is no sink");
	rescan(f);
	use(f, "twice");
	second = inventory_catalog(f->inv);
	assert_int_equal(second->n_plugins, 2);
	assert_int_equal(second->n_refusals, 1);
	assert_refused(f, "crash_at_load.so", "crashes while it is loaded");
	assert_int_equal(first->n_plugins, 1); /* whoever looks at the old list sees the old list */
	assert_ptr_equal(catalog_find(second, "plain"), first->plugins[0]);
}

static void what_is_loaded_stays_through_a_rescan(void **state)
{
	struct fixture *f = *state;
	outflow_error err = { .size = sizeof err };
	struct component before, after;

	install(f, "p", "plain");
	install(f, "p", "misbehaving");
	open_sub(f, "p", f->copies);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain/own", &before, &err), OUTFLOW_OK);
	remove_file(f, "misbehaving");
	replace(f, "plain", "plain_again");
	rescan(f);
	assert_not_found(f, OUTFLOW_SINK, "twice", "there is no sink"); /* was not loaded */
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain/own", &after, &err), OUTFLOW_OK);
	assert_ptr_equal(before.what, after.what);
	remove_file(f, "plain");
	rescan(f);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain/own", &after, &err), OUTFLOW_OK);
	assert_ptr_equal(before.what, after.what);
	/* More copies come from what is loaded, not from the file. */
	assert_int_equal(inventory_instance(f->inv, &after, &after, &err), OUTFLOW_OK);
	assert_string_equal(after.what->name, "own");
}

static void an_id_that_moved_is_taken_from_its_new_file(void **state)
{
	struct fixture *f = *state;
	outflow_error err = { .size = sizeof err };
	struct component before, after;

	install(f, "p", "plain");
	open_sub(f, "p", f->copies);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain/sink", &before, &err), OUTFLOW_OK);
	remove_file(f, "plain");
	install(f, "p", "plain_again");
	rescan(f);
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 1);
	assert_int_equal(inventory_find(f->inv, OUTFLOW_SINK, "plain/sink", &after, &err), OUTFLOW_OK);
	assert_ptr_not_equal(before.what, after.what);
	assert_string_equal(before.what->name, "sink"); /* the old one is still there for who has it */
}

struct crowd {
	const struct fixture *f;
	int stop; /* atomic */
	struct component found[4];
};

struct member {
	struct crowd *crowd;
	size_t number;
	int has_begun;
};

static void *find_over_and_over(void *arg)
{
	struct member *m = arg;
	outflow_error err = { .size = sizeof err };
	struct component *first = &m->crowd->found[m->number], again;
	int found = inventory_find(m->crowd->f->inv, OUTFLOW_SINK, "plain/sink", first, &err) == OUTFLOW_OK;

	__atomic_store_n(&m->has_begun, 1, __ATOMIC_RELAXED);
	if (!found)
		return "plain/sink was not found";
	do {
		if (inventory_find(m->crowd->f->inv, OUTFLOW_SINK, "plain/sink", &again, &err) != OUTFLOW_OK ||
		    again.what != first->what)
			return "plain/sink was not found again";
		(void)inventory_find(m->crowd->f->inv, OUTFLOW_SINK, "misbehaving/twice", &again, NULL);
	} while (!__atomic_load_n(&m->crowd->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void threads_find_while_files_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = { .f = f };
	struct member members[4];
	pthread_t threads[4];
	void *complaints[4] = { NULL };

	log_set_level(OUTFLOW_LOG_ERROR);
	install(f, "p", "plain");
	open_sub(f, "p", f->copies);
	for (size_t i = 0; i < 4; i++) {
		members[i] = (struct member){ .crowd = &crowd, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, find_over_and_over, &members[i]), 0);
	}
	for (size_t i = 0; i < 10; i++) {
		install(f, "p", "plain_again"); /* refused beside plain */
		if (i == 5)
			install(f, "p", "misbehaving");
		rescan(f);
		remove_file(f, "plain_again");
		rescan(f);
	}
	for (size_t i = 0; i < 4; i++)
		while (!__atomic_load_n(&members[i].has_begun, __ATOMIC_RELAXED))
			sched_yield();
	__atomic_store_n(&crowd.stop, 1, __ATOMIC_RELAXED);
	/* All of them, before anything is judged: they look at what is on this stack. */
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], &complaints[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		if (complaints[i] != NULL)
			fail_msg("%s", (const char *)complaints[i]);
		assert_ptr_equal(crowd.found[i].what, crowd.found[0].what);
	}
	log_set_level(OUTFLOW_LOG_INFO);
	assert_int_equal(inventory_catalog(f->inv)->n_plugins, 2);
}

int main(int argc, char **argv)
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
		TEST(nothing_is_loaded_before_it_is_used),
		TEST(what_was_replaced_since_is_looked_at_again),
		TEST(new_files_are_known_after_a_rescan),
		TEST(what_is_loaded_stays_through_a_rescan),
		TEST(an_id_that_moved_is_taken_from_its_new_file),
		TEST(threads_find_while_files_come_and_go),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
