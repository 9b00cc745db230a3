/* SPDX-License-Identifier: Apache-2.0 */
/* fields_fuzz.c: whatever fields are renamed, dropped or kept, the outcome is JSON again. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/fields/edit.h"

#include <outflow/util.h>

const char fuzz_name[] = "fields";

static void apply(outflow_harness *t, const struct edit *e, outflow_str text)
{
	outflow_json *j = NULL, *again = NULL;
	outflow_bytes out;
	outflow_status status;

	if (outflow_json_parse(text, &j, NULL) != OUTFLOW_OK)
		return;
	status = edit_apply(e, outflow_harness_host(t), outflow_harness_batch(t), j, &out, NULL);
	must(status == (outflow_json_type(j, 0) == OUTFLOW_JSON_OBJECT ? OUTFLOW_OK : OUTFLOW_E_RECORD));
	if (out.ptr != NULL) {
		must(outflow_json_parse((outflow_str){ out.ptr, out.len }, &again, NULL) == OUTFLOW_OK);
		outflow_json_free(&again);
	}
	outflow_json_free(&j);
}

/* The first byte says what is done; then come items separated by commas, a NUL, and the payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	struct edit *e;
	const char *p, *end, *comma;
	size_t n;

	if (size == 0)
		return 0;
	if (t == NULL)
		t = outflow_harness_new();
	e = edit_new((enum edit_kind)(data[0] % 3));
	n = first_part(data + 1, size - 1);
	p = (const char *)data + 1;
	for (end = p + n; p < end; p = comma + 1) {
		outflow_error err = { .msg = "" };

		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		must(edit_add(e, (outflow_str){ p, (size_t)(comma - p) }, &err) == OUTFLOW_OK || err.msg[0] != '\0');
	}
	if (1 + n < size)
		apply(t, e, (outflow_str){ (const char *)data + n + 2, size - n - 2 });
	edit_free(&e);
	outflow_harness_clear(t);
	return 0;
}
