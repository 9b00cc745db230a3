/* SPDX-License-Identifier: Apache-2.0 */
/* label_test.c: label adds its header to every record, keeps those that are there, and wants a name for it. */
#include <outflow/testing/harness.h>
#include <outflow/util.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static const outflow_component *label(void)
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
	if (outflow_harness_create(t, label(), &err) != OUTFLOW_OK)
		assert(!"the label could not be made");
	in = outflow_harness_input(t, "plant/p1", NULL, "{\"temp\":21}");
	outflow_harness_header(t, in, "unit", "celsius");
	if (outflow_harness_apply(t, &err) != OUTFLOW_OK)
		assert(!"the label could not be added");
	assert(outflow_harness_outputs(t) == 1);
	assert(strcmp(outflow_harness_header_of(t, 0, "site"), "hall-7") == 0);
	assert(strcmp(outflow_harness_header_of(t, 0, "unit"), "celsius") == 0);
	assert(strcmp(outflow_harness_value(t, 0), "{\"temp\":21}") == 0);
	outflow_harness_free(&t);
}

static void wants_a_name(void)
{
	outflow_harness *t = outflow_harness_new();

	if (outflow_harness_check(t, label()) != OUTFLOW_E_CONFIG)
		assert(!"a label without header passed the check");
	outflow_harness_free(&t);
}

int main(void)
{
	adds_its_header();
	wants_a_name();
	puts("label: fine");
	return 0;
}
