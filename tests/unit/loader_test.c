/* SPDX-License-Identifier: Apache-2.0 */
/* loader_test.c: a plugin that is not as it should be is refused with a sentence that says file, what it needs and has. */
#include "host/plugin/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define DIR "tests/plug/.libs/"

static void a_good_plugin_is_loaded(void **state)
{
	outflow_error err = { .size = sizeof err };
	struct module *m = NULL;

	(void)state;
	assert_int_equal(module_load(DIR "plain.so", NULL, &m, &err), OUTFLOW_OK);
	assert_string_equal(m->path, DIR "plain.so");
	assert_string_equal(m->plugin->id, "plain");
	assert_int_equal(m->plugin->n_components, 2);
	module_free(&m);
	assert_null(m);
}

static void bad_plugins_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *name;
		outflow_status status;
		const char *reason;
	} cases[] = {
		{ "wrong_magic", OUTFLOW_E_UNSUPPORTED, "begins with 0x12345678 and not with 0x4f464c31" },
		{ "wrong_major", OUTFLOW_E_UNSUPPORTED, "needs plugin ABI 2, this host has 1" },
		{ "next_major", OUTFLOW_E_UNSUPPORTED, "needs plugin ABI 2, this host has 1" },
		{ "wrong_layout", OUTFLOW_E_UNSUPPORTED, "record/batch/error of 96/" },
		{ "missing_entry", OUTFLOW_E_UNSUPPORTED, "exports no outflow_plugin_entry_v1" },
		{ "no_description", OUTFLOW_E_UNSUPPORTED, "returns nothing" },
		{ "short_table", OUTFLOW_E_UNSUPPORTED, "its description has 64 bytes, this host needs 80" },
		{ "newer_minor", OUTFLOW_E_UNSUPPORTED, "needs plugin ABI 1.1, this host has 1.0" },
		{ "bad_id", OUTFLOW_E_UNSUPPORTED, "its id is not a word" },
		{ "missing_member", OUTFLOW_E_UNSUPPORTED, "put" },
		{ "short_operations", OUTFLOW_E_UNSUPPORTED, "put" },
		{ "duplicate_component", OUTFLOW_E_UNSUPPORTED, "two components duplicate-component/sink" },
		{ "bad_schema", OUTFLOW_E_UNSUPPORTED, "'wait') of its schema has a default that is not valid" },
		{ "refuses_load", OUTFLOW_E_UNSUPPORTED, "refuses to load: outflow is not for me" },
		{ "undefined_symbol", OUTFLOW_E_TASK, "outflow_nobody_has_this" },
		{ "there_is_none", OUTFLOW_E_TASK, "No such file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_error err = { .size = sizeof err };
		struct module *m = NULL;
		char path[200];
		outflow_status status;

		snprintf(path, sizeof path, DIR "%s.so", cases[i].name);
		status = module_load(path, NULL, &m, &err);
		if (status != cases[i].status || strstr(err.msg, cases[i].reason) == NULL ||
		    strncmp(err.msg, path, strlen(path)) != 0 || m != NULL)
			fail_msg("%s: status %d: %s", cases[i].name, status, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_plugin_is_loaded),
		cmocka_unit_test(bad_plugins_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
