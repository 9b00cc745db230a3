/* SPDX-License-Identifier: Apache-2.0 */
/* newplugin_test.c: the header is added, those that are there stay, an empty record goes, a missing name is refused. */
#include <outflow/testing/harness.h>
#include <outflow/util.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static const outflow_component *component(void)
{
	return outflow_plugin_entry_v1()->components[0];
}

static void adds_its_header(void)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .size = sizeof err };
	outflow_record *in;

	outflow_harness_set(t, "header", "site");
	outflow_harness_set(t, "value", "hall-7");
	if (outflow_harness_create(t, component(), &err) != OUTFLOW_OK)
		assert(!"the instance could not be made");
	in = outflow_harness_input(t, "plant/p1", NULL, "{\"temp\":21}");
	outflow_harness_header(t, in, "unit", "celsius");
	outflow_harness_input(t, "plant/p1", NULL, "");
	if (outflow_harness_apply(t, &err) != OUTFLOW_OK)
		assert(!"the records could not be transformed");
	assert(outflow_harness_outputs(t) == 1);
	assert(strcmp(outflow_harness_header_of(t, 0, "site"), "hall-7") == 0);
	assert(strcmp(outflow_harness_header_of(t, 0, "unit"), "celsius") == 0);
	assert(strcmp(outflow_harness_value(t, 0), "{\"temp\":21}") == 0);
	outflow_harness_free(&t);
}

static void wants_a_name(void)
{
	outflow_harness *t = outflow_harness_new();

	if (outflow_harness_check(t, component()) != OUTFLOW_E_CONFIG)
		assert(!"a configuration without header passed the check");
	outflow_harness_free(&t);
}

int main(void)
{
	adds_its_header();
	wants_a_name();
	puts("newplugin: fine");
	return 0;
}
