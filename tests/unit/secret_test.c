/* SPDX-License-Identifier: Apache-2.0 */
/* secret_test.c: references lead where they may, and nowhere else, whatever links and ".." say; for what is
 * only tried they lead nowhere. */
#include "host/config/secret.h"

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

/* Has open/secret, open2/secret, and open/link, which leads to the latter. */
static char root[] = "/tmp/outflow-secret-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	char path[200];

	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/open", root);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/open2", root);
	mkdir(path, 0700);
	write_file("open/secret", "inside\n");
	write_file("open2/secret", "outside\n");
	write_file("open/keys", "a.b = inside\nmalformed = 1\n");
	write_file("open2/keys", "a.b = outside\nbad = outside\\u\n");
	snprintf(path, sizeof path, "%s/open/link", root);
	return symlink("../open2/secret", path);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "open/link",  "open/secret", "open/keys", "open2/secret",
		                             "open2/keys", "open",        "open2",     "" };
	char path[200];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", root, names[i]);
		(void)remove(path);
	}
	return 0;
}

/* before, the root unless it is about the environment, after. expected NULL: refused. */
static void check(const char *before, const char *after, enum secret_author author, const char *expected)
{
	outflow_error err = { .size = sizeof err };
	char text[300];
	char *value;

	snprintf(text, sizeof text, "%s%s%s", before, strncmp(before, "${env", 5) == 0 ? "" : root, after);
	value = secret_resolve(text, author, &err);
	if (expected == NULL ? value != NULL : value == NULL || strcmp(value, expected) != 0)
		fail_msg("%s is '%s'", text, value ? value : err.msg);
	if (expected == NULL)
		assert_null(strstr(err.msg, "outside"));
	free(value);
}

static void a_command_reads_what_its_user_can_read(void **state)
{
	(void)state;
	check("${file:", "/open2/secret}", SECRET_CREATED, "outside");
	check("${file:", "/open/link}", SECRET_CREATED, "outside");
}

static void one_key_of_a_file_is_read(void **state)
{
	(void)state;
	check("${file:", "/open/keys:a.b}", SECRET_CREATED, "inside");
	check("x${file:", "/open/keys:a.b}y", SECRET_CREATED, "xinsidey");
	check("${file:", "/open/keys}", SECRET_CREATED, "a.b = inside");
	check("${file:", "/open/keys:a}", SECRET_CREATED, NULL);
	check("${file:", "/open/keys:}", SECRET_CREATED, NULL);
	check("${file:", "/open/none:a.b}", SECRET_CREATED, NULL);
	check("${file:", "/open2/keys:a.b}", SECRET_CREATED, NULL);
}

static void what_was_created_leads_into_a_few_places(void **state)
{
	char credentials[200];

	(void)state;
	secret_limit(NULL, NULL);
	setenv("OUTFLOW_X", "inside", 1);
	setenv("OTHER_X", "outside", 1);
	unsetenv("CREDENTIALS_DIRECTORY");
	check("${file:", "/open/secret}", SECRET_CREATED, NULL);
	check("${env:OUTFLOW_X}", "", SECRET_CREATED, "inside");
	check("${env:OTHER_X}", "", SECRET_CREATED, NULL);
	check("${env:OTHER_X}", "", SECRET_DECLARED, "outside");
	check("${file:", "/open2/secret}", SECRET_DECLARED, "outside");
	snprintf(credentials, sizeof credentials, "%s/open", root);
	setenv("CREDENTIALS_DIRECTORY", credentials, 1);
	check("${file:", "/open/secret}", SECRET_CREATED, "inside");
	check("${dir:", "/open:secret}", SECRET_CREATED, "inside");
	check("${file:", "/open/link}", SECRET_CREATED, NULL);
	check("${dir:", "/open:link}", SECRET_CREATED, NULL);
	check("${file:", "/open/../open2/secret}", SECRET_CREATED, NULL);
	check("${file:", "/open2/secret}", SECRET_CREATED, NULL);
	check("${file:", "/open/keys:a.b}", SECRET_CREATED, "inside");
	check("${file:", "/open/../open2/keys:a.b}", SECRET_CREATED, NULL);
	check("${file:", "/open2/keys:a.b}", SECRET_CREATED, NULL);
}

static void lists_hold_for_all(void **state)
{
	char directories[300];

	(void)state;
	snprintf(directories, sizeof directories, "/nonexistent, %s/open", root);
	secret_limit(directories, "A_*,OTHER_?");
	check("${file:", "/open/secret}", SECRET_CREATED, "inside");
	check("${file:", "/open2/secret}", SECRET_DECLARED, NULL);
	check("${file:", "/open/keys:a.b}", SECRET_DECLARED, "inside");
	check("${file:", "/open2/keys:a.b}", SECRET_DECLARED, NULL);
	check("${file:", "/open/link}", SECRET_DECLARED, NULL);
	check("${env:OTHER_X}", "", SECRET_CREATED, "outside");
	check("${env:OUTFLOW_X}", "", SECRET_DECLARED, NULL);
	secret_limit("", "");
	check("${file:", "/open/secret}", SECRET_DECLARED, NULL);
	check("${env:OTHER_X}", "", SECRET_DECLARED, NULL);
}

/* The same words for both. */
static void what_is_tried_stays_hidden(void **state)
{
	outflow_error err = { .size = sizeof err };
	char *text =
		secret_resolve("<${file:/nowhere} ${env:HOME} ${dir:/nowhere:x} ${other:x} $>", SECRET_TRIED, &err);

	(void)state;
	assert_non_null(text);
	assert_string_equal(text, "<[hidden] [hidden] [hidden] ${other:x} $>");
	free(text);
}

static void nobody_learns_which_files_there_are(void **state)
{
	outflow_error there = { .size = sizeof there }, absent = { .size = sizeof absent };

	(void)state;
	secret_limit(NULL, NULL);
	assert_null(secret_resolve("${file:/etc/passwd}", SECRET_CREATED, &there));
	assert_null(secret_resolve("${file:/etc/passwx}", SECRET_CREATED, &absent));

	assert_string_equal(strstr(there.msg, " may"), strstr(absent.msg, " may"));
}

int main(void)
{
	/* In this order: the limits stay. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_reads_what_its_user_can_read),
		cmocka_unit_test(one_key_of_a_file_is_read),
		cmocka_unit_test(what_was_created_leads_into_a_few_places),
		cmocka_unit_test(lists_hold_for_all),
		cmocka_unit_test(nobody_learns_which_files_there_are),
		cmocka_unit_test(what_is_tried_stays_hidden),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
