/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_fuzz.c: in the dialect that the length chooses any pattern on any event ends in a verdict or an error, and the pattern by itself,
 * the same pattern in a set, and the explanation agree. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/explain.h"
#include "transforms/language/pattern.h"

#include <outflow/util.h>

const char fuzz_name[] = "pattern";

static struct event begin(outflow_harness *t, const struct event_settings *s, const outflow_record *r,
                          outflow_error *err)
{
	struct event e;

	*err = (outflow_error){ .msg = "" };
	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), s, r, err);
	return e;
}

static void explain(outflow_harness *t, const struct event_settings *s, struct pattern *p, outflow_record *r,
                    bool expected)
{
	outflow_error err;
	struct event e = begin(t, s, r, &err);
	outflow_bytes json;
	outflow_json *parsed = NULL;
	bool fits;

	if (explain_match(p, &e, &fits, &json) != OUTFLOW_OK) { /* it looks at a body that the match did not need */
		must(e.status == OUTFLOW_E_RECORD && !expected);
		return;
	}
	must(fits == expected);
	must(outflow_json_parse((outflow_str){ json.ptr, json.len }, &parsed, NULL) == OUTFLOW_OK);
	outflow_json_free(&parsed);
}

/* The set holds p as number 0 and 2, and another pattern between them. */
static void match(outflow_harness *t, const struct event_settings *s, struct pattern *p, struct pattern_set *set,
                  outflow_record *r)
{
	outflow_error err;
	struct event e = begin(t, s, r, &err);
	bool fits = pattern_match(p, &e, NULL, NULL);
	const uint32_t *matched;
	size_t n;

	must(e.status == OUTFLOW_OK || (e.status == OUTFLOW_E_RECORD && err.msg[0] != '\0' && !fits));
	if (e.status != OUTFLOW_OK)
		return;
	e = begin(t, s, r, &err);
	n = pattern_set_match(set, &e, &matched);
	must(e.status == OUTFLOW_OK || e.status == OUTFLOW_E_RECORD);
	if (e.status == OUTFLOW_OK) {
		must((n > 0 && matched[0] == 0) == fits);
		must((n > 0 && matched[n - 1] == 2) == fits);
		must(pattern_set_match_any(set, &e) == (n > 0));
	}
	explain(t, s, p, r, fits);
}

static void try_dialect(outflow_harness *t, const struct event_settings *s, enum pattern_dialect dialect,
                        outflow_str text, outflow_record *plain, outflow_record *whole)
{
	static const char other[] =
		"{\"data\":{\"body\":{\"a\":[{\"suffix\":\"x\"},1]},\"a.b\":[{\"anything-but\":\"x\"}]}}";
	outflow_error err = { .msg = "" };
	struct pattern_set *set = NULL;
	struct pattern *p = NULL;

	if (pattern_compile(text, dialect, &p, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0' && p == NULL);
		return;
	}
	must(pattern_set_new(dialect, &set, &err) == OUTFLOW_OK);
	must(pattern_set_add(set, outflow_text("a"), text, &err) == OUTFLOW_OK);
	must(pattern_set_add(set, outflow_text("b"), outflow_text(other), &err) == OUTFLOW_OK);
	must(pattern_set_add(set, outflow_text("c"), text, &err) == OUTFLOW_OK);
	must(pattern_set_finish(set, &err) == OUTFLOW_OK);
	match(t, s, p, set, plain);
	match(t, s, p, set, whole);
	pattern_free(&p);
	pattern_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	static struct event_settings settings;
	size_t n = first_part(data, size), rest = n < size ? n + 1 : n;
	outflow_str text = { (const char *)data, n };
	outflow_record *plain, *whole;

	if (t == NULL) {
		t = outflow_harness_new();
		event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	}
	plain = outflow_harness_input_bytes(t, "plant/p1", data + rest, size - rest);
	outflow_harness_header(t, plain, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, plain, "site", "north");
	whole = outflow_harness_input_bytes(t, "plant/p1", data + rest, size - rest);
	outflow_harness_header(t, whole, "content-type", "application/cloudevents+json");
	try_dialect(t, &settings, (enum pattern_dialect)(size % 3), text, plain, whole);
	outflow_harness_clear(t);
	return 0;
}
