/* SPDX-License-Identifier: Apache-2.0 */
/* form_fuzz.c: any form on any event comes to bytes, null, or an error; a JSON template to JSON. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/form.h"

#include <outflow/util.h>

const char fuzz_name[] = "form";

/* A value may be as deep as payloads may be, in the envelope, below a template that is. */
#define DEPTH (3 * OUTFLOW_JSON_DEPTH)

static outflow_str next_part(const uint8_t **data, size_t *size)
{
	size_t n = first_part(*data, *size), skip = n < *size ? n + 1 : n;
	outflow_str part = { (const char *)*data, n };

	*data += skip;
	*size -= skip;
	return part;
}

static outflow_str choose(const char *const *names, size_t n, unsigned which)
{
	outflow_str none = { NULL, 0 };

	return which % (n + 1) < n ? outflow_text(names[which % (n + 1)]) : none;
}

static void evaluate(outflow_harness *t, const struct event_settings *s, const struct form *f, const outflow_record *r)
{
	outflow_error err = { .msg = "" };
	enum form_content content;
	const outflow_json *json;
	outflow_bytes out;
	struct event e;
	outflow_status status;

	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), s, r, &err);
	status = form_evaluate(f, &e, &out, &content);
	if (status == OUTFLOW_AGAIN) {
		must(f->missing == FORM_DROP);
		return;
	}
	must(status == OUTFLOW_OK || (status == OUTFLOW_E_RECORD && err.msg[0] != '\0'));
	if (status != OUTFLOW_OK || out.ptr == NULL || f->kind != FORM_TEMPLATE || content != FORM_IS_JSON)
		return;
	must(outflow_json_scan(e.host, e.arena, out, DEPTH, &json, &err) == OUTFLOW_OK);
}

/* The first byte chooses; then come the value, the template and the payload, with NULs between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "TEMPLATE", "JSONPATH", "BINARY", "CONSTANT" };
	static const char *const types[] = { "json", "text" };
	static const char *const policies[] = { "null", "keep", "default", "drop", "fail" };
	static outflow_harness *t;
	static struct event_settings settings;
	unsigned choice = size > 0 ? *data : 0;
	struct form_texts texts = { .form = choose(kinds, 4, choice),
		                    .template_type = choose(types, 2, choice / 5),
		                    .missing = choose(policies, 5, choice / 15) };
	outflow_error err = { .msg = "" };
	struct form f;
	outflow_record *r;

	if (t == NULL) {
		t = outflow_harness_new();
		event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	}
	data += size > 0;
	size -= size > 0;
	texts.value = next_part(&data, &size);
	if (choice % 5 == 0 || choice % 5 == 4)
		texts.template_text = next_part(&data, &size);
	else
		texts.template_type = (outflow_str){ NULL, 0 };
	if (form_set(&f, &texts, FORM_FAIL, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0');
		form_clear(&f);
		return 0;
	}
	f.key = "value";
	r = outflow_harness_input_bytes(t, "plant/\"p1", data, size);
	outflow_harness_header(t, r, "site", "north");
	evaluate(t, &settings, &f, r);
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	evaluate(t, &settings, &f, r);
	form_clear(&f);
	outflow_harness_clear(t);
	return 0;
}
