/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite_fuzz.c: whatever is replaced, removed and added in whatever order, the outcome is JSON, and a member that was
 * removed from the top is not there any more.
 *
 * The first byte is the number of edits, then come two bytes for each, what is done and to which value, then the payload.
 */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/rewrite.h"

#include <outflow/util.h>

const char fuzz_name[] = "rewrite";

#define VALUES_MAX 4096u

static uint32_t values[VALUES_MAX];
static uint32_t n_values;

/* All values inside a container, keys and ends left out. */
static void collect(const outflow_json *j, uint32_t token)
{
	uint32_t type = outflow_json_type(j, token), is_object = type == OUTFLOW_JSON_OBJECT;

	if (n_values < VALUES_MAX)
		values[n_values++] = token;
	if (type != OUTFLOW_JSON_OBJECT && type != OUTFLOW_JSON_ARRAY)
		return;
	for (uint32_t i = token + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(j, i + is_object))
		collect(j, i + is_object);
}

static void edit(struct rewrite *w, const outflow_json *j, uint8_t what, uint32_t token)
{
	static const char *const texts[] = { "1", "\"text\"", "{\"a\":[]}", "null" };
	static const char *const names[] = { "a", "", "\"\\\n", "\xc3\xa4" };

	if (what % 3 == 0)
		rewrite_replace(w, token, outflow_text(texts[what / 3 % 4]));
	else if (what % 3 == 1)
		rewrite_remove(w, token);
	else if (outflow_json_type(j, token) == OUTFLOW_JSON_OBJECT)
		rewrite_add_member(w, token, outflow_text(names[what / 3 % 4]), outflow_text(texts[what / 12 % 4]));
}

/* Removes the member that each name of the object at the top leads to, one at a time. */
static void remove_each(outflow_harness *t, const outflow_json *j)
{
	const outflow_host *h = outflow_harness_host(t);
	outflow_batch *b = outflow_harness_batch(t);

	for (uint32_t i = 1, n = 0; n < 8 && outflow_json_type(j, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(j, i + 1), n++) {
		outflow_str name = outflow_json_string(h, b, j, i);
		const outflow_json *again = NULL;
		struct rewrite w;

		rewrite_begin(&w, h, b, j);
		rewrite_remove(&w, outflow_json_member(j, 0, name));
		must(outflow_json_scan(h, b, rewrite_finish(&w), 128, &again, NULL) == OUTFLOW_OK);
		must(outflow_json_member(again, 0, name) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	size_t n = size > 0 ? data[0] % 32u : 0, head = 1 + 2 * n;
	const outflow_json *j = NULL, *again = NULL;
	struct rewrite w;
	outflow_bytes text, out;

	if (size <= head)
		return 0;
	if (t == NULL)
		t = outflow_harness_new();
	text = (outflow_bytes){ data + head, size - head };
	if (outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t), text, 120, &j, NULL) == OUTFLOW_OK) {
		n_values = 0;
		collect(j, 0);
		rewrite_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), j);
		for (size_t i = 0; i < n; i++)
			edit(&w, j, data[1 + 2 * i], values[data[2 + 2 * i] % n_values]);
		out = rewrite_finish(&w);
		must(out.ptr != NULL);
		must(outflow_json_scan(outflow_harness_host(t), outflow_harness_batch(t), out, 128, &again, NULL) ==
		     OUTFLOW_OK);
		if (outflow_json_type(j, 0) == OUTFLOW_JSON_OBJECT)
			remove_each(t, j);
	}
	outflow_harness_clear(t);
	return 0;
}
