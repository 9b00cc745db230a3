/* SPDX-License-Identifier: Apache-2.0 */
/* json_fuzz.c: whatever the scanner accepts has a sound tape: every value lies in the text and is JSON by itself. */
#include "fuzz.h"

#include <outflow/json.h>
#include <outflow/util.h>

const char fuzz_name[] = "json";

static void check_string(const outflow_json *j, uint32_t i)
{
	outflow_str text = outflow_json_text(j, i), decoded;
	char *room = malloc(text.len ? text.len : 1);

	decoded = (outflow_str){ room, outflow_json_decode(text, room) };
	must(decoded.len <= text.len);
	must(outflow_utf8_check(outflow_text_bytes(decoded)) == decoded.len);
	must(outflow_json_equal(j, i, decoded));
	free(room);
}

static void check_value(const outflow_json *j, uint32_t i)
{
	outflow_str raw = outflow_json_raw(j, i);
	outflow_json *again = NULL;
	uint32_t next = outflow_json_next(j, i);

	must(raw.ptr >= j->text.ptr && raw.len > 0 && raw.ptr + raw.len <= j->text.ptr + j->text.len);
	must(next > i && next <= j->n_tokens);
	must(outflow_json_parse(raw, &again, NULL) == OUTFLOW_OK);
	must(again->n_tokens == next - i);
	must(outflow_json_raw(again, 0).len == raw.len);
	outflow_json_free(&again);
	if (outflow_json_type(j, i) == OUTFLOW_JSON_STRING)
		check_string(j, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	outflow_str text = { (const char *)data, size };
	outflow_error err = { .msg = "" };
	outflow_json *j = NULL;

	if (outflow_json_parse(text, &j, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0' && err.native >= 0 && (size_t)err.native <= size);
		return 0;
	}
	must(outflow_utf8_check(outflow_text_bytes(text)) == size);
	must(outflow_json_next(j, 0) == j->n_tokens);
	for (uint32_t i = 0; i < j->n_tokens && i < 200; i++)
		if (outflow_json_type(j, i) != OUTFLOW_JSON_END)
			check_value(j, i);
	(void)outflow_json_member(j, 0, outflow_text("a"));
	for (int64_t at = -3; at < 3; at++)
		must(outflow_json_element(j, 0, at) < j->n_tokens);
	outflow_json_free(&j);
	return 0;
}
