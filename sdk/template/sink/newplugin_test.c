/* SPDX-License-Identifier: Apache-2.0 */
/* newplugin_test.c: records become lines, a file that cannot be opened is said, a path is wanted. */
#include <outflow/testing/harness.h>
#include <outflow/util.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH "newplugin_test.out"

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static outflow_harness *created(const char *path)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .size = sizeof err };

	outflow_harness_set(t, "path", path);
	if (outflow_harness_create(t, outflow_plugin_entry_v1()->components[0], &err) != OUTFLOW_OK)
		assert(!"the sink could not be made");
	outflow_harness_input(t, "plant/p1", NULL, "{\"temp\":21}");
	outflow_harness_input(t, "plant/p2", NULL, NULL);
	return t;
}

static void writes_lines(void)
{
	outflow_harness *t = created(PATH);
	outflow_error err = { .size = sizeof err };
	char text[200];
	size_t taken = 0, n;
	FILE *file;

	unlink(PATH);
	if (outflow_harness_start(t, &err) != OUTFLOW_OK || outflow_harness_put(t, &taken, &err) != OUTFLOW_OK)
		assert(!"the records could not be put");
	assert(taken == 2);
	file = fopen(PATH, "re");
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	assert(strcmp(text, "plant/p1\t{\"temp\":21}\nplant/p2\t\n") == 0);
	fclose(file);
	unlink(PATH);
	outflow_harness_free(&t);
}

static void says_what_is_wrong(void)
{
	outflow_harness *t = created("missing/" PATH);
	outflow_error err = { .size = sizeof err };

	if (outflow_harness_start(t, &err) != OUTFLOW_E_TASK)
		assert(!"a directory is missing");
	assert(strstr(err.msg, "missing/" PATH " cannot be opened") != NULL);
	outflow_harness_free(&t);
}

static void wants_a_path(void)
{
	outflow_harness *t = outflow_harness_new();

	if (outflow_harness_check(t, outflow_plugin_entry_v1()->components[0]) != OUTFLOW_E_CONFIG)
		assert(!"a configuration without path passed the check");
	outflow_harness_free(&t);
}

int main(void)
{
	writes_lines();
	says_what_is_wrong();
	wants_a_path();
	puts("newplugin: fine");
	return 0;
}
