/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_fuzz.c: any pattern on any event ends in a verdict or an error, and the explanation agrees with the
 * match. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/explain.h"
#include "transforms/language/pattern.h"

#include <outflow/util.h>

const char fuzz_name[] = "pattern";

static void match(outflow_harness *t, const struct event_settings *s, struct pattern *p, outflow_record *r)
{
	outflow_error err = { .msg = "" };
	struct event e;
	outflow_bytes json;
	outflow_json *parsed = NULL;
	bool first, second;

	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), s, r, &err);
	first = pattern_match(p, &e, NULL, NULL);
	must(e.status == OUTFLOW_OK || (e.status == OUTFLOW_E_RECORD && err.msg[0] != '\0' && !first));
	if (e.status != OUTFLOW_OK)
		return;
	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), s, r, &err);
	if (explain_match(p, &e, &second, &json) != OUTFLOW_OK) { /* it looks at a body that the match did not need */
		must(e.status == OUTFLOW_E_RECORD && !first);
		return;
	}
	must(first == second);
	must(outflow_json_parse((outflow_str){ json.ptr, json.len }, &parsed, NULL) == OUTFLOW_OK);
	outflow_json_free(&parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	static struct event_settings settings;
	size_t n = first_part(data, size), rest = n < size ? n + 1 : n;
	outflow_error err = { .msg = "" };
	struct pattern *p = NULL;
	outflow_record *r;

	if (t == NULL) {
		t = outflow_harness_new();
		event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	}
	if (pattern_compile((outflow_str){ (const char *)data, n }, PATTERN_UNION, &p, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0' && p == NULL);
		return 0;
	}
	r = outflow_harness_input_bytes(t, "plant/p1", data + rest, size - rest);
	outflow_harness_header(t, r, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, r, "site", "north");
	match(t, &settings, p, r);
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	match(t, &settings, p, r);
	pattern_free(&p);
	outflow_harness_clear(t);
	return 0;
}
