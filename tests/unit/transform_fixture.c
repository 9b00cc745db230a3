/* SPDX-License-Identifier: Apache-2.0 */
#include "transform_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static outflow_harness *configure(const char *const *settings)
{
	outflow_harness *t = outflow_harness_new();

	for (; settings[0] != NULL; settings += 2)
		outflow_harness_set(t, settings[0], settings[1]);
	return t;
}

outflow_harness *transform_make(const outflow_component *c, const char *const *settings)
{
	outflow_harness *t = configure(settings);
	outflow_error err = { .msg = "" };

	if (outflow_harness_create(t, c, &err) != OUTFLOW_OK)
		fail_msg("%s: %s", c->name, err.msg);
	return t;
}

void transform_turns(const outflow_component *c, const char *const *settings, const char *payload, const char *expected)
{
	outflow_harness *t = transform_make(c, settings);
	char out[4096] = "";

	outflow_harness_input(t, "plant/p1", "k", payload);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	if (outflow_harness_reject(t, 0) != NULL)
		fail_msg("%s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	for (size_t i = 0; i < outflow_harness_outputs(t); i++)
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i > 0 ? "\n" : "",
		         outflow_harness_value(t, i) ? outflow_harness_value(t, i) : "(null)");
	assert_int_equal(outflow_harness_outputs(t) == 0, expected == NULL);
	if (expected != NULL && strcmp(out, expected) != 0)
		fail_msg("%s: %s instead of %s", payload, out, expected);
	outflow_harness_free(&t);
}

void transform_rejects(const outflow_component *c, const char *const *settings, const char *payload, const char *cause)
{
	outflow_harness *t = transform_make(c, settings);

	outflow_harness_input(t, "plant/p1", "k", payload);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 0);
	assert_non_null(outflow_harness_reject(t, 0));
	if (strstr(outflow_harness_reject(t, 0)->err.msg, cause) == NULL)
		fail_msg("%.200s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	outflow_harness_free(&t);
}

void transform_refuses(const outflow_component *c, const char *const *settings, const char *problem)
{
	outflow_harness *t = configure(settings);

	assert_int_equal(outflow_harness_check(t, c), OUTFLOW_E_CONFIG);
	if (strstr(outflow_harness_problem(t, 0), problem) == NULL)
		fail_msg("%s instead of %s", outflow_harness_problem(t, 0), problem);
	outflow_harness_free(&t);
}

void transform_runs_out_of_memory(const outflow_component *c, const char *const *settings, const char *payload,
                                  size_t at_least)
{
	outflow_harness *t = transform_make(c, settings);
	outflow_error err = { .msg = "" };
	size_t n = 0;

	outflow_harness_input(t, "plant/p1", "k", payload);
	do {
		outflow_harness_fail_alloc(t, ++n);
		assert_in_range(n, 1, 50);
	} while (outflow_harness_apply(t, &err) == OUTFLOW_E_NOMEM);
	assert_true(n > at_least);
	assert_null(outflow_harness_reject(t, 0));
	outflow_harness_free(&t);
}
