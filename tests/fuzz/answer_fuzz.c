/* SPDX-License-Identifier: Apache-2.0 */
/* answer_fuzz.c: whatever a function answers, each event gets its records, or a reason and not one record. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/function/answer.h"

#include <outflow/util.h>

const char fuzz_name[] = "answer";

static void emit(outflow_harness *t, const struct answer *a, size_t n, const struct answer_rules *rules,
                 const struct item *item)
{
	outflow_batch *out = outflow_harness_batch(t);
	outflow_error err = { .msg = "" };

	for (size_t i = 0; i < n; i++) {
		uint32_t before = out->n;
		outflow_status status = answer_emit(a, i, n, rules, item, out, &err);

		must(status == OUTFLOW_OK || (status == OUTFLOW_E_RECORD && err.msg[0] != '\0' && out->n == before));
	}
}

/* The first byte says how many events there were and what elements are; then comes the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	outflow_record in = { .key = { "k", 1 }, .value = { "{}", 2 } };
	struct item item = { .in = &in, .format = EVENT_JSON, .made = true };
	struct answer_rules rules = { .events = false };
	outflow_error err = { .msg = "" };
	outflow_status status;
	struct answer a;
	size_t n;

	if (size == 0)
		return 0;
	if (t == NULL)
		t = outflow_harness_new();
	rules.host = outflow_harness_host(t);
	rules.events = data[0] & 1;
	rules.nested = data[0] & 2;
	item.whole = data[0] & 4;
	item.format = (enum event_format)((data[0] >> 3) % 3);
	n = 1 + (data[0] >> 5) * rules.nested;
	status = answer_read(&a, (outflow_str){ (const char *)data + 1, size - 1 }, &err);
	must(status == OUTFLOW_OK || (status == OUTFLOW_E_RECORD && err.msg[0] != '\0'));
	if (status == OUTFLOW_OK && answer_fits(&a, n))
		emit(t, &a, n, &rules, &item);
	answer_clear(&a);
	outflow_harness_clear(t);
	return 0;
}
