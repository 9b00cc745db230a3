/* SPDX-License-Identifier: Apache-2.0 */
/* replacement_fuzz.c: an expression, a replacement and a text, with NULs between: refused with a reason, or the text with its
 * replacements, which is valid UTF-8, or the record's failure; never without end. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/replacement.h"

#include <outflow/json.h>
#include <outflow/util.h>

const char fuzz_name[] = "replacement";

static void replace(outflow_harness *t, const struct replacement *p, struct regex *r, outflow_str subject)
{
	struct regex_budget budget = { 0 };
	outflow_error err = { .msg = "" };
	outflow_str out = { NULL, 0 };
	outflow_status status = replacement_apply(p, r, outflow_harness_host(t), outflow_harness_batch(t), subject,
	                                          &budget, &out, &err);

	must(status == OUTFLOW_OK || (status == OUTFLOW_E_RECORD && err.msg[0] != '\0'));
	must(out.len <= REPLACED_MAX);
	if (status == OUTFLOW_OK && out.ptr != NULL)
		must(outflow_utf8_check((outflow_bytes){ out.ptr, out.len }) == out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	size_t n = first_part(data, size), rest = n < size ? n + 1 : n;
	size_t m = first_part(data + rest, size - rest), subject = rest + m < size ? rest + m + 1 : rest + m;
	outflow_error err = { .msg = "" };
	struct replacement *p = NULL;
	struct regex *r = NULL;

	if (t == NULL)
		t = outflow_harness_new();
	if (regex_compile((outflow_str){ (const char *)data, n }, &r, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0');
		return 0;
	}
	if (replacement_compile((outflow_str){ (const char *)data + rest, m }, r, &p, &err) == OUTFLOW_OK)
		replace(t, p, r, (outflow_str){ (const char *)data + subject, size - subject });
	else
		must(err.msg[0] != '\0');
	replacement_free(&p);
	regex_free(&r);
	outflow_harness_clear(t);
	return 0;
}
