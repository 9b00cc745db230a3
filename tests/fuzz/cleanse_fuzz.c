/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanse_fuzz.c: split, map, mask and route refuse their settings, or make of each payload records or a reject with a
 * reason; parts of a split text are parts of it.
 *
 * The first byte says which one, then come two settings and the payload with NULs between.
 */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/cleanse/components.h"

#include <outflow/util.h>

const char fuzz_name[] = "cleanse";

/* Key and which of the two settings is its value, or a constant. */
struct plan {
	const outflow_component *component;
	struct {
		const char *key;
		int setting;
		const char *constant;
	} keys[6];
};

static const struct plan plans[] = {
	{ &cleanse_split, { { "delimiter", 0, NULL }, { "empty", 0, "keep" } } },
	{ &cleanse_split, { { "path", 0, NULL } } },
	{ &cleanse_map,
	  { { "rules", 0, "a" },
	    { "rules.a.regex", 0, NULL },
	    { "rules.a.replacement", 1, NULL },
	    { "paths", 0, "$.data.body..*" } } },
	{ &cleanse_map, { { "rules", 0, "a" }, { "rules.a.regex", 0, NULL }, { "rules.a.case", 0, "lower" } } },
	{ &cleanse_mask, { { "paths", 0, NULL }, { "method", 0, "partial" }, { "with", 1, NULL } } },
	{ &cleanse_mask, { { "paths", 0, NULL }, { "method", 0, "sha256" } } },
	{ &cleanse_route, { { "rules", 0, NULL }, { "match", 1, NULL } } },
};

static void configure(outflow_harness *t, const struct plan *plan, char *const settings[2])
{
	for (size_t i = 0; i < 6 && plan->keys[i].key != NULL; i++)
		outflow_harness_set(t, plan->keys[i].key,
		                    plan->keys[i].constant ? plan->keys[i].constant : settings[plan->keys[i].setting]);
}

static void run(outflow_harness *t, const uint8_t *payload, size_t n, int is_slice)
{
	outflow_error err = { .msg = "" };
	const outflow_record *in = outflow_harness_input_bytes(t, "plant/p1", payload, n);
	const char *start = in->value.ptr, *at = start;

	must(outflow_harness_apply(t, &err) == OUTFLOW_OK);
	if (outflow_harness_reject(t, 0) != NULL) {
		must(outflow_harness_reject(t, 0)->err.msg[0] != '\0' && outflow_harness_outputs(t) == 0);
		return;
	}
	for (size_t i = 0; is_slice && i < outflow_harness_outputs(t); i++) {
		outflow_bytes part = outflow_harness_output(t, i)->value;

		if (part.len == 0)
			continue;
		must((const char *)part.ptr >= at && (const char *)part.ptr + part.len <= start + n);
		at = (const char *)part.ptr + part.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct plan *plan;
	char *settings[2];
	size_t at = 1;
	outflow_error err = { .msg = "" };
	outflow_harness *t;

	if (size == 0)
		return 0;
	plan = &plans[data[0] % (sizeof plans / sizeof plans[0])];
	for (size_t i = 0; i < 2; i++) {
		size_t n = first_part(data + at, size - at);

		settings[i] = strndup((const char *)data + at, n);
		at += n + (at + n < size);
	}
	t = outflow_harness_new();
	configure(t, plan, settings);
	if (outflow_harness_create(t, plan->component, &err) == OUTFLOW_OK)
		run(t, data + at, size - at, plan == &plans[0]);
	else
		must(err.msg[0] != '\0' || outflow_harness_problem(t, 0) != NULL);
	outflow_harness_free(&t);
	free(settings[0]);
	free(settings[1]);
	return 0;
}
