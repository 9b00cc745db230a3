/* SPDX-License-Identifier: Apache-2.0 */
/* path_fuzz.c: any path on any event finds JSON, nothing, or an error. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/path.h"

#include <outflow/util.h>

const char fuzz_name[] = "path";

static void find(outflow_harness *t, const struct event_settings *s, const struct path *p, outflow_record *r)
{
	outflow_error err = { .msg = "" };
	outflow_json *parsed = NULL;
	outflow_bytes json;
	struct event e;
	struct value v;

	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), s, r, &err);
	path_find(p, &e, &v);
	json = event_value_json(&e, &v);
	must(e.status == OUTFLOW_OK || (e.status == OUTFLOW_E_RECORD && err.msg[0] != '\0'));
	must((json.ptr != NULL) == (e.status == OUTFLOW_OK && v.type != VALUE_MISSING));
	if (json.ptr == NULL)
		return;
	must(outflow_json_parse((outflow_str){ json.ptr, json.len }, &parsed, NULL) == OUTFLOW_OK);
	outflow_json_free(&parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	static struct event_settings settings;
	size_t n = first_part(data, size), rest = n < size ? n + 1 : n;
	outflow_error err = { .msg = "" };
	struct path *p = NULL;
	outflow_record *r;

	if (t == NULL) {
		t = outflow_harness_new();
		event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	}
	if (path_compile((outflow_str){ (const char *)data, n }, &p, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0' && p == NULL);
		return 0;
	}
	r = outflow_harness_input_bytes(t, "plant/p1", data + rest, size - rest);
	outflow_harness_header(t, r, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, r, "site", "north");
	find(t, &settings, p, r);
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	find(t, &settings, p, r);
	path_free(&p);
	outflow_harness_clear(t);
	return 0;
}
