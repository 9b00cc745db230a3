/* SPDX-License-Identifier: Apache-2.0 */
/* newplugin_test.c: heartbeats come at their interval, go on where they were confirmed, wait for room, and end. */
#include <outflow/testing/harness.h>
#include <outflow/util.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static outflow_harness *started(const char *count, uint64_t resume)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err = { .size = sizeof err };

	outflow_harness_set(t, "interval", "5s");
	outflow_harness_set(t, "count", count);
	if (resume > 0)
		outflow_harness_resume(t, "{\"task\":0}", resume);
	if (outflow_harness_create(t, outflow_plugin_entry_v1()->components[0], &err) != OUTFLOW_OK ||
	    outflow_harness_start(t, &err) != OUTFLOW_OK)
		assert(!"the source could not be started");
	return t;
}

static outflow_status poll(outflow_harness *t, uint32_t max)
{
	outflow_error err = { .size = sizeof err };

	return outflow_harness_poll(t, max, 0, &err);
}

static void beats_at_its_interval(void)
{
	outflow_harness *t = started("0", 0);

	if (poll(t, 10) != OUTFLOW_OK || poll(t, 10) != OUTFLOW_AGAIN)
		assert(!"the first heartbeat comes at once, and alone");
	outflow_harness_advance(t, 5000);
	if (poll(t, 0) != OUTFLOW_AGAIN || poll(t, 10) != OUTFLOW_OK)
		assert(!"the second waits for its time and for room");
	assert(outflow_harness_outputs(t) == 2);
	assert(strncmp(outflow_harness_value(t, 1), "{\"heartbeat\":1,", 15) == 0);
	outflow_harness_free(&t);
}

static void goes_on_and_ends(void)
{
	outflow_harness *t = started("8", 7);

	if (poll(t, 10) != OUTFLOW_OK || poll(t, 10) != OUTFLOW_EOF)
		assert(!"one was left, and then the end");
	assert(outflow_harness_output(t, 0)->pos == 7);
	outflow_harness_free(&t);
}

int main(void)
{
	beats_at_its_interval();
	goes_on_and_ends();
	puts("newplugin: fine");
	return 0;
}
