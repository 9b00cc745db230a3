/* SPDX-License-Identifier: Apache-2.0 */
/* exposed_test.c: a file with a secret that everybody can read is named once, and no other file. */
#include "host/config/exposed.h"

#include "host/plugin/probe.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/outflow-exposed-XXXXXX";
static struct inventory *inventory;

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

static void write_file(const char *name, mode_t mode)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs("marker\n", file);
	fclose(file);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

static int set_up(void **state)
{
	outflow_error err = { .size = sizeof err };

	(void)state;
	if (mkdtemp(root) == NULL || chmod(root, 0755) != 0 || mkdir(path_of("private"), 0700) != 0)
		return -1;
	write_file("open", 0644);
	write_file("group", 0640);
	write_file("private/open", 0644);
	return inventory_open(".libs", NULL, &inventory, &err) == OUTFLOW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "open", "group", "private/open", "private", "" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)remove(path_of(names[i]));
	inventory_close(&inventory);
	return 0;
}

/* What there is to say when key has this value in a file. value: @ stands for the directory. */
static size_t look(struct exposed *e, const char *key, const char *value, const char *file)
{
	struct settings s = { 0 };
	char text[500] = "";
	size_t n = 0;

	for (; *value != '\0'; value++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s", *value == '@' ? root : (char[]){ *value, '\0' });
	assert_int_equal(settings_set(&s, "source.class", "mqtt", NULL, 0), OUTFLOW_OK);
	assert_int_equal(settings_set(&s, key, text, file, 1), OUTFLOW_OK);
	assert_int_equal(exposed_look(e, inventory, MASK_PIPELINE, &s), OUTFLOW_OK);
	settings_clear(&s);
	return e->n;
}

static void files_behind_references_are_looked_at(void **state)
{
	static const struct {
		const char *value;
		size_t n;
	} values[] = {
		{ "${file:@/open}", 1 },    { "${file:@/open:key}", 1 },
		{ "${dir:@:open}", 1 },     { "Bearer ${file:@/group}${file:@/open}", 1 },
		{ "${file:@/group}", 0 },   { "${file:@/private/open}", 0 },
		{ "${file:@/missing}", 0 }, { "${file:@}", 0 },
		{ "${file:@/open", 0 },     { "${env:@/open}", 0 },
		{ "${file:}", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct exposed e = { 0 };

		if (look(&e, "source.topics", values[i].value, NULL) != values[i].n)
			fail_msg("'%s': %zu files", values[i].value, e.n);
		if (e.n > 0) {
			assert_non_null(strstr(e.sentences[0], path_of("open")));
			assert_non_null(strstr(e.sentences[0], "(source.topics)"));
		}
		exposed_clear(&e);
	}
}

static void files_with_secrets_written_out_are_looked_at(void **state)
{
	struct exposed e = { 0 };
	char open[200], group[200];

	(void)state;
	snprintf(open, sizeof open, "%s", path_of("open"));
	snprintf(group, sizeof group, "%s", path_of("group"));
	assert_int_equal(look(&e, "source.topics", "a", open), 0);
	assert_int_equal(look(&e, "source.password", "", open), 0);
	assert_int_equal(look(&e, "source.password", "${env:A}", open), 0);
	assert_int_equal(look(&e, "source.password", "marker", group), 0);
	assert_int_equal(look(&e, "source.password", "marker", NULL), 0);
	assert_int_equal(look(&e, "source.password", "marker", open), 1);
	assert_null(strstr(e.sentences[0], "marker"));
	/* Once is enough. */
	assert_int_equal(look(&e, "source.password", "other", open), 1);
	assert_int_equal(look(&e, "source.topics", "${file:@/open}", NULL), 1);
	exposed_clear(&e);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_behind_references_are_looked_at),
		cmocka_unit_test(files_with_secrets_written_out_are_looked_at),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
